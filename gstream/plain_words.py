"""What the system and the HTTP library say of connections, in words for people. Pure."""

import re
from collections.abc import Mapping

_NUMBER = re.compile(r"^\[(?:Errno -?\d+|X509: \w+)\] ")
_TLS = re.compile(r"^\[SSL: \w+\] ")
_PLACE = re.compile(r" \(_ssl\.c:\d+\)$")
_URL = re.compile(r"URL\('(.*?)'\)")
_MEANINGS = (
    ("peer closed connection without sending complete", "it was closed in the middle"),
    ("Server disconnected without sending a response", "the server closed it without an answer"),
    ("Invalid URL in location header", "the server redirects to what is no address"),
    ("Receive buffer too long", "the header of the answer is too large"),
    ("illegal status line", "the answer is not HTTP"),
    ("InformationalResponse status_code", "the status of the answer is none of HTTP"),
    ("illegal chunk header", "the answer has a chunk without its size"),
)
_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
SOCKS_HINT = "install socksio where gstream is, such as with: pipx inject gstream socksio"
_CA = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_TLS_FILES = (*_CA, "SSLKEYLOGFILE")


def plain(exc: Exception) -> str:
    """What an exception says, without the numbers and places that only programmers know."""
    words = str(exc) or type(exc).__name__
    for begin, meaning in _MEANINGS:
        if words.startswith(begin):
            return meaning
    return _PLACE.sub("", _TLS.sub("TLS: ", _NUMBER.sub("", words))).rstrip(".")


def is_untrusted(words: str) -> bool:
    """Whether a certificate is what a connection failed for."""
    return "certificate verify failed" in words.lower()


def certificate_hint(environment: Mapping[str, str]) -> str:
    """What can be done where a certificate is not trusted."""
    if name := _ca_variable(environment):
        return f"only certificates in {name} are trusted: {environment[name]}"
    return "where a proxy answers for the server, name its certificate in SSL_CERT_FILE"


def settings_flaw(exc: Exception, environment: Mapping[str, str]) -> str:
    """Which setting of proxies and certificates cannot be used, and why."""
    words = _URL.sub(r"\1", plain(exc))
    if isinstance(exc, OSError):
        name = _file_variable(exc, environment)
        if not name:
            return f"the certificates: {words}"
        words = words.removesuffix(f": {exc.filename!r}")
        return f"{name} {environment[name]}: {words}"
    name = next((name for name in (*_PROXIES, "HTTP_PROXY") if environment.get(name)), "a variable")
    return f"the proxy in {name} is not usable: {words}"


def _file_variable(exc: OSError, environment: Mapping[str, str]) -> str:
    """The variable that names the file of a failure; without a file it is one of certificates."""
    if exc.filename is None:
        return _ca_variable(environment)
    return next((name for name in _TLS_FILES if environment.get(name) == exc.filename), "")


def _ca_variable(environment: Mapping[str, str]) -> str:
    """The variable that names the trusted certificates; the first one wins. Empty without any."""
    return next((name for name in _CA if environment.get(name)), "")


def proxy_variable(url: str, environment: Mapping[str, str]) -> str:
    """The variable that names the proxy for a URL; empty without one."""
    name = next((name for name in _PROXIES if environment.get(name)), "")
    if not name or not url.startswith("https:"):
        return ""
    from urllib.parse import urlsplit
    from urllib.request import proxy_bypass  # takes a while to load

    return "" if proxy_bypass(urlsplit(url).hostname or "") else name
