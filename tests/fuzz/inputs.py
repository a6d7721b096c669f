"""Inputs: the golden streams and the like, cut up, spliced and spoilt."""

import re
from collections.abc import Callable
from itertools import pairwise
from random import Random

import orjson

from tests.support import STREAMS, answer, completed, created, delta, ndjson, start, stream

LARGEST = 8192

_DEMO = STREAMS.parents[2] / "gstream" / "demo"
_DATA = re.compile(rb"^data: ?(\{.*\})", re.MULTILINE)
_JSON_VALUE = re.compile(rb'"(?:[^"\\]|\\.)*"(?!:)|-?[0-9.]+|true|false|null|\[\]|\{\}')
_PIECES = re.compile(rb"(?<=\n\n)|(?<=,)(?=[\"{\[])|(?<=\n)")

VALUES = [
    *(b"null", b"true", b"0", b"1", b"-1", b"2", b"0.0", b"1e999", b"1.10", b"9" * 20, b"9" * 400),
    *(b'""', b'"x"', b"[]", b"{}", b"[[]]", b'{"a":{}}', b'["x"]', b'[{"type":"text"}]'),
    *(b"[" * 99 + b"]" * 99, b'{"code":503}', b'"AAAA"', b'"{"', b'"../../x"', b'"\xff"'),
    *(rb'"\ud800"', rb'"\u0000"', rb'"\u001b[31m"', rb'"\n\r\u2028"', '"é☕"'.encode()),
    *(b'"text"', b'"image"', b'"audio"', b'"model_output"', b'"function_call"', b'"thought"'),
    *(b'"completed"', b'"failed"', b'"requires_action"', b'"requires_continuation"'),
    *(b'"step.stop"', b'"interaction.created"', b'"gstream.exit"', b'"error"', b'"[DONE]"'),
    *(b'"audio/l16;rate=9"', b'"in_progress"', b'"interaction.completed"'),
]
TOKENS = [
    *(b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n", b" ", b"\t", b"\0", b"\xff", b"\x85"),
    *(b"data:", b"data: ", b"event: ", b"id: 1", b"retry: 1", b": +0\n", b": exit {}\n"),
    *(b"[", b"]", b"{", b"}", b",", b'"', b"\\", b":", b"[{", b"}]", b"<html>", b"\xef\xbb\xbf"),
    *(b"\n\ndata: [DONE]\n\n", b"data: {}\n\n", b"event: x\n\n", b"[DONE]", b"\x1b[2J"),
    *(b'{"error":{"code":503}}', b'[{"error":{"message":"x"}}]', b'{"candidates":[]}'),
    *(b": gstream-recording 1\n", b"HTTP/1.1 429 No", b"HTTP/1.0", b"GET ", b"http://[", b"//"),
    *(b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n"),
    *(b"%00", b"?", b"9" * 4301, b"\n: {}\n"),
]

_ERRORS = [
    b'{"error":{"code":"invalid_request","message":"no"}}',
    b'[{\n  "error": {\n    "code": 429,\n    "status": "RESOURCE_EXHAUSTED"\n  }\n}\n]\n',
    b"<!doctype html><title>502</title>",
    b": x\n\n" + b'[{ "error": {\n "code": 503, "message": "gone" } }]\n',
]
_EXIT = {"event_type": "gstream.exit", "status": 76, "reason": "truncated", "message": "m"}


def seeds() -> dict[str, list[bytes]]:
    """What inputs are made of, by kind."""
    golden = [path.read_bytes() for path in sorted(STREAMS.glob("*.sse"))]
    older = [path.read_bytes() for path in sorted(STREAMS.glob("generate_content/*.sse"))]
    whole = [path.read_bytes() for path in sorted(STREAMS.glob("*.json"))]
    lines = [b"".join(line + b"\n" for line in _DATA.findall(one)) for one in golden + older]
    arrays = [b"[" + b",\r\n".join(_DATA.findall(one)) + b"]" for one in older]
    recordings = [path.read_bytes() for path in sorted(_DEMO.glob("*.sse"))]
    return {
        "stream": [*golden, *older, *_ERRORS, stream(*_media())],
        "lines": [*lines, *whole, ndjson(*answer("a"), _EXIT), ndjson(*_media())],
        "array": [*arrays, _ERRORS[1], b"[]"],
        "curl": [b"HTTP/1.1 200 OK\r\nx: y\r\n\r\n" + golden[0], b"HTTP/2 429\n\n" + _ERRORS[0]],
        "recording": [*recordings, b"".join(recordings[:2]), golden[0]],
        "cursor": _cursors(),
        "request": _requests(),
        "pieces": [b"[%b]" % b",".join(_ARGUMENTS), *_ARGUMENTS],
    }


def mutated(random: Random, pool: list[bytes]) -> bytes:
    """Some bytes made of a pool of others."""
    if random.random() < 0.03:
        return random.randbytes(random.randrange(60))
    data = random.choice(pool)
    for _ in range(random.choice([0, 1, 1, 2, 3, 5, 9])):
        data = random.choice(_MUTATIONS)(random, data, pool)
    return data[:LARGEST]


def cut(random: Random, data: bytes) -> list[bytes]:
    """The bytes in chunks; one of them may be empty."""
    if random.random() < 0.2:
        size = random.choice([1, 2, 3, 7, 64])
        return [data[at : at + size] for at in range(0, len(data), size)]
    places = sorted(random.randrange(len(data) + 1) for _ in range(random.randrange(1, 7)))
    return [data[a:b] for a, b in pairwise([0, *places, len(data)])]


# --- ways to spoil bytes


def _span(random: Random, data: bytes) -> tuple[int, int]:
    begin = random.randrange(len(data) + 1)
    return begin, min(len(data), begin + int(random.expovariate(1 / 40)))


def _shorten(random: Random, data: bytes, _pool: list[bytes]) -> bytes:
    begin, end = _span(random, data)
    return data[:begin] + data[end:]


def _repeat(random: Random, data: bytes, _pool: list[bytes]) -> bytes:
    begin, end = _span(random, data)
    return data[:end] + data[begin:]


def _truncate(random: Random, data: bytes, _pool: list[bytes]) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _flip(random: Random, data: bytes, _pool: list[bytes]) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.randbytes(1) + data[at + 1 :]


def _insert(random: Random, data: bytes, _pool: list[bytes]) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice(TOKENS) + data[at:]


def _replace_value(random: Random, data: bytes, _pool: list[bytes]) -> bytes:
    values = list(_JSON_VALUE.finditer(data))
    if not values:
        return data
    value = random.choice(values)
    return data[: value.start()] + random.choice(VALUES) + data[value.end() :]


def _drop_piece(random: Random, data: bytes, _pool: list[bytes]) -> bytes:
    pieces = _PIECES.split(data)
    del pieces[random.randrange(len(pieces))]
    return b"".join(pieces)


def _swap_pieces(random: Random, data: bytes, _pool: list[bytes]) -> bytes:
    pieces = _PIECES.split(data)
    a, b = random.randrange(len(pieces)), random.randrange(len(pieces))
    pieces[a], pieces[b] = pieces[b], pieces[a]
    return b"".join(pieces)


def _splice(random: Random, data: bytes, pool: list[bytes]) -> bytes:
    ours, others = _PIECES.split(data), _PIECES.split(random.choice(pool))
    return b"".join(
        ours[: random.randrange(len(ours) + 1)] + others[random.randrange(len(others)) :]
    )


def _other_line_ends(random: Random, data: bytes, _pool: list[bytes]) -> bytes:
    return data.replace(b"\n", random.choice([b"\r\n", b"\r", b"\n\r", b" \n"]))


_MUTATIONS: list[Callable[[Random, bytes, list[bytes]], bytes]] = [
    *(_shorten, _repeat, _truncate, _flip, _insert, _insert, _replace_value, _replace_value),
    *(_replace_value, _drop_piece, _swap_pieces, _splice, _splice, _other_line_ends),
]

# --- seeds that no file holds


def _media() -> list[dict[str, object]]:
    return [
        created("v1_media"),
        start(),
        delta("image", data="AAAA", mime_type="image/png"),
        delta("audio", data="AAAA", mime_type="audio/l16;rate=8000"),
        delta("audio", data="AAAA", mime_type="audio/l16;rate=8000"),
        delta("document", uri="gs://a/b", mime_type="application/pdf"),
        delta("video", data="not base64", mime_type="video/../../x"),
        completed(steps=[{"type": "model_output", "content": [{"type": "image", "data": "AAAA"}]}]),
    ]


_LEDGER = {
    "created": True,
    "partial": False,
    "interaction_id": "v1_x",
    "last_event_id": "e1",
    "ids": ["e1"],
    "history": ["{}"],
    "since_checkpoint": ["{}"],
    "tracks": {"0": ["model_output", False, False, {"text": [1, 2]}]},
    "checkpoint": {},
    "at_checkpoint": ["0"],
    "notices": [1],
    "notices_at_checkpoint": 0,
}


def _cursors() -> list[bytes]:
    fields = {"gstream_cursor": 1, "interaction_id": "v1_x", "last_event_id": "e1"}
    views = [("text", {"last": "\n"}), ("steps", {"shown": [0]}), ("ndjson", {})]
    return [
        orjson.dumps(
            {**fields, "view": view, "status": "", "ledger": _LEDGER, "view_state": state, **more}
        )
        for view, state in views
        for more in ({"finished": False}, {})
    ]


def _requests() -> list[bytes]:
    body = b'{"input":"Count.","stream":true}'
    post = b"POST /v1beta/interactions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b"
    return [
        post % (len(body), body),
        post % (len(body), body) + b"GET /v1/interactions/v1_built HTTP/1.1\r\n\r\n",
        b"GET /v1/interactions/v1_built?stream=true&last_event_id=e%2F1 HTTP/1.0\r\n\r\n",
        b"POST /interactions/v1_built/cancel HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /models/m:streamGenerateContent?alt=sse HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        b"HEAD / HTTP/1.1\r\nExpect: 100-continue\r\nConnection: keep-alive\r\n\r\n",
        b"DELETE /interactions/v1_built HTTP/1.1\r\n\r\n",
        b"POST /interactions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    ]


_ARGUMENTS = [
    b'{"jsonPath":"$.a","stringValue":"x"}',
    b'{"jsonPath":"$.a[2].b","numberValue":1}',
    b'{"jsonPath":"$[\'a b\'][0]","boolValue":true}',
    b'{"jsonPath":"$.a.b.c","nullValue":null}',
]
