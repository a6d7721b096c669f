"""Citations and grounding as annotations and tool steps."""

from typing import Any

import pytest

from gstream.grounding import annotations, tool_steps, unplaced

WEB = {"web": {"uri": "https://a.example", "title": "A", "domain": "a.example"}}


def supported(*chunks: Any, **segment: Any) -> dict[str, Any]:
    support = {"segment": segment, "groundingChunkIndices": list(range(len(chunks)))}
    return {"groundingMetadata": {"groundingSupports": [support], "groundingChunks": [*chunks]}}


@pytest.mark.parametrize(
    ("chunk", "source"),
    [
        pytest.param(
            WEB,
            {"type": "url_citation", "url": "https://a.example", "title": "A"},
            id="web",
        ),
        pytest.param(
            {"maps": {"uri": "https://m.example", "title": "Café", "placeId": "p1"}},
            {
                "type": "place_citation",
                "place_id": "p1",
                "name": "Café",
                "url": "https://m.example",
            },
            id="maps",
        ),
        pytest.param(
            {"retrievedContext": {"uri": "gs://d", "title": "d.pdf", "text": "…", "pageNumber": 3}},
            {
                "type": "file_citation",
                "document_uri": "gs://d",
                "file_name": "d.pdf",
                "source": "…",
                "page_number": 3,
            },
            id="document",
        ),
        pytest.param(
            {"image": {"sourceUri": "https://s.example", "imageUri": "https://i.example"}},
            {
                "type": "url_citation",
                "url": "https://s.example",
                "image_url": "https://i.example",
            },
            id="image",
        ),
    ],
)
def test_a_source_is_an_annotation_of_its_kind(chunk: Any, source: dict[str, Any]) -> None:
    assert annotations(supported(chunk, startIndex=3, endIndex=9)) == [
        {**source, "start_index": 3, "end_index": 9}
    ]


def test_a_start_that_is_left_out_is_0() -> None:
    [annotation] = annotations(supported(WEB, endIndex=9))

    assert (annotation["start_index"], annotation["end_index"]) == (0, 9)


def test_a_text_with_two_sources_has_two_annotations() -> None:
    other = {"web": {"uri": "https://b.example"}}

    assert [one["url"] for one in annotations(supported(WEB, other, endIndex=9))] == [
        "https://a.example",
        "https://b.example",
    ]


@pytest.mark.parametrize("key", ["citationSources", "citations"])
def test_citations_are_annotations(key: str) -> None:
    source = {"startIndex": 1, "endIndex": 5, "uri": "https://a.example", "license": "mit"}

    assert annotations({"citationMetadata": {key: [source]}}) == [
        {
            "type": "url_citation",
            "start_index": 1,
            "end_index": 5,
            "url": "https://a.example",
            "license": "mit",
        }
    ]


@pytest.mark.parametrize(
    ("metadata", "steps"),
    [
        pytest.param(
            {"groundingMetadata": {"webSearchQueries": ["a", "b"]}},
            [
                {"type": "google_search_call", "arguments": {"queries": ["a", "b"]}},
                {"type": "google_search_result"},
            ],
            id="search",
        ),
        pytest.param(
            {
                "groundingMetadata": {
                    "webSearchQueries": ["a"],
                    "searchEntryPoint": {"renderedContent": "<b>"},
                }
            },
            [
                {"type": "google_search_call", "arguments": {"queries": ["a"]}},
                {"type": "google_search_result", "result": [{"search_suggestions": "<b>"}]},
            ],
            id="search-with-suggestions",
        ),
        pytest.param(
            {"groundingMetadata": {"imageSearchQueries": ["a"]}},
            [
                {
                    "type": "google_search_call",
                    "arguments": {"queries": ["a"]},
                    "search_type": "image_search",
                },
                {"type": "google_search_result"},
            ],
            id="image-search",
        ),
        pytest.param(
            {
                "groundingMetadata": {
                    "groundingChunks": [WEB, {"maps": {"title": "Café", "placeId": "p1"}}],
                    "googleMapsWidgetContextToken": "w1",
                }
            },
            [
                {"type": "google_maps_call"},
                {
                    "type": "google_maps_result",
                    "result": [
                        {
                            "places": [{"place_id": "p1", "name": "Café"}],
                            "widget_context_token": "w1",
                        }
                    ],
                },
            ],
            id="maps",
        ),
        pytest.param(
            {
                "urlContextMetadata": {
                    "urlMetadata": [
                        {
                            "retrievedUrl": "https://a.example",
                            "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_PAYWALL",
                        }
                    ]
                }
            },
            [
                {"type": "url_context_call", "arguments": {"urls": ["https://a.example"]}},
                {
                    "type": "url_context_result",
                    "result": [{"url": "https://a.example", "status": "paywall"}],
                },
            ],
            id="url-context",
        ),
    ],
)
def test_what_a_tool_did_is_a_call_and_its_result(metadata: Any, steps: list[Any]) -> None:
    assert [list(pair) for pair in tool_steps(metadata)] == [steps]


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"groundingMetadata": None},
        {"groundingMetadata": {}},
        {"groundingMetadata": {"webSearchQueries": [], "groundingSupports": 1}},
        {"groundingMetadata": {"groundingSupports": [1, {}], "groundingChunks": [{}]}},
        {"groundingMetadata": {"groundingChunks": [1, {"maps": 2}]}},
        {"urlContextMetadata": {"urlMetadata": []}},
        {"citationMetadata": {"citations": [7]}},
        supported("no chunk", endIndex=1),
        supported({"other": {}}, endIndex=1),
        {
            "groundingMetadata": {
                "groundingSupports": [{"segment": {}, "groundingChunkIndices": [5, -1, "x"]}],
                "groundingChunks": [WEB],
            }
        },
    ],
    ids=repr,
)
def test_nothing_to_tell_gives_nothing(metadata: Any) -> None:
    assert annotations(metadata) == []
    assert tool_steps(metadata) == []


@pytest.mark.parametrize(
    ("metadata", "kept"),
    [
        pytest.param({"groundingChunks": [WEB]}, True, id="nothing-is-supported"),
        pytest.param({"groundingChunks": [WEB], "groundingSupports": []}, True, id="empty"),
        pytest.param(supported(WEB)["groundingMetadata"], False, id="supported"),
        pytest.param({"groundingChunks": [{"maps": {}}]}, False, id="places"),
        pytest.param({"groundingChunks": []}, False, id="no-sources"),
        pytest.param({"webSearchQueries": ["q"]}, False, id="queries-alone"),
    ],
)
def test_sources_that_support_no_text_are_kept_as_they_came(metadata: Any, kept: bool) -> None:
    expected = {"grounding_metadata": metadata} if kept else {}

    assert unplaced({"groundingMetadata": metadata}) == expected
