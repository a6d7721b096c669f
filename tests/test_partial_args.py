"""Arguments that arrive in pieces."""

from typing import Any

import pytest

from gstream.partial_args import PartialArgs


def joined(*pieces: Any) -> dict[str, Any]:
    args = PartialArgs()
    for piece in pieces:
        args.feed(piece)
    return args.joined()


def text(path: str, value: str) -> dict[str, Any]:
    return {"jsonPath": path, "stringValue": value}


@pytest.mark.parametrize(
    ("path", "args"),
    [
        pytest.param("$.city", {"city": "x"}, id="name"),
        pytest.param("$.a.b", {"a": {"b": "x"}}, id="nested"),
        pytest.param("$.a[0]", {"a": ["x"]}, id="index"),
        pytest.param("$.a[1].b", {"a": [None, {"b": "x"}]}, id="index-and-name"),
        pytest.param("$['a b']", {"a b": "x"}, id="quoted"),
        pytest.param(r"$['a\'b']", {"a'b": "x"}, id="quote-in-quotes"),
        pytest.param("$", {}, id="no-place"),
        pytest.param("city", {}, id="not-from-the-root"),
        pytest.param("$..city", {}, id="search"),
        pytest.param("$[0]", {}, id="arguments-are-no-list"),
        pytest.param("$.a[99999999999]", {}, id="absurd-index"),
        pytest.param("$.a[999999]", {"a": []}, id="index-far-behind-the-end"),
    ],
)
def test_puts_a_value_at_its_path(path: str, args: dict[str, Any]) -> None:
    assert joined(text(path, "x")) == args


@pytest.mark.parametrize(
    ("piece", "value"),
    [
        ({"numberValue": 1.5}, 1.5),
        ({"boolValue": False}, False),
        ({"nullValue": "NULL_VALUE"}, None),
    ],
)
def test_knows_all_kinds_of_values(piece: dict[str, Any], value: object) -> None:
    assert joined({"jsonPath": "$.a", **piece}) == {"a": value}


def test_joins_the_pieces_of_each_string() -> None:
    assert joined(text("$.a", "Par"), text("$.b", "F"), text("$.a", "is"), text("$.b", "R")) == {
        "a": "Paris",
        "b": "FR",
    }


def test_a_later_value_replaces_one_of_another_kind() -> None:
    number = {"jsonPath": "$.a", "numberValue": 1}

    assert joined(number, text("$.a.b", "x")) == {"a": {"b": "x"}}


def test_keeps_its_neighbours() -> None:
    assert joined(text("$.a[1].x", "1"), text("$.a[0]", "0"), text("$.a[1].y", "2")) == {
        "a": ["0", {"x": "1", "y": "2"}]
    }


@pytest.mark.parametrize("piece", [None, "x", {}, {"jsonPath": 1}, {"stringValue": "x"}])
def test_ignores_what_is_no_piece(piece: Any) -> None:
    assert joined(piece) == {}
