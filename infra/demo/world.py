"""What a preset builds: accounts, meters, commitments and what is planted. Amounts are units of 1e-10."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

TAGS = ("Name", "env", "team", "app", "Environment")
"""Keys of users' tags. `Environment` is what some people write for `env`."""
UNTAGGED = ("",) * len(TAGS)


@dataclass(frozen=True)
class Account:
    id: str
    name: str
    cost_centre: str


@dataclass(frozen=True)
class Meter:
    """What one resource is charged for, day by day.

    `base` is a day's quantity in steps of 10^-`places`. A day's quantity is base x weekend x growth x
    noise, each in thousandths; a meter whose quantity is 0 has no line that day. `growth` is per 30
    days.
    """

    account: str
    product: str
    family: str
    usage_type: str
    operation: str
    unit: str
    region: str
    rate: int
    base: int
    places: int = 0
    list_rate: int | None = None
    """Where it is not the rate: spot, and private prices."""
    resource: str = ""
    resource_name: str = ""
    instance_type: str = ""
    zone: str = ""
    kind: str = "Usage"
    arn: str = ""
    plan_rate: int = 0
    lease_upfront: int = 0
    lease_recurring: int = 0
    weekend: int = 1000
    growth: int = 0
    noise: int = 0
    first: date = date.min
    last: date = date.max
    tags: tuple[str, ...] = UNTAGGED
    waste: str = ""
    saving: int = 100
    """Percent of the cost that is saved by acting on the waste."""
    anomaly: str = ""
    """The whole meter exists because of this anomaly."""


@dataclass(frozen=True)
class Plan:
    """A savings plan; amounts per hour."""

    arn: str
    account: str
    recurring: int
    upfront: int
    bought: date
    expires: date = date.max

    @property
    def commitment(self) -> int:
        return self.recurring + self.upfront


@dataclass(frozen=True)
class Lease:
    """A reservation of `count` instances; amounts per instance and hour."""

    arn: str
    account: str
    product: str
    region: str
    usage_type: str
    operation: str
    instance_type: str
    count: int
    recurring: int
    upfront: int
    bought: date
    expires: date = date.max


@dataclass(frozen=True)
class Spike:
    """Days on which meters of an account, service and region run at `factor` thousandths of themselves."""

    id: str
    kind: str
    account: str
    product: str
    region: str
    usage_type: str
    first: date
    last: date
    factor: int


@dataclass(frozen=True)
class Expectation:
    """A total that a source document states: of the lines of these products and families."""

    name: str
    total: int
    products: tuple[str, ...]
    families: tuple[str, ...] = ()


@dataclass
class World:
    payer: Account
    members: Sequence[Account]
    meters: list[Meter] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    leases: list[Lease] = field(default_factory=list)
    spikes: list[Spike] = field(default_factory=list)
    expected: tuple[Expectation, ...] = ()
    extras: bool = True
    """Support, credits, refunds, marketplace and tax at the month's end."""
    discount_lines: bool = True
    """A discount is a line of its own, too, beside its part in each net cost."""

    def accounts(self) -> Iterator[Account]:
        yield self.payer
        yield from self.members
