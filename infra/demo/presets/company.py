"""A company that anybody could be: workloads in turn over its accounts, until the bill has the rows it
should have.
"""

from itertools import islice

from infra.demo import anomalies, fleet, waste
from infra.demo.commitments import commit
from infra.demo.names import account, seeded
from infra.demo.sizing import fitted
from infra.demo.spec import Spec
from infra.demo.world import Meter, World

_CENTRES = ("product", "platform", "research", "operations")
_MONTH_END_LINES_PER_ACCOUNT = 12
_PLAN_LINES_PER_DAY = 2
_WORKLOADS_PER_WASTE = 25


def startup(spec: Spec) -> World:
    return _company(spec, ("us-east-1", "eu-west-1"), covered=0.5)


def enterprise(spec: Spec) -> World:
    return _company(
        spec, ("us-east-1", "eu-west-1", "us-west-2", "ap-northeast-1", "eu-central-1"), covered=0.6
    )


def _company(spec: Spec, regions: tuple[str, ...], covered: float) -> World:
    random = seeded(spec.seed)
    payer = account(random, "management", "finance")
    members = [
        account(
            random, f"{('prod', 'staging', 'dev', 'shared')[at % 4]}-{at + 1}", _CENTRES[at % len(_CENTRES)]
        )
        for at in range(max(1, spec.accounts - 1))
    ]
    world = World(payer, members)
    works = fleet.workloads(random, members, regions)
    first = next(works)
    world.meters += [*waste.planted(first), *fleet.meters(first)]
    budget = _meters(spec) - anomalies.RUNAWAY_INSTANCES
    for at, work in enumerate(works, start=1):
        missing = budget - len(world.meters)
        if missing <= 0:
            break
        made: list[Meter] = [*waste.planted(work)] if at % _WORKLOADS_PER_WASTE == 0 else []
        world.meters += islice([*made, *fleet.meters(work)], missing)
    world.spikes += anomalies.spikes(random, spec, world.meters)
    for spike, meter in anomalies.runaway(random, spec, first):
        if spike not in world.spikes:
            world.spikes.append(spike)
        world.meters.append(meter)
    commit(world, random, spec.start.first, covered)
    return fitted(world, spec)


def _meters(spec: Spec) -> int:
    """How many meters make about the rows that were asked for."""
    periods = spec.days * spec.granularity.lines_a_day
    ends = spec.months * spec.accounts * _MONTH_END_LINES_PER_ACCOUNT + periods * _PLAN_LINES_PER_DAY
    return max(0, (spec.rows - ends) // periods)
