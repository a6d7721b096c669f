"""`gstream replay --serve`: any client, and any command, against recordings."""

import json
import os
import re
import resource
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from google import genai

from gstream.cli import replay
from gstream.cli import serving as serving_module
from gstream.serve import RecordingServer
from tests import servers
from tests.cli.support_cli import (
    GSTREAM,
    Ran,
    Terminal,
    read_until,
    run,
    run_bash,
    run_command,
    started,
)
from tests.support import INTERACTION_ID, STREAMS

DEMO = str(Path(__file__).parents[2] / "gstream" / "demo" / "count.sse")
COUNT = ", ".join(map(str, range(1, 26))) + "\n"
RESEARCH = STREAMS / "deep_research_event_ids.sse"
WITHOUT_KEY: dict[str, str | None] = {"GEMINI_API_KEY": None, "GOOGLE_API_KEY": None}
URL = re.compile(rb"gstream: serving on (http://\S+)\n")


@contextmanager
def serving(*args: str) -> Iterator[str]:
    """A server without waits; gives its URL."""
    with started("replay", "--speed", "0", "--serve", *args) as process:
        said = read_until(process.stderr, b"\n")
        found = URL.fullmatch(said)
        assert found, said
        yield found[1].decode()


def serve(*args: str, env: dict[str, str | None] | None = None) -> Ran:
    """A server without waits, for a command."""
    return run("replay", "--speed", "0", "--serve", *args, env={**WITHOUT_KEY, **(env or {})})


def python(code: str) -> list[str]:
    return ["--", sys.executable, "-c", code]


def test_without_a_command_it_serves_until_it_is_stopped(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    served: list[str] = []  # what a server was doing when it was killed no test can tell
    monkeypatch.setattr(RecordingServer, "serve_forever", lambda self: served.append(self.url))
    ctx = replay.command.make_context("replay", ["--serve", "127.0.0.1:0", DEMO])

    serving_module.serve(ctx.params, [])

    assert capfd.readouterr().err == f"gstream: serving on {served[0]}\n"


# --- clients


def test_gstream_streams_from_it() -> None:
    got = serve(DEMO, "--", *GSTREAM, "create", "-p", "anything")

    assert (got.code, got.text, got.stderr) == (0, COUNT, "")


@pytest.mark.needs("curl")
def test_curl_streams_from_it() -> None:
    with serving(DEMO) as url:
        got = run_bash('curl -sSN -d "{\\"stream\\":true}" "$1/v1beta/interactions"', url)

    recorded = Path(DEMO).read_bytes()
    assert got.code == 0
    assert got.stdout == re.sub(rb"(?m)^: .*\n", b"", recorded)


@pytest.mark.needs("curl", "jq")
def test_a_pipe_of_curl_gstream_and_jq_works() -> None:
    with serving(DEMO) as url:
        got = run_bash(
            'curl -sSN -d "{\\"stream\\":true}" "$1/v1beta/interactions" | gstream decode --ndjson'
            ' | jq -rj "select(.delta.type==\\"text\\") | .delta.text"',
            url,
        )

    assert got.text == COUNT.rstrip("\n")


@contextmanager
def official_client(recording: str) -> Iterator[genai.Client]:
    """The official client, connected to a server."""
    with (
        serving(recording) as url,
        genai.Client(api_key="none", http_options={"base_url": url}) as client,
    ):
        yield client


def test_the_official_client_creates_with_streaming() -> None:
    with official_client(DEMO) as client:
        events = list(
            client.interactions.create(model="m", input="Count from 1 to 25.", stream=True)
        )

    kinds = [event.event_type for event in events]
    assert kinds[0] == "interaction.created"
    assert kinds[-1] == "interaction.completed"
    assert kinds.count("step.delta") == 6


def test_the_official_client_creates_without_streaming() -> None:
    with official_client(DEMO) as client:
        interaction: Any = client.interactions.create(model="m", input="Count from 1 to 25.")

    assert interaction.status == "completed"
    assert interaction.output_text == COUNT.rstrip("\n")


def test_the_official_client_gets_an_interaction() -> None:
    expected = json.loads(RESEARCH.with_suffix(".json").read_bytes())
    with official_client(str(RESEARCH)) as client:
        interaction = client.interactions.get(expected["id"])

    assert interaction.status == "completed"
    assert len(interaction.steps or []) == len(expected["steps"])


def test_the_official_client_streams_the_rest_after_an_event() -> None:
    interaction_id = json.loads(RESEARCH.with_suffix(".json").read_bytes())["id"]
    event_id = "v1_MV9tb2RlbF9vdXRwdXRfMg"
    with official_client(str(RESEARCH)) as client:
        whole = list(client.interactions.get(interaction_id, stream=True))
        rest = list(client.interactions.get(interaction_id, stream=True, last_event_id=event_id))

    at = [event.event_id for event in whole].index(event_id)
    assert rest == whole[at + 1 :]
    assert rest


def test_the_official_client_reads_what_is_not_found() -> None:
    with official_client(DEMO) as client, pytest.raises(Exception, match="nobody") as caught:
        client.interactions.get("nobody")

    assert type(caught.value).__name__ == "NotFoundError"


def test_the_official_client_cancels() -> None:
    with official_client(DEMO) as client:
        interaction = client.interactions.cancel("v1_ChdEZW1vQ291bnQwMQ")

    assert interaction.status == "cancelled"


@pytest.mark.parametrize("view", ["--text", "--steps", "--json"])
def test_gstream_gives_the_whole_answer_although_every_stream_is_cut(view: str) -> None:
    """Without event ids each stream begins again, so that the rest must be polled for."""
    create = ("--", *GSTREAM, "create", "-q", "-p", "anything", view)

    cut = serve("--drop-after", "3", DEMO, *create)

    assert cut == serve(DEMO, *create)
    assert cut.code == 0


@pytest.mark.parametrize("view", ["--ndjson", "--sse"])
def test_what_had_to_be_polled_for_is_the_same_answer(view: str) -> None:
    got = serve("--drop-after", "3", DEMO, "--", *GSTREAM, "create", "-q", "-p", "x", view)

    assert got.code == 0
    assert b'"synthesized":true' in got.stdout
    assert run("decode", stdin=got.stdout).text == COUNT


@pytest.mark.parametrize("view", ["--text", "--ndjson", "--steps", "--json", "--sse"])
def test_with_event_ids_the_rest_is_streamed(view: str) -> None:
    create = ("--", *GSTREAM, "create", "-q", "-p", "anything", view)

    cut = serve("--drop-after", "4", str(RESEARCH), *create)

    assert cut == serve(str(RESEARCH), *create)
    assert cut.code == 0


# --- recordings


def test_the_turns_of_a_run_are_served_from_its_recording(tmp_path: Path) -> None:
    header = (
        b': gstream-recording 1\n: {"request":{"method":"POST","path":"/interactions","body":%b}}\n'
    )
    first = header % b'{"input":"a"}' + servers.stream("first")
    second = header % b'{"input":"b","previous_interaction_id":"v1_built"}'
    (tmp_path / "x.sse").write_bytes(first + second + servers.stream("second"))
    script = "gstream create -p x; gstream create -p y --previous v1_built; gstream create -p b"

    got = serve(str(tmp_path / "x.sse"), "--", "bash", "-c", GSTREAM_FUNCTION + script)

    assert got.text == "first\nsecond\nfirst\n"


GSTREAM_FUNCTION = "gstream() { " + " ".join(f"'{word}'" for word in GSTREAM) + ' "$@"; }\n'


def test_a_directory_is_matched_by_the_body() -> None:
    script = 'gstream create -p "Count from 1 to 25."; gstream create -p Sing.; echo $?'

    got = serve(str(Path(DEMO).parent), "--", "bash", "-c", GSTREAM_FUNCTION + script)

    assert got.text == COUNT + "64\n"
    assert 'count.sse comes nearest; it has input "Count from 1 to 25." instead of' in got.stderr


def test_a_directory_of_one_recording_is_matched_by_the_body(tmp_path: Path) -> None:
    (tmp_path / "count.sse").write_bytes(Path(DEMO).read_bytes())

    got = serve(str(tmp_path), "--", *GSTREAM, "create", "-p", "Sing.")

    assert (got.code, got.text) == (64, "")
    assert "count.sse comes nearest" in got.stderr


def test_a_directory_of_one_capture_without_a_request_answers_any(tmp_path: Path) -> None:
    (tmp_path / "x.sse").write_bytes(servers.stream("One"))

    got = serve(str(tmp_path), "--", *GSTREAM, "create", "-p", "Sing.")

    assert (got.code, got.text) == (0, "One\n")


@pytest.mark.parametrize("others", [[], [DEMO]])
def test_a_file_that_is_no_recording_is_refused_at_the_start(
    others: list[str], tmp_path: Path
) -> None:
    script = tmp_path / "script.sh"
    script.write_text("#!/bin/sh\necho $1\n")

    got = serve(*others, str(script), *python("print('ran')"))

    assert (got.code, got.text) == (65, "")
    told = "the input is not server-sent events, NDJSON or JSON: '#!/bin/sh\\necho $1'"
    assert got.stderr == f"gstream: {script}: {told}\n"


@pytest.mark.parametrize("folder", [False, True])
def test_a_refused_request_is_refused_as_it_was_live(tmp_path: Path, folder: bool) -> None:
    create = ("create", "-p", "a", "--retries", "0")
    error = {"code": "rate_limit_exceeded", "message": "Too much."}
    record = ("--record", str(tmp_path / "x.sse"))
    with servers.RawServer(servers.refusing(429, error)) as server:
        live = run(*create, *record, env={"GOOGLE_GEMINI_BASE_URL": server.url})

    served = serve(str(tmp_path if folder else tmp_path / "x.sse"), "--", *GSTREAM, *create)

    assert live.code == served.code == 75
    told = re.compile(r"http://\S+?(?=/v1)")
    assert told.sub("", served.stderr) == told.sub("", live.stderr)


def test_an_interaction_whose_recording_broke_off_fails_as_it_did_live(tmp_path: Path) -> None:
    (tmp_path / "x.sse").write_bytes(servers.opening("One"))

    got = serve(str(tmp_path / "x.sse"), "--", *GSTREAM, "create", "-p", "x")

    assert (got.code, got.text) == (76, "One")
    assert "the recording x.sse ends before its interaction does" in got.stderr
    assert "gstream resume" not in got.stderr  # it would bring nothing new


def test_the_pace_is_the_recorded_one(tmp_path: Path) -> None:
    path = tmp_path / "x.sse"
    path.write_bytes(servers.opening("One") + b": +600\n" + servers.ending())
    with started("replay", "--serve", str(path)) as process:
        url = URL.fullmatch(read_until(process.stderr, b"\n"))
        assert url
        env = {"GOOGLE_GEMINI_BASE_URL": url[1].decode()}
        with started("create", "-p", "x", env=env) as client:
            assert read_until(client.stdout, b"One") == b"One"
            assert client.poll() is None


def test_fifty_clients_at_once_leave_memory_flat(tmp_path: Path) -> None:
    texts = [f"{number}: {'word ' * 200}" for number in range(1000)]
    body = servers.stream(*texts)
    (tmp_path / "x.sse").write_bytes(body)
    with started("replay", "--speed", "0", "--serve", str(tmp_path / "x.sse")) as process:
        url = URL.fullmatch(read_until(process.stderr, b"\n"))
        assert url
        address = ("127.0.0.1", int(url[1].rpartition(b":")[2]))
        ask_at_once(address, len(body))
        before = resident_bytes(process.pid)
        for _ in range(4):
            ask_at_once(address, len(body))

        assert resident_bytes(process.pid) - before < 4 * len(body)


def ask_at_once(address: tuple[str, int], size: int, clients: int = 50) -> None:
    """Fifty connections that are open together; each must bring the whole answer."""
    request = b'POST /v1beta/interactions HTTP/1.0\r\ncontent-length: 15\r\n\r\n{"stream":true}'
    open_together = [socket.create_connection(address, timeout=20) for _ in range(clients)]
    sizes: list[int] = []

    def read(client: socket.socket) -> None:
        with client:
            client.sendall(request)
            data = b"".join(iter(lambda: client.recv(65536), b""))
            sizes.append(len(data.partition(b"\r\n\r\n")[2]))

    threads = [threading.Thread(target=read, args=(client,)) for client in open_together]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sizes == [size] * clients


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


# --- the command


def test_the_command_finds_the_server_and_a_key_in_its_environment() -> None:
    code = "import os; print(os.environ['GOOGLE_GEMINI_BASE_URL'], os.environ['GEMINI_API_KEY'])"

    got = serve(DEMO, *python(code))

    assert re.fullmatch(r"http://127\.0\.0\.1:\d+ none-is-needed\n", got.text)


def test_the_command_gets_neither_a_key_nor_what_would_answer_in_place_of_the_server() -> None:
    mine: dict[str, str | None] = {
        "GEMINI_API_KEY": "mine",
        "GOOGLE_API_KEY": "mine",
        "GSTREAM_OFFLINE": "1",
        "GSTREAM_CASSETTE": "tapes",
    }
    code = f"import os; print([os.environ.get(name) for name in {list(mine)}])"

    got = serve(DEMO, *python(code), env=mine)

    assert got.text == "['none-is-needed', None, None, None]\n"


def test_the_server_answers_where_a_cassette_was_set(tmp_path: Path) -> None:
    env: dict[str, str | None] = {"GSTREAM_CASSETTE": str(tmp_path), "GSTREAM_OFFLINE": "1"}

    got = serve(DEMO, "--", *GSTREAM, "create", "-p", "anything", env=env)

    assert (got.code, got.text, list(tmp_path.iterdir())) == (0, COUNT, [])


@pytest.mark.parametrize("status", [0, 1, 7, 76, 255])
def test_the_status_of_the_command_is_ours(status: int) -> None:
    assert serve(DEMO, *python(f"raise SystemExit({status})")).code == status


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGSEGV])
def test_the_death_of_the_command_is_ours(signum: signal.Signals) -> None:
    code = (
        "import os, resource, signal; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); "
        f"signal.signal({signum}, signal.SIG_DFL) if {signum} != 9 else None; "
        f"os.kill(os.getpid(), {signum})"
    )

    got = serve(DEMO, *python(code))

    assert (got.code, got.stderr) == (-signum, "")


def test_the_death_of_the_command_by_a_signal_that_we_cannot_die_of_is_a_code() -> None:
    code = "import os, signal; signal.pthread_sigmask(2, []); os.kill(os.getpid(), 15)"
    block = (
        "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, {15}); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = [*GSTREAM, "replay", "--serve", DEMO, *python(code)]

    assert run_command([sys.executable, "-c", block, *command]).code == 128 + signal.SIGTERM


def test_a_signal_that_we_were_told_to_ignore_is_not_handed_on() -> None:
    script = "trap '' HUP; gstream replay --serve \"$1\" -- bash -c 'kill -HUP $PPID; echo alive'"

    got = run_bash(script, DEMO)

    assert (got.code, got.text) == (0, "alive\n")


def test_a_command_that_is_not_there_is_named() -> None:
    got = serve(DEMO, "--", "no-such-command")

    assert got.code == 127
    assert got.stderr == "gstream: no-such-command: No such file or directory\n"


def test_a_command_that_cannot_be_executed_is_named(tmp_path: Path) -> None:
    (tmp_path / "script").write_bytes(b"")

    got = serve(DEMO, "--", str(tmp_path / "script"))

    assert got.code == 126
    assert got.stderr == f"gstream: {tmp_path / 'script'}: Permission denied\n"


def test_the_command_has_our_input_and_output() -> None:
    got = run("replay", "--serve", DEMO, "--", "tr", "a", "b", stdin=b"banana")

    assert (got.code, got.text) == (0, "bbnbnb")


def test_the_command_has_the_files_that_we_were_given() -> None:
    got = run_bash('gstream replay --serve "$1" -- bash -c "echo three >&3" 3>&1', DEMO)

    assert got.text == "three\n"


def test_sigterm_is_handed_on_to_the_command() -> None:
    code = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(9)); "
        "print('ready', flush=True); [time.sleep(0.05) for _ in range(1200)]"
    )
    with started("replay", "--serve", DEMO, *python(code)) as process:
        read_until(process.stdout, b"ready\n")
        process.send_signal(signal.SIGTERM)

        assert process.wait() == 9


def test_ctrl_c_is_left_to_the_command() -> None:
    """A terminal sends it to both; the command decides what it means."""
    code = (
        "import signal, sys, time; signal.signal(2, lambda *_: sys.exit(9)); "
        "print('ready', flush=True); [time.sleep(0.05) for _ in range(1200)]"
    )
    with (
        Terminal() as terminal,
        started(
            *("replay", "--serve", DEMO, *python(code)),
            stdout=terminal.end,
            stderr=terminal.end,
            start_new_session=True,
        ) as process,
    ):
        terminal.read_until(b"ready\n")
        os.killpg(process.pid, signal.SIGINT)

        assert process.wait() == 9


def test_verbose_tells_each_request() -> None:
    got = serve("-v", DEMO, "--", *GSTREAM, "create", "-q", "-p", "x")

    assert got.stderr == "gstream: POST /v1beta/interactions: 200 count.sse\n"


# --- the server alone


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_quietly(signum: signal.Signals) -> None:
    with started("replay", "--serve", DEMO) as process:
        read_until(process.stderr, b"\n")
        process.send_signal(signum)
        out, err = process.communicate()

    assert process.returncode == -signum
    assert (out, err) == (b"", b"")


def test_listens_where_it_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with serving(f"localhost:{port}", DEMO) as url:
        assert url == f"http://localhost:{port}"
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 404


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "example.org:0", "10.1.2.3:80"])
def test_listens_for_others_only_when_told_so(address: str) -> None:
    got = run("replay", "--serve", address, DEMO)

    assert got.code == 2
    assert "--allow-remote" in got.stderr


def test_listens_for_others_when_told_so() -> None:
    with serving("0.0.0.0:0", "--allow-remote", DEMO) as url:
        assert httpx.get(url.replace("0.0.0.0", "127.0.0.1")).status_code == 404


def test_a_command_reaches_a_server_that_listens_for_others() -> None:
    create = ("--", *GSTREAM, "create", "-p", "x")

    got = run("replay", "--speed=0", "--serve=0.0.0.0:0", "--allow-remote", DEMO, *create)

    assert (got.code, got.text) == (0, COUNT)


@pytest.mark.parametrize(
    "address", ["x", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", ":" + "9" * 5000, "\udcff:0"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    got = run("replay", f"--serve={address}", DEMO)

    assert got.code == 2
    assert "HOST:PORT" in got.stderr


def test_an_address_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        got = run("replay", "--serve", address, DEMO)

    assert got.code == 78
    assert got.stderr == f"gstream: --serve {address}: Address already in use\n"


@pytest.mark.parametrize("content", [None, b"", b": gstream-recording 1\n: {}\n"])
def test_a_recording_that_holds_nothing_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "x.sse").write_bytes(content)

    got = run("replay", "--serve", str(tmp_path))

    assert got.code == 66
    assert got.stderr == f"gstream: {tmp_path}: there is no recording\n"


def test_a_recording_that_is_not_there_is_named() -> None:
    assert run("replay", "--serve", "missing.sse").code == 66


def test_recordings_come_from_standard_input_too() -> None:
    code = "import os, urllib.request as u; print(u.urlopen(os.environ['GOOGLE_GEMINI_BASE_URL'] + "
    code += f"'/v1beta/interactions/{INTERACTION_ID}').status)"
    got = run("replay", "--serve", "-", *python(code), stdin=servers.stream("x"))

    assert got.text == "200\n"
