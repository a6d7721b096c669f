"""What was found so far, made small: each row is a target and the chunks that broke it."""

import pytest

from tests.support import created, delta, event, start, stream

_ID = {"interaction_id": "v1_built"}
_REPLAY = [created(), start(""), created(), start("x")]
_LATE = [event("interaction.status_update", **_ID), delta(text="a"), created(), delta(text="ab")]

FOUND = [
    pytest.param("text", [b'{"event_type":""}\n{"event_type":"\r"}\n', b"\n"], id="cr-in-ndjson"),
    pytest.param("text-bounded", [b"HTTP/\n" + b"x" * 300, b"\n\n"], id="size-of-header-lines"),
    pytest.param(
        "ndjson-bounded",
        [b'{"event_type":""}\n{"', b"x" * 300 + b'":1}\n'],
        id="events-before-a-large-one",
    ),
    pytest.param(
        "text-bounded", [b'{"event_type":""}\n{' + b"x" * 300, b"x"], id="place-of-a-last-line"
    ),
    pytest.param("text", [b"HTTP/1.1 " + b"9" * 4301 + b"\n\n"], id="status-of-many-digits"),
    pytest.param(
        "ndjson-bounded",
        [b'x\r{ "error": {\rdata:{"":""}\n' + b"x" * 200 + b"\n\r" + b"x" * 100, b"x\n\r"],
        id="events-before-large-raw-json",
    ),
    pytest.param("text", [b"HTTP/\r\r", b'2\n{"error":""}'], id="number-behind-the-header-lines"),
    pytest.param("recorded", [b'[{"error":""}}'], id="error-before-garbage"),
    pytest.param(
        "recorded", [b'data:{"":""}\n\ndata\n{"error":{"":""}}'], id="error-in-a-cut-block"
    ),
    pytest.param(
        "recorded", [b'data\n{"error":{"":""}}\n{"error":{"":""}}'], id="errors-in-a-cut-block"
    ),
    pytest.param("recorded", [b'data:{"usageMetadata":{"":0}}\n\ndata'], id="cut-after-a-chunk"),
    pytest.param(
        "recorded",
        [b'data:{"promptFeedback":{"blockReason":"T"}}\n\ndata'],
        id="cut-after-a-blocked-prompt",
    ),
    pytest.param("recorded", [b'x\n{"":""}\ndata:{"":""}'], id="event-behind-raw-json-at-the-end"),
    pytest.param("ndjson", [b'{"status":"","id":"","steps":true}'], id="steps-that-are-no-list"),
    pytest.param("answers", [b"{\\"], id="recording-that-is-no-json"),
    pytest.param(
        "served",
        [b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n"],
        id="size-of-many-digits",
    ),
    pytest.param("served", [b"GET http://[::1/x HTTP/1.1\r\n\r\n"], id="address-that-is-none"),
    pytest.param("saved", [b"HTTP/ 429\n\nr"], id="refused-request"),
    pytest.param(
        "kept", [b'{"gstream_cursor":1,"view_state":{"shown":[[]]}}'], id="steps-without-numbers"
    ),
    pytest.param("ndjson", [stream(*_REPLAY), b"\n"], id="replay-that-differs"),
    pytest.param("sse", [stream(*_REPLAY), b"\n"], id="raw-replay-that-differs"),
    pytest.param("again", [stream(*_LATE)], id="created-in-the-middle"),
    pytest.param(
        "ndjson-bounded",
        [b'{"event_type":"%b"}\n\r{"event_type":"y"}' % (b"x" * 299), b"\n"],
        id="carriage-return-among-many-lines",
    ),
    pytest.param(
        "recorded",
        [b'HTTP/2 429\n\n{"error":{"code":"invalid_request","message":"no"}}'],
        id="refusal-that-its-body-tells-otherwise",
    ),
    pytest.param("ndjson-bounded", [b"<" + b"x" * 300, b"x"], id="html-above-the-bound"),
    pytest.param(
        "library", [b"data\n\ndata:[DONE]\n\n", b"data\n\n"], id="what-is-broken-behind-the-end"
    ),
    pytest.param("again", [b'data:\t{"event_type":""}'], id="blanks-before-an-event"),
    pytest.param(
        "again",
        [b'data\n\ndata:{"event_type":"interaction.status_update","status":""}'],
        id="update-of-no-interaction-behind-what-is-broken",
    ),
    pytest.param(
        "recorded", [b"HTTP/\n\n", b'data:{"event_type":""}\n\n'], id="header-lines-by-themselves"
    ),
    pytest.param(
        "again",
        [
            b'data:{"event_type":"interaction.created","interaction":{"id":"v1_a"}}\n\n',
            b'data:{"event_type":"interaction.complete"}\n\n',
            b'data:{"event_type":"interaction.created","interaction":{"id":"v1_a"}}\n\n',
            b"data:[DONE]",
        ],
        id="the-same-again-behind-an-end-without-a-status",
    ),
    pytest.param("recorded", [b"r"], id="cut-inside-the-first-field-name"),
    pytest.param(
        "recorded",
        [
            (
                b'{"candidates":[{"content":{"parts":[{"functionCall":{}}]},"finishReason":"STOP"}],'
                b'"responseId":"2"}\n{"responseId":"3"}'
            )
        ],
        id="lines-of-chunks-that-nothing-answers",
    ),
    pytest.param("recorded", [b'HTTP/ 429\n\n"\n\n'], id="refusal-that-is-no-stream"),
    pytest.param(
        "recorded", [b'[{"error":{"":""}}][{"responseId":""}'], id="recording-that-begins-like-json"
    ),
]
