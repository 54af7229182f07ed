"""The answer key: what a reader of the bill must find, summed from the truth and not from any file."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from infra.demo.discounts import LINES
from infra.demo.money import share, text
from infra.demo.spec import Month, Spec
from infra.demo.world import TAGS, World

_BILLED = (
    pl.when(pl.col("kind").is_in(["SavingsPlanCoveredUsage", "SavingsPlanNegation"]))
    .then(0)
    .otherwise(pl.col("net"))
)
"""A savings plan's negation takes back what covered usage costs, to the last digit: both are 0 once
netted.
"""

_BY: dict[str, tuple[str, ...]] = {
    "total": (),
    "by_period": ("period",),
    "by_account": ("account",),
    "by_service": ("product",),
    "by_region": ("region",),
    "by_invoice": ("invoice",),
    "by_seller": ("legal",),
    "by_period_and_account": ("period", "account"),
    "by_period_and_service": ("period", "product"),
    **{f"by_tag.{tag}": (f"tag_{tag}",) for tag in TAGS},
}

Sums = dict[tuple[str, ...], list[int]]


class AnswerKey:
    """`see` every line of every month, then `answers`."""

    def __init__(self, world: World, spec: Spec) -> None:
        self._world, self._spec = world, spec
        self._sums: dict[str, Sums] = {name: {} for name in _BY}
        self._kinds: dict[str, int] = defaultdict(int)
        self._extra: dict[str, int] = defaultdict(int)
        self._waste: dict[tuple[str, ...], dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._adjustments: list[tuple[str, dict[str, Any]]] = []
        self._discounts: dict[str, int] = defaultdict(int)
        self._split: dict[tuple[str, str], list[int]] = {}
        self.rows: dict[str, int] = defaultdict(int)

    def see(self, lines: pl.DataFrame, month: Month, invoices: Mapping[str, str]) -> None:
        self.rows[month.period] += lines.height
        lines = lines.with_columns(
            billed=_BILLED,
            period=pl.lit(month.period),
            invoice=pl.col("entity").replace_strict(invoices, return_dtype=pl.String),
        )
        for name, keys in _BY.items():
            for *key, billed, effective in _grouped(lines, keys, ("billed", "effective")):
                total = self._sums[name].setdefault(tuple(key), [0, 0])
                total[0], total[1] = total[0] + billed, total[1] + effective
        for kind, cost in _grouped(lines, ("kind",), ("cost",)):
            self._kinds[kind] += cost
        for name, extra in _grouped(lines.filter(pl.col("anomaly") != ""), ("anomaly",), ("extra",)):
            self._extra[name] += extra
        self._see_rare(lines, month)
        wasted = lines.filter(pl.col("waste") != "")
        keys = ("resource", "waste", "account", "product", "region", "saving")
        for *key, cost in _grouped(wasted, keys, ("effective",)):
            self._waste[tuple(key)][month.period] += cost

    def _see_rare(self, lines: pl.DataFrame, month: Month) -> None:
        given = lines.filter(pl.col("kind").is_in(["Credit", "Refund"]))
        self._adjustments += [(month.period, line) for line in given.to_dicts()]
        if not self._spec.rare:
            return
        for kind, off in _grouped(lines.filter(pl.col("kind").is_in(LINES)), ("kind",), ("cost",)):
            self._discounts[kind] += off
        parts = ("split_cost", "split_unused", "split_net_cost", "split_net_unused")
        split = lines.filter(pl.col("split_parent") != "")
        for resource, parent, *amounts in _grouped(split, ("resource", "split_parent"), parts):
            known = self._split.setdefault((resource, parent), [0] * len(parts))
            self._split[resource, parent] = [a + b for a, b in zip(known, amounts, strict=True)]

    def total(self, period: str) -> int:
        """What a period was billed, in units of 1e-10."""
        return self._sums["by_period"][(period,)][0]

    def answers(self) -> dict[str, Any]:
        """JSON: money as decimal strings in `currency`; an empty key (no tag, no region) is an empty text."""
        spec = self._spec
        return {
            "seed": spec.seed,
            "currency": "USD",
            "periods": list(self.rows),
            "rows": dict(self.rows),
            "billing_account": self._world.payer.id,
            "accounts": {account.id: account.name for account in self._world.accounts()},
            "totals": self._totals(),
            "unblended_by_line_item_type": {kind: text(cost) for kind, cost in self._kinds.items()},
            "anomalies": [*self._anomalies()],
            "waste": [*self._wasted()],
            "adjustments": [*self._adjusted()],
            "discounts": {kind: text(off) for kind, off in self._discounts.items()},
            "split": [*self._split_costs()],
            "expected": [
                {
                    "name": each.name,
                    "monthly_total": text(each.total),
                    "services": list(each.products),
                    "product_families": list(each.families),
                }
                for each in self._world.expected
            ],
        }

    def _totals(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, sums in self._sums.items():
            place, _, tag = name.partition(".")
            here = found.setdefault(place, {}) if tag else found
            said = {"/".join(key): _pair(each) for key, each in sorted(sums.items())}
            here[tag or name] = said if _BY[name] else said[""]
        return found

    def _anomalies(self) -> Iterable[dict[str, str]]:
        for spike in self._world.spikes:
            yield {
                "id": spike.id,
                "kind": spike.kind,
                "first_day": str(spike.first),
                "last_day": str(spike.last),
                "account": spike.account,
                "service": spike.product,
                "region": spike.region,
                "usage_type": spike.usage_type,
                "expected_extra_cost": text(self._extra[spike.id]),
            }

    def _adjusted(self) -> Iterable[dict[str, str]]:
        """Credits and refunds, in the bill's order; times are UTC."""
        for period, line in self._adjustments:
            yield {
                "kind": line["kind"],
                "period": period,
                "start": line["start"].isoformat(),
                "end": line["end"].isoformat(),
                "account": line["account"],
                "service": line["product"],
                "seller": line["legal"],
                "amount": text(line["cost"]),
            }

    def _split_costs(self) -> Iterable[dict[str, str]]:
        """What each container had of its instance's amortised cost. It is in no total: the instance's is."""
        for (resource, parent), (used, unused, net_used, net_unused) in self._split.items():
            yield {
                "resource_id": resource,
                "parent_resource_id": parent,
                "split_cost": text(used),
                "unused_cost": text(unused),
                "net_split_cost": text(net_used),
                "net_unused_cost": text(net_unused),
            }

    def _wasted(self) -> Iterable[dict[str, Any]]:
        for (resource, kind, account, product, region, saving), costs in self._waste.items():
            latest = costs[max(costs)]
            yield {
                "resource_id": resource,
                "kind": kind,
                "account": account,
                "service": product,
                "region": region,
                "costs": {period: text(cost) for period, cost in costs.items()},
                "monthly_cost": text(latest),
                "monthly_saving": text(share(latest, int(saving), 100)),
            }


def _pair(sums: list[int]) -> dict[str, str]:
    return {"billed": text(sums[0]), "effective": text(sums[1])}


def _grouped(
    lines: pl.DataFrame, keys: tuple[str, ...], amounts: tuple[str, ...]
) -> Iterable[tuple[Any, ...]]:
    sums = [pl.col(name).cast(pl.Int128).sum() for name in amounts]
    if not keys:
        return lines.select(sums).rows()
    return lines.group_by(keys, maintain_order=True).agg(sums).rows()
