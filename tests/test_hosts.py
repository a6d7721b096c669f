import pytest

from gstream.hosts import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_knows_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "0.0.0.0",
        "::",
        "10.0.0.1",
        "localhost.example",
        "a.localhost",
        "127.0.0.1.example",
        "example",
    ],
)
def test_knows_other_hosts(host: str) -> None:
    assert not is_loopback(host)
