"""`create --curl`: a command that sends the same request and holds no secret."""

from urllib.parse import unquote

import pytest

from tests import servers
from tests.cli.support_cli import (
    KEY,
    run,
    run_bash,
)
from tests.servers import RawServer


@pytest.mark.needs("curl")
@pytest.mark.parametrize("path", ["", "/a[1]/{b,c}"], ids=["plain", "like-a-pattern"])
def test_the_curl_command_sends_the_same_request(path: str) -> None:
    args = ["-p", 'it\'s "quoted" $HOME `x` 東京\nJSON', "-H", "X-Team: it's us", "-T", "a b"]
    args += ["-H", "X-Empty:", "-H", "accept: a/b", "-H", "X-A: 1", "-H", "X-A: 2"]
    with RawServer(servers.answering(servers.stream("ok"))) as server:
        env = {"GOOGLE_GEMINI_BASE_URL": server.url + path}
        got = run_bash('gstream create --curl "$@" | bash | gstream decode', *args, env=env)
        sent = run("create", *args, env=env)

    by_curl, by_create = server.requests
    assert (got.text, sent.text) == ("ok\n", "ok\n")
    assert by_curl.body == by_create.body
    assert (by_curl.method, unquote(by_curl.path)) == (by_create.method, unquote(by_create.path))
    for name in "x-goog-api-key content-type accept api-revision x-team x-empty x-a".split():
        assert by_curl.headers[name] == by_create.headers[name]


def test_the_curl_command_holds_no_secret() -> None:
    got = run("create", "--curl", "-p", "x", "-H", "X-Api-Token: s3cret", "-H", "Cookie: s3cret")

    assert KEY not in got.text
    assert "s3cret" not in got.text
    assert '"x-goog-api-key: $GEMINI_API_KEY"' in got.text
    assert "'X-Api-Token: '\"$X_API_TOKEN\"" in got.text


@pytest.mark.parametrize("header", ["Authorization: Bearer s3cret", "x-goog-api-key: s3cret"])
def test_a_key_in_a_header_takes_the_place_of_the_usual_one(header: str) -> None:
    got = run("create", "--curl", "-p", "x", "-H", header)

    assert got.code == 0
    assert "$GEMINI_API_KEY" not in got.text
    assert "s3cret" not in got.text


def test_the_curl_command_needs_no_key() -> None:
    assert run("create", "--curl", "-p", "x", env={"GEMINI_API_KEY": None}).code == 0


def test_no_curl_command_sends_the_key_over_plain_http() -> None:
    got = run("create", "--curl", "-p", "x", "--base-url", "http://example.com")

    assert (got.code, got.stdout) == (78, b"")
