"""The demo bill: a made-up October 2026 of a small company, as a legacy AWS CUR.

`python -m infra.demo.bill` writes `demo-cur-2026-10.csv` beside this file; it is checked in, and a test
writes it again and compares. What it shows: on demand, a savings plan (covered usage, its negation, its fee,
used for 20 of 31 days), a reservation (used for 12 of 31 days), storage, transfer, tax, a credit, and missing
tags.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from infra.demo import cur
from infra.demo.cur import PAYER, Line

FILE = Path(__file__).with_name("demo-cur-2026-10.csv")
SOURCE = "demo-cur"
PERIOD = "2026-10"

HOURS = 31 * 24
PLAN = "arn:aws:savingsplans::111122223333:savingsplan/5c1f7a52-demo"
LEASE = "arn:aws:rds:us-east-1:444455556666:ri:demo-ledger"

# Hourly prices: on demand, and what the savings plan and the reservation charge for the same hour.
WEB_RATE, BATCH_RATE = Decimal("0.0832"), Decimal("0.192")
API_RATE, API_PLAN_RATE, PLAN_COMMITMENT = Decimal("0.085"), Decimal("0.0561"), Decimal("0.06")
LEDGER_RATE, LEDGER_LEASE_RATE = Decimal("0.065"), Decimal("0.0428")
API_DAYS, LEDGER_DAYS = 20, 12


def lines() -> Iterator[Line]:
    yield from _on_demand()
    yield from _savings_plan()
    yield from _reservation()
    yield from _storage_and_transfer()
    yield from _serverless()
    yield from _account_wide()


def _instance(size: str, day: int, hours: int, rate: Decimal, tags: tuple[str, str], resource: str) -> Line:
    return Line(
        "Usage",
        "AmazonEC2",
        f"BoxUsage:{size}",
        Decimal(hours),
        hours * rate,
        f"${rate} per On Demand Linux {size} Instance Hour",
        operation="RunInstances",
        unit="Hrs",
        rate=rate,
        resource=resource,
        day=day,
        tags=tags,
        family="Compute Instance",
        more={"product/instanceType": size, "pricing/term": "OnDemand"},
    )


def _on_demand() -> Iterator[Line]:
    for day in range(1, 32):
        yield _instance("t3.large", day, 24, WEB_RATE, ("prod", "web"), "i-0aaaaaaaaaaaaaaa1")
    for day in (3, 10, 17, 24):  # nobody tagged the weekly batch
        yield _instance("m5.xlarge", day, 6, BATCH_RATE, ("", ""), "i-0bbbbbbbbbbbbbbb2")


def _savings_plan() -> Iterator[Line]:
    used = API_PLAN_RATE * 24
    for day in range(1, API_DAYS + 1):
        usage = _instance("c6i.large", day, 24, API_RATE, ("prod", "api"), "i-0ccccccccccccccc3")
        plan: dict[str, str | Decimal] = {"savingsPlan/SavingsPlanARN": PLAN}
        covered = {"savingsPlan/SavingsPlanRate": API_PLAN_RATE, "savingsPlan/SavingsPlanEffectiveCost": used}
        yield _as(usage, "SavingsPlanCoveredUsage", usage.cost, {**usage.more, **plan, **covered})
        yield _as(usage, "SavingsPlanNegation", -usage.cost, {**usage.more, **plan})
    total = PLAN_COMMITMENT * HOURS
    yield Line(
        "SavingsPlanRecurringFee",
        "ComputeSavingsPlans",
        "ComputeSP:1yrNoUpfront",
        Decimal(HOURS),
        total,
        "1 year No Upfront Compute Savings Plan",
        unit="Hrs",
        rate=PLAN_COMMITMENT,
        account=PAYER,
        more={
            "savingsPlan/SavingsPlanARN": PLAN,
            "savingsPlan/TotalCommitmentToDate": total,
            "savingsPlan/UsedCommitment": used * API_DAYS,
            "savingsPlan/RecurringCommitmentForBillingPeriod": total,
            "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod": Decimal(0),
        },
    )


def _as(line: Line, kind: str, cost: Decimal, more: dict[str, str | Decimal]) -> Line:
    return Line(**{**line.__dict__, "kind": kind, "cost": cost, "more": more})


def _reservation() -> Iterator[Line]:
    lease: dict[str, str | Decimal] = {"reservation/ReservationARN": LEASE, "pricing/term": "Reserved"}
    for day in range(1, LEDGER_DAYS + 1):
        yield Line(
            "DiscountedUsage",
            "AmazonRDS",
            "InstanceUsage:db.t3.medium",
            Decimal(24),
            Decimal(0),
            "PostgreSQL, db.t3.medium reserved instance applied",
            operation="CreateDBInstance:0014",
            unit="Hrs",
            rate=LEDGER_RATE,
            resource="arn:aws:rds:us-east-1:444455556666:db:ledger",
            day=day,
            tags=("prod", "data"),
            family="Database Instance",
            more={
                **lease,
                "product/instanceType": "db.t3.medium",
                "lineItem/UnblendedRate": Decimal(0),
                "reservation/EffectiveCost": LEDGER_LEASE_RATE * 24,
                "reservation/RecurringFeeForUsage": LEDGER_LEASE_RATE * 24,
                "reservation/AmortizedUpfrontCostForUsage": Decimal(0),
            },
        )
    unused = HOURS - 24 * LEDGER_DAYS
    yield Line(
        "RIFee",
        "AmazonRDS",
        "HeavyUsage:db.t3.medium",
        Decimal(HOURS),
        LEDGER_LEASE_RATE * HOURS,
        "$0.0428 hourly fee per PostgreSQL, db.t3.medium instance",
        operation="CreateDBInstance:0014",
        unit="Hrs",
        rate=LEDGER_LEASE_RATE,
        tags=("", ""),
        more={
            **lease,
            "reservation/UnusedQuantity": Decimal(unused),
            "reservation/UnusedRecurringFee": LEDGER_LEASE_RATE * unused,
            "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod": Decimal(0),
            "reservation/AmortizedUpfrontFeeForBillingPeriod": Decimal(0),
        },
    )


def _metered(
    product: str,
    usage_type: str,
    operation: str,
    amount: str,
    rate: str,
    unit: str,
    family: str,
    resource: str = "",
    tags: tuple[str, str] = ("", ""),
) -> Line:
    """Usage of the whole month at one price."""
    quantity, price = Decimal(amount), Decimal(rate)
    text = f"${price:f} per {unit} - {usage_type}"
    return Line(
        "Usage",
        product,
        usage_type,
        quantity,
        quantity * price,
        text,
        operation=operation,
        unit=unit,
        rate=price,
        resource=resource,
        tags=tags,
        family=family,
        more={"pricing/term": "OnDemand"},
    )


def _storage_and_transfer() -> Iterator[Line]:
    web, data = ("prod", "web"), ("prod", "data")
    bucket, disk = "demo-events-archive", "arn:aws:ec2:us-east-1:444455556666:volume/vol-0"
    out, regional = "DataTransfer-Out-Bytes", "DataTransfer-Regional-Bytes"
    s3, ec2 = "AmazonS3", "AmazonEC2"
    yield _metered(
        ec2, "EBS:VolumeUsage.gp3", "CreateVolume-Gp3", "100", "0.08", "GB-Mo", "Storage", f"{disk}1", web
    )
    yield _metered(
        ec2, "EBS:VolumeUsage.gp2", "CreateVolume-Gp2", "50", "0.1", "GB-Mo", "Storage", f"{disk}2"
    )
    yield _metered(
        "AmazonRDS", "RDS:GP2-Storage", "CreateDBInstance:0014", "20", "0.115", "GB-Mo", "Database Storage"
    )
    yield _metered(
        s3, "TimedStorage-ByteHrs", "StandardStorage", "500", "0.023", "GB-Mo", "Storage", bucket, data
    )
    yield _metered(
        s3, "Requests-Tier1", "PutObject", "120000", "0.000005", "Requests", "API Request", bucket, data
    )
    yield _metered(
        s3, "Requests-Tier2", "GetObject", "4100000", "0.0000004", "Requests", "API Request", bucket
    )
    yield _metered(ec2, out, "RunInstances", "120", "0.09", "GB", "Data Transfer", "i-0aaaaaaaaaaaaaaa1", web)
    yield _metered(
        ec2, regional, "InterZone-In", "80.25", "0.01", "GB", "Data Transfer", "i-0ccccccccccccccc3"
    )


def _serverless() -> Iterator[Line]:
    name, tags = "arn:aws:lambda:us-east-1:444455556666:function:thumbnails", ("dev", "web")
    logs = "arn:aws:logs:us-east-1:444455556666:log-group:/aws/lambda/thumbnails"
    amount, rate = "412345.678912", "0.0000166667"
    yield _metered(
        "AWSLambda", "Request", "Invoke", "3400000", "0.0000002", "Requests", "Serverless", name, tags
    )
    yield _metered(
        "AWSLambda", "Lambda-GB-Second", "Invoke", amount, rate, "Second", "Serverless", name, tags
    )
    yield _metered(
        "AmazonCloudWatch", "DataProcessing-Bytes", "PutLogEvents", "12.5", "0.5", "GB", "Data Payload", logs
    )
    yield _metered(
        "AmazonCloudWatch", "CW:MetricMonitorUsage", "MetricStorage", "14", "0.3", "Metrics", "Metric"
    )


def _account_wide() -> Iterator[Line]:
    yield Line(
        "Fee",
        "AWSSupportDeveloper",
        "Dollar",
        Decimal(1),
        Decimal(29),
        "AWS Support (Developer): minimum fee of the month",
        account=PAYER,
    )
    credit = "Credit: startup programme 2026"
    yield Line("Credit", "AmazonEC2", "BoxUsage:t3.large", Decimal(1), Decimal(-25), credit)
    for product, amount in (("AmazonEC2", "6.17"), ("AmazonRDS", "2.73"), ("AmazonS3", "1.10")):
        text = f"Tax for product code {product}"
        yield Line(
            "Tax", product, "", Decimal(1), Decimal(amount), text, more={"lineItem/TaxType": "USSalesTax"}
        )


def text() -> str:
    """The whole file."""
    return cur.text(lines())


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
