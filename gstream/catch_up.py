"""A shadow of one sequence of a step, which runs behind what was handed on until it catches up.

Pure. What comes again is compared with the checksums of what was handed on; an element can be half
old, half new (DESIGN 7.2).
"""

from .elements import Element
from .track import Position


class ContradictionError(Exception):
    """A repeated stream differs from what was handed on."""


def is_empty(position: Position) -> bool:
    """Whether nothing of a sequence has come."""
    return not (position.tokens or position.key)


def catch_up(
    behind: Position, ahead: Position, element: Element, *, loose: bool
) -> tuple[Element | None, bool]:
    """Let a shadow go on by one element.

    Args:
        behind: The shadow.
        ahead: What was handed on.
        element: The element.
        loose: Whether a token is known by its kind alone: a whole step may say it otherwise.

    Returns:
        The part of the element that is new, or None; and whether the shadow has caught up.
    """
    if element.key != behind.key:
        if behind.key == ahead.key != "" and only_empties_missing(behind, ahead):
            return element, True
        behind.finish_run()
        _compare(behind, ahead, loose=loose)
    if behind.tokens < ahead.tokens:
        behind.add(element)
        _compare(behind, ahead, loose=loose)
        return None, _at_end(behind, ahead)
    if element.key == ahead.key:
        return _catch_up_in_run(behind, ahead, element)
    if element.key and not element.length:
        behind.add(element)
        return None, False
    if ahead.length:
        raise ContradictionError("something else follows now")
    return element, True


def _catch_up_in_run(
    behind: Position, ahead: Position, element: Element
) -> tuple[Element | None, bool]:
    """The same in the run at the end, where an element can be half old, half new."""
    room = ahead.length - behind.length
    if not element.length:
        behind.key = element.key
        behind.zeros += not room
        return None, not room and behind.zeros >= ahead.zeros
    old = min(room, element.length)
    if old:
        behind.add(element.head(old))
    if behind.length == ahead.length and behind.run_crc != ahead.run_crc:
        raise ContradictionError("the text is not what it was")
    if old < element.length:
        return (element.tail(old) if old else element), True
    return None, behind.length == ahead.length and not ahead.zeros


def _compare(behind: Position, ahead: Position, *, loose: bool) -> None:
    if behind.tokens > ahead.tokens:
        raise ContradictionError("a part ends earlier now than it did")
    same = behind.loose_crc == ahead.loose_crc if loose else behind.crc == ahead.crc
    if behind.tokens == ahead.tokens and not same:
        raise ContradictionError("a part is not what it was")


def _at_end(behind: Position, ahead: Position) -> bool:
    return behind.tokens == ahead.tokens and not (ahead.key or behind.key)


def only_empties_missing(behind: Position, ahead: Position) -> bool:
    """Whether a shadow lacks at most empty pieces, which a server may leave out."""
    return (behind.tokens, behind.length) == (ahead.tokens, ahead.length)
