"""What processes wrote one after the other, each of which was killed but the last."""


def ends(uncut: bytes, processes: list[list[bytes]]) -> set[int]:
    """Where in the uncut output its processes may have come to; empty if they differ from it.

    Each goes on where the one before it stopped, or repeats its last write.
    """
    places, last = {0}, 0
    for writes in processes:
        written = b"".join(writes)
        begins = places | {place - last for place in places}
        places = {at + len(written) for at in begins if uncut[at:].startswith(written)}
        last = len(writes[-1]) if writes else last
    return places
