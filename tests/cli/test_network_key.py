"""The key and other secrets: where they come from, and that they show nowhere."""

import threading
from pathlib import Path

import pytest

from tests import servers
from tests.cli.support_cli import KEY, create, one_request, read_until, run, started
from tests.servers import RawServer, Script, refusing

OK = servers.answering(servers.stream("ok"))


def _key_file(tmp_path: Path, mode: int = 0o600, text: str = "\ufeff key-of-file\n") -> str:
    path = tmp_path / "key"
    path.write_text(text)
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
    assert one_request(env=env).headers["x-goog-api-key"] == key


def test_the_key_comes_from_a_file_that_only_the_user_can_read(tmp_path: Path) -> None:
    request = one_request("--api-key-file", _key_file(tmp_path))

    assert request.headers["x-goog-api-key"] == "key-of-file"


def test_an_authorization_header_replaces_the_key() -> None:
    request = one_request("-H", "Authorization: Bearer t0ken", env={"GEMINI_API_KEY": None})

    assert request.headers["authorization"] == "Bearer t0ken"
    assert "x-goog-api-key" not in request.headers


def test_a_header_replaces_ours_and_others_are_added() -> None:
    request = one_request("-H", "user-agent: mine", "-H", "X-Team:  us  ")

    assert request.headers["user-agent"] == "mine"
    assert request.headers["x-team"] == "us"


@pytest.mark.parametrize("name", ["accept", "Accept", "content-type", "Content-Type"])
def test_a_header_replaces_one_that_follows_from_the_request(name: str) -> None:
    assert one_request("-H", f"{name}: a/b").headers[name.lower()] == "a/b"


def test_a_header_can_be_given_twice() -> None:
    assert one_request("-H", "X-A: 1", "-H", "x-a: 2").headers["x-a"] == "1, 2"


@pytest.mark.parametrize(
    ("env", "args", "words"),
    [
        pytest.param({"GEMINI_API_KEY": None}, [], "there is no API key", id="none"),
        pytest.param({"GEMINI_API_KEY": "käse"}, [], "no header can hold", id="no-ascii"),
        pytest.param({"GEMINI_API_KEY": "a\nb"}, [], "no header can hold", id="line-end"),
        pytest.param({}, ["--base-url", "ftp://h"], "is not usable", id="scheme"),
        pytest.param({}, ["--base-url", "http://"], "is not usable", id="no-host"),
        pytest.param({}, ["--base-url", "https://a..b"], "is not usable", id="empty-label"),
        pytest.param({}, ["--base-url", f"https://{'x' * 70}.b"], "is not usable", id="long-label"),
        pytest.param({}, ["--base-url", "https://h\n"], "is not usable", id="line-end-in-url"),
        pytest.param({}, ["--base-url", "https://h/a b"], "is not usable", id="space"),
        pytest.param({"HTTPS_PROXY": "http://a..b"}, [], "or of a proxy", id="proxy-host"),
        pytest.param(
            {"HTTPS_PROXY": "http://a\x01b"},
            [],
            "the proxy in HTTPS_PROXY is not usable",
            id="proxy-url",
        ),
        pytest.param({}, ["--base-url", "https://h:port"], "is not usable", id="port"),
        pytest.param({}, ["--base-url", "https://u:p@h"], "must not hold a user", id="user"),
        pytest.param({}, ["--base-url", "https://h?key=k"], "must not hold", id="query"),
        pytest.param({}, ["--base-url", "http://h"], "in plain text", id="plain-http"),
        pytest.param({}, ["--base-url", "http://127.0.0.1.h"], "in plain text", id="looks-local"),
        pytest.param({}, ["--base-url", "http://localhost.h"], "in plain text", id="named-local"),
        pytest.param(
            {"HTTPS_PROXY": "foo://h"}, [], "the proxy in HTTPS_PROXY is not usable", id="proxy"
        ),
        pytest.param(
            {"HTTPS_PROXY": "socks5://h"}, [], "the proxy in HTTPS_PROXY is not usable", id="socks"
        ),
        pytest.param(
            {"SSL_CERT_FILE": "/nowhere"}, [], "SSL_CERT_FILE /nowhere: No such file", id="ca-file"
        ),
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


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "it is empty", id="empty"),
        pytest.param("\ufeff \n", "it is empty", id="blank"),
        pytest.param("one\ntwo\n", "it has more than one line", id="lines"),
    ],
)
def test_a_key_file_without_one_key_is_named(text: str, why: str, tmp_path: Path) -> None:
    name = _key_file(tmp_path, text=text)

    got = run("create", "-p", "x", "--api-key-file", name)

    assert (got.code, got.stderr) == (78, f"gstream: --api-key-file {name}: {why}\n")


@pytest.mark.parametrize("name", ["/", "/dev/zero"])
def test_what_is_no_key_file_is_not_to_be_made_private(name: str) -> None:
    got = run("create", "-p", "x", "--api-key-file", name)

    assert (got.code, got.stderr) == (66, f"gstream: --api-key-file {name}: it is no file\n")


def test_a_key_file_that_is_not_there_is_no_input() -> None:
    assert run("create", "-p", "x", "--api-key-file", "nowhere").code == 66


def test_a_failure_before_the_request_ends_ndjson_with_its_exit_line() -> None:
    got = run("create", "-p", "x", "--ndjson", env={"GEMINI_API_KEY": None})

    [exit_line] = got.events
    assert (exit_line["status"], exit_line["reason"]) == (78, "configuration")


@pytest.mark.parametrize("header", ["no colon", ": v", "two words: v", "x\nY: v"])
def test_a_header_without_a_name_is_a_usage_error_that_repeats_nothing(header: str) -> None:
    got = run("create", "-p", "x", "-H", header)

    assert got.code == 2
    assert got.stderr.endswith("Error: -H: a header looks like NAME:VALUE\n")


@pytest.mark.parametrize("header", ["Content-Length: 5", "transfer-encoding: chunked"])
def test_a_header_that_follows_from_the_body_is_a_usage_error(header: str) -> None:
    got = run("create", "-p", "x", "-H", header)

    assert got.code == 2
    assert "follows from the body" in got.stderr


@pytest.mark.parametrize("value", ["a\nb", "\n", "a\r\n", "a\rb", "a\x01b", "ä", "\x7f"])
def test_a_header_that_cannot_be_sent_is_a_usage_error(value: str) -> None:
    got = run("create", "-p", "x", "-H", f"X-Team: s3cret{value}")

    assert got.code == 2
    assert "-H X-Team: its value holds characters that no header can hold" in got.stderr
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
        got = create(server, "-vv", view, "--retries", "0", "--no-resume", *SECRETS)

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
        got = create(
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
