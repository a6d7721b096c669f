"""What comes over the connections of a client."""

from gstream.wire import Wire


class FakeStream:
    """A connection of the client that brings these bytes."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)
        self.timeout: float | None = None

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        assert max_bytes == 10
        self.timeout = timeout
        return self._pieces.pop(0)


def test_a_connection_reads_as_before_and_its_first_byte_is_heard() -> None:
    wire, stream = Wire(), FakeStream(b"a", b"")

    wire.trace("connection.connect_tcp.complete", {"return_value": stream})

    assert not wire.heard
    assert (stream.read(10, timeout=1.0), wire.heard) == (b"a", True)
    assert (stream.read(10, timeout=1.0), wire.heard) == (b"", True)


def test_a_close_is_no_byte() -> None:
    wire, stream = Wire(), FakeStream(b"")

    wire.trace("connection.connect_tcp.complete", {"return_value": stream})

    assert (stream.read(10, timeout=1.0), wire.heard) == (b"", False)


def test_what_came_before_tls_is_no_answer() -> None:
    wire, proxy, server = Wire(), FakeStream(b"200"), FakeStream(b"")
    wire.trace("connection.connect_tcp.complete", {"return_value": proxy})
    proxy.read(10, timeout=1.0)

    wire.trace("proxy_stream.start_tls.complete", {"return_value": server})

    assert not wire.heard


def test_other_steps_tell_nothing() -> None:
    wire = Wire()

    wire.trace("http11.send_request_headers.started", {"request": None})
    wire.trace("http11.receive_response_headers.complete", {"return_value": (b"HTTP/1.1", 200)})

    assert not wire.heard


def test_each_byte_is_waited_for_as_long_as_the_client_says() -> None:
    wire, stream = Wire(), FakeStream(b"a")
    wire.trace("connection.connect_tcp.complete", {"return_value": stream})

    stream.read(10, timeout=300.0)

    assert stream.timeout == 300.0


def test_a_hurry_ends_once_however_often_bytes_come() -> None:
    wire, stream = Wire(), FakeStream(b"a", b"b")
    wire.trace("connection.connect_tcp.complete", {"return_value": stream})

    wire.hurry(0.0)
    wire.hurry(300.0)
    stream.read(10, timeout=300.0)

    assert stream.timeout == 0.001


def test_the_next_request_is_in_no_hurry() -> None:
    wire, stream = Wire(), FakeStream(b"a")
    wire.trace("connection.connect_tcp.complete", {"return_value": stream})

    wire.hurry(0.0)
    wire.begin()
    stream.read(10, timeout=300.0)

    assert stream.timeout == 300.0
