"""What an answer of generateContent rests on, as annotations and tool steps (PROTOCOL e, c.3).

Pure. Offsets are bytes of UTF-8 in both APIs and stay as they came.
"""

from collections.abc import Iterator
from typing import Any

from .events import Event
from .steps import Step

_URL_STATUS = "URL_RETRIEVAL_STATUS_"


def annotations(candidate: Event) -> list[Event]:
    """The annotations in a candidate's citations and grounding, in order."""
    found = [_citation(source) for source in _citations(candidate.get("citationMetadata"))]
    match candidate.get("groundingMetadata"):
        case {"groundingSupports": [*supports], "groundingChunks": [*chunks]}:
            found += [one for support in supports for one in _supported(support, chunks)]
    return found


def unplaced(candidate: Event) -> Event:
    """The grounding whose sources support no piece of the text: as a field of the interaction."""
    match candidate.get("groundingMetadata"):
        case {"groundingChunks": [*chunks], **rest} as grounding if not rest.get(
            "groundingSupports"
        ):
            if any(isinstance(chunk, dict) and "maps" not in chunk for chunk in chunks):
                return {"grounding_metadata": grounding}
    return {}


def tool_steps(candidate: Event) -> list[tuple[Step, Step]]:
    """The calls of built-in tools that a candidate tells of, each with its result; without ids."""
    match candidate.get("groundingMetadata"):
        case dict(grounding):
            pairs = [*_searches(grounding), *_maps(grounding)]
        case _:
            pairs = []
    return [*pairs, *_url_context(candidate.get("urlContextMetadata"))]


def _citations(metadata: Any) -> list[Event]:
    match metadata:
        case {"citationSources": [*sources]} | {"citations": [*sources]}:
            return [source for source in sources if isinstance(source, dict)]
    return []


def _citation(source: Event) -> Event:
    named = {"uri": "url", "startIndex": "start_index", "endIndex": "end_index"}
    named |= {"publicationDate": "publication_date"}
    return {"type": "url_citation"} | {named.get(key, key): source[key] for key in source}


def _supported(support: Any, chunks: list[Any]) -> Iterator[Event]:
    """An annotation for each source of a piece of text."""
    match support:
        case {"segment": dict(segment), "groundingChunkIndices": [*indexes]}:
            for index in indexes:
                if isinstance(index, int) and 0 <= index < len(chunks):
                    source = _source(chunks[index])
                    if source:
                        yield {**source, **_span(segment)}


def _source(chunk: Any) -> Event:
    """The source that a grounding chunk names, as an annotation without its place."""
    match chunk:
        case {"web": dict(web)}:
            return {"type": "url_citation", **_renamed(web, {"uri": "url", "title": "title"})}
        case {"image": dict(image)}:
            names = {"sourceUri": "url", "title": "title", "imageUri": "image_url"}
            return {"type": "url_citation", **_renamed(image, names)}
        case {"maps": dict(place)}:
            return {"type": "place_citation", **_renamed(place, _PLACE)}
        case {"retrievedContext": dict(document)}:
            return {"type": "file_citation", **_renamed(document, _DOCUMENT)}
    return {}


_PLACE = {"placeId": "place_id", "title": "name", "uri": "url"}
_DOCUMENT = {
    "uri": "document_uri",
    "title": "file_name",
    "text": "source",
    "pageNumber": "page_number",
    "mediaId": "media_id",
    "customMetadata": "custom_metadata",
}


def _span(segment: Event) -> Event:
    """Where a segment lies; a start of 0 is left out on the wire."""
    return {"start_index": segment.get("startIndex", 0)} | _renamed(
        segment, {"endIndex": "end_index"}
    )


def _searches(grounding: Event) -> Iterator[tuple[Step, Step]]:
    for key, kind in (("webSearchQueries", None), ("imageSearchQueries", "image_search")):
        queries = grounding.get(key)
        if not isinstance(queries, list) or not queries:
            continue
        call: Step = {"type": "google_search_call", "arguments": {"queries": queries}}
        result: Step = {"type": "google_search_result"}
        if kind:
            call["search_type"] = kind
        match grounding.get("searchEntryPoint"):
            case {"renderedContent": str(html)} if kind is None:
                result["result"] = [{"search_suggestions": html}]
        yield call, result


def _maps(grounding: Event) -> Iterator[tuple[Step, Step]]:
    chunks = grounding.get("groundingChunks")
    places = [
        _renamed(chunk["maps"], _PLACE)
        for chunk in (chunks if isinstance(chunks, list) else [])
        if isinstance(chunk, dict) and isinstance(chunk.get("maps"), dict)
    ]
    token = grounding.get("googleMapsWidgetContextToken")
    if places or token:
        found: Event = {"places": places} | ({"widget_context_token": token} if token else {})
        yield {"type": "google_maps_call"}, {"type": "google_maps_result", "result": [found]}


def _url_context(metadata: Any) -> Iterator[tuple[Step, Step]]:
    match metadata:
        case {"urlMetadata": [*found]} if found:
            pages = [_page(page) for page in found if isinstance(page, dict)]
            urls = [page["url"] for page in pages if "url" in page]
            yield (
                {"type": "url_context_call", "arguments": {"urls": urls}},
                {"type": "url_context_result", "result": pages},
            )


def _page(page: Event) -> Event:
    status = str(page.get("urlRetrievalStatus", "")).removeprefix(_URL_STATUS).lower()
    return _renamed(page, {"retrievedUrl": "url"}) | ({"status": status} if status else {})


def _renamed(value: Event, names: dict[str, str]) -> Event:
    """Those of the keys that are there, under their other names."""
    return {name: value[key] for key, name in names.items() if key in value}
