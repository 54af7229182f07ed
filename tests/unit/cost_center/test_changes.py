"""What a restatement changed: exact sums, told by charge."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from services.cost_center.domain.bill import Status
from services.cost_center.domain.changes import LARGEST, ChargeKey, compare, document, summary
from services.cost_center.events import BillIngested, BillRestated, CurrencyTotal
from shared.money import exact_sum
from tests.fakes.cost_center import ACME, NOW, Crash, CrashAt, World
from tests.fakes.cost_center_bills import csv_bytes, cur_rows

TINY = Decimal("0.000000000000000001")


def charge(service: str | None, account: str | None = "1", currency: str = "USD") -> ChargeKey:
    return ChargeKey(service, account, "Usage", currency)


def total(currency: str, amount: str) -> CurrencyTotal:
    return CurrencyTotal(
        currency=currency, raw=Decimal(amount), curated=Decimal(amount), difference=Decimal(0)
    )


def test_only_what_differs_is_told_the_largest_first_and_exactly() -> None:
    huge = Decimal("12345678901234567890.000000000000000001")
    before = {charge("a"): huge, charge("same"): Decimal(1), charge("gone"): Decimal("-5")}
    after = {
        charge("a"): exact_sum((huge, TINY)),
        charge("same"): Decimal("1.0"),
        charge(None): Decimal("7.5"),
    }
    found = compare(before, after)
    assert [(each.service_name, each.before, each.after, each.difference) for each in found] == [
        (None, Decimal(0), Decimal("7.5"), Decimal("7.5")),
        ("gone", Decimal(-5), Decimal(0), Decimal(5)),
        ("a", huge, Decimal("12345678901234567890.000000000000000002"), TINY),
    ]


def test_what_does_not_fit_is_summed_by_currency_and_all_of_it_is_in_the_document() -> None:
    after = {charge(f"s{n:03d}"): Decimal(1000 - n) for n in range(LARGEST + 3)}
    after |= {charge(f"e{n}", currency="EUR"): TINY for n in range(2)}
    changes = compare({}, after)
    told = summary(changes, [total("USD", "1"), total("GBP", "2")], [total("USD", "3")], "s3://x")
    assert (told.count, len(told.largest), told.document) == (LARGEST + 5, LARGEST, "s3://x")
    assert [(each.currency, each.difference) for each in told.others] == [
        ("EUR", 2 * TINY),
        ("USD", Decimal(1000 - LARGEST) * 3 - 3),
    ]
    assert [(each.currency, each.before, each.after, each.difference) for each in told.totals] == [
        ("GBP", Decimal(2), Decimal(0), Decimal(-2)),
        ("USD", Decimal(1), Decimal(3), Decimal(2)),
    ]
    written = json.loads(document("b", changes))
    assert written["bill_id"] == "b"
    assert len(written["changes"]) == told.count
    assert written["changes"][-1]["difference"] == "0.000000000000000001"
    assert sum(
        Decimal(each["difference"]) for each in written["changes"] if each["currency"] == "USD"
    ) == sum(value for key, value in after.items() if key.currency == "USD")


def restated(world: World) -> BillRestated:
    event = world.bills.events[-1]
    assert isinstance(event, BillRestated)
    return event


def test_a_restatement_is_an_event_of_its_own_with_both_totals_and_where_all_of_it_is(world: World) -> None:
    [first] = world.deliver("acme/aws/1.csv", csv_bytes(cur_rows(2)))
    other = {"product/ProductName": "Amazon Simple Storage Service", "lineItem/ProductCode": "AmazonS3"}
    [second] = world.deliver("acme/aws/2.csv", csv_bytes([*cur_rows(2), *cur_rows(1, **other)]))
    assert (first.status, second.status) == (Status.INGESTED, Status.RESTATED)
    assert type(world.bills.events[0]) is BillIngested
    event = restated(world)
    assert (event.status, event.rows, event.delivery_id) == ("restated", 3, second.delivery_id)
    assert event.previous.model_dump() == {
        "delivery_id": first.delivery_id,
        "published_at": first.published_at,
        "rows": 2,
    }
    [change] = event.changes.totals
    assert (change.before, change.after, change.difference) == tuple(
        map(Decimal, ("0.385", "0.577", "0.192"))
    )
    [told] = event.changes.largest
    assert (told.sub_account_id, told.charge_category, told.before, told.difference) == (
        "222222222222",
        "Usage",
        Decimal(0),
        Decimal("0.192"),
    )
    assert event.changes.document is not None
    assert event.changes.document.startswith(f"s3://lake/acme/changes/aws.2026-09/{second.delivery_id}/")
    kept = json.loads(world.changes.documents[event.changes.document])
    assert [each["difference"] for each in kept["changes"]] == ["0.192"]


def test_a_bill_that_stops_feeding_charges_takes_all_of_them_away(world: World) -> None:
    world.deliver("acme/aws/1.csv", csv_bytes(cur_rows(2)))
    world.bills.fed[ACME, "2026-09"] = world.bills.primaries(ACME, "2026-09").fed_by("aws", ())
    world.bills.fed[ACME, "2026-09"] = world.bills.primaries(ACME, "2026-09").fed_by("x", ["111111111111"])
    world.deliver("acme/aws/2.csv", csv_bytes(cur_rows(3)))
    event = restated(world)
    assert not event.primary
    assert [(each.before, each.after) for each in event.changes.largest] == [(Decimal("0.385"), Decimal(0))]
    assert [each.difference for each in event.changes.totals] == [Decimal("0.194")]


def test_a_set_that_cannot_be_read_any_more_does_not_hold_up_the_bill_that_mends_it(world: World) -> None:
    world.deliver("acme/aws/1.csv", csv_bytes(cur_rows(2)))
    world.changes.readable = False
    [outcome] = world.deliver("acme/aws/2.csv", csv_bytes(cur_rows(3)))
    assert outcome.status is Status.RESTATED
    changes = restated(world).changes
    assert (changes.document, changes.largest, changes.count) == (None, [], 0)
    assert [each.difference for each in changes.totals] == [Decimal("0.194")]


@pytest.mark.parametrize("back", [0, 5])
def test_sets_are_in_order_whatever_a_tasks_clock_says(world: World, back: int) -> None:
    world.deliver("acme/aws/1.csv", csv_bytes(cur_rows(2)))
    world.clock.advance(-timedelta(seconds=1 + back))
    world.deliver("acme/aws/2.csv", csv_bytes(cur_rows(3)))
    newest, oldest = world.bills.history_of(ACME, "aws.2026-09")
    assert newest.published_at > oldest.published_at
    assert oldest.published_at >= NOW


@pytest.mark.parametrize("step", ["curated committed", "changes saved", "recorded"])
def test_a_crash_while_restating_and_a_redelivery_restate_once(world: World, step: str) -> None:
    world.deliver("acme/aws/1.csv", csv_bytes(cur_rows(2)))
    landed = world.landing.put("acme/aws/2.csv", csv_bytes(cur_rows(3)))
    world.failpoint = CrashAt(step)
    with pytest.raises(Crash):
        world.ingest(landed)
    assert world.failpoint.hit
    [outcome] = world.ingest(landed)
    assert outcome.status is Status.RESTATED
    assert [type(each) for each in world.bills.events] == [BillIngested, BillRestated]
    assert len(world.bills.history) == 2
    assert [each.difference for each in restated(world).changes.largest] == [Decimal("0.194")]


def test_a_restatement_that_lost_a_race_tells_what_it_changed_of_the_winner(world: World) -> None:
    world.deliver("acme/aws/1.csv", csv_bytes(cur_rows(2)))
    late = world.landing.put("acme/aws/3.csv", csv_bytes(cur_rows(4)))
    other = world.landing.put("acme/aws/2.csv", csv_bytes(cur_rows(3)), at=NOW - timedelta(hours=3))
    world.landing.objects[late.key, late.version_id] = (csv_bytes(cur_rows(4)), NOW + timedelta(hours=9))
    world.landing.objects[other.key, other.version_id] = (csv_bytes(cur_rows(3)), NOW + timedelta(hours=8))

    def meanwhile() -> None:
        world.bills.before_record = lambda: None
        world.ingest(other)

    world.bills.before_record = meanwhile
    [outcome] = world.ingest(late)
    assert outcome.rows == 4
    event = restated(world)
    assert event.previous.delivery_id == other.delivery_id
    [change] = event.changes.totals
    assert (change.before, change.after) == (Decimal("0.579"), Decimal("0.774"))
    assert [each.before for each in event.changes.largest] == [Decimal("0.579")]
