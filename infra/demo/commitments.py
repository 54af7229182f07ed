"""Savings plans and reservations over a fleet that exists: which meters they cover, and what stays unused."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from random import Random

from infra.demo.catalogue import LEASE_SHARE, PLAN_SHARE
from infra.demo.money import share
from infra.demo.names import arn, hexadecimal
from infra.demo.world import Lease, Meter, Plan, World

_FINE = 10**4
"""Commitments are priced to 6 decimals: steps of 1e-6."""
_UNUSED_PERCENT = 108
_UPFRONT_PERCENT = 50
_BEFORE = date(2000, 1, 1)
"""Bought before the bill begins: its upfront fee is on no month here."""


def commit(world: World, random: Random, start: date, covered_share: float) -> None:
    """Covers a share of the instances by savings plans, of the databases and caches by reservations."""
    _plans(world, random, start, covered_share)
    _leases(world, random, start, covered_share)


def _free(meter: Meter) -> bool:
    steady = meter.kind == "Usage" and not meter.noise and not meter.growth
    return steady and not meter.waste and not meter.anomaly


def _plans(world: World, random: Random, start: date, covered_share: float) -> None:
    """Two plans, one partly paid upfront when the bill begins.

    Nights and weekends leave some of them unused.
    """
    plans = {
        arn("savingsplans", "", world.payer.id, f"savingsplan/{hexadecimal(random, 12)}-{at}"): 0
        for at in (1, 2)
    }
    names = tuple(plans)
    for at, meter in enumerate(world.meters):
        if not (_free(meter) and "BoxUsage" in meter.usage_type and random.random() < covered_share):
            continue
        rate = share(meter.rate, PLAN_SHARE, 100 * _FINE) * _FINE
        name = random.choice(names)
        plans[name] += rate
        world.meters[at] = replace(meter, kind="SavingsPlanCoveredUsage", arn=name, plan_rate=rate)
    for name, used in plans.items():
        commitment = share(used, _UNUSED_PERCENT, 100 * _FINE) * _FINE + _FINE
        upfront = share(commitment, _UPFRONT_PERCENT, 100 * _FINE) * _FINE if name == names[1] else 0
        bought = start if upfront else _BEFORE
        world.plans.append(Plan(name, world.payer.id, commitment - upfront, upfront, bought))


def _leases(world: World, random: Random, start: date, covered_share: float) -> None:
    chosen: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for at, meter in enumerate(world.meters):
        able = meter.family in ("Database Instance", "Cache Instance")
        if _free(meter) and able and random.random() < covered_share:
            chosen[meter.account, meter.region, meter.usage_type].append(at)
    for at, places in enumerate(chosen.values()):
        lease = _lease(random, world.meters[places[0]], len(places), start, partly_paid=at % 2 == 0)
        world.leases.append(lease)
        for place in places:
            world.meters[place] = replace(
                world.meters[place],
                kind="DiscountedUsage",
                arn=lease.arn,
                lease_upfront=lease.upfront,
                lease_recurring=lease.recurring,
            )


def _lease(random: Random, meter: Meter, used: int, start: date, *, partly_paid: bool) -> Lease:
    """One instance more than is used, every other time."""
    price = share(meter.rate, LEASE_SHARE, 100 * _FINE) * _FINE
    upfront = share(price, _UPFRONT_PERCENT, 100 * _FINE) * _FINE if partly_paid else 0
    service = "rds" if meter.product == "AmazonRDS" else "elasticache"
    return Lease(
        arn=arn(service, meter.region, meter.account, f"ri:{hexadecimal(random, 12)}"),
        account=meter.account,
        product=meter.product,
        region=meter.region,
        usage_type=meter.usage_type,
        operation=meter.operation,
        instance_type=meter.instance_type,
        count=used + random.randint(0, 1),
        recurring=price - upfront,
        upfront=upfront,
        bought=start if partly_paid else _BEFORE,
    )


def covered_lines(meters: list[Meter]) -> Iterator[Meter]:
    """The meters whose lines are negated."""
    return (meter for meter in meters if meter.kind == "SavingsPlanCoveredUsage")
