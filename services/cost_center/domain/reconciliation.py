"""Reconciliation: what the file says against what is about to be published, exactly."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.cost_center.domain.findings import Rejected
from services.cost_center.domain.tables import GroupKey, GroupTotal
from services.cost_center.events import CurrencyTotal, Finding
from shared.money import exact_sum, money_text, quantize

_NOTHING = GroupTotal(Decimal(0), 0)


@dataclass(frozen=True)
class Reconciliation:
    """One group of a bill. `residue` is what rounding to 18 decimals took away from the raw amounts.

    `raw_only`: another source feeds `charges` for this billing account, so its curated rows, which add up as
    all do, are not published.
    """

    key: GroupKey
    raw: GroupTotal
    curated: GroupTotal
    residue: Decimal
    raw_only: bool = False

    @property
    def difference(self) -> Decimal:
        """Raw minus curated; a bill adds up when this is its residue (0 for all but a few bills)."""
        return exact_sum((self.raw.amount, self.curated.amount.copy_negate()))

    @property
    def adds_up(self) -> bool:
        return self.difference == self.residue and self.raw.rows == self.curated.rows


def reconcile(
    raw: Mapping[GroupKey, GroupTotal],
    curated: Mapping[GroupKey, GroupTotal],
    residues: Mapping[GroupKey, Decimal],
) -> list[Reconciliation]:
    """Compare the two independent readings, group by group; a group that only one has counts as 0 in the
    other."""
    keys = sorted({*raw, *curated, *residues})
    return [
        Reconciliation(key, raw.get(key, _NOTHING), curated.get(key, _NOTHING), residues.get(key, Decimal(0)))
        for key in keys
    ]


def demand_equal(file: str, groups: Sequence[Reconciliation]) -> None:
    """Raises Rejected that names each group which does not add up."""
    wrong = [group for group in groups if not group.adds_up]
    if wrong:
        raise Rejected(_finding(file, group) for group in wrong)


def demand_representable(file: str, totals: Mapping[GroupKey, GroupTotal]) -> None:
    """Raises Rejected that names each total, of a group or of a period's currency, that decimal(38,18) cannot
    hold: each amount may fit and their sum not."""
    sums = {key.where: total.amount for key, total in sorted(totals.items())}
    for period, currency in sorted({(key.billing_period, key.currency) for key in totals}):
        sums[f"{period}, {currency}"] = exact_sum(
            total.amount
            for key, total in totals.items()
            if (key.billing_period, key.currency) == (period, currency)
        )
    wrong = {where: amount for where, amount in sums.items() if not _representable(amount)}
    if wrong:
        raise Rejected(
            Finding(
                file=file,
                column="BilledCost",
                expected="a total that decimal(38,18) holds (at most 20 digits before the point)",
                found=money_text(amount),
                message=f"the bill's total is too large for {where}",
            )
            for where, amount in wrong.items()
        )


def _representable(amount: Decimal) -> bool:
    try:
        quantize(amount)
    except ValueError:
        return False
    return True


def _finding(file: str, group: Reconciliation) -> Finding:
    return Finding(
        file=file,
        column="BilledCost",
        expected=f"{money_text(group.raw.amount)} in {group.raw.rows} rows",
        found=f"{money_text(group.curated.amount)} in {group.curated.rows} rows",
        message=f"the bill does not reconcile for {group.key.where}",
    )


def by_currency(groups: Iterable[Reconciliation]) -> list[CurrencyTotal]:
    """The totals of a bill per currency; currencies are never added."""
    found: dict[str, list[Reconciliation]] = {}
    for group in groups:
        found.setdefault(group.key.currency, []).append(group)
    return [
        CurrencyTotal(
            currency=currency,
            raw=exact_sum(group.raw.amount for group in members),
            curated=exact_sum(group.curated.amount for group in members),
            difference=exact_sum(group.difference for group in members),
        )
        for currency, members in sorted(found.items())
    ]
