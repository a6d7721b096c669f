"""Failures of several files, and whose name they bear."""

import pytest

from gstream.errors import BadDataError, GstreamError, NoInputError, TruncatedError
from gstream.file_names import FileNames


def at(current: str, begun_in: str = "") -> FileNames:
    """A file being read, and the one that the interaction began in."""
    files = FileNames()
    files.current = begun_in
    files.interaction_begins()
    files.current = current
    return files


def test_what_ends_a_file_bears_its_name() -> None:
    assert str(at("b", "a").of_current(BadDataError("no stream"))) == "b: no stream"


@pytest.mark.parametrize(
    ("name", "words"), [("b", "b: no such file"), ("-", "standard input is closed")]
)
def test_a_name_is_not_told_twice(name: str, words: str) -> None:
    assert str(at(name).of_current(NoInputError(words))) == words


def test_a_name_that_is_part_of_the_words_is_told() -> None:
    assert str(at("no").of_current(BadDataError("no stream"))) == "no: no stream"


def test_standard_input_is_called_so() -> None:
    assert str(at("-").of_current(BadDataError("no stream"))) == "standard input: no stream"
    assert str(at("a", "-").of_interaction(TruncatedError("cut"))) == "standard input: cut"


def test_what_an_interaction_ends_with_bears_the_name_of_the_file_it_began_in() -> None:
    failure = TruncatedError("cut")

    assert at("b", "a").of_interaction(failure) is failure
    assert str(failure) == "a: cut"
    assert at("b", "a").of_interaction(None) is None


def test_a_single_input_needs_no_name() -> None:
    assert str(at("").of_current(BadDataError("no stream"))) == "no stream"
    assert str(at("").of_interaction(TruncatedError("cut"))) == "cut"


def test_an_interaction_is_held_by_the_file_it_began_in() -> None:
    assert at("a", "a").holds_interaction
    assert not at("b", "a").holds_interaction


def test_unheard_failures_are_told_where_there_are_several_files() -> None:
    told: list[GstreamError] = []
    failure = TruncatedError("cut")
    for files in (at(""), at("a")):
        files.tell_failure = told.append
        files.tell(None)
        files.tell(failure)

    assert told == [failure]


def test_without_anybody_to_tell_nothing_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    at("a").tell(TruncatedError("cut"))

    assert capfd.readouterr() == ("", "")
