import csv
import io
import json
import re

import pytest

from infra.commands.render import Format, print_rows

LONG = "123456789012345678.123456789012345678"
ROWS = [
    {
        "ServiceName": "Amazon Elastic Compute Cloud, and a name that is long " * 3,
        "EffectiveCost": LONG,
        "n": 3,
    },
    {"ServiceName": 'a "quoted", name', "EffectiveCost": "-0.5", "n": None},
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(rows, fmt, out=None, **more):
    out = out or io.StringIO()
    print_rows(rows, fmt, out=out, **more)
    return out.getvalue()


def test_json_is_the_rows_as_they_are():
    assert json.loads(printed(ROWS, Format.JSON)) == {"rows": ROWS}
    assert json.loads(printed([], Format.JSON)) == {"rows": []}


def test_csv_has_a_header_and_reads_back():
    read = list(csv.DictReader(io.StringIO(printed(ROWS, Format.CSV))))
    assert read[0]["EffectiveCost"] == LONG
    assert read[1] == {"ServiceName": 'a "quoted", name', "EffectiveCost": "-0.5", "n": ""}


def test_csv_without_rows_still_has_its_header():
    assert printed([], Format.CSV, columns=["a", "b"]) == "a,b\n"


def test_a_table_in_a_pipe_is_plain_and_whole():
    text = printed(ROWS, Format.TABLE)
    lines = text.splitlines()
    assert lines[0].split() == ["ServiceName", "EffectiveCost", "n"]
    assert len(lines) == 4
    assert LONG in lines[2]
    assert ROWS[0]["ServiceName"].strip() in lines[2]
    assert text.isascii()


@pytest.mark.parametrize("width", ["20", "60", "300"])
def test_a_table_on_a_terminal_never_cuts_a_number(monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    monkeypatch.setenv("TERM", "xterm")
    text = re.sub(r"\x1b\[[0-9;]*m", "", printed(ROWS, Format.TABLE, Terminal()))
    assert LONG in text
    assert "-0.5" in text
    assert "…" not in text
    for name in ROWS[0]:
        assert name in text


def test_an_id_stays_in_one_piece_on_a_narrow_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("TERM", "xterm")
    bill = "a-source-with-a-long-name-of-its-own.2026-10"
    assert bill in printed([{"bill_id": bill, "reasons": "some words " * 9}], Format.TABLE, Terminal())


def test_numbers_stand_to_the_right_and_text_to_the_left():
    lines = printed(
        [{"name": "a", "cost": "1"}, {"name": "bcd", "cost": "-10.25"}], Format.TABLE
    ).splitlines()
    assert lines[2] == "a          1"
    assert lines[3] == "bcd   -10.25"


def test_an_accounts_digits_are_a_name():
    lines = printed([{"account": "1", "x": "a"}], Format.TABLE).splitlines()
    assert lines[2] == "1        a"


def test_markup_in_a_bill_is_text(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    assert "[red]x[/red]" in printed([{"a": "[red]x[/red]"}], Format.TABLE, Terminal())


def test_no_rows_are_said_to_be_none():
    assert printed([], Format.TABLE) == "(no rows)\n"


def test_lists_and_nothing_have_a_text():
    assert printed([{"r": ["one", "two"], "n": None, "t": [{"a": "1"}], "b": True}], Format.CSV) == (
        'r,n,t,b\none; two,,"[{""a"": ""1""}]",true\n'
    )
