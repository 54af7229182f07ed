"""A month of an analytics platform on AWS, shaped like the summary of its billing data (of January 2025).

The summary states the fleet, the storage by class, daily request counts, transfer, and what each
service cost in a month. Those totals are met exactly: prices are the list's, moved as a whole until the
sum is the stated one, and the last unit of 1e-10 is in a line with a second price tier.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from infra.demo.catalogue import REGIONS
from infra.demo.money import share, units
from infra.demo.names import account, arn, hexadecimal, seeded
from infra.demo.presets.domo_figures import COMPUTE, DATABASES, METERED, TOTALS, Figure
from infra.demo.sizing import at_most
from infra.demo.spec import Month, Spec
from infra.demo.world import Expectation, Lease, Meter, Plan, World

_EAST, _TOKYO = "us-east-1", "ap-northeast-1"
_RESERVED_PERCENT, _LEASE_PERCENT, _UNUSED_EVERY = 70, 60, 50
_METERED_LINES_A_DAY = 420
_PLANNED = ("m6gd", "c6gd")
"""Series that a savings plan covers; the others are reserved."""


@dataclass
class _Group:
    """Meters that must add up to a total in each month."""

    total: int
    meters: list[Meter]


def build(spec: Spec) -> World:
    """With as many of its instances in a meter of their own as there may be lines. Its totals need about
    13,000 lines a month; it never has fewer.
    """
    world, asked = _build(spec), spec.rows
    step = spec.days * spec.granularity.lines_a_day
    while asked > 0 and (over := at_most(world, spec) - spec.rows) > 0:
        asked -= max(over, step)
        world = _build(replace(spec, rows=max(asked, 0)))
    return world


def _build(spec: Spec) -> World:
    random = seeded(spec.seed)
    world = World(
        account(random, "domo-management", "finance"), [account(random, "domo-production", "platform")]
    )
    world.extras = False
    for month in spec.calendar():
        # The same names in each month: the fleet stays, its prices are the month's.
        for group in _groups(world, seeded(spec.seed + 1), spec, month):
            world.meters += _fit(group, month)
    world.expected = TOTALS
    return world


def _groups(world: World, random: Random, spec: Spec, month: Month) -> Iterable[_Group]:
    by_name = {each.name: each for each in TOTALS}
    yield _compute(world, random, spec, month, by_name["EC2 Compute"])
    yield _databases(world, random, spec, month, by_name["RDS Database"])
    for _, total, figures in METERED:
        yield _Group(total, [meter for figure in figures for meter in _metered(world, figure, month)])


def _month_only(meter: Meter, month: Month) -> Meter:
    return replace(meter, first=month.first, last=_last_day(month)) if meter.first == date.min else meter


def _last_day(month: Month) -> date:
    return month.end - timedelta(days=1)


def _fit(group: _Group, month: Month) -> list[Meter]:
    """The meters at prices that add up to the total.

    Every price is moved by the same ratio and rounded down. What that leaves is on the last meter's
    last day, whose quantity is charged in two tiers that are 1e-10 apart.
    """
    meters = [_month_only(meter, month) for meter in group.meters]
    counted = [meter.base * ((meter.last - meter.first).days + 1) for meter in meters]
    whole = sum(quantity * meter.rate for meter, quantity in zip(meters, counted, strict=True))
    fitted = [replace(meter, rate=meter.rate * group.total // whole, list_rate=None) for meter in meters]
    spent = sum(quantity * meter.rate for meter, quantity in zip(fitted, counted, strict=True))
    closing, day = fitted[-1], _last_day(month)
    rate, rest = divmod(group.total - spent + closing.rate * closing.base, closing.base)
    tiers = [(closing.base - rest, rate), (rest, rate + 1)]
    listed = [
        replace(meter, list_rate=max(meter.rate, before.rate))
        for meter, before in zip(fitted, meters, strict=True)
    ]
    last = replace(listed[-1], last=day - timedelta(days=1))
    return [
        *listed[:-1],
        last,
        *(
            replace(last, base=base, rate=price, list_rate=price, first=day, last=day)
            for base, price in tiers
        ),
    ]


def _instance_rows(spec: Spec, month: Month) -> int:
    """How many lines a day there may be of instances, beside what is metered."""
    periods = month.days * spec.granularity.lines_a_day
    return max(0, spec.rows // spec.months // periods - _METERED_LINES_A_DAY)


def _compute(world: World, random: Random, spec: Spec, month: Month, total: Expectation) -> _Group:
    """Instances: 70 % under savings plans and reservations, the rest on demand."""
    weight = sum(count * vcpus * price for _, count, vcpus, price in COMPUTE)
    paid_percent = (100 - _RESERVED_PERCENT) * 100 + _RESERVED_PERCENT * _LEASE_PERCENT  # of 10,000
    wanted = sum(count for _, count, _, _ in COMPUTE)
    rows = _instance_rows(spec, month) * 3 // 4
    on_demand: list[Meter] = []
    committed = 0
    for size, count, vcpus, price in COMPUTE:
        hourly = vcpus * price * total.total * 10_000 // (weight * paid_percent * month.hours)
        reserved = count * _RESERVED_PERCENT // 100
        share_of_rows = max(2, rows * count // wanted)
        plan = size.split(".")[0] in _PLANNED
        meters = _instances(world, random, size, hourly, "AmazonEC2")
        cheaper = share(hourly, _LEASE_PERCENT, 100)
        first, rest = (
            meters(reserved, max(1, share_of_rows * 7 // 10)),
            meters(count - reserved, max(1, share_of_rows * 3 // 10)),
        )
        committed += _commit(world, random, first, month, cheaper, reserved, plan=plan)
        on_demand += rest
    return _Group(total.total - committed, on_demand)


def _databases(world: World, random: Random, spec: Spec, month: Month, total: Expectation) -> _Group:
    """Databases: reserved by two thirds, in proportion to the list's prices."""
    weight = sum(count * price for _, count, price in DATABASES)
    on_demand: list[Meter] = []
    committed = 0
    wanted = sum(count for _, count, _ in DATABASES)
    rows = _instance_rows(spec, month) // 4
    for size, count, price in DATABASES:
        hourly = price * total.total * 10_000 // (weight * 7_200 * month.hours)
        reserved = count * _RESERVED_PERCENT // 100
        share_of_rows = max(2, rows * count // wanted)
        meters = _instances(world, random, size, hourly, "AmazonRDS")
        if reserved:
            cheaper = share(hourly, _LEASE_PERCENT, 100)
            first = meters(reserved, max(1, share_of_rows * 7 // 10))
            committed += _commit(world, random, first, month, cheaper, reserved, plan=False)
        on_demand += meters(count - reserved, max(1, share_of_rows * 3 // 10))
    return _Group(total.total - committed, on_demand)


class _Instances:
    """`count` instances of a size as `rows` meters: a meter stands for one, or for a scaling group of
    some.
    """

    def __init__(self, member: str, random: Random, size: str, rate: int, product: str) -> None:
        self._member, self._random, self._size, self._rate, self._product = (
            member,
            random,
            size,
            rate,
            product,
        )

    def __call__(self, count: int, rows: int) -> list[Meter]:
        rows = min(rows, count)
        return [self._meter(count // rows + (at < count % rows), at) for at in range(rows)]

    def _meter(self, count: int, at: int) -> Meter:
        compute = self._product == "AmazonEC2"
        region = _TOKYO if at % 5 == 4 else _EAST
        name = hexadecimal(self._random)
        resource = f"i-{name}" if compute else arn("rds", region, self._member, f"db:{name[:12]}")
        usage = f"{'BoxUsage' if compute else 'InstanceUsage'}:{self._size}"
        team = ("tundra", "adrenaline", "ingest", "etl")[at % 4] if compute else "vertica"
        return Meter(
            account=self._member,
            product=self._product,
            family="Compute Instance" if compute else "Database Instance",
            usage_type=f"{REGIONS[region].code}{usage}",
            operation="RunInstances" if compute else "CreateDBInstance:0014",
            unit="Hrs",
            region=region,
            rate=self._rate,
            base=24 * count,
            resource=resource,
            instance_type=self._size,
            tags=("", "prod", team, f"{team}-cluster", "") if at % 9 else ("", "", "", "", ""),
        )


def _instances(world: World, random: Random, size: str, rate: int, product: str) -> _Instances:
    return _Instances(world.members[0].id, random, size, rate, product)


def _commit(
    world: World, random: Random, meters: list[Meter], month: Month, rate: int, count: int, *, plan: bool
) -> int:
    """Puts the meters under a plan or a reservation; what that costs in the month."""
    owned = count + count // _UNUSED_EVERY
    sample = meters[0]
    member, payer = world.members[0].id, world.payer.id
    if plan:
        name = arn("savingsplans", "", payer, f"savingsplan/{hexadecimal(random, 12)}")
        world.plans.append(Plan(name, payer, rate * owned, 0, month.first, month.end))
        meters = [replace(each, kind="SavingsPlanCoveredUsage", arn=name, plan_rate=rate) for each in meters]
    else:
        service = "ec2" if sample.product == "AmazonEC2" else "rds"
        name = arn(service, _EAST, member, f"reserved-instances/{hexadecimal(random, 12)}")
        lease = Lease(
            arn=name,
            account=member,
            product=sample.product,
            region=_EAST,
            usage_type=sample.usage_type.replace("BoxUsage", "HeavyUsage"),
            operation=sample.operation,
            instance_type=sample.instance_type,
            count=owned,
            recurring=rate,
            upfront=0,
            bought=month.first,
            expires=month.end,
        )
        world.leases.append(lease)
        meters = [replace(each, kind="DiscountedUsage", arn=name, lease_recurring=rate) for each in meters]
    world.meters += [_month_only(meter, month) for meter in meters]
    return rate * owned * month.hours


def _metered(world: World, figure: Figure, month: Month) -> Iterator[Meter]:
    """Something that is counted: its quantity over its resources and the days, what is left on the last
    day.
    """
    for at in range(figure.resources):
        quantity = figure.quantity // figure.resources + (at < figure.quantity % figure.resources)
        daily, left = (quantity, 0) if figure.daily else divmod(quantity, month.days)
        name = f"{figure.resource}-{at + 1:03d}" if figure.resources > 1 else figure.resource
        meter = Meter(
            account=world.members[0].id,
            product=figure.product,
            family=figure.family,
            usage_type=f"{REGIONS[figure.region].code}{figure.usage_type}",
            operation=figure.operation,
            unit=figure.unit,
            region=figure.region,
            rate=units(figure.price),
            base=daily,
            resource=name,
            tags=("", "prod", figure.team, "", "") if figure.team else ("", "", "", "", ""),
        )
        if left:
            yield replace(meter, base=left, first=_last_day(month), last=_last_day(month))
        yield meter
