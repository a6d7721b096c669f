"""The bytes of media that stand in JSON as base64. Pure."""


def decoded(data: str) -> bytes:
    """The bytes of base64, whichever of its alphabets it uses, and whether it is padded or not.

    Raises:
        ValueError: It is no base64.
    """
    import base64  # costs start-up time, and most answers are text

    return base64.b64decode(data + "=" * (-len(data) % 4), altchars=b"-_", validate=True)
