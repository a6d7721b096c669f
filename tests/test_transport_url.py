"""Base URLs: what is accepted, and that no secret in them is repeated."""

import pytest

from gstream.errors import ConfigurationError
from gstream.transport import (
    check_base_url,
)


@pytest.mark.parametrize(
    ("url", "checked"),
    [
        ("https://host", "https://host"),
        ("https://host/", "https://host"),
        ("https://host:8443/a/b//", "https://host:8443/a/b"),
        ("http://localhost:80", "http://localhost:80"),
        ("http://127.0.0.1:9", "http://127.0.0.1:9"),
        ("http://127.8.9.1", "http://127.8.9.1"),
        ("http://[::1]:9", "http://[::1]:9"),
        ("https://host.", "https://host."),
        ("https://bücher.example", "https://bücher.example"),
        ("HTTPS://Host/A", "https://Host/A"),
        ("Http://LOCALHOST:80", "http://LOCALHOST:80"),
        (f"https://{'x' * 63}.b", f"https://{'x' * 63}.b"),
    ],
)
def test_a_base_url_has_a_small_scheme_and_no_last_slash(url: str, checked: str) -> None:
    assert check_base_url(url) == checked


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "is not usable"),
        ("host", "is not usable"),
        ("host:80", "is not usable"),
        ("ftp://host", "is not usable"),
        ("https://", "is not usable"),
        ("https://host:port", "is not usable"),
        ("https://a..b", "is not usable"),
        ("https://.a", "is not usable"),
        (f"https://{'x' * 64}.b", "is not usable"),
        ("https://host\n", "is not usable"),
        ("https://host/\x7f", "is not usable"),
        ("https://host/a b", "is not usable"),
        ("https://host:99999", "is not usable"),
        ("https://[::1", "is not usable"),
        ("http://host", "in plain text"),
        ("http://127.0.0.1.host", "in plain text"),
        ("http://localhost.host", "in plain text"),
        ("http://notlocalhost", "in plain text"),
        ("http://api.localhost", "in plain text"),  # the resolver may send it anywhere
        ("http://0.0.0.0", "in plain text"),
        ("http://[::2]", "in plain text"),
        ("http://10.0.0.1", "in plain text"),
    ],
)
def test_a_base_url_that_cannot_be_used_is_refused(url: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        check_base_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:s3cret@host",
        "https://user:s3cret@host:port",
        "ftp://user:s3cret@host",
        "http://s3cret@127.0.0.1",
        "https://host?key=s3cret",
        "http://host?key=s3cret",
        "https://host#s3cret",
        "ftp://host/?key=s3cret",
    ],
)
def test_a_secret_in_the_base_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_base_url(url)

    assert str(caught.value) == "the base URL must not hold a user, a query or a fragment"
