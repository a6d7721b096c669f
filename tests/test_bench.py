"""The bench measures what it says: its streams hold what they claim, its table what was found."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from gstream.sse import SSEDecoder
from gstream.steps import Accumulator
from tests.bench import child, network, streams
from tests.bench.__main__ import main
from tests.bench.latency import measure as measure_latency
from tests.bench.report import Row, table
from tests.bench.running import Unmeasurable, Usage, best_of, gstream, run_file
from tests.bench.streams import Sample
from tests.bench.whole import FLOOR, run_fed

SAMPLES = [
    pytest.param(streams.small(40), id="small"),
    pytest.param(streams.medium(3), id="medium"),
    pytest.param(streams.images(3, 1000), id="images"),
    pytest.param(streams.line(5000), id="line"),
    pytest.param(streams.line(3 * 1024 * 1024), id="line-in-several-pieces"),
    pytest.param(streams.keep_alives(4000), id="keep-alives"),
]


def whole(sample: Sample) -> bytes:
    return b"".join(sample.pieces())


def interaction(sample: Sample) -> dict[str, Any]:
    accumulator = Accumulator()
    for event in SSEDecoder().feed(whole(sample)):
        if event.data != "[DONE]":
            accumulator.feed(event.json())
    return accumulator.interaction


@pytest.mark.parametrize("sample", SAMPLES)
def test_stream_holds_the_events_that_it_claims(sample: Sample) -> None:
    assert len(SSEDecoder().feed(whole(sample))) == sample.events


@pytest.mark.parametrize("sample", SAMPLES)
def test_stream_holds_the_content_that_it_claims(sample: Sample) -> None:
    found = interaction(sample)

    items = [item for step in found["steps"] for item in step.get("content", [])]
    assert found["status"] == "completed"
    assert sum(len(item.get("text") or item["data"]) for item in items) == sample.content


@pytest.mark.parametrize(
    ("sample", "size"),
    [
        pytest.param(streams.small(1), 130, id="small"),
        pytest.param(streams.medium(1), 2048, id="medium"),
    ],
)
def test_delta_has_the_size_that_its_name_says(sample: Sample, size: int) -> None:
    _head, delta, _tail = sample.pieces()

    assert abs(len(delta) - size) <= size // 100


def test_keep_alives_are_as_many_lines_as_asked_for() -> None:
    assert whole(streams.keep_alives(4000)).replace(b": keep-alive", b"").count(b"\n\n") >= 2000


@pytest.mark.parametrize("decoder", ["orjson.loads", "feed", "feed_lines", "httpx-sse"])
@pytest.mark.parametrize("chunks", ["64 KiB", "1400 B", "1 B", "one event"])
def test_decoder_is_measured_on_all_events(decoder: str, chunks: str, tmp_path: Path) -> None:
    sample = streams.small(40)
    size = streams.write(sample, tmp_path / "x.sse")

    _seconds, _cpu, events, read = child.measure(decoder, chunks, tmp_path / "x.sse", size)

    done = 1 if decoder in {"feed", "feed_lines"} else 0
    assert (events, read) == (sample.events - 1 + done, size)


@pytest.mark.parametrize(
    ("chunks", "sizes"),
    [
        pytest.param("64 KiB", {65536}, id="64-kib"),
        pytest.param("1400 B", {1400}, id="1400-bytes"),
        pytest.param("1 B", {1}, id="one-byte"),
        pytest.param("one event", {130}, id="one-event"),
    ],
)
def test_chunks_are_of_their_size(chunks: str, sizes: set[int], tmp_path: Path) -> None:
    size = streams.write(streams.small(1200), tmp_path / "x.sse")

    found = list(child.Source(tmp_path / "x.sse", child.CHUNKS[chunks], size))

    assert b"".join(found) == (tmp_path / "x.sse").read_bytes()
    assert {len(chunk) for chunk in found[2:-5]} <= sizes


def test_source_stops_at_its_limit(tmp_path: Path) -> None:
    streams.write(streams.small(1200), tmp_path / "x.sse")

    source = child.Source(tmp_path / "x.sse", 100, 5000)

    assert sum(map(len, source)) == source.size == 5000


def test_floor_parses_the_payload_of_every_event(tmp_path: Path) -> None:
    streams.write(streams.small(1), tmp_path / "x.sse")
    counting = FLOOR.replace("orjson.loads(line[6:])", "print(orjson.loads(line[6:]))")

    done = subprocess.run(
        [sys.executable, "-c", counting],
        input=(tmp_path / "x.sse").read_bytes(),
        capture_output=True,
        check=True,
    )

    assert done.stdout.count(b"\n") == streams.small(1).events - 1


def test_fed_program_reads_one_chunk_at_a_time(tmp_path: Path) -> None:
    streams.write(streams.small(3), tmp_path / "x.sse")
    reading = (
        "import os, sys; sizes = [];\n"
        "while data := os.read(0, 65536): sizes.append(len(data))\n"
        f"open({str(tmp_path / 'sizes')!r}, 'w').write(repr(sizes))"
    )

    run_fed([sys.executable, "-c", reading], tmp_path / "x.sse", "one event")

    assert orjson.loads((tmp_path / "sizes").read_bytes()).count(130) == 3


def test_http_answer_carries_the_stream_to_create(tmp_path: Path) -> None:
    sample = streams.small(20)
    path = tmp_path / "answer"
    with path.open("w+b") as answer:
        network.write_answer(sample.pieces(), answer)
        with network.serving(answer) as url:
            key = ("-H", "x-goog-api-key: none")
            done = subprocess.run(
                gstream("create", "-p", "hello", "--ndjson", *key, "--base-url", url),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=True,
            )

    assert done.stdout.count(b"\n") == sample.events - 1


def test_http_answer_has_a_chunk_for_each_chunk() -> None:
    answer = io.BytesIO()

    network.write_answer([b"one", b"and two"], answer)

    assert answer.getvalue().endswith(b"\r\n\r\n3\r\none\r\n7\r\nand two\r\n0\r\n\r\n")


def test_latency_is_measured_for_every_delta_but_the_first() -> None:
    latencies, writes = measure_latency("ndjson", 5)

    assert len(latencies) == 4
    assert writes == 4


# --- running


def test_failing_program_is_told_with_its_last_words(tmp_path: Path) -> None:
    streams.write(streams.small(1), tmp_path / "x.sse")

    with pytest.raises(Unmeasurable, match="no luck"):
        run_file([sys.executable, "-c", "raise SystemExit('no luck')"], tmp_path / "x.sse")


def test_missing_program_is_told(tmp_path: Path) -> None:
    streams.write(streams.small(1), tmp_path / "x.sse")

    with pytest.raises(Unmeasurable, match="no-such-program is not installed"):
        run_file(["no-such-program"], tmp_path / "x.sse")


def test_memory_of_a_child_is_seen(tmp_path: Path) -> None:
    streams.write(streams.small(1), tmp_path / "x.sse")

    usage = run_file([sys.executable, "-c", "b'x' * 300_000_000"], tmp_path / "x.sse")

    assert 300_000_000 < usage.peak < 600_000_000


def test_takes_the_least_of_several_rounds_in_turns() -> None:
    calls: list[str] = []
    times = {"a": iter([3.0, 1.0, 2.0]), "b": iter([4.0, 6.0, 5.0])}

    def measure(name: str) -> Usage:
        calls.append(name)
        return Usage(next(times[name]), peak=1)

    found = best_of(3, [lambda: measure("a"), lambda: measure("b")])

    assert found == [Usage(1.0, peak=1), Usage(4.0, peak=1)]
    assert calls == ["a", "b", "a", "b", "a"]  # five seconds and more are not measured again


def test_what_cannot_be_measured_is_tried_once() -> None:
    calls = []

    def measure() -> Usage:
        calls.append(1)
        raise Unmeasurable("not there")

    (found,) = best_of(3, [measure])

    assert str(found) == "not there"
    assert len(calls) == 1


# --- the table


def test_table_shows_rates_and_the_ratio_to_the_floor() -> None:
    row = Row("in", "what", "64 KiB", Usage(2.0, 1.0, 5_000_000), 1000, 8_000_000, Usage(1.0, 0.4))

    assert table([row]).splitlines()[2].split() == [
        *("in", "what", "64", "KiB", "2.00", "s", "1.00", "s"),
        *("500", "4.0", "5", "2.00", "2.50"),
    ]


def test_ratio_of_a_part_is_to_that_part_of_the_floor() -> None:
    row = Row("in", "what", "", Usage(2.0, size=2_000_000), 1000, 8_000_000, Usage(1.0))

    assert table([row]).splitlines()[2].split() == ["in", "what", "2.00", "s", "125", "1.0", "8.00"]


def test_table_says_why_there_is_no_figure() -> None:
    row = Row("in", "what", "", Unmeasurable("it is not installed"))

    assert table([row]).splitlines()[2].split(maxsplit=2) == ["in", "what", "(it is not installed)"]


# --- the program


@pytest.fixture
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what the program sets for its children."""
    for name in ("PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE"):
        monkeypatch.setenv(name, "")


@pytest.mark.usefixtures("own_environment")
def test_program_prints_one_table_of_a_section(capsys: pytest.CaptureFixture[str]) -> None:
    main(["latency", "--rounds", "1"])

    output = capsys.readouterr().out
    assert output.startswith("CPython ")
    assert output.count("gstream decode --") == 3
    assert output.count("1.00 writes an event") == 3


def test_program_refuses_a_section_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nothing"])

    assert "there is no section 'nothing'" in capsys.readouterr().err
