"""Columns that Athena's tables of bills are partitioned by, as one can name them in any query.

`cur`, `cur2` and `focus` hold year ('2026'), month ('9', as AWS's own tables have it) and billing_period
('2026-09'); where a table lacks one it is derived from the start of the row's billing period, and is then no
part of SELECT *. A month is never written '09'; where a query writes it so, the month is meant.
"""

import re
from collections.abc import Callable, Mapping

from sqlglot import exp

from services.query_engine.domain.tables import Table

STARTS = ("bill_billing_period_start_date", "billingperiodstart")
"""What partitions are derived from: whichever the table has."""
_ZERO_MONTH = re.compile(r"0[1-9]")
_EQUALS = (exp.EQ, exp.NEQ, exp.In)
_COMPARISONS = (*_EQUALS, exp.Between, exp.GT, exp.GTE, exp.LT, exp.LTE)


def _number(kind: type[exp.Func]) -> Callable[[exp.Expr], exp.Expr]:
    return lambda start: exp.cast(kind(this=start), "varchar")


def _period(start: exp.Expr) -> exp.Expr:
    return exp.TimeToStr(this=start, format=exp.Literal.string("%Y-%m"))


_MADE: Mapping[str, Callable[[exp.Expr], exp.Expr]] = {
    "year": _number(exp.Year),
    "month": _number(exp.Month),
    "billing_period": _period,
}
_BILLS = ("cur", "cur2", "focus")
_OF: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(_BILLS, ("year", "month", "billing_period")),
    "charges": ("billing_period",),
}


def is_partition(table: Table, name: str) -> bool:
    """Whether `name` is such a column of `table`, which has none of its own of that name."""
    held = {each.name.lower() for each in table.columns}
    lower = name.lower()
    return lower not in held and lower in _OF.get(table.base, ()) and any(each in held for each in STARTS)


def derive(column: exp.Column, table: Table) -> exp.Expr:
    """What stands for `column` (qualified): an expression over the start of its row's billing period."""
    held = {each.name.lower(): each.type for each in table.columns}
    name = next(each for each in STARTS if each in held)
    start: exp.Expr = exp.column(
        exp.to_identifier(name, quoted=True), exp.to_identifier(column.table, quoted=True)
    )
    if held[name] == "varchar":
        start = exp.cast(start, "timestamp")
    return _MADE[column.name.lower()](start)


def read_months(column: exp.Column, table: Table) -> None:
    """Read '09' as the month that a bill's `month` calls '9', in place.

    Held against equals it loses the zero; a range with such an end is one of numbers, as was meant.
    """
    parent = column.parent
    if table.base not in _BILLS or column.name.lower() != "month" or not isinstance(parent, _COMPARISONS):
        return
    months = [each for each in parent.iter_expressions() if not isinstance(each, exp.Column)]
    texts = [each.name for each in months if isinstance(each, exp.Literal) and each.is_string]
    if not any(_ZERO_MONTH.fullmatch(each) for each in texts):
        return
    if isinstance(parent, _EQUALS):
        for each in months:
            if isinstance(each, exp.Literal) and _ZERO_MONTH.fullmatch(each.name):
                each.set("this", each.name[1:])
    elif len(texts) == len(months) and all(each.isdecimal() for each in texts):
        for each in months:
            each.replace(exp.Literal.number(int(each.name)))
        number = exp.Cast(this=exp.Null(), to=exp.DataType.build("integer"))
        column.replace(number)
        number.set("this", column)
