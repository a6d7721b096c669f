"""An array of objects, taken apart in any chunks."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gstream.errors import BadDataError, EventTooLargeError
from gstream.json_array import Element, JSONArraySplitter
from tests.support import growth

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.text(), JSON, max_size=3), max_size=4)


def split(*chunks: bytes) -> list[Element]:
    splitter = JSONArraySplitter()
    elements = [element for chunk in chunks for element in splitter.feed(chunk)]
    splitter.finish()
    return elements


def raws(*chunks: bytes) -> list[bytes]:
    return [element.raw for element in split(*chunks)]


@pytest.mark.parametrize(
    ("array", "elements"),
    [
        pytest.param(b"[]", [], id="empty"),
        pytest.param(b'[{"a":1}]', [b'{"a":1}'], id="one"),
        pytest.param(b'[{"a":1},{"b":2}]', [b'{"a":1}', b'{"b":2}'], id="two"),
        pytest.param(b" [ {}\r\n,\r\n{}\t]\n", [b"{}", b"{}"], id="blanks-between"),
        pytest.param(b'[{\n "a": 1\n}]', [b'{\n "a": 1\n}'], id="blanks-inside"),
        pytest.param(b'[{"a":"}]{"}]', [b'{"a":"}]{"}'], id="brackets-in-a-string"),
        pytest.param(rb'[{"a":"\"}"}]', [rb'{"a":"\"}"}'], id="escaped-quote"),
        pytest.param(rb'[{"a":"\\"},{}]', [rb'{"a":"\\"}', b"{}"], id="escaped-backslash"),
        pytest.param(rb'[{"a":"\\\""}]', [rb'{"a":"\\\""}'], id="backslash-and-quote"),
        pytest.param(rb'[{"\"}]":{}}]', [rb'{"\"}]":{}}'], id="brackets-in-a-key"),
        pytest.param(b'[{"a":[{},[{"b":"]"}]]}]', [b'{"a":[{},[{"b":"]"}]]}'], id="nested"),
        pytest.param('[{"a":"ö\u2028"}]'.encode(), ['{"a":"ö\u2028"}'.encode()], id="utf-8"),
        pytest.param(b'[{"a":"\n"}]', [b'{"a":"\n"}'], id="line-break-in-a-string"),
        pytest.param(b"[{}]\n[{}]\n", [b"{}", b"{}"], id="two-arrays"),
    ],
)
def test_hands_on_the_same_elements_at_every_cut(array: bytes, elements: list[bytes]) -> None:
    assert raws(array) == elements
    assert raws(*(array[at : at + 1] for at in range(len(array)))) == elements
    for cut in range(len(array) + 1):
        assert raws(array[:cut], b"", array[cut:]) == elements


def test_hands_on_an_element_with_its_last_byte() -> None:
    splitter = JSONArraySplitter()

    assert splitter.feed(b'[{"a":1') == []
    assert splitter.feed(b"}") == [Element(b'{"a":1}', 1)]


def test_knows_where_each_element_begins() -> None:
    array = b'[ {"a":1},\r\n{"b":2}]'

    elements = split(array[:7], array[7:])

    assert [array[at : at + len(raw)] for raw, at in elements] == [raw for raw, _ in elements]


def test_counts_the_bytes_that_came_before_the_array() -> None:
    assert JSONArraySplitter(offset=100).feed(b"[{}")[0].offset == 101


def test_is_closed_before_and_after_an_array_only() -> None:
    splitter = JSONArraySplitter()
    seen = [splitter.closed]
    for piece in (b"[", b"{}", b"]"):
        splitter.feed(piece)
        seen.append(splitter.closed)

    assert seen == [True, False, False, True]


def test_counts_the_bytes_of_an_element_that_is_not_complete() -> None:
    splitter = JSONArraySplitter()
    splitter.feed(b'[{},{"a":')

    assert splitter.pending_size == len(b'{"a":')


@pytest.mark.parametrize(
    ("array", "place"),
    [
        pytest.param(b"{}", "at byte 0, where [ was due", id="object"),
        pytest.param(b"[1]", "at byte 1, where { or ] was due", id="number"),
        pytest.param(b'["a"]', "at byte 1, where { or ] was due", id="string"),
        pytest.param(b"[[{}]]", "at byte 1, where { or ] was due", id="array-in-array"),
        pytest.param(b"[,{}]", "at byte 1, where { or ] was due", id="leading-comma"),
        pytest.param(b"[{},]", "at byte 4, where { was due", id="trailing-comma"),
        pytest.param(b"[{},,{}]", "at byte 4, where { was due", id="two-commas"),
        pytest.param(b"[{} {}]", "at byte 4, where , or ] was due", id="no-comma"),
        pytest.param(b"[{}}", "at byte 3, where , or ] was due", id="bracket-too-many"),
        pytest.param(b"[{}] x", "at byte 5, where [ was due", id="words-after-it"),
    ],
)
def test_refuses_what_is_no_array_of_objects_with_its_place(array: bytes, place: str) -> None:
    for size in (1, 2, len(array)):
        with pytest.raises(BadDataError) as caught:
            split(*(array[at : at + size] for at in range(0, len(array), size)))
        assert str(caught.value).endswith(place)


def test_shows_the_garbage() -> None:
    with pytest.raises(BadDataError, match=r"^the input is no JSON array of objects: 'h' at"):
        split(b"[hi")


def test_hands_on_what_came_before_garbage_in_the_same_chunk() -> None:
    splitter = JSONArraySplitter()

    assert [element.raw for element in splitter.feed(b"[{} x")] == [b"{}"]
    with pytest.raises(BadDataError, match="at byte 4"):
        splitter.feed(b"]")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_element_above_the_bound_is_refused_in_any_chunks(size: int) -> None:
    array = b'[{"a":"' + b"x" * 90 + b'"}]'
    chunks = [array[at : at + size] for at in range(0, len(array), size)]
    splitter = JSONArraySplitter(max_event_size=50)

    with pytest.raises(EventTooLargeError, match="the element at byte 1 is larger than 50 bytes"):
        list(map(splitter.feed, chunks))


def test_an_element_of_just_the_bound_passes() -> None:
    element = b'{"a":"' + b"x" * 42 + b'"}'

    assert JSONArraySplitter(max_event_size=50).feed(b"[" + element)[0].raw == element


@given(OBJECTS, st.booleans(), st.data())
def test_any_array_in_any_chunks_gives_its_objects(
    objects: list[object], indented: bool, data: st.DataObject
) -> None:
    array = json.dumps(objects, indent=1 if indented else None, ensure_ascii=False).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(array)), max_size=6)))
    chunks = [array[a:b] for a, b in zip([0, *cuts], [*cuts, len(array)], strict=True)]

    assert [json.loads(raw) for raw in raws(*chunks)] == objects


@given(st.binary(max_size=60))
def test_any_bytes_raise_nothing_but_bad_data(noise: bytes) -> None:
    for chunk in (noise, b"[{" + noise, b'[{"a":"' + noise):
        try:
            found = raws(chunk)
        except BadDataError:
            continue
        assert all(raw.startswith(b"{") and raw in chunk for raw in found)


@pytest.mark.parametrize("piece", [b"x", rb"\n", rb"\"", rb"\\"], ids=repr)
def test_a_huge_string_takes_linear_time(piece: bytes) -> None:
    def work(size: int) -> None:
        array = b'[{"a":"' + piece * size + b'"}]'
        [element] = split(*(array[at : at + 65536] for at in range(0, len(array), 65536)))
        assert len(element.raw) == len(array) - 2

    assert growth(work, 500_000) < 100


def test_many_elements_in_one_chunk_take_linear_time() -> None:
    def work(count: int) -> None:
        assert len(split(orjson.dumps([{"a": "{"}] * count))) == count

    assert growth(work, 10_000) < 100
