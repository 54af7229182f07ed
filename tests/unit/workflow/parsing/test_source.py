"""YAML 1.2 and JSON: what is read, with its place, and what is refused."""

import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workflow.domain.parsing.findings import Findings, Stop
from services.workflow.domain.parsing.source import MAX_BYTES, Node, read


def plain(text: str | bytes) -> Any:
    findings = Findings()
    found = read(text, findings)
    assert not findings
    return found.plain()


def refused(text: str | bytes) -> list[tuple[str, int, int]]:
    findings = Findings()
    with pytest.raises(Stop):
        read(text, findings)
    return [(each.code, each.line, each.column) for each in findings]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("yes", "yes"),
        ("True", True),
        ("12:30:00", "12:30:00"),
        ("2026-01-31", "2026-01-31"),
        ("1_000", "1_000"),
        ("0o17", 15),
        ("0x1f", 31),
        ("-12", -12),
        ("12.50", Decimal("12.50")),
        ("1e3", Decimal("1e3")),
        (".5", Decimal("0.5")),
        ("~", None),
        ("''", ""),
        ("'12'", "12"),
        ('"true"', "true"),
        ("|\n  a\n  b\n", "a\nb\n"),
        (">-\n  a\n  b\n", "a b"),
        ("{on: on, 1: 2}", {"on": "on", "1": 2}),
        ("[a, [b, {c: d}]]", ["a", ["b", {"c": "d"}]]),
        ("- <<: x", [{"<<": "x"}]),
        ("=", "="),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: Any) -> None:
    found = plain(text)
    assert found == value
    assert type(found) is type(value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.decimals(allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000, places=3).map(float)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)


@given(
    st.dictionaries(st.text(max_size=8), JSON, max_size=4), st.sampled_from([None, 2, "\t"]), st.booleans()
)
def test_json_is_read_as_json(value: Any, indent: int | str | None, ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)
    if not ascii and not _printable(text):
        return
    assert plain(text) == json.loads(text, parse_float=Decimal)


def _printable(text: str) -> bool:
    """YAML takes some characters only as escapes."""
    return all(each in "\n\t" or (each.isprintable() and each != "\ufeff") for each in text)


def test_places_are_those_of_the_text() -> None:
    findings = Findings()
    read("a: 1\nb:\n  - c: 2\n    d: [3, 4]\n", findings)
    assert findings.places == {
        "": (1, 1),
        "a": (1, 1),
        "b": (2, 1),
        "b[0]": (3, 5),
        "b[0].c": (3, 5),
        "b[0].d": (4, 5),
        "b[0].d[0]": (4, 9),
        "b[0].d[1]": (4, 12),
    }


BOMB = "a: &a [x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefghij", "bcdefghijk", strict=True)
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ("YAML_SYNTAX", 1, 1)),
        ("# nothing\n", ("YAML_SYNTAX", 1, 1)),
        ("a: [1", ("YAML_SYNTAX", 2, 1)),
        ("a: 1\n b: 2", ("YAML_SYNTAX", 2, 3)),
        ("a: 1\n\tb: 2", ("YAML_SYNTAX", 2, 1)),
        ("a: 1\n---\nb: 2", ("YAML_SYNTAX", 2, 1)),
        ("a: \x07", ("YAML_SYNTAX", 1, 4)),
        ("a: %", ("YAML_SYNTAX", 1, 4)),
        ("{a}: 1", ("BAD_KEY", 1, 1)),
        ("${x}: 1\n? [a]\n: b", ("BAD_KEY", 2, 3)),
        ("x" * 200 + ": 1", ("BAD_KEY", 1, 1)),
        ("[" * 5000, ("TOO_DEEP", 1, 42)),
        ("{a: " * 5000, ("TOO_DEEP", 1, 165)),
        ("- " * 5000, ("TOO_DEEP", 1, 83)),
        ("a: " + "x" * MAX_BYTES, ("TOO_LARGE", 1, 1)),
        (b"a: \xff", ("YAML_SYNTAX", 1, 1)),
        ("a: \ud800", ("YAML_SYNTAX", 1, 1)),
        ('{"a": "\\ud800"}', ("YAML_SYNTAX", 1, 10)),
    ],
)
def test_what_cannot_be_read_on(text: str | bytes, found: tuple[str, int, int]) -> None:
    assert refused(text) == [found]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: * x", "begins with * is"),
        ("a: `x`", "begins with ` @ or %"),
        ("a:\n\t- b", "indented by tabs"),
        ("a: {x: ${a}}", "inside of { } and [ ]"),
        ("a: [${a}, b]", "inside of { } and [ ]"),
        ("a: 'x' == y", "in quotes as a whole"),
        ("a: b: c", "a colon and a space"),
    ],
)
def test_slips_that_expressions_invite(text: str, says: str) -> None:
    findings = Findings()
    with pytest.raises(Stop):
        read(text, findings)
    [found] = findings
    assert found.code == "YAML_SYNTAX"
    assert says in found.message


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1\na: 2", [("DUPLICATE_KEY", "a", 2, 1)]),
        ("a: &x 1\nb: *x", [("YAML_ALIAS", "a", 1, 4), ("YAML_ALIAS", "b", 2, 4)]),
        ("a: !!python/object:os.system x", [("YAML_TAG", "a", 1, 4)]),
        ("a: !secret x", [("YAML_TAG", "a", 1, 4)]),
        ("a: 012345678901", [("BAD_NUMBER", "a", 1, 1)]),
        ("a: .nan", [("BAD_NUMBER", "a", 1, 1)]),
        ("a: 1e999", [("BAD_NUMBER", "a", 1, 1)]),
    ],
)
def test_what_is_no_part_of_the_language(text: str, found: list[tuple[str, str, int, int]]) -> None:
    findings = Findings()
    read(text, findings)
    assert [(each.code, each.path, each.line, each.column) for each in findings] == found


def test_aliases_cannot_blow_it_up() -> None:
    assert len(refused(BOMB)) == 20


@pytest.mark.parametrize(
    "text",
    [
        "[" * 250_000,
        "{" * 250_000,
        "a: " * 80_000,
        "- " * 120_000,
        "? " * 120_000,
        "[" + "a," * 120_000 + "]",
        "\n" * 250_000,
        '"' + "\\n" * 120_000,
        "a: |\n" + " x\n" * 80_000,
        "&a " * 80_000,
        "!" * 250_000,
        "#" * 250_000,
    ],
)
def test_it_is_quick_on_texts_made_to_be_slow(text: str) -> None:
    began = time.process_time()
    try:
        found: Node | None = read(text, Findings())
    except Stop:
        found = None
    assert time.process_time() - began < 2
    assert found is None or found.path == ""


YAML_LIKE = st.text(alphabet="ab:-[]{}\n &*!|>'\"?#%@,0.", max_size=80)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode) | YAML_LIKE.map(str.encode))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    findings = Findings()
    try:
        found: Node | None = read(text, findings)
    except Stop:
        found = None
    assert found is not None or findings
