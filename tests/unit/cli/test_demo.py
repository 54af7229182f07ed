import csv
from collections import defaultdict
from decimal import Decimal

import pytest

from infra.demo.bill import FILE, text
from tests.fakes.landing_zone import LandingZone

RECONCILIATION = {
    "billing_account": "1",
    "currency": "USD",
    "raw_total": "7",
    "curated_total": "7",
    "difference": "0",
}


def lines():
    with FILE.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_checked_in_bill_is_what_the_script_writes():
    assert FILE.read_text() == text()


def test_the_demo_bill_adds_up():
    """Each sum by hand: rate x hours x days, or amount x price."""
    by_kind: dict[str, Decimal] = defaultdict(Decimal)
    for row in lines():
        by_kind[row["lineItem/LineItemType"]] += Decimal(row["lineItem/UnblendedCost"])

    usage = [
        Decimal("0.0832") * 24 * 31,  # web
        Decimal("0.192") * 6 * 4,  # batch
        Decimal("8") + Decimal("5") + Decimal("2.3"),  # disks of EC2 and RDS
        Decimal("11.5") + Decimal("0.6") + Decimal("1.64"),  # S3
        Decimal("10.8") + Decimal("0.8025"),  # transfer
        Decimal("0.68") + Decimal("412345.678912") * Decimal("0.0000166667"),  # Lambda
        Decimal("6.25") + Decimal("4.2"),  # CloudWatch
    ]
    assert by_kind == {
        "Usage": sum(usage),
        "SavingsPlanCoveredUsage": Decimal("40.8"),
        "SavingsPlanNegation": Decimal("-40.8"),
        "SavingsPlanRecurringFee": Decimal("44.64"),
        "DiscountedUsage": Decimal(0),
        "RIFee": Decimal("31.8432"),
        "Fee": Decimal(29),
        "Credit": Decimal(-25),
        "Tax": Decimal(10),
    }
    assert sum(by_kind.values()) == Decimal("215.6369417267226304")


def test_the_demo_bill_has_what_a_bill_has():
    rows = lines()
    assert 60 <= len(rows) <= 120
    assert len({row["identity/LineItemId"] for row in rows}) == len(rows)
    assert {row["resourceTags/user:team"] for row in rows} == {"", "web", "api", "data"}
    assert len({row["lineItem/UsageAccountId"] for row in rows}) == 2
    covered = [row for row in rows if row["lineItem/LineItemType"] == "SavingsPlanCoveredUsage"]
    fee = next(row for row in rows if row["lineItem/LineItemType"] == "SavingsPlanRecurringFee")
    used = sum(Decimal(row["savingsPlan/SavingsPlanEffectiveCost"]) for row in covered)
    assert used == Decimal(fee["savingsPlan/UsedCommitment"])
    lease = next(row for row in rows if row["lineItem/LineItemType"] == "RIFee")
    reserved = [row for row in rows if row["lineItem/LineItemType"] == "DiscountedUsage"]
    total = sum(Decimal(row["reservation/EffectiveCost"]) for row in reserved)
    assert total + Decimal(lease["reservation/UnusedRecurringFee"]) == Decimal(
        lease["lineItem/UnblendedCost"]
    )


@pytest.mark.parametrize("status", ["ingested", "unchanged"])
@pytest.mark.parametrize("exists", [False, True])
def test_the_demo_shows_the_bill_its_cost_and_the_way_on(onyx, status, exists):
    zone = LandingZone(onyx.platform, status=status)
    refusal = {"ok": False, "problem": {"code": "TENANT_EXISTS", "detail": "exists"}}
    onyx.platform.answers["create_tenant"] = lambda _: refusal if exists else {"ok": True, "tenant": {}}
    cost = {"ServiceName": "AmazonEC2", "BillingCurrency": "USD", "EffectiveCost": "56.7"}
    onyx.platform.on("GET", "/v1/cost-center/costs", {"rows": [cost]})
    path = "/v1/cost-center/bills/demo-cur.2026-09/reconciliation"
    onyx.platform.on("GET", path, {"rows": [RECONCILIATION]})

    outcome = onyx("demo", "--port", "8461")

    assert outcome.code == 0, outcome.err
    assert zone.sources == ["demo-cur"]
    for part in (
        status,
        "56.7",
        "http://onyx.test/v1/docs",
        "onyx down --port 8461",
        "onyx token --tenant demo",
    ):
        assert part in outcome.out


def test_a_demo_bill_that_is_rejected_is_a_failure(onyx):
    LandingZone(onyx.platform, status="rejected")
    onyx.platform.answers["create_tenant"] = lambda _: {"ok": True, "tenant": {}}
    outcome = onyx("demo")
    assert outcome.code == 1
    assert "not a number" in outcome.err


def test_another_refusal_of_the_tenant_is_a_failure(onyx):
    refusal = {"ok": False, "problem": {"code": "INTERNAL", "detail": "broken"}}
    onyx.platform.answers["create_tenant"] = lambda _: refusal
    assert onyx("demo").err == "onyx: broken (INTERNAL)\n"
