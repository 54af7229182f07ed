"""One suite for the bills port: the store in DynamoDB and its fake behave alike."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import boto3
import pytest
from moto import mock_aws

from services.cost_center.adapters.bill_store import BillStore
from services.cost_center.domain.bill import Bill, Delivery, Outcome, PublishedSet, Status
from services.cost_center.domain.history import HistoricSet
from services.cost_center.domain.ports import Bills
from services.cost_center.domain.reconciliation import Reconciliation
from services.cost_center.domain.tables import GroupKey, GroupTotal
from services.cost_center.events import (
    BillIngested,
    BillRejected,
    BillRestated,
    Column,
    CurrencyTotal,
    Finding,
    PreviousSet,
    PublishedTable,
    SetChanges,
    TotalChange,
)
from shared import aws
from shared.clock import FixedClock
from shared.errors import Conflict
from shared.outbox import Outbox
from shared.table import PageKeys, TenantTable
from shared.tenancy import TenantId
from tests.fakes.cost_center import ACME, NOW, FakeBills
from tests.fakes.tables import create_table

GLOBEX = TenantId("globex")


@pytest.fixture(params=["fake", "dynamodb"])
def bills(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bills]:
    if request.param == "fake":
        yield FakeBills()
        return
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        aws.clear_clients()
        client = boto3.client("dynamodb", region_name="us-east-1")
        for name in ("bill", "reconciliation", "outbox"):
            create_table(client, name, outbox=name == "outbox")
        keys = PageKeys(b"a secret of this test only, long")
        yield BillStore(
            TenantTable("bill", client, keys),
            TenantTable("reconciliation", client),
            Outbox("outbox", client),
            FixedClock(NOW),
        )
    aws.clear_clients()


def delivery(number: int = 1) -> Delivery:
    return Delivery(f"d{number}", "landing", f"acme/aws/{number}.csv", "aws", f"{number}.csv", NOW)


def outcome(status: Status = Status.INGESTED, bill_id: str = "aws.2026-09", number: int = 1) -> Outcome:
    return Outcome(
        bill_id=bill_id,
        source="aws",
        delivery_id=f"d{number}",
        status=status,
        format="aws-cur-csv",
        billing_period="2026-09",
        files=("a.csv",),
        rows=3,
        totals=(
            CurrencyTotal(
                currency="USD",
                raw=Decimal("12345678901234567890.123456789012345678"),
                curated=Decimal("1.5"),
                difference=Decimal("-0.1"),
            ),
        ),
        reasons=("why",),
        published_at=NOW,
    )


def published(attempt: str = "t1", at: datetime = NOW) -> PublishedSet:
    table = PublishedTable(
        database="onyx_acme",
        table="charges",
        snapshot_id=2**62,
        files=["s3://lake/a.parquet"],
        rows=3,
        columns=[Column(name="BilledCost", type="decimal(38,18)")],
    )
    return PublishedSet("d1", attempt, "sha", "recipe", NOW, at, True, {"charges": table})


def ingested(bill_id: str = "aws.2026-09", delivery_id: str = "d1") -> BillIngested:
    return BillIngested(
        bill_id=bill_id,
        source="aws",
        format="aws-cur-csv",
        billing_period="2026-09",
        delivery_id=delivery_id,
        status="ingested",
        rows=3,
        totals=[],
        tables=["charges"],
        published_at=NOW,
        primary=True,
    )


def record(bills: Bills, number: int, made: Bill, stored: Delivery) -> None:
    done = stored.with_outcome(made.outcome, of=frozenset({made.bill_id}))
    event = ingested(made.bill_id, f"d{number}")
    bills.record(ACME, delivery=done, bill=made, event=event, publishes=True)


def test_what_is_recorded_is_read_back_exactly(bills: Bills) -> None:
    stored = bills.open_delivery(ACME, delivery())
    made = Bill(outcome(), published(), last_rejection=outcome(Status.REJECTED))

    record(bills, 1, made, stored)

    assert bills.bill(ACME, "aws.2026-09") == replace(made, version=1)
    read = bills.delivery(ACME, "d1")
    assert read is not None
    assert read.done
    assert read.outcomes == {"aws.2026-09": outcome()}
    assert bills.bill(GLOBEX, "aws.2026-09") is None
    assert bills.delivery(GLOBEX, "d1") is None


def test_every_published_set_is_in_the_history_of_its_bill_with_what_it_changed(bills: Bills) -> None:
    first = Bill(outcome(), published())
    record(bills, 1, first, bills.open_delivery(ACME, delivery()))
    changes = SetChanges(
        totals=[
            TotalChange(
                currency="USD", before=Decimal("0.1"), after=Decimal("1E-18"), difference=Decimal("-0.1")
            )
        ],
        largest=[],
        others=[],
        count=3,
        document="s3://lake/acme/changes/x.json",
    )
    later = NOW + timedelta(microseconds=1)
    second = Bill(
        replace(outcome(Status.RESTATED, number=2), published_at=later),
        replace(published("t2", later), delivery_id="d2"),
        version=1,
    )
    event = BillRestated.model_validate(
        {
            **ingested(delivery_id="d2").model_dump(),
            "status": "restated",
            "previous": PreviousSet(delivery_id="d1", published_at=NOW, rows=3),
            "changes": changes,
        }
    )
    stored = bills.open_delivery(ACME, delivery(2))
    done = stored.with_outcome(second.outcome, of=frozenset({second.bill_id}))
    bills.record(ACME, delivery=done, bill=second, event=event, publishes=True)

    assert list(bills.history_of(ACME, "aws.2026-09")) == [
        HistoricSet(second.outcome, later, kept=True, changes=changes),
        HistoricSet(first.outcome, NOW, kept=True),
    ]
    assert list(bills.history_of(ACME, "aws.2026-0")) == []
    assert list(bills.history_of(GLOBEX, "aws.2026-09")) == []
    newest = bills.history_page(ACME, "aws.2026-09", limit=1, cursor=None)
    oldest = bills.history_page(ACME, "aws.2026-09", limit=1, cursor=newest.cursor)
    assert [*newest.sets, *oldest.sets] == list(bills.history_of(ACME, "aws.2026-09"))
    assert oldest.cursor is None
    assert bills.history_page(GLOBEX, "aws.2026-09", limit=1, cursor=None).sets == []


def test_a_delivery_is_opened_once(bills: Bills) -> None:
    first = bills.open_delivery(ACME, delivery())
    later = replace(delivery(), received_at=NOW + timedelta(hours=1))

    assert bills.open_delivery(ACME, later) == first
    assert bills.delivery(ACME, "d2") is None


def test_a_bill_that_changed_meanwhile_is_a_conflict_and_nothing_is_written(bills: Bills) -> None:
    record(bills, 1, Bill(outcome(), published()), bills.open_delivery(ACME, delivery()))
    second = bills.open_delivery(ACME, delivery(2))
    stale = Bill(outcome(number=2), published("t2", NOW + timedelta(seconds=1)))

    with pytest.raises(Conflict):
        record(bills, 2, stale, second)

    assert bills.delivery(ACME, "d2") == second
    bill = bills.bill(ACME, "aws.2026-09")
    assert bill is not None
    assert bill.outcome.delivery_id == "d1"


def test_a_delivery_that_changed_meanwhile_is_a_conflict(bills: Bills) -> None:
    stored = bills.open_delivery(ACME, delivery())
    record(bills, 1, Bill(outcome(), published()), stored)

    with pytest.raises(Conflict):
        bills.record(
            ACME,
            delivery=stored.with_outcome(outcome(bill_id="aws.2026-10"), of=frozenset()),
            bill=None,
            event=None,
            publishes=False,
        )


def test_a_rejection_is_recorded_with_its_event(bills: Bills) -> None:
    stored = bills.open_delivery(ACME, delivery())
    rejection = outcome(Status.REJECTED)
    event = BillRejected(
        bill_id="aws.2026-09",
        source="aws",
        delivery_id="d1",
        key="acme/aws/1.csv",
        reasons=[Finding(message="bad", row=1)],
        finding_count=1,
    )
    bills.record(
        ACME,
        delivery=stored.with_outcome(rejection, of=frozenset({"aws.2026-09"})),
        bill=Bill(rejection).rejecting(rejection),
        event=event,
        publishes=False,
    )

    bill = bills.bill(ACME, "aws.2026-09")
    assert bill is not None
    assert (bill.published, bill.last_rejection) == (None, rejection)


def test_who_feeds_charges_is_written_with_the_bill_or_not_at_all(bills: Bills) -> None:
    stored = bills.open_delivery(ACME, delivery())
    free = bills.primaries(ACME, "2026-09")
    mine = free.fed_by("aws", ["111", "222"])
    made = Bill(outcome(), published())
    done = stored.with_outcome(made.outcome, of=frozenset({made.bill_id}))
    bills.record(ACME, delivery=done, bill=made, event=ingested(), publishes=True, primaries=mine)

    fed = bills.primaries(ACME, "2026-09")
    assert fed.taken(["111", "333"], source="focus") == {"111": "aws"}
    assert fed.taken(["111", "222"], source="aws") == {}
    assert fed.fed_by("aws", ["222"]).taken(["111"], source="focus") == {}
    for tenant, period in ((ACME, "2026-10"), (GLOBEX, "2026-09")):
        assert bills.primaries(tenant, period).sources == {}

    late = bills.open_delivery(ACME, delivery(2))
    other = Bill(outcome(bill_id="focus.2026-09"), published())
    with pytest.raises(Conflict):  # it read the period while it was free
        bills.record(
            ACME,
            delivery=late.with_outcome(other.outcome, of=frozenset({other.bill_id})),
            bill=other,
            event=None,
            publishes=True,
            primaries=free.fed_by("focus", ["111"]),
        )
    assert bills.bill(ACME, "focus.2026-09") is None
    assert bills.primaries(ACME, "2026-09") == fed


def test_reconciliations_of_more_groups_than_a_transaction_holds_are_kept_in_order(bills: Bills) -> None:
    groups = [
        Reconciliation(
            GroupKey("111", "2026-09", f"invoice-{number:03d}", "USD"),
            GroupTotal(Decimal("0.000000000000000001"), number),
            GroupTotal(Decimal("0.1"), number),
            Decimal("-1E-19"),
        )
        for number in range(205)
    ]

    bills.save_reconciliation(ACME, "aws.2026-09", "t1", groups)

    assert bills.reconciliation(ACME, "aws.2026-09", published("t1")) == groups
    assert bills.reconciliation(ACME, "aws.2026-09", published("t2")) == []
    assert bills.reconciliation(GLOBEX, "aws.2026-09", published("t1")) == []


def test_bills_are_listed_by_id_page_by_page_for_one_tenant(bills: Bills) -> None:
    for number, period in enumerate(("2026-07", "2026-08", "2026-09"), start=1):
        stored = bills.open_delivery(ACME, delivery(number))
        made = Bill(outcome(bill_id=f"aws.{period}", number=number), published(at=NOW + timedelta(number)))
        record(bills, number, made, stored)

    first = bills.bills(ACME, limit=2, cursor=None)
    second = bills.bills(ACME, limit=2, cursor=first.cursor)

    assert [bill.bill_id for bill in first.bills] == ["aws.2026-07", "aws.2026-08"]
    assert [bill.bill_id for bill in second.bills] == ["aws.2026-09"]
    assert second.cursor is None
    assert bills.bills(GLOBEX, limit=2, cursor=None).bills == []


def test_moments_keep_their_zone(bills: Bills) -> None:
    stored = bills.open_delivery(ACME, delivery())

    assert stored.received_at == NOW
    assert stored.received_at.tzinfo == UTC
