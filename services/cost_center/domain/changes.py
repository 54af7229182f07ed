"""What a restatement changed: two sums over `charges`, compared charge by charge. Exact, and pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from services.cost_center.events import ChargeChange, CurrencyTotal, SetChanges, TotalChange
from shared.money import exact_sum

LARGEST = 50
"""So many changed charges go into event and row; all of them into the document."""


class ChargeKey(NamedTuple):
    """By what changes are told. A value that the bill does not have is None."""

    service_name: str | None
    sub_account_id: str | None
    charge_category: str | None
    currency: str


ChargeSums = Mapping[ChargeKey, Decimal]
"""The sum of BilledCost by charge."""


def compare(before: ChargeSums, after: ChargeSums) -> list[ChargeChange]:
    """Every charge whose sum differs, the largest absolute difference first; absent counts as 0."""
    found = [
        _charge(key, before.get(key, Decimal(0)), after.get(key, Decimal(0)))
        for key in {*before, *after}
        if before.get(key, Decimal(0)) != after.get(key, Decimal(0))
    ]
    return sorted(found, key=_by_size)


def combined(steps: Iterable[Iterable[ChargeChange]]) -> list[ChargeChange]:
    """What restatements in a row, the oldest first, changed together: what one that has nothing to say of a
    charge left as it was."""
    before: dict[ChargeKey, Decimal] = {}
    after: dict[ChargeKey, Decimal] = {}
    for change in (each for step in steps for each in step):
        key = ChargeKey(change.service_name, change.sub_account_id, change.charge_category, change.currency)
        before.setdefault(key, change.before)
        after[key] = change.after
    return compare(before, after)


def summary(
    changes: Sequence[ChargeChange],
    before: Sequence[CurrencyTotal],
    after: Sequence[CurrencyTotal],
    document: str | None,
) -> SetChanges:
    """What event and row say. `before` and `after` are the totals of the two bills."""
    return SetChanges(
        totals=_totals(before, after),
        largest=list(changes[:LARGEST]),
        others=_summed(changes[LARGEST:]),
        count=len(changes),
        document=document,
    )


def of_document(body: bytes) -> list[ChargeChange]:
    """The changed charges that `document` wrote."""
    return [ChargeChange.model_validate(each) for each in json.loads(body)["changes"]]


def document(bill_id: str, changes: Iterable[ChargeChange]) -> bytes:
    """Every changed charge as JSON; amounts are decimal strings."""
    rows = [change.model_dump(mode="json") for change in changes]
    return json.dumps({"bill_id": bill_id, "changes": rows}, ensure_ascii=False).encode()


def _charge(key: ChargeKey, before: Decimal, after: Decimal) -> ChargeChange:
    return ChargeChange(
        service_name=key.service_name,
        sub_account_id=key.sub_account_id,
        charge_category=key.charge_category,
        currency=key.currency,
        before=before,
        after=after,
        difference=_minus(after, before),
    )


def _by_size(change: ChargeChange) -> tuple[Decimal, tuple[str, ...]]:
    names = (change.currency, change.service_name, change.sub_account_id, change.charge_category)
    return change.difference.copy_abs().copy_negate(), tuple(name or "" for name in names)


def _totals(before: Sequence[CurrencyTotal], after: Sequence[CurrencyTotal]) -> list[TotalChange]:
    old = {total.currency: total.curated for total in before}
    new = {total.currency: total.curated for total in after}
    return [
        _total(currency, old.get(currency, Decimal(0)), new.get(currency, Decimal(0)))
        for currency in sorted({*old, *new})
    ]


def _summed(changes: Sequence[ChargeChange]) -> list[TotalChange]:
    by_currency: dict[str, list[ChargeChange]] = {}
    for change in changes:
        by_currency.setdefault(change.currency, []).append(change)
    return [
        _total(
            currency, exact_sum(each.before for each in members), exact_sum(each.after for each in members)
        )
        for currency, members in sorted(by_currency.items())
    ]


def _total(currency: str, before: Decimal, after: Decimal) -> TotalChange:
    return TotalChange(currency=currency, before=before, after=after, difference=_minus(after, before))


def _minus(after: Decimal, before: Decimal) -> Decimal:
    return exact_sum((after, before.copy_negate()))
