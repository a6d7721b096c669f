"""JSON becomes events; what is broken is told with its number and place."""

import pytest

from gstream.events import DONE_EVENT
from tests.support import delta, event, ndjson, read, stream

A, B = delta(text="a"), delta(text="b")


def test_a_broken_event_is_told_with_its_number_and_place_and_the_rest_goes_on() -> None:
    body = stream(A, done=False) + b": x\n\nevent: x\ndata: {broken\n\n" + stream(B)
    result = read(body)

    assert result.events == [A, B, DONE_EVENT]
    (told,) = result.reports
    assert told.startswith(f"event 2 at byte {body.index(b'{broken')} is not JSON: ")
    assert result.reader.broken == 1


def test_a_broken_line_is_told_with_its_number_and_place_and_the_rest_goes_on() -> None:
    body = ndjson(A) + b"\r\n\n" + b"{broken\n" + b"[]\r\n" + ndjson(B)
    result = read(body)

    assert result.events == [A, B]
    assert [told.partition(" is ")[0] for told in result.reports] == [
        f"event 2 at byte {body.index(b'{broken')}",
        f"event 3 at byte {body.index(b'[]')}",
    ]


def test_a_broken_element_is_told_with_its_number_and_place_and_the_rest_goes_on() -> None:
    body = b'[{"event_type":"x"}, {"a":x}, {"a":1}, {"event_type":"y"}]'
    result = read(body)

    assert result.events == [event("x"), event("y")]
    places = [body.index(b'{"a":x}'), body.index(b'{"a":1}')]
    assert [told.partition(" is ")[0] for told in result.reports] == [
        f"element 2 at byte {places[0]}",
        f"element 3 at byte {places[1]}",
    ]


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        pytest.param(b'data: {"event_type": "x", "n": 1.10 } \n\n', None, id="blanks-and-numbers"),
        pytest.param(
            b'data: {"event_type":\r\ndata: "x"}\r\n\r\n',
            [b'{"event_type": "x"}\n'],
            id="two-lines",
        ),
        pytest.param(
            b'data: {"event_type":"\xff"}\n\n', ['{"event_type":"\ufffd"}\n'.encode()], id="utf-8"
        ),
        pytest.param(b'{"event_type":"x"}\t\r\n', [b'{"event_type":"x"}\t\n'], id="crlf"),
        pytest.param(b'{"event_type":\r"x"}\n', [b'{"event_type": "x"}\n'], id="cr-inside"),
        pytest.param(
            b'event: x\ndata: {"n": 1}\n\n',
            [b'{"n":1,"event_type":"x"}\n'],
            id="a-type-that-only-the-stream-names-is-added",
        ),
        pytest.param(b"data: [DONE]\n\n", [b""], id="done-has-no-line"),
        pytest.param(
            b'\n \t{"event_type":"x"}\n', [b' \t{"event_type":"x"}\n'], id="blanks-in-its-line"
        ),
        pytest.param(
            b'\xef\xbb\xbf {"event_type":"x"}\n', [b' {"event_type":"x"}\n'], id="bom-before-it"
        ),
    ],
)
def test_a_line_is_what_came_unless_it_would_be_several(
    body: bytes, lines: list[bytes] | None
) -> None:
    expected = [body.removeprefix(b"data: ")[:-1]] if lines is None else lines
    other = b'data: {"event_type":\ndata: "y"}\n\n' if b"data:" in body else b'{"y":0}\n'

    assert read(body).lines == expected
    assert read(body + other).lines[:-1] == expected
