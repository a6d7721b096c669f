"""Proxies, redirects, tries: the connection as the server and the shell see it."""

import socket
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from gstream import __version__
from tests import servers
from tests.cli.support_cli import KEY, create, environment, one_request, run
from tests.servers import RawServer, refusing

OK = servers.answering(servers.stream("ok"))


# --- the request


def test_the_request_asks_for_a_stream_that_nobody_holds_back() -> None:
    request = one_request()

    assert (request.method, request.path) == ("POST", "/v1beta/interactions")
    assert request.headers["accept"] == "text/event-stream"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["api-revision"] == "2026-05-20"
    assert request.headers["user-agent"] == f"gstream/{__version__}"


@pytest.mark.parametrize(
    ("env", "args"),
    [
        pytest.param({}, ["--api-version", "v9"], id="option"),
        pytest.param({"GOOGLE_GENAI_API_VERSION": "v9"}, [], id="environment"),
        pytest.param({"GOOGLE_GENAI_API_VERSION": "v8"}, ["--api-version", "v9"], id="both"),
    ],
)
def test_the_api_version_is_part_of_the_path(env: dict[str, str | None], args: list[str]) -> None:
    assert one_request(*args, env=env).path == "/v9/interactions"


def test_the_base_url_may_have_a_path_and_a_slash() -> None:
    with RawServer(OK) as server:
        run("create", "-p", "x", "--base-url", f"{server.url}/prefix/")

    assert server.requests[0].path == "/prefix/v1beta/interactions"


# --- where the request goes


@pytest.mark.parametrize("status", [302, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with RawServer(OK) as elsewhere, RawServer(refusing(status, b"", location=elsewhere.url)) as it:
        got = create(it)

    assert got.code == 64
    assert f"HTTP {status}" in got.stderr
    assert elsewhere.requests == []


@pytest.mark.parametrize("scheme", ["http", "HTTP"])
@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_loopback_asks_no_proxy(name: str, scheme: str) -> None:
    with RawServer(refusing(502, b"")) as proxy, RawServer(OK) as server:
        url = server.url.replace("http", scheme)
        got = create(server, "--base-url", url, env={name: proxy.url})

    assert (got.code, got.text) == (0, "ok\n")
    assert proxy.requests == []


def test_a_proxy_of_the_environment_is_asked_to_connect() -> None:
    with RawServer(refusing(502, b"")) as proxy:
        env = {"HTTPS_PROXY": proxy.url}
        got = run(
            "create", "-p", "x", "--base-url", "https://api.invalid", "--retries", "0", env=env
        )

    assert got.code == 68
    [request] = proxy.requests
    assert (request.method, request.path) == ("CONNECT", "api.invalid:443")
    assert KEY not in str(request)


def test_a_host_that_does_not_exist_is_a_network_failure() -> None:
    got = run("create", "-p", "x", "--base-url", "https://nowhere.invalid", "--retries", "0")

    assert got.code == 68
    assert got.stderr.startswith("gstream: POST https://nowhere.invalid/v1beta/interactions: ")


def test_a_server_without_tls_is_a_network_failure(httpserver: HTTPServer) -> None:
    url = httpserver.url_for("").replace("http:", "https:")

    got = run("create", "-p", "x", "--base-url", url, "--retries", "0")

    assert got.code == 68
    assert ": TLS: " in got.stderr


@pytest.mark.parametrize("api", ["interactions", "generate-content"])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>Please log in</html>", "the answer is HTML: '<html>Please log in</html>'"),
        (b"{}", "the answer is JSON, but neither events nor an interaction: '{}'"),
    ],
)
def test_an_answer_that_is_no_stream_is_told_to_be_the_servers(
    body: bytes, words: str, api: str
) -> None:
    with RawServer(servers.answering(body)) as server:
        got = create(server, "--api", api)

    assert got.code == 65
    assert f"gstream: {server.url}: {words}\n" in got.stderr
    assert "does something on the way answer for it?" in got.stderr


# --- before the first event


def _refused_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_refused_connection_is_tried_again_and_then_a_network_failure() -> None:
    got = run("create", "-p", "x", "--base-url", _refused_port(), "--retries", "1")

    assert got.code == 68
    first, last = got.stderr.splitlines()
    assert "Connection refused; try 2 of 2 in 0." in first
    assert last.endswith("Connection refused")


def test_quiet_is_silent_about_tries_but_not_about_the_end() -> None:
    got = run("create", "-p", "x", "--base-url", _refused_port(), "--retries", "1", "-q")

    assert got.stderr.count("\n") == 1


def test_a_reset_before_the_answer_is_tried_again() -> None:
    with RawServer(servers.reset, OK) as server:
        got = create(server, "-v")

    assert (got.code, got.text) == (0, "ok\n")
    assert len(server.requests) == 2
    assert "it could run twice" in got.stderr


def test_a_server_that_says_nothing_is_not_asked_twice() -> None:
    with RawServer(servers.hanging()) as server:
        got = create(server, "--idle-timeout", "0.2")

    assert got.code == 68
    assert "no answer within 0.2 s" in got.stderr
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        pytest.param(429, {"message": "slow down"}, 75, id="429"),
        pytest.param(401, {"message": "who?"}, 77, id="401"),
        pytest.param(500, {"message": "oh"}, 69, id="500"),
        pytest.param(400, {"message": "what?"}, 64, id="400"),
        pytest.param(400, {"message": "no", "code": "prohibited_content"}, 12, id="blocked"),
    ],
)
def test_a_refusal_gives_its_exit_code_and_the_words_of_the_server(
    status: int, error: dict[str, str], code: int
) -> None:
    with RawServer(refusing(status, error)) as server:
        got = create(server, "--retries", "0")

    assert (got.code, got.stdout) == (code, b"")
    assert got.stderr.startswith(f"gstream: POST {server.url}/v1beta/interactions: HTTP {status}: ")
    assert error["message"] in got.stderr
    hints = ["gstream: the key comes from GEMINI_API_KEY"] if status == 401 else []
    assert got.stderr.splitlines()[1:] == hints


def test_the_server_says_how_long_to_wait() -> None:
    with RawServer(refusing(429, {"message": "later"}, retry_after="1"), OK) as server:
        got = create(server)

    assert (got.code, got.text) == (0, "ok\n")
    assert "later; try 2 of 5 in 1.0 s\n" in got.stderr
    assert server.requests[0].body == server.requests[1].body


# --- offline


def test_offline_answers_from_the_demo_without_key_or_network() -> None:
    got = run("create", "--offline", "-p", "Count from 1 to 25.", env={"GEMINI_API_KEY": None})

    assert (got.code, got.stderr) == (0, "")
    assert got.text == ", ".join(map(str, range(1, 26))) + "\n"


@pytest.mark.parametrize("url", ["localhost:8080", "not a url", "http://[::1"])
@pytest.mark.parametrize("mode", ["--offline", "--cassette"])
def test_an_address_that_is_none_is_told_without_a_network_too(
    mode: str, url: str, tmp_path: Path
) -> None:
    given = [mode] if mode == "--offline" else [mode, str(tmp_path)]
    got = run("create", "-p", "x", *given, env={"GOOGLE_GEMINI_BASE_URL": url})

    assert got.code == 78
    assert "base URL" in got.stderr


def test_offline_without_a_recording_is_no_input() -> None:
    got = run("create", "-p", "x", env={"GSTREAM_OFFLINE": "1"})

    assert (got.code, got.stdout) == (66, b"")
    assert "no recording" in got.stderr
    assert "Count from 1 to 25." in got.stderr


# --- a well-behaved server


def test_a_well_behaved_server_and_its_json_errors(httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request(
        "/v1beta/interactions", method="POST", headers={"x-goog-api-key": KEY}
    ).respond_with_data(servers.stream("fine"), content_type="text/event-stream")

    got = run("create", "-p", "x", env={"GOOGLE_GEMINI_BASE_URL": httpserver.url_for("")})

    assert (got.code, got.text) == (0, "fine\n")
    assert environment()["GEMINI_API_KEY"] == KEY
