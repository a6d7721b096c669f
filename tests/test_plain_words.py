"""What people are told of connections that fail."""

import ssl

import httpx
import pytest

from gstream.plain_words import (
    certificate_hint,
    is_untrusted,
    plain,
    proxy_variable,
    settings_flaw,
)


@pytest.mark.parametrize(
    ("exc", "words"),
    [
        (OSError(111, "Connection refused"), "Connection refused"),
        (httpx.ConnectError("[Errno -2] Name or service not known"), "Name or service not known"),
        (
            httpx.ConnectError(
                "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed "
                "certificate (_ssl.c:1006)"
            ),
            "TLS: certificate verify failed: self-signed certificate",
        ),
        (
            httpx.RemoteProtocolError(
                "peer closed connection without sending complete message body "
                "(incomplete chunked read)"
            ),
            "it was closed in the middle",
        ),
        (
            httpx.RemoteProtocolError("Server disconnected without sending a response."),
            "the server closed it without an answer",
        ),
        (
            httpx.RemoteProtocolError(
                "Invalid URL in location header: Invalid non-printable ASCII character in URL, "
                "'\\x1b' at position 26.."
            ),
            "the server redirects to what is no address",
        ),
        *(
            (httpx.RemoteProtocolError(words), meaning)
            for words, meaning in (
                ("Receive buffer too long", "the header of the answer is too large"),
                ("illegal status line: bytearray(b'SSH-2.0')", "the answer is not HTTP"),
                (
                    "InformationalResponse status_code should be in range [100, 200), not 0",
                    "the status of the answer is none of HTTP",
                ),
                (
                    "illegal chunk header: bytearray(b'ZZZ')",
                    "the answer has a chunk without its size",
                ),
            )
        ),
        (httpx.ReadError(""), "ReadError"),
        (ValueError("something new"), "something new"),
    ],
)
def test_numbers_and_places_in_code_are_left_out(exc: Exception, words: str) -> None:
    assert plain(exc) == words


def test_a_certificate_that_is_not_trusted_is_known() -> None:
    assert is_untrusted("certificate verify failed: self-signed certificate")
    assert is_untrusted("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    assert not is_untrusted("Connection refused")


@pytest.mark.parametrize(
    ("exc", "environment", "flaw"),
    [
        pytest.param(
            FileNotFoundError(2, "No such file or directory"),
            {"SSL_CERT_FILE": "/ca.pem"},
            "SSL_CERT_FILE /ca.pem: No such file or directory",
            id="no-file",
        ),
        pytest.param(
            ssl.SSLError(
                136, "[X509: NO_CERTIFICATE_OR_CRL_FOUND] no certificate found (_ssl.c:4)"
            ),
            {"SSL_CERT_DIR": "/ca"},
            "SSL_CERT_DIR /ca: no certificate found",
            id="no-certificate",
        ),
        pytest.param(
            FileNotFoundError(2, "No such file or directory", "/no/log"),
            {"SSL_CERT_FILE": "/ca.pem", "SSLKEYLOGFILE": "/no/log"},
            "SSLKEYLOGFILE /no/log: No such file or directory",
            id="key-log",
        ),
        pytest.param(
            PermissionError(13, "Permission denied", "/lib/ca"),
            {"SSL_CERT_DIR": "/ca"},
            "the certificates: Permission denied: '/lib/ca'",
            id="another-file",
        ),
        pytest.param(OSError("odd"), {}, "the certificates: odd", id="not-ours"),
        pytest.param(
            ValueError("Unknown scheme for proxy URL URL('foo://x')"),
            {"https_proxy": "foo://x"},
            "the proxy in https_proxy is not usable: Unknown scheme for proxy URL foo://x",
            id="proxy",
        ),
        pytest.param(ValueError("x"), {}, "the proxy in a variable is not usable: x", id="unknown"),
    ],
)
def test_the_setting_that_cannot_be_used_is_named(
    exc: Exception, environment: dict[str, str], flaw: str
) -> None:
    assert settings_flaw(exc, environment) == flaw


@pytest.mark.parametrize(
    ("environment", "hint"),
    [
        pytest.param({}, "name its certificate in SSL_CERT_FILE", id="none"),
        pytest.param({"SSL_CERT_FILE": "/ca.pem", "SSL_CERT_DIR": "/ca"}, "_FILE", id="file"),
        pytest.param({"SSL_CERT_FILE": "", "SSL_CERT_DIR": "/ca"}, "SSL_CERT_DIR", id="dir"),
    ],
)
def test_the_hint_names_where_the_trusted_certificates_are(
    environment: dict[str, str], hint: str
) -> None:
    assert hint in certificate_hint(environment)


@pytest.mark.parametrize(
    ("url", "environment", "name"),
    [
        ("https://h/v1", {"HTTPS_PROXY": "http://p"}, "HTTPS_PROXY"),
        ("https://h/v1", {"all_proxy": "http://p", "HTTP_PROXY": "http://p"}, "all_proxy"),
        ("https://h/v1", {"HTTPS_PROXY": ""}, ""),
        ("https://h/v1", {}, ""),
        ("http://127.0.0.1:8", {"HTTPS_PROXY": "http://p"}, ""),
    ],
)
def test_the_variable_that_names_the_proxy_is_known(
    url: str, environment: dict[str, str], name: str
) -> None:
    assert proxy_variable(url, environment) == name


def test_a_host_that_needs_no_proxy_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "h")

    assert proxy_variable("https://h/v1", {"HTTPS_PROXY": "http://p"}) == ""
