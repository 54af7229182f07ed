"""What commitments bill in a month: fees, what stayed unused, and the negation of covered usage.

Source: the AWS CUR data dictionary (lineItem/LineItemType; savingsPlan and reservation columns). All of it
is computed from the lines that were seen, so it fits them whatever the fleet was.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from infra.demo.money import ONE, share
from infra.demo.spec import Month, Spec, midnight
from infra.demo.world import Lease, Plan, World

YEAR_HOURS = 8760
_FAMILIES = {
    "AmazonEC2": "Compute Instance",
    "AmazonRDS": "Database Instance",
    "AmazonElastiCache": "Cache Instance",
}

Line = dict[str, object]


class CommitmentFees:
    """Sees the usage of a month (`see`), then says what plans and reservations bill (`lines`)."""

    def __init__(self, world: World, spec: Spec, month: Month) -> None:
        self._world, self._spec, self._month = world, spec, month
        self._period = spec.granularity.period
        self._used: dict[tuple[str, datetime], int] = defaultdict(int)  # plan, start -> effective cost
        self._hours: dict[str, int] = defaultdict(int)  # lease -> hours used
        self._negated: dict[tuple[Any, ...], list[int]] = {}

    def see(self, lines: pl.DataFrame) -> None:
        covered = lines.filter(pl.col("kind") == "SavingsPlanCoveredUsage")
        for arn, start, used in sums(covered, ["arn", "start"], "plan_effective"):
            self._used[arn, start] += used
        keys = ["arn", "account", "product", "region", "family", "usage_type", "operation", "unit", "start"]
        grouped = covered.group_by(keys, maintain_order=True).agg(
            pl.col("cost", "net").sum(), pl.col("quantity").sum(), pl.col("rate").first()
        )
        for *key, cost, net, quantity, rate in grouped.iter_rows():
            total = self._negated.setdefault(tuple(key), [0, 0, 0, rate])
            total[:3] = total[0] + cost, total[1] + net, total[2] + quantity
        leased = lines.filter(pl.col("kind") == "DiscountedUsage")
        for arn, quantity in sums(leased, ["arn"], "quantity"):
            self._hours[arn] += quantity // ONE

    def lines(self) -> list[Line]:
        return [*self._negations(), *self._plan_fees(), *self._lease_fees()]

    def _running(self, bought: Plan | Lease) -> bool:
        return bought.bought <= self._month.first < bought.expires

    def _net(self, amount: int) -> int:
        return share(amount, 10_000 - self._spec.edp_basis_points, 10_000)

    def _negations(self) -> list[Line]:
        lines: list[Line] = []
        for key, (cost, net, quantity, rate) in self._negated.items():
            arn, account, product, region, family, usage_type, operation, unit, start = key
            lines.append(
                {
                    "kind": "SavingsPlanNegation",
                    "arn": arn,
                    "account": account,
                    "product": product,
                    "region": region,
                    "family": family,
                    "usage_type": usage_type,
                    "operation": operation,
                    "unit": unit,
                    "start": start,
                    "end": start + self._period,
                    "quantity": quantity,
                    "rate": rate,
                    "cost": -cost,
                    "net": -net,
                    "effective": 0,
                    "term": "OnDemand",
                    "description": "SavingsPlanNegation used by AccountId : " + account,
                }
            )
        return lines

    def _plan_fees(self) -> list[Line]:
        lines: list[Line] = []
        for plan in filter(self._running, self._world.plans):
            if self._month.first == plan.bought and plan.upfront:
                lines.append(self._plan_purchase(plan))
            hours = self._spec.granularity.hours
            for at in range(0, self._month.hours, hours):
                start = self._month.start + timedelta(hours=at)
                total, used = plan.commitment * hours, self._used.get((plan.arn, start), 0)
                if used > total:
                    raise ValueError(f"{plan.arn} is used beyond its commitment at {start}")
                fee = plan.recurring * hours
                lines.append(
                    {
                        **_plan(plan),
                        "kind": "SavingsPlanRecurringFee",
                        "start": start,
                        "end": start + self._period,
                        "usage_type": "ComputeSP:1yrNoUpfront"
                        if not plan.upfront
                        else "ComputeSP:1yrPartialUpfront",
                        "unit": "Hrs",
                        "quantity": hours * ONE,
                        "rate": plan.recurring,
                        "cost": fee,
                        "net": self._net(fee),
                        "effective": self._net(total - used),
                        "plan_total": total,
                        "plan_used": used,
                        "plan_upfront": plan.upfront * hours,
                        "plan_recurring": fee,
                        "description": "1 year Compute Savings Plan",
                    }
                )
        return lines

    def _plan_purchase(self, plan: Plan) -> Line:
        paid = plan.upfront * YEAR_HOURS
        return {
            **_plan(plan),
            "kind": "SavingsPlanUpfrontFee",
            "start": midnight(plan.bought),
            "end": midnight(plan.bought) + self._period,
            "usage_type": "ComputeSP:1yrPartialUpfront",
            "quantity": ONE,
            "rate": paid,
            "cost": paid,
            "net": self._net(paid),
            "effective": 0,
            "description": "1 year Compute Savings Plan, upfront fee",
        }

    def _lease_fees(self) -> list[Line]:
        lines: list[Line] = []
        for lease in filter(self._running, self._world.leases):
            owned = lease.count * self._month.hours
            unused = owned - self._hours.get(lease.arn, 0)
            if unused < 0:
                raise ValueError(f"{lease.arn} is used beyond its {owned} hours")
            if lease.upfront and self._month.first == lease.bought:
                paid = lease.upfront * YEAR_HOURS * lease.count
                lines.append(
                    {
                        **_lease(lease),
                        "kind": "Fee",
                        "unit": "Quantity",
                        "quantity": lease.count * ONE,
                        "rate": paid // lease.count,
                        "cost": paid,
                        "net": self._net(paid),
                        "effective": 0,
                        "description": f"Sign up charge for {lease.count} reserved {lease.instance_type}",
                    }
                )
            fee = lease.recurring * owned
            lines.append(
                {
                    **_lease(lease),
                    "kind": "RIFee",
                    "unit": "Hrs",
                    "quantity": owned * ONE,
                    "rate": lease.recurring,
                    "cost": fee,
                    "net": self._net(fee),
                    "effective": self._net(lease.upfront * unused) + self._net(lease.recurring * unused),
                    "lease_unused": unused * ONE,
                    "lease_unused_upfront": lease.upfront * unused,
                    "lease_unused_recurring": lease.recurring * unused,
                    "lease_fee_upfront": lease.upfront * owned,
                    "description": f"Hourly fee of {lease.count} reserved {lease.instance_type}",
                }
            )
        return lines


def sums(lines: pl.DataFrame, keys: list[str], amount: str) -> list[tuple[Any, ...]]:
    """The exact sum of the amount for each combination of the keys."""
    total = pl.col(amount).cast(pl.Int128).sum()
    return lines.group_by(keys, maintain_order=True).agg(total).rows()


def _plan(plan: Plan) -> Line:
    return {"arn": plan.arn, "account": plan.account, "product": "ComputeSavingsPlans"}


def _lease(lease: Lease) -> Line:
    return {
        "arn": lease.arn,
        "account": lease.account,
        "product": lease.product,
        "region": lease.region,
        "family": _FAMILIES[lease.product],
        "usage_type": lease.usage_type,
        "operation": lease.operation,
        "instance_type": lease.instance_type,
        "term": "Reserved",
    }
