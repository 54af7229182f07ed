"""The truth: line items as frames. Money is whole numbers of 1e-10 in Int64; quantities are in Int128.

A price has r decimals and a quantity q with r + q <= 10 for every meter, so cost = price x quantity is
exact and no line is ever rounded.
"""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta

import polars as pl

from infra.demo.catalogue import AWS, MARKETPLACE, SERVICES
from infra.demo.discounts import off_kind, off_points
from infra.demo.money import ONE, PLACES, share_expr
from infra.demo.spec import Granularity, Month, Spec, midnight
from infra.demo.world import TAGS, Meter, Spike, World

CHUNK_LINES = 200_000

_S, _I, _Q, _D = pl.String(), pl.Int64(), pl.Int128(), pl.Datetime("us")

TAG_COLUMNS = tuple(f"tag_{key}" for key in TAGS)
SCHEMA: dict[str, pl.DataType] = {
    "seq": _I,  # the line's number in its month
    "kind": _S,  # CUR lineItem/LineItemType
    "account": _S,
    "entity": _S,  # AWS, or AWS Marketplace
    "legal": _S,
    "start": _D,
    "end": _D,
    "product": _S,
    "name": _S,
    "family": _S,
    "usage_type": _S,
    "operation": _S,
    "unit": _S,
    "region": _S,
    "zone": _S,
    "resource": _S,
    "instance_type": _S,
    "description": _S,
    "tax_type": _S,
    "term": _S,
    "quantity": _Q,  # steps of 1e-10, null where the line has none
    "rate": _I,
    "cost": _I,  # unblended
    "net": _I,  # after the enterprise discount; the cost where there is none
    "list_rate": _I,
    "list_cost": _I,  # on demand, null on lines that are no usage
    "effective": _I,  # amortised; on a commitment's fee: its unused part
    "arn": _S,
    "plan_rate": _I,
    "plan_effective": _I,
    "plan_total": _I,
    "plan_used": _I,
    "plan_upfront": _I,
    "plan_recurring": _I,
    "lease_effective": _I,
    "lease_upfront": _I,
    "lease_recurring": _I,
    "lease_fee_upfront": _I,
    "lease_unused": _Q,
    "lease_unused_upfront": _I,
    "lease_unused_recurring": _I,
    **dict.fromkeys(TAG_COLUMNS, _S),
    "anomaly": _S,
    "off_kind": _S,  # the discount beside the enterprise's that is in the net cost: a LineItemType
    "off_points": _I,  # in hundredths of a percent
    "off": _I,
    "split_parent": _S,
    "split_reserved": _Q,
    "split_actual": _Q,
    "split_usage": _Q,
    "split_ratio": _I,
    "split_cost": _I,
    "split_unused": _I,
    "split_net_cost": _I,
    "split_net_unused": _I,
    "split_public_cost": _I,
    "split_public_unused": _I,
    "extra": _I,  # what the anomaly added to the cost
    "waste": _S,
    "saving": _I,  # percent
}
"""Empty text means: this line has none of it."""

_TEXTS = [name for name, kind in SCHEMA.items() if kind == _S]


def frame(lines: list[dict[str, object]]) -> pl.DataFrame:
    """Line items of their own, by column name; what is not named is empty."""
    rows = pl.DataFrame([{name: line.get(name) for name in SCHEMA} for line in lines], schema=SCHEMA)
    return rows.with_columns(pl.col(_TEXTS).fill_null("")).with_columns(
        pl.col("net").fill_null(pl.col("cost")), pl.col("extra", "off", "off_points").fill_null(0)
    )


def usage(world: World, spec: Spec, month: Month) -> Iterator[pl.DataFrame]:
    """All metered lines of the month in chunks, each line's `seq` set, in an order that is always the
    same.
    """
    seq = 0
    step = max(1, CHUNK_LINES // (month.days * spec.granularity.lines_a_day))
    meters = [meter for meter in world.meters if meter.first < month.end and meter.last >= month.first]
    for at in range(0, len(meters), step):
        part = _lines(meters[at : at + step], at, world.spikes, spec, month)
        part = part.with_columns(seq=pl.int_range(seq, seq + part.height, dtype=pl.Int64))
        seq += part.height
        yield part.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def _lines(meters: list[Meter], offset: int, spikes: list[Spike], spec: Spec, month: Month) -> pl.DataFrame:
    lines = _static(meters, offset).join(_days(spec, month), how="cross", maintain_order="left_right")
    lines = lines.filter(pl.col("day").is_between(pl.col("first"), pl.col("last")))
    lines = _quantities(lines, spikes, spec.seed).filter(pl.col("steps") > 0)
    if spec.granularity is Granularity.HOURLY:
        lines = _hours(lines)
    lines = lines.with_columns(
        quantity=pl.col("steps").cast(pl.Int128) * pl.col("step"),
        gross=_cost("steps", "list_rate"),
        own=_cost("steps", "rate"),
        before=_cost("plain", "rate"),
    )
    covered, leased = pl.col("kind") == "SavingsPlanCoveredUsage", pl.col("kind") == "DiscountedUsage"
    lines = lines.with_columns(
        cost=pl.when(leased).then(0).otherwise(pl.col("own")),
        list_cost=pl.col("gross"),
        plan_effective=pl.when(covered).then(_cost("steps", "plan_rate")),
        plan_rate=pl.when(covered).then(pl.col("plan_rate")),
        lease_upfront=pl.when(leased).then(_cost("steps", "lease_upfront")),
        lease_recurring=pl.when(leased).then(_cost("steps", "lease_recurring")),
        rate=pl.when(leased).then(0).otherwise(pl.col("rate")),
        term=pl.when(leased).then(pl.lit("Reserved")).otherwise(pl.lit("OnDemand")),
    )
    by_aws = pl.col("entity") == "AWS"
    if spec.rare:
        lines = lines.with_columns(off_kind=off_kind()).with_columns(off_points=off_points())
        lines = lines.with_columns(off=share_expr(pl.col("cost"), pl.col("off_points"), 10_000))
    lines = lines.with_columns(
        lease_effective=pl.col("lease_upfront") + pl.col("lease_recurring"),
        net=_net(pl.col("cost") - pl.col("off") if spec.rare else pl.col("cost"), by_aws, spec),
        extra=pl.when(pl.col("anomaly") != "")
        .then(_whole(pl.col("own"), by_aws, spec) - _whole(pl.col("before"), by_aws, spec))
        .otherwise(0),
    )
    paid = pl.coalesce("plan_effective", "lease_effective")
    lines = lines.with_columns(
        effective=pl.when(covered | leased)
        .then(_net(paid, pl.lit(value=True), spec))
        .otherwise(pl.col("net"))
    )
    return lines.with_columns(
        pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items() if name not in lines.columns
    ).with_columns(pl.col("tax_type", "off_kind", "split_parent").fill_null(""))


def _static(meters: list[Meter], offset: int) -> pl.DataFrame:
    """One row per meter: what its lines have in common."""
    rows = []
    for at, meter in enumerate(meters, start=offset):
        row = {name: value for name, value in asdict(meter).items() if name not in ("tags", "resource_name")}
        row |= dict(zip(TAG_COLUMNS, meter.tags, strict=True))
        row["list_rate"] = meter.rate if meter.list_rate is None else meter.list_rate
        row["step"] = 10 ** (PLACES - meter.places)
        row["name"] = SERVICES[meter.product].name
        row["legal"] = MARKETPLACE.get(meter.product, AWS)
        row["entity"] = "AWS Marketplace" if meter.product in MARKETPLACE else "AWS"
        row["description"] = _description(meter)
        row["meter"] = at
        rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(
        pl.col("base", "rate", "list_rate", "step", "saving", "meter").cast(pl.Int64),
        pl.col("plan_rate", "lease_upfront", "lease_recurring").cast(pl.Int64),
        pl.col("weekend", "growth", "noise").cast(pl.Int64),
    )


def _description(meter: Meter) -> str:
    whole, part = divmod(meter.rate, ONE)
    price = f"${whole}.{part:0{PLACES}d}".rstrip("0").rstrip(".")
    if meter.kind == "DiscountedUsage":
        return f"{meter.instance_type} reserved instance applied"
    if meter.instance_type:
        spot = "Spot" if "SpotUsage" in meter.usage_type else "On Demand"
        return f"{price} per {spot} {meter.instance_type} Instance Hour"
    return f"{price} per {meter.unit} - {meter.usage_type}"


def _days(spec: Spec, month: Month) -> pl.DataFrame:
    first = (month.first - spec.start.first).days
    days = [month.first + timedelta(days=at) for at in range(month.days)]
    starts = [midnight(day) for day in days]
    return pl.DataFrame(
        {
            "day": days,
            "start": starts,
            "end": [start + timedelta(days=1) for start in starts],
            "age": range(first, first + month.days),
            "weekday": [day.weekday() < 5 for day in days],
        },
        schema={"day": pl.Date, "start": _D, "end": _D, "age": pl.Int64, "weekday": pl.Boolean},
    )


_NIGHT_AND_DAY = (
    *(400, 300, 250, 250, 300, 450, 700, 950, 1250, 1400, 1450, 1400),
    *(1350, 1400, 1450, 1450, 1400, 1350, 1300, 1250, 1150, 1000, 1000, 800),
)
"""How much of a day's usage an hour has, in 1 / 24,000: of what varies. The rest is spread evenly."""


def _hours(lines: pl.DataFrame) -> pl.DataFrame:
    """A line of a day as its hours, in whole steps that add up to the day's; hours without any have no
    line."""
    before = [sum(_NIGHT_AND_DAY[:hour]) for hour in range(25)]
    hours = pl.DataFrame(
        {"hour": range(24), "curve_from": before[:-1], "curve_to": before[1:]},
        schema={"hour": pl.Int64, "curve_from": pl.Int64, "curve_to": pl.Int64},
    )
    steady = pl.col("noise") == 0
    begin, end = (
        pl.when(steady).then((pl.col("hour") + more) * 1000).otherwise(pl.col(curve)).cast(pl.Int128)
        for more, curve in ((0, "curve_from"), (1, "curve_to"))
    )

    def part(name: str) -> pl.Expr:
        return (pl.col(name) * end // before[-1] - pl.col(name) * begin // before[-1]).cast(pl.Int64)

    found = lines.join(hours, how="cross", maintain_order="left_right")
    found = found.with_columns(steps=part("steps"), plain=part("plain")).filter(pl.col("steps") > 0)
    start = pl.col("start") + pl.duration(hours=pl.col("hour"))
    return found.with_columns(start=start, end=start + pl.duration(hours=1))


def _quantities(lines: pl.DataFrame, spikes: list[Spike], seed: int) -> pl.DataFrame:
    """`plain`: the day's quantity; `steps`: with the anomaly. Both in the meter's own steps."""
    noise = pl.col("noise")
    weekend = pl.when(pl.col("weekday")).then(1000).otherwise(pl.col("weekend"))
    grown = 1000 + pl.col("growth") * pl.col("age") // 30
    drift = 1000 + (_noise(seed) % (2 * noise + 1).cast(pl.UInt64)).cast(pl.Int64) - noise
    plain = pl.col("base").cast(pl.Int128) * weekend * grown * drift // 1_000_000_000
    lines = lines.with_columns(plain=plain.cast(pl.Int64))
    factor, name = pl.lit(1000), pl.col("anomaly")
    for spike in spikes:
        hit = (
            pl.col("day").is_between(spike.first, spike.last)
            & (pl.col("account") == spike.account)
            & (pl.col("product") == spike.product)
            & (pl.col("region") == spike.region)
            & (pl.col("usage_type") == spike.usage_type)
        )
        factor = pl.when(hit).then(spike.factor).otherwise(factor)
        name = pl.when(hit).then(pl.lit(spike.id)).otherwise(name)
    # A meter that is an anomaly as a whole would not have been there at all.
    return lines.with_columns(
        steps=(pl.col("plain").cast(pl.Int128) * factor // 1000).cast(pl.Int64),
        plain=pl.when(pl.col("anomaly") != "").then(0).otherwise(pl.col("plain")),
        anomaly=name,
    )


def _noise(seed: int) -> pl.Expr:
    """A number for each meter and day that depends on nothing else: products and shifts in 64 bits."""
    mixed: pl.Expr = (pl.col("meter") * 1_000_003 + pl.col("age")).cast(pl.UInt64) + pl.lit(
        seed % 2**32, pl.UInt64
    )
    for factor in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB):
        mixed = mixed * pl.lit(factor, pl.UInt64)
        mixed = mixed.xor(mixed // pl.lit(2**29, pl.UInt64))
    return mixed


def _cost(steps: str, rate: str) -> pl.Expr:
    exact: pl.Expr = pl.col(steps).cast(pl.Int128) * pl.col(rate) * pl.col("step")
    return exact.floordiv(ONE).cast(pl.Int64)


def _whole(cost: pl.Expr, discounted: pl.Expr, spec: Spec) -> pl.Expr:
    """The net of a cost from which no part is taken off yet."""
    if spec.rare:
        cost = cost - share_expr(cost, pl.col("off_points"), 10_000)
    return _net(cost, discounted, spec)


def _net(cost: pl.Expr, discounted: pl.Expr, spec: Spec) -> pl.Expr:
    if not spec.edp_basis_points:
        return cost
    return pl.when(discounted).then(share_expr(cost, 10_000 - spec.edp_basis_points, 10_000)).otherwise(cost)
