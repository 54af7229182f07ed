"""Quantity and unit prices of a FOCUS row: exact, and rounded once."""

from decimal import Context, Decimal

from shared.money import quantize

_EXACT = Context(prec=120)
_NEAR = Decimal("0.000001")
_SMALL = Decimal("0.000000001")


def priced(
    category: str | None,
    is_correction: bool,
    quantity: Decimal | None,
    consumed: Decimal | None,
    prices: tuple[Decimal | None, Decimal | None],
    costs: tuple[Decimal, Decimal],
) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """(PricingQuantity, ListUnitPrice, ContractedUnitPrice) of a row, of which `prices` and `costs` are list
    and contracted.

    Usage and purchases have all three, and price times quantity is the cost; a price is never negative, tax
    has none (FOCUS 1.2 ListUnitPrice, ContractedUnitPrice and PricingQuantity, C-004 to C-011). A price of
    the bill that says otherwise, beyond the rounding of providers, is replaced by cost over quantity.
    """
    if category == "Tax":
        return None, None, None
    if is_correction:
        return quantity, *(price if price is not None and price >= 0 else None for price in prices)  # type: ignore[return-value]
    if category not in ("Usage", "Purchase"):
        kept = [
            price if _matches(price, quantity, cost) else None
            for price, cost in zip(prices, costs, strict=True)
        ]
        return quantity, kept[0], kept[1]
    quantity = _quantity(quantity, consumed, costs)
    found = [
        price if _matches(price, quantity, cost) else _quotient(cost, quantity)
        for price, cost in zip(prices, costs, strict=True)
    ]
    return quantity, found[0], found[1]


def _quantity(quantity: Decimal | None, consumed: Decimal | None, costs: tuple[Decimal, Decimal]) -> Decimal:
    """A quantity that non-negative prices can turn into the costs."""
    if quantity is None:
        quantity = consumed or Decimal(1 if any(costs) else 0)
    if not any(costs):
        return quantity
    if not quantity:
        quantity = Decimal(1)
    negative = all(cost <= 0 for cost in costs)
    return (
        -quantity
        if negative == (quantity > 0) and (negative or all(cost >= 0 for cost in costs))
        else quantity
    )


def _matches(price: Decimal | None, quantity: Decimal | None, cost: Decimal) -> bool:
    if price is None or price < 0 or quantity is None:
        return False
    off = abs(_EXACT.subtract(_EXACT.multiply(price, quantity), cost))
    return off <= max(abs(cost) * _NEAR, _SMALL)


def _quotient(cost: Decimal, quantity: Decimal) -> Decimal:
    return quantize(_EXACT.divide(cost, quantity)) if quantity else Decimal(0)
