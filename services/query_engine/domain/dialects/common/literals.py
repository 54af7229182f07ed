"""Dates and timestamps written as text, and number literals: folded where the query is planned."""

import re
from datetime import date, datetime
from decimal import Decimal

from sqlglot import exp

from services.query_engine.domain.dialects.build import SCALE, Context, cast

_MAX_BIGINT = 2**63 - 1
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?))?Z?")


def timestamp_literal(text: str) -> exp.Expr | None:
    """A UTC timestamp from its ISO text, or None when it is none."""
    found = _TIMESTAMP.fullmatch(text.strip())
    if found is None:
        return None
    try:
        value = datetime.fromisoformat(f"{found[1]}T{found[2] or '00:00'}")
    except ValueError:
        return None
    return moment(value)


def moment(value: datetime) -> exp.Expr:
    return cast(exp.Literal.string(value.strftime("%Y-%m-%d %H:%M:%S.%f")), "TIMESTAMP")


def date_literal(text: str) -> exp.Expr | None:
    """A date from its ISO text, or None when it is none."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip()):
        return None
    try:
        value = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return cast(exp.Literal.string(value.isoformat()), "DATE")


def literal(node: exp.Literal, context: Context) -> exp.Expr:
    """A decimal literal carries its scale, so that no engine guesses a precision from its digits."""
    if node.is_string or "e" in node.name.lower():
        return node
    if "." not in node.name:
        if int(node.name) > _MAX_BIGINT:
            raise context.unsupported(node, f"The integer {node.name} does not fit a bigint")
        return node
    value = Decimal(node.name)
    scale = -int(value.as_tuple().exponent)
    if scale > SCALE or len(value.as_tuple().digits) > 38:
        raise context.unsupported(node, f"The number {node.name} has more than {SCALE} decimals or 38 digits")
    return cast(exp.Literal.number(f"{value:f}"), f"DECIMAL(38, {max(scale, 1)})")
