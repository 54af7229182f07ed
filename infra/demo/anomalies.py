"""Planted anomalies: each has its days, its place in the bill and what it adds, which the answer key sums."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random

from infra.demo import fleet
from infra.demo.fleet import Workload, instance_hours
from infra.demo.spec import Spec
from infra.demo.world import Meter, Spike

_KINDS = (
    ("request_storm", fleet.INVOKE, 90_000, 2),
    ("log_flood", fleet.LOGS, 24_000, 1),
    ("egress_surge", fleet.OUT, 30_000, 1),
    ("slow_functions", fleet.SECONDS, 6_000, 3),
)
"""Kind, what it hits, how many thousandths of itself that becomes, and for how many days."""
RUNAWAY_DAYS, RUNAWAY_INSTANCES, QUIET_DAYS = 3, 4, 12
"""A month's first days are quiet, so that there is a past to compare with."""


def spikes(random: Random, spec: Spec, meters: list[Meter]) -> Iterator[Spike]:
    """One a month, of a kind in turn, where the service's largest meters of that kind are."""
    for at, month in enumerate(spec.calendar()):
        kind, (product, _, usage_type, *_), factor, days = _KINDS[at % len(_KINDS)]
        able = [
            meter for meter in meters if meter.product == product and meter.usage_type.endswith(usage_type)
        ]
        if not able:
            continue
        hit = max(able, key=lambda meter: meter.base)
        first = month.first + timedelta(days=random.randint(QUIET_DAYS, month.days - days - 1))
        yield Spike(
            id=f"anomaly-{month.period}-{kind}",
            kind=kind,
            account=hit.account,
            product=hit.product,
            region=hit.region,
            usage_type=hit.usage_type,
            first=first,
            last=first + timedelta(days=days - 1),
            factor=factor,
        )


def runaway(random: Random, spec: Spec, work: Workload) -> Iterator[tuple[Spike, Meter]]:
    """Big instances that somebody started in the last month and forgot for some days."""
    month = list(spec.calendar())[-1]
    first = month.first + timedelta(days=random.randint(QUIET_DAYS, month.days - RUNAWAY_DAYS - 1))
    last = first + timedelta(days=RUNAWAY_DAYS - 1)
    name = f"anomaly-{month.period}-runaway_instances"
    for _ in range(RUNAWAY_INSTANCES):
        meter = replace(instance_hours(work, "g5.12xlarge"), first=first, last=last, anomaly=name)
        spike = Spike(
            name,
            "runaway_instances",
            meter.account,
            meter.product,
            meter.region,
            meter.usage_type,
            first,
            last,
            1000,
        )
        yield spike, meter
