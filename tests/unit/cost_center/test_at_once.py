"""A file that is as it should be is written as it is read; only others are read again for what is wrong."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from services.cost_center.adapters.polars_glance import Glance
from services.cost_center.adapters.polars_raw import RawStager
from services.cost_center.domain.tables import RawStaging
from tests.fakes.cost_center_bills import Row, csv_text, cur_rows, write
from tests.fakes.cost_center_reading import prepare, raw_frame

START = "lineItem/UsageStartDate"


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The columns that each pass over the file takes for a plain form; one that looks for faults fails."""
    seen: list[set[str]] = []
    begun = Glance.__init__

    def begin(self: Glance, *args: object) -> None:
        seen.append(set(args[3]))  # type: ignore[call-overload]
        begun(self, *args)  # type: ignore[arg-type]

    def look_for_faults(self: RawStager, source: str, workdir: Path) -> RawStaging:
        raise AssertionError("the file is read for its faults")

    monkeypatch.setattr(Glance, "__init__", begin)
    monkeypatch.setattr(RawStager, "stage", look_for_faults)
    return seen


def with_starts(rows: Sequence[Row], starts: Sequence[str]) -> list[Row]:
    return [{**row, START: start} for row, start in zip(rows, starts, strict=True)]


@pytest.mark.parametrize(
    ("starts", "count"),
    [
        (["2026-09-01T00:00:00Z", "2026-09-01T01:00:00Z"], 1),
        (["2026-09-01 00:00:00", "2026-09-01 01:00:00"], 1),
        (["2026-09-01T00:00:00.000Z", "2026-09-01T01:00:00.000Z"], 1),
        (["2026-09-01T02:00:00+02:00", "2026-09-01T01:00Z"], 1),
        (["2026-09-01T00:00:00Z", "2026-09-01 01:00:00"], 2),
    ],
    ids=["as AWS writes", "with a space", "with fractions", "in no plain form", "in two forms"],
)
def test_moments_are_read_however_they_are_written(
    tmp_path: Path, passes: list[set[str]], starts: list[str], count: int
) -> None:
    path = write(tmp_path, "bill.csv", csv_text(with_starts(cur_rows(2), starts)))

    prepared = prepare(tmp_path, path)

    assert prepared.rejection is None
    hours = raw_frame(prepared)["line_item_usage_start_date"].dt.hour()
    assert hours.to_list() == [0, 1]
    assert len(passes) == count
    assert not passes[-1] or count == 1
