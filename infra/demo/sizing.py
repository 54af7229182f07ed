"""How many lines a world makes, and a poorer world where that is more than was asked for.

What is dropped, in this order, and no more of it than must be: ordinary resources, the last first;
anomalies; commitments; what a month's end brings (support, tax, credits, marketplace, what is rare); waste.
At last one instance is left, which runs for as many days as there may be lines.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from infra.demo import split_costs
from infra.demo.spec import Granularity, Month, Spec
from infra.demo.world import Meter, World

_DAY = timedelta(days=1)
_OF_COMMITMENTS = ("SavingsPlanCoveredUsage", "DiscountedUsage")
SUPPORT_LINES, MARKETPLACE_LINES, CREDIT_LINES, RARE_LINES = 1, 2, 2, 6


def at_most(world: World, spec: Spec) -> int:
    """All lines that the world makes, or somewhat more: never less."""
    return sum(_metered(meter, world, spec) for meter in world.meters) + _month_ends(world, spec)


def fitted(world: World, spec: Spec) -> World:
    """The world, or one that is as much poorer as makes `spec.rows` enough."""
    for poorer in (_same, _without_anomalies, _without_commitments, _without_month_ends, _without_waste):
        world = poorer(world)
        room = spec.rows - _month_ends(world, spec)
        if (kept := _trimmed(world, spec, room)) is not None:
            return replace(world, meters=kept)
    return replace(world, meters=[*_one_instance(world, spec)])


# --- how many ---


def _metered(meter: Meter, world: World, spec: Spec) -> int:
    days = sum(_days(meter, month) for month in spec.calendar())
    return days * _lines_a_day(meter, world, spec)


def _days(meter: Meter, month: Month) -> int:
    """Days of the month on which the meter may have a line."""
    first, last = max(meter.first, month.first), min(meter.last, month.end - _DAY)
    days = max(0, (last - first).days + 1)
    if meter.weekend:
        return days
    weeks, rest = divmod(days, 7)
    return 5 * weeks + sum((first + at * _DAY).weekday() < 5 for at in range(rest))


def _lines_a_day(meter: Meter, world: World, spec: Spec) -> int:
    """An hour has no line if none of the day's steps falls into it."""
    if spec.granularity is Granularity.DAILY:
        return 1
    if any(spike.usage_type == meter.usage_type for spike in world.spikes):
        return spec.granularity.lines_a_day
    grown = 1000 + meter.growth * (spec.days // 30 + 1)
    most = meter.base * max(1000, meter.weekend) * grown * (1000 + meter.noise) // 1000**3 + 1
    return min(spec.granularity.lines_a_day, most)


def _month_ends(world: World, spec: Spec) -> int:
    return sum(_month_end(world, spec, month) for month in spec.calendar())


def _month_end(world: World, spec: Spec, month: Month) -> int:
    alive = [meter for meter in world.meters if meter.first < month.end and meter.last >= month.first]
    periods = month.days * spec.granularity.lines_a_day
    plans = [plan for plan in world.plans if plan.bought <= month.first < plan.expires]
    leases = [lease for lease in world.leases if lease.bought <= month.first < lease.expires]
    negated = {
        (meter.arn, meter.account, meter.product, meter.region, meter.usage_type, meter.operation, meter.unit)
        for meter in alive
        if meter.kind == "SavingsPlanCoveredUsage"
    }
    billed = {(meter.account, meter.product) for meter in alive}
    billed |= {(plan.account, "ComputeSavingsPlans") for plan in plans}
    billed |= {(lease.account, lease.product) for lease in leases}
    lines = (len(negated) + len(plans)) * periods + len(plans) + 2 * len(leases)
    if spec.net and world.discount_lines:
        lines += len(billed) * (2 if spec.rare else 1) + SUPPORT_LINES
    if world.extras:
        lines += len(billed) + 2 * (SUPPORT_LINES + MARKETPLACE_LINES) + CREDIT_LINES
    if world.extras and spec.rare:
        nodes = sum(_days(each, month) for each in split_costs.nodes(world))
        lines += RARE_LINES + nodes * split_costs.LINES_OF_A_NODE * spec.granularity.lines_a_day
    return lines


# --- poorer worlds ---


def _same(world: World) -> World:
    return world


def _without_anomalies(world: World) -> World:
    return replace(world, spikes=[], meters=[meter for meter in world.meters if not meter.anomaly])


def _without_commitments(world: World) -> World:
    meters = [
        replace(meter, kind="Usage", arn="", plan_rate=0, lease_upfront=0, lease_recurring=0)
        if meter.kind in _OF_COMMITMENTS
        else meter
        for meter in world.meters
    ]
    return replace(world, plans=[], leases=[], meters=meters)


def _without_month_ends(world: World) -> World:
    return replace(world, extras=False, discount_lines=False)


def _without_waste(world: World) -> World:
    return replace(world, meters=[meter for meter in world.meters if not meter.waste])


def _trimmed(world: World, spec: Spec, room: int) -> list[Meter] | None:
    """The meters without so many ordinary ones, from the last on, that their lines fit; None if none does."""
    sizes = [_metered(meter, world, spec) for meter in world.meters]
    over = sum(sizes) - room
    hit = {(spike.account, spike.product, spike.region, spike.usage_type) for spike in world.spikes}
    dropped: set[int] = set()
    for at in range(len(world.meters) - 1, -1, -1):
        if over <= 0:
            break
        meter = world.meters[at]
        place = (meter.account, meter.product, meter.region, meter.usage_type)
        if meter.kind == "Usage" and not meter.waste and not meter.anomaly and place not in hit:
            dropped.add(at)
            over -= sizes[at]
    kept = [meter for at, meter in enumerate(world.meters) if at not in dropped]
    return kept if over <= 0 and kept else None


def _one_instance(world: World, spec: Spec) -> Iterator[Meter]:
    """An instance that has in each month its part of the lines, in whole days and some hours."""
    instance = next(meter for meter in world.meters if "BoxUsage" in meter.usage_type)
    for at, month in enumerate(spec.calendar()):
        lines = spec.rows // spec.months + (at < spec.rows % spec.months)
        days, hours = divmod(lines, spec.granularity.lines_a_day)
        days = min(days, month.days)
        end: date = month.first + days * _DAY
        whole = replace(instance, weekend=1000)
        if days:
            yield replace(whole, first=month.first, last=end - _DAY)
        if hours:
            yield replace(whole, first=end, last=end, base=hours)
