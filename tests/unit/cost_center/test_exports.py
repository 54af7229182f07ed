"""Export jobs over ports in memory: what they hold, when they are done again, and through which crashes."""

import csv
import io
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from services.cost_center.domain.exports import (
    KEPT,
    STALLED,
    Export,
    ExportFormat,
    ExportRequest,
    ExportStatus,
    Written,
)
from shared.errors import BadRequest, NotFound, Unavailable
from shared.tenancy import TenantId
from tests.fakes.cost_center import ACME, Crash, CrashAt, World
from tests.fakes.cost_center_bills import FOCUS_ROW, csv_bytes, cur_rows
from tests.fakes.cost_center_exports import SEPTEMBER, ExportWorld, billed

STEPS = ["started", "fetched", "written", "file uploaded", "uploaded", "done"]


@pytest.fixture
def exporting(world: World) -> ExportWorld:
    world.deliver("acme/aws/bill.csv", csv_bytes(cur_rows(3)))
    return ExportWorld(world)


def rows_of(exporting: ExportWorld, export: Export) -> list[dict[str, str]]:
    text = exporting.files.results[export.key(ACME)].decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_an_export_holds_the_published_charges_and_says_so(exporting: ExportWorld) -> None:
    asked = exporting.ask(ACME, SEPTEMBER)
    done = exporting.run()

    assert asked.status is ExportStatus.PENDING
    assert (done.status, done.rows, done.reason) == (ExportStatus.DONE, 3, None)
    assert billed(done) == [("USD", Decimal("0.579"))]
    assert done.expires_at == exporting.bills.clock.now() + KEPT
    assert sum(Decimal(row["BilledCost"]) for row in rows_of(exporting, done)) == Decimal("0.579")
    assert done.bytes == len(exporting.files.results[done.key(ACME)])
    described = json.loads(exporting.files.results[done.metadata_key(ACME)])
    assert described["Schema"]["FocusVersion"] == described["FocusVersion"] == "1.2"
    columns = [each["ColumnName"] for each in described["Schema"]["ColumnDefinition"]]
    assert columns == list(rows_of(exporting, done)[0])
    assert described["data_location"] == [
        {"filepath": "focus-1.2-2026-09.csv", "total_bytes": done.bytes, "total_rows": 3}
    ]
    assert described["x_Totals"][0]["BilledCost"] == "0.579"


def test_the_same_request_is_the_same_job_until_a_bill_changes(exporting: ExportWorld) -> None:
    first = exporting.ask(ACME, SEPTEMBER)
    again = exporting.ask(ACME, SEPTEMBER)
    exporting.run()
    after = exporting.ask(ACME, SEPTEMBER)
    other = exporting.ask(ACME, replace(SEPTEMBER, format=ExportFormat.PARQUET))

    assert first.export_id == again.export_id == after.export_id
    assert after.status is ExportStatus.DONE
    assert other.export_id != first.export_id
    assert len(exporting.exports.events) == 2

    exporting.bills.deliver("acme/aws/new.csv", csv_bytes(cur_rows(5)))
    restated = exporting.ask(ACME, SEPTEMBER)
    assert restated.export_id not in (first.export_id, other.export_id)
    assert exporting.run().rows == 5


def test_a_job_writes_what_it_bound_though_the_bill_was_restated_meanwhile(exporting: ExportWorld) -> None:
    asked = exporting.ask(ACME, SEPTEMBER)
    exporting.bills.deliver("acme/aws/new.csv", csv_bytes(cur_rows(5)))

    done = exporting.run()

    assert (done.export_id, done.rows) == (asked.export_id, 3)


def test_an_event_that_comes_twice_or_late_does_nothing_more(exporting: ExportWorld) -> None:
    exporting.ask(ACME, SEPTEMBER)
    done = [exporting.run() for _ in range(3)]
    assert done[0] == done[1] == done[2]
    assert exporting.files.puts == 2

    exporting.bills.clock.advance(KEPT + timedelta(hours=1))
    begun = exporting.ask(ACME, SEPTEMBER)
    late, new = exporting.exports.events
    assert (begun.attempt, begun.status) == (2, ExportStatus.PENDING)
    assert exporting.run(late).status is ExportStatus.PENDING
    assert exporting.run(new).status is ExportStatus.DONE


@pytest.mark.parametrize("step", STEPS)
def test_a_task_that_dies_at_any_step_leaves_one_export(exporting: ExportWorld, step: str) -> None:
    exporting.failpoint = CrashAt(step)
    asked = exporting.ask(ACME, SEPTEMBER)
    with pytest.raises(Crash):
        exporting.run()

    done = exporting.run()

    assert exporting.failpoint.hit
    assert (done.export_id, done.status, done.rows) == (asked.export_id, ExportStatus.DONE, 3)
    assert sorted(exporting.files.results) == sorted([done.key(ACME), done.metadata_key(ACME)])


def test_the_steps_are_those_that_are_tested(exporting: ExportWorld) -> None:
    exporting.ask(ACME, SEPTEMBER)
    exporting.run()
    assert exporting.failpoint.steps == STEPS


def test_two_tasks_at_one_job_end_alike(exporting: ExportWorld) -> None:
    """The second begins and ends while the first has written its file."""
    exporting.ask(ACME, SEPTEMBER)
    ended = []

    class Meanwhile(CrashAt):
        def __call__(self, step: str) -> None:
            if step == "written" and not self.hit:
                self.hit = True
                ended.append(exporting.run())

    exporting.failpoint = Meanwhile()
    first = exporting.run()

    assert ended == [first]
    assert first.status is ExportStatus.DONE


def test_a_passing_trouble_is_tried_again_and_a_lasting_one_is_told(exporting: ExportWorld) -> None:
    exporting.ask(ACME, SEPTEMBER)
    exporting.files.error = Unavailable("S3 is away")
    with pytest.raises(Unavailable):
        exporting.run()
    assert (
        exporting.exports.stored[ACME, exporting.exports.events[0].export_id].status is ExportStatus.RUNNING
    )

    exporting.files.error = NotFound("a file is gone", code="LAKE_FILE_GONE")
    failed = exporting.run()
    assert (failed.status, failed.reason) == (ExportStatus.FAILED, "a file is gone")

    exporting.files.error = None
    assert exporting.ask(ACME, SEPTEMBER).attempt == 2
    assert exporting.run().status is ExportStatus.DONE


def test_a_file_that_is_not_what_the_bills_say_is_no_export(exporting: ExportWorld) -> None:
    class Lossy:
        def __init__(self, made: Written) -> None:
            self._made = made

        def write(self, sources: object, target: Path, format: ExportFormat) -> Written:
            target.write_text("short")
            return self._made

        def columns(self) -> list[object]:
            return []

    asked = exporting.ask(ACME, SEPTEMBER)
    exporting.writer = Lossy(Written(3, 3, ()))  # type: ignore[assignment]
    failed = exporting.run()
    assert failed.status is ExportStatus.FAILED
    assert failed.reason == "the billed cost in USD is 0 in the file and 0.579 in the bills"

    exporting.ask(ACME, SEPTEMBER)
    exporting.writer = Lossy(Written(2, 2, ()))  # type: ignore[assignment]
    assert exporting.run().reason == "2 charges were read of 3 published"
    assert exporting.files.results == {}
    assert asked.expected == (("USD", Decimal("0.579")),)


def test_a_job_that_nothing_works_on_any_more_is_begun_anew(exporting: ExportWorld) -> None:
    exporting.ask(ACME, SEPTEMBER)
    exporting.bills.clock.advance(STALLED - timedelta(minutes=1))
    assert exporting.ask(ACME, SEPTEMBER).attempt == 1
    exporting.bills.clock.advance(timedelta(minutes=2))
    assert exporting.ask(ACME, SEPTEMBER).attempt == 2


def test_only_bills_that_feed_charges_of_the_months_are_bound(exporting: ExportWorld) -> None:
    world = exporting.bills
    world.deliver("acme/shadow/bill.csv", csv_bytes([{**FOCUS_ROW, "BilledCost": "99"}]))
    world.deliver("acme/other/bill.csv", csv_bytes([{**FOCUS_ROW, "BillingAccountId": "333"}]))
    world.deliver("globex/aws/bill.csv", csv_bytes(cur_rows(7)))

    asked = exporting.ask(ACME, SEPTEMBER)

    assert [each.bill_id for each in asked.sets] == ["aws.2026-09", "other.2026-09"]
    assert asked.expected == (("USD", Decimal("2.079")),)
    assert exporting.run().rows == 4
    with pytest.raises(NotFound, match="feeds charges of 2026-08"):
        exporting.ask(ACME, ExportRequest("2026-08", "2026-08", ExportFormat.CSV))
    with pytest.raises(NotFound):
        exporting.ask(TenantId("initech"), SEPTEMBER)
    both = exporting.ask(ACME, ExportRequest("2026-08", "2026-10", ExportFormat.CSV))
    assert both.key(ACME).endswith("/focus-1.2-2026-08_2026-10.csv")


@pytest.mark.parametrize(
    ("period", "first", "last", "version", "code"),
    [
        (None, None, None, "1.2", "INVALID_PERIOD"),
        ("2026-09", "2026-09", None, "1.2", "INVALID_PERIOD"),
        ("2026-13", None, None, "1.2", "INVALID_PERIOD"),
        (None, "2026-09", "2026-08", "1.2", "INVALID_PERIOD"),
        (None, "2025-09", "2026-09", "1.2", "INVALID_PERIOD"),
        ("2026-09", None, None, "1.3", "INVALID_VERSION"),
    ],
)
def test_a_request_that_makes_no_sense(
    period: str | None, first: str | None, last: str | None, version: str, code: str
) -> None:
    with pytest.raises(BadRequest) as caught:
        ExportRequest.of(period, first, last, ExportFormat.CSV, version)
    assert caught.value.code == code


def test_a_request_of_one_month_or_of_several() -> None:
    one = ExportRequest.of("2026-09", None, None, ExportFormat.CSV, "1.2")
    assert one == ExportRequest.of(None, "2026-09", None, ExportFormat.CSV, "1.2") == SEPTEMBER
    year = ExportRequest.of(None, "2025-10", "2026-09", ExportFormat.CSV, "1.2")
    assert year.holds("2025-12")
    assert not year.holds("2026-10")
