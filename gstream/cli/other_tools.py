"""Options that other tools have, and what stands in their place here."""

_FIELDS = {
    "max-output-tokens": "max_output_tokens",
    "max-tokens": "max_output_tokens",
    "seed": "seed",
    "temperature": "temperature",
    "thinking-level": "thinking_level",
    "top-p": "top_p",
}
"""Fields of generation_config, which `create -o` sets."""

_KEY = "the key is read from GEMINI_API_KEY: ps would show an option"
_FORMAT = "--json prints the whole interaction, --ndjson every event"
_OUTPUT = "write to a file with > FILE; --flush end waits until the answer is whole"

_OTHERS = {
    "api-key": _KEY,
    "format": _FORMAT,
    "key": _KEY,
    "output": _OUTPUT,
    "output-format": _FORMAT,
    "stream": "every answer is streamed",
}


def in_place_of(name: str, *, sets_fields: bool) -> str:
    """What to use in place of an option that there is not; empty if that is not known.

    Args:
        name: As it was typed.
        sets_fields: Whether the command has -o.
    """
    word = name.lstrip("-").replace("_", "-").lower()
    if sets_fields and word in _FIELDS:
        return f"use -o {_FIELDS[word]}=VALUE"
    return _OTHERS.get(word, "")
