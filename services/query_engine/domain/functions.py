"""The functions that are answered: their Athena names, and the type of what they return.

`returns` is a fixed Trino type, FIRST (the type of the first argument), or None where sqlglot's own
rules for Trino hold. How each is written for an engine stands in the rewrites.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

FIRST = "first"
_T = exp.DType


@dataclass(frozen=True)
class Function:
    """A function by the names under which Athena knows it."""

    names: tuple[str, ...]
    returns: exp.DType | str | None = None


FUNCTIONS: dict[type[exp.Expr], Function] = {
    # Conditional
    exp.Case: Function(("case",)),
    exp.If: Function(("if",)),
    exp.Coalesce: Function(("coalesce",)),
    exp.Nullif: Function(("nullif",), FIRST),
    exp.Greatest: Function(("greatest",)),
    exp.Least: Function(("least",)),
    exp.Cast: Function(("cast",)),
    exp.TryCast: Function(("try_cast",)),
    # Aggregates
    exp.Count: Function(("count",), _T.BIGINT),
    exp.CountIf: Function(("count_if",), _T.BIGINT),
    exp.Sum: Function(("sum",)),
    exp.Avg: Function(("avg",)),
    exp.Min: Function(("min",), FIRST),
    exp.Max: Function(("max",), FIRST),
    exp.AnyValue: Function(("arbitrary", "any_value"), FIRST),
    exp.ApproxDistinct: Function(("approx_distinct",), _T.BIGINT),
    exp.Stddev: Function(("stddev",), _T.DOUBLE),
    exp.StddevSamp: Function(("stddev_samp",), _T.DOUBLE),
    exp.Variance: Function(("variance", "var_samp"), _T.DOUBLE),
    # Windows
    exp.RowNumber: Function(("row_number",), _T.BIGINT),
    exp.Rank: Function(("rank",), _T.BIGINT),
    exp.DenseRank: Function(("dense_rank",), _T.BIGINT),
    exp.Lag: Function(("lag",), FIRST),
    exp.Lead: Function(("lead",), FIRST),
    exp.FirstValue: Function(("first_value",), FIRST),
    exp.LastValue: Function(("last_value",), FIRST),
    # Numbers
    exp.Abs: Function(("abs",), FIRST),
    exp.Ceil: Function(("ceil", "ceiling"), FIRST),
    exp.Floor: Function(("floor",), FIRST),
    exp.Round: Function(("round",), FIRST),
    exp.Trunc: Function(("truncate",), FIRST),
    exp.Sign: Function(("sign",), FIRST),
    exp.Sqrt: Function(("sqrt",), _T.DOUBLE),
    exp.Exp: Function(("exp",), _T.DOUBLE),
    exp.Ln: Function(("ln",), _T.DOUBLE),
    exp.Pow: Function(("pow", "power"), _T.DOUBLE),
    # Text
    exp.Lower: Function(("lower",), _T.VARCHAR),
    exp.Upper: Function(("upper",), _T.VARCHAR),
    exp.Length: Function(("length",), _T.BIGINT),
    exp.Trim: Function(("trim", "ltrim", "rtrim"), _T.VARCHAR),
    exp.Reverse: Function(("reverse",), _T.VARCHAR),
    exp.Replace: Function(("replace",), _T.VARCHAR),
    exp.Substring: Function(("substr", "substring"), _T.VARCHAR),
    exp.SplitPart: Function(("split_part",), _T.VARCHAR),
    exp.StrPosition: Function(("strpos", "position"), _T.BIGINT),
    exp.StartsWith: Function(("starts_with",), _T.BOOLEAN),
    exp.RegexpLike: Function(("regexp_like",), _T.BOOLEAN),
    exp.Concat: Function(("concat",), _T.VARCHAR),
    # Time
    exp.CurrentDate: Function(("current_date",), _T.DATE),
    exp.CurrentTimestamp: Function(("now", "current_timestamp"), _T.TIMESTAMP),
    exp.Localtimestamp: Function(("localtimestamp",), _T.TIMESTAMP),
    exp.Date: Function(("date",), _T.DATE),
    exp.TimestampTrunc: Function(("date_trunc",), FIRST),
    exp.DateTrunc: Function(("date_trunc",), FIRST),
    exp.TimeToStr: Function(("date_format",), _T.VARCHAR),
    exp.DateAdd: Function(("date_add",), FIRST),
    exp.DateDiff: Function(("date_diff",), _T.BIGINT),
    exp.LastDay: Function(("last_day_of_month",), _T.DATE),
    exp.Extract: Function(("extract",), _T.BIGINT),
    exp.Year: Function(("year",), _T.BIGINT),
    exp.Quarter: Function(("quarter",), _T.BIGINT),
    exp.Month: Function(("month",), _T.BIGINT),
    exp.WeekOfYear: Function(("week", "week_of_year"), _T.BIGINT),
    exp.Day: Function(("day",), _T.BIGINT),
    exp.DayOfMonth: Function(("day_of_month",), _T.BIGINT),
    exp.DayOfWeekIso: Function(("day_of_week", "dow"), _T.BIGINT),
    exp.DayOfYear: Function(("day_of_year", "doy"), _T.BIGINT),
    exp.Hour: Function(("hour",), _T.BIGINT),
    exp.Minute: Function(("minute",), _T.BIGINT),
    exp.Second: Function(("second",), _T.BIGINT),
    exp.FromISO8601Timestamp: Function(("from_iso8601_timestamp",), _T.TIMESTAMP),
    exp.FromISO8601Date: Function(("from_iso8601_date",), _T.DATE),
    exp.StrToTime: Function(("date_parse",), _T.TIMESTAMP),
    # Maps (hoisted into columns before an engine sees them)
    exp.Bracket: Function(("element_at",), _T.VARCHAR),
    # sqlglot counts these operators among its functions.
    exp.And: Function(("and",), _T.BOOLEAN),
    exp.Or: Function(("or",), _T.BOOLEAN),
    exp.Exists: Function(("exists",), _T.BOOLEAN),
}


def known_names() -> Iterator[str]:
    """Every function name, for suggestions."""
    return (name for function in FUNCTIONS.values() for name in function.names)


def _literal(annotator: Any, node: exp.Literal) -> exp.Literal:
    """Trino: 1 is an integer, 1.5 a decimal, 1e0 a double."""
    if node.is_string:
        kind: exp.DType = _T.VARCHAR
    elif "e" in node.name.lower():
        kind = _T.DOUBLE
    elif "." in node.name:
        kind = _T.DECIMAL
    else:
        kind = _T.BIGINT
    annotator._set_type(node, kind)
    return node


def _first(annotator: Any, node: exp.Expr) -> exp.Expr:
    annotator._set_type(node, node.this.type if isinstance(node.this, exp.Expr) else _T.UNKNOWN)
    return node


def _average(annotator: Any, node: exp.Avg) -> exp.Avg:
    """Of decimals a decimal, as everywhere in Onyx; else a double."""
    argument = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
    annotator._set_type(node, _T.DECIMAL if argument.is_type(_T.DECIMAL) else _T.DOUBLE)
    return node


_NUMBERS = (_T.DOUBLE, _T.DECIMAL, _T.BIGINT, _T.INT, _T.SMALLINT, _T.TINYINT)
_MOMENTS = (_T.TIMESTAMP, _T.DATE)


def _widest(annotator: Any, node: exp.Expr, sides: Iterable[exp.Expr | None]) -> exp.Expr:
    """Doubles win over decimals, those over integers, a timestamp over a date; else the first known."""
    kinds = [side.type.this for side in sides if side is not None and side.type is not None]
    known = [kind for kind in kinds if kind is not _T.NULL]
    for kind in (*_NUMBERS, *_MOMENTS):
        if kind in known:
            annotator._set_type(node, _T.BIGINT if kind in _NUMBERS[2:] else kind)
            return node
    annotator._set_type(node, known[0] if known else _T.NULL)
    return node


def _operator(annotator: Any, node: exp.Binary) -> exp.Expr:
    """+ - * / %, with dates and intervals."""
    if isinstance(node.this, exp.Interval):
        annotator._set_type(node, node.expression.type)
        return node
    if isinstance(node.expression, exp.Interval):
        annotator._set_type(node, node.this.type)
        return node
    return _widest(annotator, node, (node.this, node.expression))


def _choice(annotator: Any, node: exp.Case) -> exp.Expr:
    return _widest(
        annotator, node, [*(each.args["true"] for each in node.args["ifs"]), node.args.get("default")]
    )


def _either(annotator: Any, node: exp.If) -> exp.Expr:
    return _widest(annotator, node, (node.args["true"], node.args.get("false")))


def _any_of(annotator: Any, node: exp.Expr) -> exp.Expr:
    return _widest(annotator, node, (node.this, *node.expressions))


_ANNOTATORS: dict[type[exp.Expr], Any] = {
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), _operator),
    **dict.fromkeys((exp.Coalesce, exp.Greatest, exp.Least), _any_of),
    exp.Case: _choice,
    exp.If: _either,
    exp.Literal: _literal,
    exp.Avg: _average,
}


def type_rules() -> dict[type[exp.Expr], dict[str, Any]]:
    """The table above in the form in which sqlglot's annotator takes it."""
    rules: dict[type[exp.Expr], dict[str, Any]] = {
        kind: {"annotator": annotator} for kind, annotator in _ANNOTATORS.items()
    }
    for kind, function in FUNCTIONS.items():
        if function.returns == FIRST:
            rules[kind] = {"annotator": _first}
        elif function.returns is not None:
            rules[kind] = {"returns": function.returns}
    return rules
