"""Split cost allocation: what the containers of an instance had of it, as lines that cost nothing themselves.

Source: "Understanding split cost allocation data" and the split line item columns of the AWS CUR guide: two
lines for each pod or task, of CPU and of memory; the instance's amortised cost is weighed 9 to 1 between
them, and what no container used is spread over those that ran. Which containers there are is made up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from infra.demo.catalogue import AWS, SERVICES
from infra.demo.money import ONE, share
from infra.demo.spec import Month, Spec
from infra.demo.world import TAGS, Meter, World

NODES = 3
_PODS = (("default/web", 500_000), ("default/api", 250_000), ("batch/jobs", 50_000))
"""Namespace and name of a container, and its share of an instance in millionths: 20 % is used by none."""
_MILLION = 1_000_000
_CPU_WEIGHT, _WEIGHTS = 9, 10
LINES_OF_A_NODE = 2 * len(_PODS)
"""In each charge period."""


@dataclass(frozen=True)
class _Kind:
    product: str
    usage: str
    operation: str
    service: str
    path: str


_EKS = _Kind("AmazonEKS", "EKS-EC2", "EKSPod-EC2", "eks", "pod/main")
_ECS = _Kind("AmazonECS", "ECS-EC2", "ECSTask-EC2", "ecs", "task/main")
_MEASURES = (("vCPU-Hours", 4), ("GB-Hours", 16))
"""Usage type's end, and how much of it an instance has in an hour."""


def nodes(world: World) -> list[Meter]:
    """The instances that run containers: the first ones that always run, covered by a plan or not."""
    able = (
        meter
        for meter in world.meters
        if "BoxUsage" in meter.usage_type and meter.weekend == 1000 and not meter.anomaly
    )
    return [meter for meter, _ in zip(able, range(NODES), strict=False)]


class SplitCosts:
    """Sees a month's usage (`see`), then says what containers had of it (`lines`)."""

    def __init__(self, world: World, spec: Spec, month: Month) -> None:
        self._spec, self._month = spec, month
        self._kinds = {
            node.resource: _ECS if at % NODES == 1 else _EKS for at, node in enumerate(nodes(world))
        }
        self._parents: list[dict[str, Any]] = []

    def see(self, lines: pl.DataFrame) -> None:
        here = pl.col("resource").is_in(list(self._kinds)) & (pl.col("family") == "Compute Instance")
        self._parents += lines.filter(here).to_dicts()

    def lines(self) -> Iterator[dict[str, object]]:
        for parent in self._parents:
            kind = self._kinds[parent["resource"]]
            for measure, capacity in _MEASURES:
                yield from self._of(parent, kind, measure, capacity * self._spec.granularity.hours * ONE)

    def _of(
        self, parent: dict[str, Any], kind: _Kind, measure: str, capacity: int
    ) -> Iterator[dict[str, object]]:
        """The containers' parts of one measure; the last has what rounding left."""
        amortised = parent["cost"] if parent["plan_effective"] is None else parent["plan_effective"]
        costs = {
            name: self._weighed(amount, measure)
            for name, amount in (
                ("", amortised),
                ("net_", parent["effective"]),
                ("public_", parent["list_cost"]),
            )
        }
        ran = sum(part for _, part in _PODS)
        left = dict(costs)
        for at, (name, part) in enumerate(_PODS):
            amounts: dict[str, object] = {}
            for which, whole in costs.items():
                used = share(whole, part, _MILLION)
                had = left[which] if at == len(_PODS) - 1 else share(whole, part, ran)
                left[which] -= had
                amounts |= {f"split_{which}cost": used, f"split_{which}unused": had - used}
            usage = capacity * part // _MILLION
            yield {
                **_place(parent, kind, name, measure),
                "quantity": usage,
                "split_reserved": usage,
                "split_actual": usage * 4 // 5,
                "split_usage": usage,
                "split_ratio": part * (ONE // _MILLION),
                **amounts,
            }

    def _weighed(self, amount: int, measure: str) -> int:
        cpu = share(amount, _CPU_WEIGHT, _WEIGHTS)
        return cpu if measure == _MEASURES[0][0] else amount - cpu


def _place(parent: dict[str, Any], kind: _Kind, name: str, measure: str) -> dict[str, object]:
    region, account = parent["region"], parent["account"]
    prefix = parent["usage_type"].partition("BoxUsage")[0]
    resource = f"arn:aws:{kind.service}:{region}:{account}:{kind.path}/{name}/{parent['resource'][-8:]}"
    service = SERVICES[kind.product]
    return {
        "kind": "Usage",
        "account": account,
        "product": kind.product,
        "name": service.name,
        "entity": "AWS",
        "legal": AWS,
        "start": parent["start"],
        "end": parent["end"],
        "family": "Compute Containers",
        "usage_type": f"{prefix}{kind.usage}-{measure}",
        "operation": kind.operation,
        "unit": measure,
        "region": region,
        "resource": resource,
        "description": f"{measure} of {name} on {parent['resource']}",
        "term": "OnDemand",
        "rate": 0,
        "cost": 0,
        "net": 0,
        "effective": 0,
        "list_rate": 0,
        "list_cost": 0,
        "split_parent": parent["resource"],
        **{f"tag_{key}": parent[f"tag_{key}"] for key in TAGS},
    }
