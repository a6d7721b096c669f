"""Token counts, key by key."""

import pytest

from gstream.usage_metadata import camel_case, snake_case, usage_of


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("promptTokenCount", "total_input_tokens"),
        ("candidatesTokenCount", "total_output_tokens"),
        ("thoughtsTokenCount", "total_thought_tokens"),
        ("cachedContentTokenCount", "total_cached_tokens"),
        ("toolUsePromptTokenCount", "total_tool_use_tokens"),
        ("totalTokenCount", "total_tokens"),
        ("trafficType", "traffic_type"),
    ],
)
def test_each_count_has_its_name(theirs: str, ours: str) -> None:
    assert usage_of({theirs: 7}) == {ours: 7}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("promptTokensDetails", "input_tokens_by_modality"),
        ("candidatesTokensDetails", "output_tokens_by_modality"),
        ("cacheTokensDetails", "cached_tokens_by_modality"),
        ("toolUsePromptTokensDetails", "tool_use_tokens_by_modality"),
    ],
)
def test_each_list_by_modality_has_its_name(theirs: str, ours: str) -> None:
    details = [{"modality": "TEXT", "tokenCount": 7}, {"modality": "IMAGE"}]

    assert usage_of({theirs: details}) == {
        ours: [{"modality": "text", "tokens": 7}, {"modality": "image", "tokens": 0}]
    }


def test_the_service_tier_is_no_count() -> None:
    assert usage_of({"serviceTier": "STANDARD"}) == {}


@pytest.mark.parametrize(
    ("name", "snake"),
    [("finishReason", "finish_reason"), ("text", "text"), ("x", "x"), ("", "")],
)
def test_spells_names_in_snake_case(name: str, snake: str) -> None:
    assert snake_case(name) == snake


@pytest.mark.parametrize(
    ("name", "camel"), [("top_p", "topP"), ("seed", "seed"), ("topP", "topP"), ("a_bC", "aBC")]
)
def test_spells_names_in_camel_case(name: str, camel: str) -> None:
    assert camel_case(name) == camel
