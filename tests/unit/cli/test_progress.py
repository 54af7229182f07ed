from pathlib import Path

import pytest

from infra.commands.progress import Lines, names_of


def test_a_name_is_led_by_what_tells_it_from_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    september, october = Path("x/exports/202609/bill.csv"), Path("x/exports/202610/bill.csv")
    other = Path("x/exports/202610/manifest.json")
    names = names_of([september, october, other, september])
    assert names == {september: "202609/bill.csv", october: "202610/bill.csv", other: "manifest.json"}
    Lines(names).done(october, "ingested")
    Lines({}).done(october, "ingested")
    assert capsys.readouterr().err == "202610/bill.csv: ingested\nbill.csv: ingested\n"


def test_one_path_may_be_the_end_of_another() -> None:
    files = [Path("bill.csv"), Path("a/bill.csv"), Path("b/a/bill.csv")]
    assert len(set(names_of(files).values())) == len(files)
