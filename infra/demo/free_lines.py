"""Lines that cost nothing: events that a trail records for free. With them a bill has the rows it should.

They are in no total, in no tax and in no discount, so that all other lines are what they are without.
"""

from datetime import timedelta

import polars as pl

from infra.demo.catalogue import AWS, REGIONS, SERVICES
from infra.demo.ledger import SCHEMA
from infra.demo.money import ONE
from infra.demo.sizing import at_most
from infra.demo.spec import Month, Spec
from infra.demo.world import World

_PRODUCT = "AWSCloudTrail"


class FreeLines:
    """How many there must be: the same in each month, and in the last what is left."""

    def __init__(self, world: World, spec: Spec) -> None:
        self._world, self._spec = world, spec
        self._left = spec.rows
        self._monthly = max(0, spec.rows - at_most(world, spec)) // spec.months
        self._last = list(spec.calendar())[-1]

    def after(self, month: Month, rows: int) -> pl.DataFrame:
        """The lines that come after the other `rows` of the month, numbered on."""
        self._left -= rows
        count = max(0, self._left) if month == self._last else self._monthly
        self._left -= count
        return _lines(self._world, self._spec, month, count, rows)


def _lines(world: World, spec: Spec, month: Month, count: int, seq: int) -> pl.DataFrame:
    """Each has its trail, and its charge period."""
    periods = month.days * spec.granularity.lines_a_day
    regions = list(dict.fromkeys(meter.region for meter in world.meters if meter.region)) or ["us-east-1"]
    places = [(account.id, region) for account in world.members for region in regions]
    at = pl.col("at")
    place = at // periods % len(places)
    start = pl.lit(month.start) + pl.duration(hours=at % periods * spec.granularity.hours)
    account, region, prefix = (
        place.replace_strict(dict(enumerate(values)), return_dtype=pl.String)
        for values in (
            [account for account, _ in places],
            [region for _, region in places],
            [REGIONS[region].code for _, region in places],
        )
    )
    trail = pl.format(
        "arn:aws:cloudtrail:{}:{}:trail/events-{}", region, account, at // periods // len(places) + 1
    )
    said: dict[str, pl.Expr] = {
        "seq": at + seq,
        "kind": pl.lit("Usage"),
        "account": account,
        "entity": pl.lit("AWS"),
        "legal": pl.lit(AWS),
        "start": start,
        "end": start + timedelta(hours=spec.granularity.hours),
        "product": pl.lit(_PRODUCT),
        "name": pl.lit(SERVICES[_PRODUCT].name),
        "family": pl.lit("Management Tools - AWS CloudTrail Free Events Recorded"),
        "usage_type": pl.format("{}FreeEventsRecorded", prefix),
        "operation": pl.lit("None"),
        "unit": pl.lit("Events"),
        "region": region,
        "resource": trail,
        "description": pl.lit("0.00 per free event recorded"),
        "term": pl.lit("OnDemand"),
        "quantity": (at * 7919 % 5000 + 1).cast(pl.Int128) * ONE,
        **{
            name: pl.lit(0)
            for name in (
                "rate",
                "cost",
                "net",
                "list_rate",
                "list_cost",
                "effective",
                "off",
                "off_points",
                "extra",
            )
        },
    }
    rows = pl.DataFrame({"at": range(count)}, schema={"at": pl.Int64})
    return rows.select(
        said.get(name, pl.lit("" if kind == pl.String else None)).cast(kind).alias(name)
        for name, kind in SCHEMA.items()
    )
