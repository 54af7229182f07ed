"""The use case: what a delivery does to its bills, whatever happens on the way."""

import gzip
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from services.cost_center.domain.bill import Status
from services.cost_center.domain.landing import LandedObject
from services.cost_center.events import BillIngested, BillRejected, BillRestated
from shared.errors import NotFound, PoisonMessage, Unavailable, VersionConflict
from shared.tenancy import TenantId
from tests.fakes.cost_center import ACME, BUCKET, NOW, Crash, CrashAt, World
from tests.fakes.cost_center_bills import CUR_ROW, FOCUS_ROW, csv_bytes, cur_rows

STEPS = [
    "delivery opened",
    "fetched",
    "prepared",
    "raw uploaded",
    "raw committed",
    "curated uploaded",
    "curated committed",
    "reconciliation saved",
    "recorded",
]


def billed(files: list[str]) -> Decimal:
    total = pl.read_parquet(files)["BilledCost"].sum()
    assert isinstance(total, Decimal)
    return total


def test_a_first_delivery_is_ingested_and_published_in_both_tiers(world: World) -> None:
    [outcome] = world.deliver("acme/aws/bill.csv", csv_bytes(cur_rows(3)))

    assert outcome.status is Status.INGESTED
    assert (outcome.bill_id, outcome.format, outcome.rows) == ("aws.2026-09", "aws-cur-csv", 3)
    assert outcome.files == ("bill.csv",)
    [total] = outcome.totals
    assert (total.currency, total.raw, total.curated, total.difference) == (
        "USD",
        Decimal("0.579"),
        Decimal("0.579"),
        Decimal(0),
    )
    bill = world.bills.bill(ACME, "aws.2026-09")
    assert bill is not None
    assert bill.published is not None
    assert bill.published.primary
    assert sorted(bill.published.tables) == ["charges", "cur"]
    assert billed(bill.published.tables["charges"].files) == Decimal("0.579")
    [event] = world.bills.events
    assert isinstance(event, BillIngested)
    assert event.tables == ["charges", "cur"]
    assert world.bills.history == [bill.published]


def test_the_same_event_again_does_nothing(world: World) -> None:
    landed = world.landing.put("acme/aws/bill.csv", csv_bytes(cur_rows(3)))

    outcomes = [world.ingest(landed) for _ in range(5)]

    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert len(world.bills.events) == 1
    assert len(world.lake.tables["acme.charges"].snapshots) == 1


def test_the_same_content_in_another_object_is_unchanged_and_makes_no_snapshot(world: World) -> None:
    content = csv_bytes(cur_rows(3))
    [first] = world.deliver("acme/aws/bill.csv", content)

    [again] = world.deliver("acme/aws/again.csv.gz", gzip.compress(content))

    assert again.status is Status.UNCHANGED
    assert again.totals == first.totals
    assert again.published_at == first.published_at
    assert again.delivery_id != first.delivery_id
    assert len(world.lake.tables["acme.cur"].snapshots) == 1
    bill = world.bills.bill(ACME, "aws.2026-09")
    assert bill is not None
    assert bill.outcome == first


def test_new_content_restates_that_bill_and_no_other(world: World) -> None:
    world.deliver("acme/aws/bill.csv", csv_bytes(cur_rows(3)))
    other = {"bill/PayerAccountId": "333333333333"}
    world.deliver("acme/other/bill.csv", csv_bytes(cur_rows(1, **other)))

    [outcome] = world.deliver("acme/aws/bill.csv", csv_bytes(cur_rows(5)))

    assert outcome.status is Status.RESTATED
    assert outcome.rows == 5
    head = world.lake.tables["acme.charges"].head
    assert sorted(head) == ["aws.2026-09", "other.2026-09"]
    assert billed(head["aws.2026-09"]) == Decimal("0.97")
    assert billed(head["other.2026-09"]) == Decimal("0.192")
    assert [type(event) for event in world.bills.events] == [BillIngested, BillIngested, BillRestated]


def test_an_older_delivery_never_replaces_a_newer_one(world: World) -> None:
    world.deliver("acme/aws/new.csv", csv_bytes(cur_rows(3)), at=NOW)

    [outcome] = world.deliver("acme/aws/old.csv", csv_bytes(cur_rows(1)), at=NOW - timedelta(minutes=1))

    assert outcome.status is Status.UNCHANGED
    assert outcome.reasons == ("a newer delivery of this bill is published",)
    assert billed(world.lake.tables["acme.charges"].head["aws.2026-09"]) == Decimal("0.579")


def test_a_file_with_several_periods_is_a_delivery_for_several_bills(world: World) -> None:
    october = {
        **FOCUS_ROW,
        "BillingPeriodStart": "2026-10-01 00:00:00",
        "BillingPeriodEnd": "2026-11-01 00:00:00",
        "BilledCost": "3",
    }
    outcomes = world.deliver("acme/azure/focus.csv", csv_bytes([FOCUS_ROW, october, FOCUS_ROW]))

    assert [(each.bill_id, each.rows, each.totals[0].raw) for each in outcomes] == [
        ("azure.2026-09", 2, Decimal("3.0")),
        ("azure.2026-10", 1, Decimal(3)),
    ]
    delivery = world.bills.delivery(ACME, outcomes[0].delivery_id)
    assert delivery is not None
    assert delivery.done
    assert len(world.bills.events) == 2


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_and_a_redelivery_make_one_bill(world: World, step: str) -> None:
    landed = world.landing.put("acme/aws/bill.csv", csv_bytes(cur_rows(3)))
    world.failpoint = CrashAt(step)

    with pytest.raises(Crash):
        world.ingest(landed)
    assert world.failpoint.hit
    [outcome] = world.ingest(landed)

    assert outcome.status is Status.INGESTED
    assert len(world.bills.events) == 1
    assert len(world.bills.history) == 1
    bill = world.bills.bill(ACME, "aws.2026-09")
    assert bill is not None
    assert bill.published is not None
    assert billed(bill.published.tables["charges"].files) == Decimal("0.579")
    assert world.lake.tables["acme.charges"].head == {"aws.2026-09": bill.published.tables["charges"].files}


def test_the_steps_that_crash_are_all_there_are(world: World) -> None:
    world.deliver("acme/aws/bill.csv", csv_bytes(cur_rows(1)))

    assert world.failpoint.steps == STEPS


def test_a_crash_between_two_bills_of_a_file_keeps_the_first_as_it_was(world: World) -> None:
    october = {**FOCUS_ROW, "BillingPeriodStart": "2026-10-01", "BillingPeriodEnd": "2026-11-01"}
    landed = world.landing.put("acme/azure/focus.csv", csv_bytes([FOCUS_ROW, october]))
    world.failpoint = CrashAt("recorded")
    with pytest.raises(Crash):
        world.ingest(landed)
    delivery = world.bills.delivery(ACME, landed.delivery_id)
    assert delivery is not None
    assert not delivery.done

    outcomes = world.ingest(landed)

    assert [each.bill_id for each in outcomes] == ["azure.2026-09", "azure.2026-10"]
    assert len(world.bills.events) == 2
    assert len(world.bills.history) == 2


def test_two_workers_with_the_same_delivery_publish_it_once(world: World, tmp_path: Path) -> None:
    landed = world.landing.put("acme/aws/bill.csv", csv_bytes(cur_rows(3)))

    def other_worker() -> None:
        world.bills.before_record = lambda: None
        world.ingest(landed)

    world.bills.before_record = other_worker
    [outcome] = world.ingest(landed)

    assert outcome.status is Status.INGESTED
    assert len(world.bills.events) == 1
    assert len(world.bills.history) == 1


def test_two_workers_with_two_deliveries_of_one_bill_publish_the_newer_last(world: World) -> None:
    older = world.landing.put("acme/aws/a.csv", csv_bytes(cur_rows(1)))
    newer = world.landing.put("acme/aws/b.csv", csv_bytes(cur_rows(2)))

    def other_worker() -> None:
        world.bills.before_record = lambda: None
        world.ingest(newer)

    world.bills.before_record = other_worker
    [outcome] = world.ingest(older)

    assert outcome.status is Status.UNCHANGED
    bill = world.bills.bill(ACME, "aws.2026-09")
    assert bill is not None
    assert bill.outcome.rows == 2


def test_a_bill_that_others_change_all_the_time_is_tried_later(world: World) -> None:
    def refuse() -> None:
        raise VersionConflict("always")

    world.bills.before_record = refuse
    landed = world.landing.put("acme/aws/bill.csv", csv_bytes(cur_rows(1)))

    with pytest.raises(Unavailable):
        world.ingest(landed)
    assert world.lake.uploads == 2


def test_another_source_of_the_same_money_is_kept_raw_and_said_so(world: World) -> None:
    world.deliver("acme/aws/bill.csv", csv_bytes(cur_rows(3)))

    [outcome] = world.deliver("acme/focus/bill.csv", csv_bytes([FOCUS_ROW]))

    assert outcome.status is Status.INGESTED
    assert "come from source aws" in outcome.reasons[0]
    bill = world.bills.bill(ACME, "focus.2026-09")
    assert bill is not None
    assert bill.published is not None
    assert not bill.published.primary
    assert sorted(bill.published.tables) == ["focus"]
    assert sorted(world.lake.tables["acme.charges"].head) == ["aws.2026-09"]
    event = world.bills.events[-1]
    assert isinstance(event, BillIngested)
    assert not event.primary


def test_a_delivery_that_never_gets_through_claims_nothing(world: World) -> None:
    world.failpoint = CrashAt("curated committed")
    with pytest.raises(Crash):
        world.deliver("acme/aws/bill.csv", csv_bytes(cur_rows(3)))
    world.failpoint = CrashAt()

    [outcome] = world.deliver("acme/focus/bill.csv", csv_bytes([FOCUS_ROW]))

    assert outcome.reasons == ()
    bill = world.bills.bill(ACME, "focus.2026-09")
    assert bill is not None
    assert bill.published is not None
    assert bill.published.primary


def test_a_refused_delivery_leaves_what_is_published(world: World) -> None:
    world.deliver("acme/aws/bill.csv", csv_bytes(cur_rows(3)))
    before = world.bills.bill(ACME, "aws.2026-09")
    bad = [*cur_rows(2), {**CUR_ROW, "lineItem/UnblendedCost": "12,5"}]

    [outcome] = world.deliver("acme/aws/bad.csv", csv_bytes(bad))

    assert outcome.status is Status.REJECTED
    assert outcome.bill_id == "aws.2026-09"
    after = world.bills.bill(ACME, "aws.2026-09")
    assert before is not None
    assert after is not None
    assert after.published == before.published
    assert after.outcome == before.outcome
    assert after.last_rejection == outcome
    assert len(world.lake.tables["acme.cur"].snapshots) == 1
    event = world.bills.events[-1]
    assert isinstance(event, BillRejected)
    [finding] = event.reasons
    assert (finding.file, finding.row, finding.column, finding.found) == (
        "bad.csv",
        3,
        "lineItem/UnblendedCost",
        "12,5",
    )


def test_a_good_delivery_settles_the_rejection_before_it(world: World) -> None:
    content = csv_bytes(cur_rows(3))
    world.deliver("acme/aws/bill.csv", content)
    world.deliver("acme/aws/bad.csv", csv_bytes([{**CUR_ROW, "lineItem/UnblendedCost": "x"}]))

    world.deliver("acme/aws/bill2.csv", content)

    bill = world.bills.bill(ACME, "aws.2026-09")
    assert bill is not None
    assert bill.last_rejection is None


@pytest.mark.parametrize(
    ("key", "content", "expected"),
    [
        ("acme/aws/empty.csv", b"", "the file is empty"),
        ("acme/aws/notes.txt", b"hello\nworld\n", "of no known bill"),
        ("acme/aws/header.csv", csv_bytes(cur_rows(1)).splitlines()[0], "a header and no rows"),
        ("acme/bill.csv", csv_bytes(cur_rows(1)), "a source is missing"),
        ("acme/AWS_Bills/bill.csv", csv_bytes(cur_rows(1)), "lower case"),
    ],
)
def test_what_has_no_period_is_kept_under_an_id_of_its_own(
    world: World, key: str, content: bytes, expected: str
) -> None:
    landed = world.landing.put(key, content)

    [outcome] = world.ingest(landed)

    assert outcome.status is Status.REJECTED
    assert outcome.bill_id.endswith(f".unreadable-{landed.delivery_id[:12]}")
    assert expected in outcome.reasons[0]
    assert world.lake.tables == {}
    delivery = world.bills.delivery(ACME, landed.delivery_id)
    assert delivery is not None
    assert delivery.done


def test_an_unreadable_bill_that_comes_well_later_is_ingested(world: World) -> None:
    world.deliver("acme/aws/bill.csv", csv_bytes([{**CUR_ROW, "lineItem/UnblendedCost": ""}]))

    [outcome] = world.deliver("acme/aws/bill.csv", csv_bytes(cur_rows(1)))

    assert outcome.status is Status.INGESTED
    bill = world.bills.bill(ACME, "aws.2026-09")
    assert bill is not None
    assert bill.outcome.status is Status.INGESTED


def test_folders_are_nothing_and_other_tenants_are_others(world: World) -> None:
    assert world.ingest(LandedObject(BUCKET, "acme/aws/", 0, "etag")) == []
    world.deliver("globex/aws/bill.csv", csv_bytes(cur_rows(1)))
    assert world.bills.bill(ACME, "aws.2026-09") is None
    assert world.bills.bill(TenantId("globex"), "aws.2026-09") is not None
    assert sorted(world.lake.tables) == ["globex.charges", "globex.cur"]


def test_a_key_without_a_tenant_and_an_object_that_is_gone_are_failures(world: World) -> None:
    with pytest.raises(PoisonMessage):
        world.deliver("NOT A TENANT/aws/bill.csv", b"x")
    with pytest.raises(NotFound):
        world.ingest(LandedObject(BUCKET, "acme/aws/gone.csv", 3, "etag", "v9"))


def test_what_was_delivered_between_two_of_the_same_content_and_comes_late_replaces_neither(
    world: World,
) -> None:
    first, between, again = (
        world.landing.put(f"acme/aws/{n}.csv", csv_bytes(cur_rows(rows)))
        for n, rows in ((1, 2), (2, 3), (3, 2))
    )
    statuses = [world.ingest(each)[0].status for each in (first, again, between)]
    assert statuses == ["ingested", "unchanged", "unchanged"]
    bill = world.bills.bill(ACME, "aws.2026-09")
    assert bill is not None
    assert bill.outcome.rows == 2
