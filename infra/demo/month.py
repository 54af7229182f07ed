"""What is on a bill beside metered usage: commitments' fees, support, marketplace, credits, refunds, tax."""

from collections import defaultdict

import polars as pl

from infra.demo.adjustments import adjustments
from infra.demo.catalogue import AWS, MARKETPLACE, SERVICES
from infra.demo.commitment_fees import CommitmentFees, Line, sums
from infra.demo.discounts import NAMES
from infra.demo.ledger import frame
from infra.demo.money import CENT, ONE, share, units
from infra.demo.spec import Month, Spec
from infra.demo.split_costs import SplitCosts
from infra.demo.world import World

TAX_BASIS_POINTS = 825
SUPPORT_PERCENT, SUPPORT_LEAST = 10, units("100")
_DISCOUNTS = NAMES | {"EdpDiscount": "Enterprise Program Discount"}


class MonthEnd:
    """Sees every metered line of a month (`see`), then says what else is billed (`lines`)."""

    def __init__(self, world: World, spec: Spec, month: Month) -> None:
        self._world, self._spec, self._month = world, spec, month
        self._fees = CommitmentFees(world, spec, month)
        self._billed: dict[tuple[str, str, str], int] = defaultdict(int)  # account, product, legal -> net
        self._off: dict[tuple[str, str, str], int] = defaultdict(int)  # line type, account, product -> money
        self._split = SplitCosts(world, spec, month)

    def see(self, lines: pl.DataFrame) -> None:
        self._fees.see(lines)
        self._count(lines)
        if self._spec.rare and self._world.extras:
            self._split.see(lines)

    def _count(self, lines: pl.DataFrame) -> None:
        for account, product, legal, net in sums(lines, ["account", "product", "legal"], "net"):
            self._billed[account, product, legal] += net
        if not self._spec.net:
            return
        discount = lines.with_columns(
            edp=pl.col("cost") - pl.col("net") - pl.col("off").fill_null(0),
            off=pl.col("off").fill_null(0),
        )
        for account, product, off in sums(discount, ["account", "product"], "edp"):
            self._off["EdpDiscount", account, product] += off
        for kind, account, product, off in sums(discount, ["off_kind", "account", "product"], "off"):
            self._off[kind, account, product] += off

    def lines(self, seq: int) -> pl.DataFrame:
        """The lines that end the month, numbered from `seq`."""
        before_tax = self._fees.lines()
        if self._world.extras:
            before_tax += [*self._marketplace(), *self._support()]
        charged = frame([self._dated(line) for line in before_tax])
        self._count(charged)
        closing = self._discounts() if self._world.discount_lines else []
        if self._world.extras:
            closing += [*self._credits(), *self._taxes()]
        if self._world.extras and self._spec.rare:
            closing += [*adjustments(self._world, self._month), *self._split.lines()]
        parts = [charged, frame([self._dated(line) for line in closing])]
        return pl.concat(parts).with_columns(
            seq=pl.int_range(seq, seq + sum(part.height for part in parts), dtype=pl.Int64)
        )

    def _dated(self, line: Line) -> Line:
        """The month as the period, the service's name, and the net cost, where the line does not say."""
        service = SERVICES[str(line["product"])]
        basics: Line = {
            "start": self._month.start,
            "end": self._month.next.start,
            "name": service.name,
            "entity": "AWS Marketplace" if service.code in MARKETPLACE else "AWS",
            "legal": MARKETPLACE.get(service.code, AWS),
            "effective": line.get("net", line["cost"]),
        }
        return basics | line

    def _marketplace(self) -> list[Line]:
        """What was bought through AWS Marketplace by contract: once a month, from the seller."""
        prices = (units("480"), units("149.99"))
        return [
            {
                "kind": "Fee",
                "account": account.id,
                "product": code,
                "usage_type": "MP:contract-units",
                "unit": "Units",
                "quantity": ONE,
                "rate": price,
                "cost": price,
                "description": f"AWS Marketplace contract: {SERVICES[code].name}",
            }
            for account, code, price in zip(self._world.members, MARKETPLACE, prices, strict=False)
        ]

    def _support(self) -> list[Line]:
        spent = sum(net for (_, _, legal), net in self._billed.items() if legal == AWS)
        spent += sum(self._off.values())
        fee = max(SUPPORT_LEAST, share(spent, SUPPORT_PERCENT, 100 * CENT) * CENT)
        return [
            {
                "kind": "Fee",
                "account": self._world.payer.id,
                "product": "AWSSupportBusiness",
                "usage_type": "Dollar",
                "unit": "Dollar",
                "quantity": ONE,
                "rate": fee,
                "cost": fee,
                "description": "AWS Support (Business): 10% of the month's usage",
            }
        ]

    def _discounts(self) -> list[Line]:
        """Discounts as lines of their own: unblended, for their net part is in every line."""
        return [
            {
                "kind": kind,
                "account": account,
                "product": product,
                "cost": -off,
                "net": 0,
                "effective": 0,
                "description": f"{_DISCOUNTS[kind]} for {SERVICES[product].name}",
            }
            for (kind, account, product), off in self._off.items()
            if off
        ]

    def _credits(self) -> list[Line]:
        member = self._world.members[0]
        lines: list[Line] = [
            {
                "kind": "Credit",
                "account": member.id,
                "product": "AmazonEC2",
                "usage_type": "BoxUsage:m5.large",
                "cost": -units("250"),
                "description": "Credit: AWS Activate programme",
            }
        ]
        if self._month != self._spec.start:
            refunded = self._world.members[-1]
            lines.append(
                {
                    "kind": "Refund",
                    "account": refunded.id,
                    "product": "AmazonS3",
                    "usage_type": "Requests-Tier1",
                    "cost": -units("18.75"),
                    "description": "Refund: requests of the month before, charged twice",
                }
            )
        return lines

    def _taxes(self) -> list[Line]:
        """A line per account, service and seller, of what they charged, rounded to cents."""
        lines: list[Line] = []
        for (account, product, _), net in self._billed.items():
            tax = share(net, TAX_BASIS_POINTS, 10_000 * CENT) * CENT
            if tax > 0:
                lines.append(
                    {
                        "kind": "Tax",
                        "account": account,
                        "product": product,
                        "quantity": ONE,
                        "cost": tax,
                        "tax_type": "USSalesTax",
                        "description": f"Tax for product code {product}",
                    }
                )
        return lines
