"""What `import gstream` offers, and what it does not cost."""

import subprocess
import sys
from pathlib import Path

import pytest

import gstream
import gstream.events
from gstream import event_types
from tests import typing_api
from tests.support import STREAMS, answer, stream

NAMES = ["Accumulator", "AsyncStream", "SSEDecoder", "ServerSentEvent", "Stream"]


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_offers_its_names_and_nothing_else() -> None:
    assert gstream.__all__ == NAMES
    assert set(NAMES) <= set(dir(gstream))
    assert all(getattr(gstream, name).__name__ == name for name in NAMES)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        gstream.Nothing  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("name", NAMES)
def test_everything_offered_has_a_docstring(name: str) -> None:
    offered = getattr(gstream, name)

    assert offered.__doc__
    for attribute, value in vars(offered).items():
        if not attribute.startswith("_") and callable(value):
            assert value.__doc__, f"{name}.{attribute}"


def test_the_import_alone_loads_nothing() -> None:
    code = "import sys, gstream; print([m for m in sys.modules if m.startswith('gstream.')])"

    assert python(code) == "[]"


@pytest.mark.parametrize("name", NAMES)
def test_no_name_loads_an_http_client_or_the_command_line(name: str) -> None:
    code = (
        f"import sys; from gstream import {name}; "
        "print(sorted({'httpx', 'click', 'asyncio', 'gstream.event_types', 'gstream.cli'} "
        "& sys.modules.keys()))"
    )

    assert python(code) == "[]"


def test_the_shapes_of_events_can_be_had_from_events() -> None:
    for name in event_types.__all__:
        assert getattr(gstream.events, name) is getattr(event_types, name)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        gstream.events.Nothing  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        gstream.events.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_the_typed_uses_of_everything_run() -> None:
    decoded, decoded_async, whole, whole_async, text = typing_api.run(stream(*answer("a", "b")))

    assert decoded == decoded_async
    assert whole == whole_async
    assert text == "ab"


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(gstream.__file__).parent / "py.typed").exists()


def test_every_event_of_the_streams_has_the_keys_of_its_shape() -> None:
    required = {
        shape.__annotations__["event_type"].__args__[0]: shape.__required_keys__
        for shape in event_types.InteractionsEvent.__args__
    }
    seen = set()
    for path in sorted(STREAMS.glob("*.sse")):
        try:
            events = [dict(event) for event in gstream.Stream([path.read_bytes()])]
        except gstream.errors.GstreamError:
            continue
        for event in events:
            kind = event["event_type"]
            seen.add(kind)
            assert required.get(str(kind), frozenset()) <= event.keys(), path
    assert seen >= required.keys() - {"error"}
