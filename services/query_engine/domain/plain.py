"""Other spellings of one thing, brought to that one before names are resolved: no engine has to know both."""

import re
from collections.abc import Callable
from typing import Any

from sqlglot import exp

_WHOLE = re.compile("-?[0-9]+")
_SPAN = re.compile(r"([+-]?)(?:(\d+) )?(\d+)(?::(\d+))?(?::(\d+))?")


def spell_plainly(statement: exp.Query) -> None:
    """Rewrite in place what has a plainer form that means the same."""
    for kinds, respell in _SPELLINGS:
        for node in list(statement.find_all(*kinds)):
            respell(node)


def _multiplied(node: exp.Mul) -> None:
    """-1 * INTERVAL '2' MONTH is INTERVAL '-2' MONTH, for whole numbers that are written out."""
    number, interval = node.this, node.expression
    if isinstance(number, exp.Interval):
        number, interval = interval, number
    sign = -1 if isinstance(number, exp.Neg) else 1
    number = number.this if isinstance(number, exp.Neg) else number
    if not isinstance(interval, exp.Interval) or not isinstance(interval.this, exp.Literal):
        return
    if not isinstance(number, exp.Literal) or not number.is_int or not _WHOLE.fullmatch(interval.this.name):
        return
    count = sign * int(number.name) * int(interval.this.name)
    parent = node.parent
    if count < 0 and isinstance(parent, exp.Add) and parent.expression is node:
        # x + INTERVAL '-2' MONTH
        parent.replace(exp.Sub(this=parent.this, expression=_interval(interval, -count)))
    else:
        node.replace(_interval(interval, count))


def _interval(like: exp.Interval, count: int) -> exp.Interval:
    return exp.Interval(this=exp.Literal.string(str(count)), unit=like.args.get("unit"))


def _limit(node: exp.Fetch) -> None:
    """FETCH FIRST 5 ROWS ONLY is LIMIT 5; without a number it is one row."""
    node.replace(exp.Limit(expression=node.args.get("count") or exp.Literal.number(1)))


def _name_no_windows(select: exp.Select) -> None:
    """OVER w, as the WINDOW clause says what w is."""
    known = {each.name.lower(): each for each in select.args.get("windows") or []}
    if not known:
        return
    for node in list(select.find_all(exp.Window)):
        name = node.args.get("alias")
        found = known.get(name.name.lower()) if name is not None else None
        if found is None or node in known.values() or found.args.get("alias"):
            continue
        if any(node.args.get(part) and found.args.get(part) for part in ("partition_by", "order", "spec")):
            continue
        for part in ("partition_by", "order", "spec"):
            value = found.args.get(part)
            if value:
                copied = [each.copy() for each in value] if isinstance(value, list) else value.copy()
                node.set(part, copied)
        node.set("alias", None)
    if not any(node.args.get("alias") for node in select.find_all(exp.Window)):
        select.set("windows", None)


def _one_by_one(node: exp.In) -> None:
    """(a, b) IN ((1, 2), (3, 4)) as a = 1 AND b = 2 OR a = 3 AND b = 4."""
    row, rows = node.this, node.expressions
    while isinstance(row, exp.Paren):
        row = row.this
    if not isinstance(row, exp.Tuple) or not rows:
        return
    size = len(row.expressions)
    if any(not isinstance(each, exp.Tuple) or len(each.expressions) != size for each in rows):
        return
    choices = [
        exp.and_(
            *(
                exp.EQ(this=exp.paren(mine.copy()), expression=exp.paren(other.copy()))
                for mine, other in zip(row.expressions, each.expressions, strict=True)
            ),
            copy=False,
        )
        for each in rows
    ]
    node.replace(exp.paren(exp.or_(*choices, copy=False), copy=False))


def _membership(node: exp.EQ | exp.NEQ) -> None:
    """= ANY (query) is IN, and <> ALL (query) is NOT IN."""
    wanted = exp.Any if isinstance(node, exp.EQ) else exp.All
    other = node.expression
    if not isinstance(other, wanted) or isinstance(other.this, exp.Tuple):
        return
    query = other.this
    while isinstance(query, exp.Paren | exp.Subquery) and isinstance(query.this, exp.Query):
        query = query.this
    if not isinstance(query, exp.Query):
        return
    made: exp.Expr = exp.In(this=node.this, query=exp.Subquery(this=query))
    node.replace(exp.Not(this=made) if isinstance(node, exp.NEQ) else made)


def _unit_by_unit(node: exp.Interval) -> None:
    """x + INTERVAL '1 2:03' DAY TO MINUTE as x + INTERVAL '1' DAY + INTERVAL '7380' SECOND."""
    span, operation = node.args.get("unit"), node.parent
    if not isinstance(span, exp.IntervalSpan) or not isinstance(operation, exp.Add | exp.Sub):
        return
    parts = _parts(node.this.name, span.this.name.upper(), span.expression.name.upper())
    if parts is None or (isinstance(operation, exp.Sub) and node.arg_key == "this"):
        return
    other = operation.expression if node.arg_key == "this" else operation.this
    made: exp.Expr = other
    for count, unit in parts:
        step = exp.Interval(this=exp.Literal.string(str(abs(count))), unit=exp.var(unit))
        down = isinstance(operation, exp.Sub) != (count < 0)
        made = exp.Sub(this=made, expression=step) if down else exp.Add(this=made, expression=step)
    operation.replace(exp.paren(made, copy=False))


def _parts(text: str, first: str, last: str) -> list[tuple[int, str]] | None:
    """'1-2' YEAR TO MONTH in months, '1 02:03:04' DAY TO SECOND and the like in days and seconds."""
    if (first, last) == ("YEAR", "MONTH"):
        years = re.fullmatch(r"([+-]?)(\d+)-(\d+)", text.strip())
        if years is None:
            return None
        months = int(years[2]) * 12 + int(years[3])
        return [(-months if years[1] == "-" else months, "MONTH")]
    found = _SPAN.fullmatch(text.strip())
    sizes = {"DAY": 86_400, "HOUR": 3_600, "MINUTE": 60, "SECOND": 1}
    units = list(sizes)
    if found is None or first not in sizes or last not in sizes:
        return None
    wanted = units[units.index(first) : units.index(last) + 1]
    given = [each for each in found.groups()[1:] if each is not None]
    if len(given) != len(wanted) or (found[2] is not None) != (first == "DAY"):
        return None
    counted = dict(zip(wanted, map(int, given), strict=True))
    sign = -1 if found[1] == "-" else 1
    days = counted.pop("DAY", 0)
    seconds = sum(count * sizes[unit] for unit, count in counted.items())
    return [(sign * count, unit) for count, unit in ((days, "DAY"), (seconds, "SECOND")) if count]


def _tried(node: exp.Expr) -> None:
    """try(sum(a) / sum(b)) as sum(a) / nullif(sum(b), 0): no engine has a TRY of an aggregate.

    What is within an aggregate fails as without TRY, since that is worked out before.
    """
    if str(node.this).lower() != "try" or len(node.expressions) != 1:
        return
    value = node.expressions[0]
    if not any(isinstance(each, exp.AggFunc | exp.Window | exp.Query) for each in value.walk()):
        return
    inside = (exp.AggFunc, exp.Window, exp.Query)
    for each in list(value.walk(prune=lambda part: isinstance(part, inside))):
        if isinstance(each, exp.Div | exp.Mod):
            each.set("expression", exp.Nullif(this=each.expression, expression=exp.Literal.number(0)))
        elif type(each) is exp.Cast and not isinstance(each.this, exp.Literal):
            each.replace(exp.TryCast(this=each.this, to=each.to, safe=True))
    node.replace(exp.paren(node.expressions[0], copy=False))


_SPELLINGS: tuple[tuple[tuple[type[exp.Expr], ...], Callable[[Any], None]], ...] = (
    ((exp.Fetch,), _limit),
    ((exp.Select,), _name_no_windows),
    ((exp.In,), _one_by_one),
    ((exp.EQ, exp.NEQ), _membership),
    ((exp.Mul,), _multiplied),
    ((exp.Interval,), _unit_by_unit),
    ((exp.Anonymous,), _tried),
)
