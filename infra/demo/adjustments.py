"""Credits and refunds that few bills have: a correction that keeps the dates of what it corrects, one that
has this month's, a credit that comes to nothing, a seller that refunds.
"""

from datetime import timedelta

from infra.demo.catalogue import AWS, MARKETPLACE
from infra.demo.commitment_fees import Line
from infra.demo.money import units
from infra.demo.spec import Month
from infra.demo.world import World

_DAY = timedelta(days=1)
_BALANCE = units("35.5")


def adjustments(world: World, month: Month) -> list[Line]:
    """At most `sizing.RARE_LINES` lines."""
    first, last = world.members[0].id, world.members[-1].id
    original = month.start - 9 * _DAY
    seller, name = next(iter(MARKETPLACE.items()))
    credit: Line = {"kind": "Credit", "account": first, "product": "AmazonRDS"}
    refund: Line = {"kind": "Refund", "account": last, "product": "AmazonEC2"}
    return [
        {
            **refund,
            "usage_type": "BoxUsage:m5.large",
            "start": original,
            "end": original + _DAY,
            "cost": -units("46.08"),
            "description": f"Refund of {original:%Y-%m-%d}: BoxUsage:m5.large",
        },
        {**refund, "cost": -units("12.3"), "description": "Refund: goodwill for the month before"},
        {
            "kind": "Refund",
            "account": first,
            "product": seller,
            "entity": "AWS Marketplace",
            "legal": name,
            "usage_type": "MP:contract-units",
            "cost": -units("9.99"),
            "description": f"Refund by {name}",
        },
        {**credit, "cost": -_BALANCE, "description": "Credit: migration programme"},
        {**credit, "cost": _BALANCE, "description": "Credit: migration programme, taken back"},
        {**credit, "cost": 0, "legal": AWS, "description": "Credit: migration programme, nothing left"},
    ]
