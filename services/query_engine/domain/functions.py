"""The functions that are answered: their Athena names, and the type of what they return.

`returns` is a fixed Trino type, FIRST (the type of the first argument), or None where sqlglot's own
rules for Trino hold. How each is written for an engine stands in the rewrites.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from services.query_engine.domain.annotators import ANNOTATORS, first
from services.query_engine.domain.named import NAMED

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
    exp.Mod: Function(("mod",)),
    # Text
    exp.Lower: Function(("lower",), _T.VARCHAR),
    exp.Upper: Function(("upper",), _T.VARCHAR),
    exp.Length: Function(("length",), _T.BIGINT),
    exp.Trim: Function(("trim", "ltrim", "rtrim"), _T.VARCHAR),
    exp.Reverse: Function(("reverse",), FIRST),
    exp.Replace: Function(("replace",), _T.VARCHAR),
    exp.Substring: Function(("substr", "substring"), _T.VARCHAR),
    exp.SplitPart: Function(("split_part",), _T.VARCHAR),
    exp.StrPosition: Function(("strpos", "position"), _T.BIGINT),
    exp.StartsWith: Function(("starts_with",), _T.BOOLEAN),
    exp.RegexpLike: Function(("regexp_like",), _T.BOOLEAN),
    exp.Concat: Function(("concat",)),
    exp.Normalize: Function(("normalize",), _T.VARCHAR),
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
    exp.AtTimeZone: Function((), _T.TIMESTAMP),
    # Arrays and maps
    exp.Array: Function(("array",)),
    exp.Bracket: Function(("element_at",)),
    # sqlglot counts these operators among its functions.
    exp.And: Function(("and",), _T.BOOLEAN),
    exp.Or: Function(("or",), _T.BOOLEAN),
    exp.Exists: Function(("exists",), _T.BOOLEAN),
}


def known_names() -> Iterator[str]:
    """Every function name, for suggestions."""
    yield from (name for function in FUNCTIONS.values() for name in function.names)
    yield from NAMED


def type_rules() -> dict[type[exp.Expr], dict[str, Any]]:
    """The table above in the form in which sqlglot's annotator takes it."""
    rules: dict[type[exp.Expr], dict[str, Any]] = {
        kind: {"annotator": annotator} for kind, annotator in ANNOTATORS.items()
    }
    for kind, function in FUNCTIONS.items():
        if function.returns == FIRST:
            rules[kind] = {"annotator": first}
        elif function.returns is not None:
            rules[kind] = {"returns": function.returns}
    return rules
