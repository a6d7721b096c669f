"""The hops of a long answer as one interaction, as the official SDK merges them (PROTOCOL d.5)."""

from typing import Any

from .events import Event

Step = dict[str, Any]
Interaction = dict[str, Any]


def merge_hops(hops: list[Interaction]) -> Interaction:
    """Merge the interactions of a continued answer as the official SDK does (PROTOCOL d.5)."""
    first, last = hops[0], hops[-1]
    merged = {key: value for key, value in first.items() if key != "continuation_token"} | last
    for key in ("created", "previous_interaction_id", "input"):
        if key in first:
            merged[key] = first[key]
    usages = [hop["usage"] for hop in hops if isinstance(hop.get("usage"), dict)]
    if usages:
        merged["usage"] = sum_usage(usages)
    merged["continuation_ids"] = [hop["id"] for hop in hops if hop.get("id")]
    merged["steps"] = list(first["steps"])
    for hop in hops[1:]:
        merged["steps"] += _without_leading_input(hop["steps"])
    return merged


def _without_leading_input(steps: list[Step]) -> list[Step]:
    start = 0
    while start < len(steps) and steps[start].get("type") == "user_input":
        start += 1
    return steps[start:]


def sum_usage(usages: list[Event]) -> Event:
    """The usage of several interactions that belong together."""
    total: Event = {}
    for usage in usages:
        for key, value in usage.items():
            if isinstance(value, int) and isinstance(total.get(key, 0), int):
                total[key] = total.get(key, 0) + value
            elif key.endswith("_by_modality") and isinstance(value, list):
                before = total.get(key)
                total[key] = _sum_modalities(before if isinstance(before, list) else [], value)
            else:
                total[key] = value
    first = usages[0]
    initial = first.get("initial_input_tokens", first.get("total_input_tokens"))
    if initial is not None:
        total["initial_input_tokens"] = initial
    return total


def _sum_modalities(total: list[Event], more: list[Event]) -> list[Event]:
    tokens = {part["modality"]: part["tokens"] for part in total}
    for part in more:
        match part:
            case {"modality": str(modality), "tokens": int(count)}:
                tokens[modality] = tokens.get(modality, 0) + count
    return [{"modality": modality, "tokens": count} for modality, count in tokens.items()]
