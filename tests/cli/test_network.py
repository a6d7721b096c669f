"""Key, headers, proxies, tries: the connection as the server and the shell see it."""

import socket
import threading
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from gstream import __version__
from tests import servers
from tests.cli.support_cli import KEY, Ran, environment, read_until, run, started
from tests.servers import RawServer, Received, Script, refusing

OK = servers.answering(servers.stream("ok"))


def _create(server: RawServer, *args: str, env: dict[str, str | None] | None = None) -> Ran:
    return run(
        "create", "-p", "x", *args, env={"GOOGLE_GEMINI_BASE_URL": server.url, **(env or {})}
    )


def _one_request(*args: str, env: dict[str, str | None] | None = None) -> Received:
    """The request of a run that succeeds."""
    with RawServer(OK) as server:
        got = _create(server, *args, env=env)

    assert (got.code, got.text) == (0, "ok\n")
    [request] = server.requests
    return request


# --- the request


def test_the_request_asks_for_a_stream_that_nobody_holds_back() -> None:
    request = _one_request()

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
    assert _one_request(*args, env=env).path == "/v9/interactions"


def test_the_base_url_may_have_a_path_and_a_slash() -> None:
    with RawServer(OK) as server:
        run("create", "-p", "x", "--base-url", f"{server.url}/prefix/")

    assert server.requests[0].path == "/prefix/v1beta/interactions"


# --- the key


def _key_file(tmp_path: Path, mode: int = 0o600) -> str:
    path = tmp_path / "key"
    path.write_text(" key-of-file\n")
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize(
    ("env", "key"),
    [
        pytest.param({}, KEY, id="gemini"),
        pytest.param({"GOOGLE_API_KEY": "google"}, "google", id="google-wins"),
        pytest.param({"GOOGLE_API_KEY": ""}, KEY, id="empty-is-unset"),
        pytest.param({"GOOGLE_API_KEY": " "}, KEY, id="blank-is-unset"),
        pytest.param({"GEMINI_API_KEY": " padded\n"}, "padded", id="stripped"),
    ],
)
def test_the_key_comes_from_the_environment(env: dict[str, str | None], key: str) -> None:
    assert _one_request(env=env).headers["x-goog-api-key"] == key


def test_the_key_comes_from_a_file_that_only_the_user_can_read(tmp_path: Path) -> None:
    request = _one_request("--api-key-file", _key_file(tmp_path))

    assert request.headers["x-goog-api-key"] == "key-of-file"


def test_an_authorization_header_replaces_the_key() -> None:
    request = _one_request("-H", "Authorization: Bearer t0ken", env={"GEMINI_API_KEY": None})

    assert request.headers["authorization"] == "Bearer t0ken"
    assert "x-goog-api-key" not in request.headers


def test_a_header_replaces_ours_and_others_are_added() -> None:
    request = _one_request("-H", "user-agent: mine", "-H", "X-Team:  us  ")

    assert request.headers["user-agent"] == "mine"
    assert request.headers["x-team"] == "us"


@pytest.mark.parametrize(
    ("env", "args", "words"),
    [
        pytest.param({"GEMINI_API_KEY": None}, [], "there is no API key", id="none"),
        pytest.param({"GEMINI_API_KEY": "käse"}, [], "no header can hold", id="no-ascii"),
        pytest.param({"GEMINI_API_KEY": "a\nb"}, [], "no header can hold", id="line-end"),
        pytest.param({}, ["--base-url", "ftp://h"], "is not usable", id="scheme"),
        pytest.param({}, ["--base-url", "http://"], "is not usable", id="no-host"),
        pytest.param({}, ["--base-url", "https://h:port"], "is not usable", id="port"),
        pytest.param({}, ["--base-url", "https://u:p@h"], "must not hold a user", id="user"),
        pytest.param({}, ["--base-url", "https://h?key=k"], "must not hold", id="query"),
        pytest.param({}, ["--base-url", "http://h"], "in plain text", id="plain-http"),
        pytest.param({}, ["--base-url", "http://127.0.0.1.h"], "in plain text", id="looks-local"),
        pytest.param({}, ["--base-url", "http://localhost.h"], "in plain text", id="named-local"),
        pytest.param({"HTTPS_PROXY": "foo://h"}, [], "proxy or CA settings", id="proxy"),
        pytest.param({"HTTPS_PROXY": "socks5://h"}, [], "proxy or CA settings", id="socks"),
        pytest.param({"SSL_CERT_FILE": "/nowhere"}, [], "proxy or CA settings", id="ca-file"),
    ],
)
def test_what_cannot_be_used_is_a_configuration_error(
    env: dict[str, str | None], args: list[str], words: str
) -> None:
    got = run("create", "-p", "x", *args, env=env)

    assert (got.code, got.stdout) == (78, b"")
    assert words in got.stderr


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_key_file_that_others_can_read_is_a_configuration_error(
    mode: int, tmp_path: Path
) -> None:
    name = _key_file(tmp_path, mode)

    got = run("create", "-p", "x", "--api-key-file", name)

    assert got.code == 78
    assert got.stderr == (
        f"gstream: --api-key-file {name}: others can read it\ngstream: chmod 600 {name}\n"
    )


def test_a_key_file_that_is_not_there_is_no_input() -> None:
    assert run("create", "-p", "x", "--api-key-file", "nowhere").code == 66


def test_a_failure_before_the_request_ends_ndjson_with_its_exit_line() -> None:
    got = run("create", "-p", "x", "--ndjson", env={"GEMINI_API_KEY": None})

    [exit_line] = got.events
    assert (exit_line["status"], exit_line["reason"]) == (78, "configuration")


@pytest.mark.parametrize("header", ["no colon", ": v", "two words: v", "x\nY: v", ""])
def test_a_header_without_a_name_is_a_usage_error_that_repeats_nothing(header: str) -> None:
    got = run("create", "-p", "x", "-H", header)

    assert got.code == 2
    assert got.stderr.endswith("Error: -H: a header looks like NAME:VALUE\n")


@pytest.mark.parametrize("header", ["Content-Length: 5", "transfer-encoding: chunked"])
def test_a_header_that_follows_from_the_body_is_a_usage_error(header: str) -> None:
    got = run("create", "-p", "x", "-H", header)

    assert got.code == 2
    assert "follows from the body" in got.stderr


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b".replace("\0", "\x01"), "ä", "\x7f"])
def test_a_header_that_cannot_be_sent_is_bad_data(value: str) -> None:
    got = run("create", "-p", "x", "-H", f"X-Team: s3cret{value}")

    assert got.code == 65
    assert "s3cret" not in got.stderr


SECRETS = ["-H", "X-Api-Token: t0p-s3cret", "-H", "Cookie: t0p-s3cret"]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(OK, id="success"),
        pytest.param(refusing(400, {"message": "no"}, set_cookie="t0p-s3cret"), id="refused"),
        pytest.param(servers.cut(servers.opening("half")), id="cut"),
        pytest.param(servers.raw(b"nonsense\r\n\r\n"), id="no-http"),
    ],
)
@pytest.mark.parametrize("view", ["--text", "--ndjson"])
def test_secrets_never_show_with_vv(script: Script, view: str) -> None:
    with RawServer(script) as server:
        got = _create(server, "-vv", view, "--retries", "0", "--no-resume", *SECRETS)

    assert server.requests[0].headers["x-goog-api-key"] == KEY
    assert "> x-goog-api-key: [removed]" in got.stderr
    assert "> Cookie: [removed]" in got.stderr
    assert KEY not in got.stderr + got.text
    assert "t0p-s3cret" not in got.stderr + got.text


@pytest.mark.parametrize("args", [[], ["-vv"], ["--ndjson"]])
@pytest.mark.parametrize("header", ["X-Api-Key", "Authorization"])
def test_a_server_that_repeats_a_secret_does_not_make_it_show(header: str, args: list[str]) -> None:
    secret = "t0p-s3cret"
    echo = {"message": f"no {secret} and no {KEY}"}
    with RawServer(refusing(400, echo, x_echo=f"{secret}, {KEY}")) as server:
        got = _create(
            server, *args, "-H", f"{header}: Bearer {secret}", "-H", f"X-Goog-Api-Key: {KEY}"
        )

    assert "no [removed] and no [removed]" in got.stderr
    assert secret not in got.stderr + got.text
    assert KEY not in got.stderr + got.text


def test_the_key_is_not_in_the_arguments_of_the_process() -> None:
    gate = threading.Event()
    with RawServer(servers.waiting(servers.opening("one "), gate=gate)) as server:
        with started("create", "-p", "x", env={"GOOGLE_GEMINI_BASE_URL": server.url}) as process:
            read_until(process.stdout, b"one ")
            arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        gate.set()

    assert b"create" in arguments
    assert KEY.encode() not in arguments


# --- where the request goes


@pytest.mark.parametrize("status", [302, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with RawServer(OK) as elsewhere, RawServer(refusing(status, b"", location=elsewhere.url)) as it:
        got = _create(it)

    assert got.code == 64
    assert f"HTTP {status}" in got.stderr
    assert elsewhere.requests == []


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_loopback_asks_no_proxy(name: str) -> None:
    with RawServer(refusing(502, b"")) as proxy:
        _one_request(env={name: proxy.url})

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
    assert "SSL" in got.stderr


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
        got = _create(server, "-v")

    assert (got.code, got.text) == (0, "ok\n")
    assert len(server.requests) == 2
    assert "it could run twice" in got.stderr


def test_a_server_that_says_nothing_is_not_asked_twice() -> None:
    with RawServer(servers.hanging()) as server:
        got = _create(server, "--idle-timeout", "0.2")

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
        got = _create(server, "--retries", "0")

    assert (got.code, got.stdout) == (code, b"")
    assert got.stderr.startswith(f"gstream: POST {server.url}/v1beta/interactions: HTTP {status}: ")
    assert error["message"] in got.stderr
    assert got.stderr.count("\n") == 1


def test_the_server_says_how_long_to_wait() -> None:
    with RawServer(refusing(429, {"message": "later"}, retry_after="1"), OK) as server:
        got = _create(server)

    assert (got.code, got.text) == (0, "ok\n")
    assert "later; try 2 of 5 in 1.0 s\n" in got.stderr
    assert server.requests[0].body == server.requests[1].body


# --- offline


def test_offline_answers_from_the_demo_without_key_or_network() -> None:
    got = run("create", "--offline", "-p", "Count from 1 to 25.", env={"GEMINI_API_KEY": None})

    assert (got.code, got.stderr) == (0, "")
    assert got.text == ", ".join(map(str, range(1, 26))) + "\n"


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
