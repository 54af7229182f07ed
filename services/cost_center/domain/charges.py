"""The curated table `charges`, and the form in which a mapping to it is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.cost_center.domain import focus_columns
from services.cost_center.domain.tables import ColumnSpec, ColumnType, MoneyColumns
from shared.ids import deterministic_id

X_COLUMNS: Mapping[str, ColumnType] = {
    "x_Source": ColumnType.STRING,
    "x_BillingPeriod": ColumnType.STRING,
    "x_BillId": ColumnType.STRING,
    "x_ServiceCode": ColumnType.STRING,
    "x_UsageType": ColumnType.STRING,
    "x_Operation": ColumnType.STRING,
    "x_LineItemType": ColumnType.STRING,
    "x_LineItemId": ColumnType.STRING,
    "x_TaxType": ColumnType.STRING,
    "x_ProductFamily": ColumnType.STRING,
    "x_InstanceType": ColumnType.STRING,
    "x_CostCategories": ColumnType.MAP,
    "x_OriginalTags": ColumnType.MAP,
    "x_ChargePart": ColumnType.STRING,
}
"""What FOCUS has no column for."""

PART = "x_ChargePart"
"""What of a delivered row this row is, where FOCUS wants two for it: 'Unused' is what a commitment lost,
beside its fee. NULL on every delivered row itself; a part bills nothing."""

COLUMNS: tuple[ColumnSpec, ...] = (
    *(ColumnSpec(name, kind) for name, (_, kind) in focus_columns.COLUMNS.items()),
    *(ColumnSpec(name, kind) for name, kind in X_COLUMNS.items()),
)

MONEY = MoneyColumns(
    cost=("BilledCost",),
    account="BillingAccountId",
    sub_account="SubAccountId",
    period_start="BillingPeriodStart",
    period_end="BillingPeriodEnd",
    invoice="InvoiceId",
    currency="BillingCurrency",
)


@dataclass(frozen=True)
class Rule:
    """How one column of `charges` is made: a SQL expression over the raw columns and the helpers.

    A raw column that a file does not have reads as NULL of its type. `source` says where the rule comes from.
    """

    target: str
    sql: str
    source: str


@dataclass(frozen=True)
class Product:
    """A helper column: `left` x `right`, rounded once, half even, to 18 decimals; NULL where either is.

    Plain multiplication of two decimal(38,18) overflows as soon as the product reaches 100. Computed only
    where `needed` holds.
    """

    name: str
    left: str
    right: str
    needed: str


@dataclass(frozen=True)
class Share:
    """A helper column: `amount` x `part` / `whole`, rounded once, half even, to 18 decimals; NULL where one
    of them is, or `whole` is 0. Each is a SQL expression. Computed only where `needed` holds."""

    name: str
    amount: str
    part: str
    whole: str
    needed: str


@dataclass(frozen=True)
class Twice:
    """A helper column: rows where `needed` holds come twice, and `name` is true on the second, false on every
    other. Its rules bill nothing on the second, so that a bill adds up and its rows are counted once. A
    mapping has one of these at most."""

    name: str
    needed: str


@dataclass(frozen=True)
class Lookup:
    """A helper column: what `table` says for the value of `key`, or NULL."""

    name: str
    key: str
    table: Mapping[str, str]


@dataclass(frozen=True)
class Netting:
    """Two helper columns for rows that cancel each other within a group of `keys`.

    `matched` is true on every covered and negating row of a group that has both kinds. `residual` is the sum
    of the group's `cost` on its first negating row, and 0 on the others: so the group's sum never changes,
    whether the negation is complete (then every row has 0) or not.
    """

    matched: str
    residual: str
    kind: str
    covered: str
    negating: str
    cost: tuple[str, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True)
class ColumnMap:
    """A helper column: a map of the columns whose raw name begins with `prefix`.

    The key is what the delivered header says after the first of `headers` that it begins with. Empty cells
    have no entry; a row without any entry has no map. `beside` is a raw column that is a map already, whose
    entries come first; `last` is another, whose entries come after all: those whose key begins with the first
    of `order`, with the second and so on, then the others. Another helper must read `last` as well.
    """

    name: str
    prefix: str
    headers: tuple[str, ...]
    beside: str | None = None
    last: str | None = None
    order: tuple[str, ...] = ()


@dataclass(frozen=True)
class JsonMap:
    """A helper column: the map that the JSON object in `column` writes. Values that are no text keep their
    JSON. With `pairs` the braces may be missing."""

    name: str
    column: str
    pairs: bool = False


@dataclass(frozen=True)
class MapEntry:
    """Fills a raw column where it is absent or NULL: with what the map in `column` has under `key`."""

    name: str
    column: str
    key: str


@dataclass(frozen=True)
class TagKeys:
    """A helper column: the map in `column` with each key in its normal form, values without white space
    around them; see `tags.normal_key`. A tag without a value has no entry; of keys that fall together the
    first with a value has it; a row without any entry has no map."""

    name: str
    column: str
    prefixes: tuple[tuple[str, str], ...]


Helper = Product | Share | Twice | Lookup | Netting | ColumnMap | JsonMap | MapEntry | TagKeys


@dataclass(frozen=True)
class ChargeMapping:
    """A complete mapping: one rule per column of `charges`, and the helpers its rules name."""

    rules: Sequence[Rule]
    helpers: Sequence[Helper] = ()

    @property
    def recipe(self) -> str:
        """An id of the rules: it changes with them, and with nothing else."""
        return deterministic_id(*map(repr, self.rules), *map(repr, self.helpers))


def nulls_beside(rules: Sequence[Rule], why: str) -> tuple[Rule, ...]:
    """The rules, and NULL for each column of `charges` that they do not make, whose source is `why`."""
    made = {rule.target for rule in rules}
    return (*rules, *(Rule(column.name, "NULL", why) for column in COLUMNS if column.name not in made))
