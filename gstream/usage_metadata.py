"""Token counts of generateContent as those of the Interactions API, key by key (PROTOCOL e).

Pure. What has no counterpart keeps its name, in snake case.
"""

import re
from typing import Any

from .events import Event

COUNTS = {
    "promptTokenCount": "total_input_tokens",
    "candidatesTokenCount": "total_output_tokens",
    "thoughtsTokenCount": "total_thought_tokens",
    "cachedContentTokenCount": "total_cached_tokens",
    "toolUsePromptTokenCount": "total_tool_use_tokens",
    "totalTokenCount": "total_tokens",
}
DETAILS = {
    "promptTokensDetails": "input_tokens_by_modality",
    "candidatesTokensDetails": "output_tokens_by_modality",
    "cacheTokensDetails": "cached_tokens_by_modality",
    "toolUsePromptTokensDetails": "tool_use_tokens_by_modality",
}


def usage_of(metadata: Event) -> Event:
    """The usage that a usageMetadata is; the service tier is none of it."""
    usage: Event = {}
    for key, value in metadata.items():
        if key in DETAILS and isinstance(value, list):
            usage[DETAILS[key]] = [_modality(part) for part in value if isinstance(part, dict)]
        elif key != "serviceTier":
            usage[COUNTS.get(key) or snake_case(key)] = value
    return usage


def snake_case(name: str) -> str:
    """A name of the older wire in the spelling of the newer one."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def camel_case(name: str) -> str:
    """A name of the newer wire in the spelling of the older one."""
    return re.sub(r"(?<!^)_+(.?)", lambda found: found[1].upper(), name)


def _modality(part: Event) -> dict[str, Any]:
    return {
        "modality": str(part.get("modality", "")).lower(),
        "tokens": part.get("tokenCount", 0),
    }
