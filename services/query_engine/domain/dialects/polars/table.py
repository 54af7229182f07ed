"""The table of rewrites: kind of node -> how it is written for Polars so that it means what it does in Trino.

A node that is not in the table means the same in both. Children are rewritten before their parents.
"""

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context
from services.query_engine.domain.dialects.common import aggregates as totals
from services.query_engine.domain.dialects.common import comparisons as same
from services.query_engine.domain.dialects.common import dates as moments
from services.query_engine.domain.dialects.common import literals, operators
from services.query_engine.domain.dialects.common import queries as whole
from services.query_engine.domain.dialects.common import values as scalars
from services.query_engine.domain.dialects.common.rewriting import Rewrite, rewritten
from services.query_engine.domain.dialects.polars import (
    aggregates,
    arithmetic,
    casts,
    comparisons,
    dates,
    queries,
    values,
)

REWRITES: dict[type[exp.Expr], Rewrite] = {
    exp.Literal: literals.literal,
    # Operators
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), arithmetic.arithmetic),
    exp.Neg: operators.negation,
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), same.comparison),
    **dict.fromkeys((exp.NullSafeEQ, exp.NullSafeNEQ), same.comparison),
    **dict.fromkeys((exp.And, exp.Or, exp.Not), same.condition),
    exp.Between: same.between,
    exp.In: same.membership,
    exp.Is: comparisons.truth,
    exp.Like: comparisons.like,
    **dict.fromkeys((exp.DPipe, exp.Concat), scalars.concatenation),
    # Choices
    exp.If: same.conditional,
    exp.Case: same.choice,
    exp.Coalesce: same.coalesce,
    exp.Nullif: same.nullif,
    **dict.fromkeys((exp.Greatest, exp.Least), same.extreme),
    **dict.fromkeys((exp.Cast, exp.TryCast), casts.conversion),
    # Aggregates and windows
    **dict.fromkeys((exp.Sum, exp.Avg, exp.Filter, exp.Window), aggregates.aggregate),
    **dict.fromkeys((exp.RowNumber, exp.Rank, exp.DenseRank), aggregates.aggregate),
    **dict.fromkeys((exp.FirstValue, exp.LastValue), aggregates.aggregate),
    **dict.fromkeys((exp.Lag, exp.Lead), aggregates.neighbour),
    exp.Count: totals.count,
    **dict.fromkeys((exp.Min, exp.Max), totals.one_argument),
    exp.CountIf: totals.count_if,
    exp.ApproxDistinct: totals.approx_distinct,
    exp.AnyValue: totals.any_value,
    **dict.fromkeys((exp.Stddev, exp.StddevSamp, exp.Variance), totals.spread),
    exp.WindowSpec: aggregates.window_spec,
    # Numbers
    **dict.fromkeys((exp.Abs, exp.Ceil, exp.Floor, exp.Sign), scalars.number),
    **dict.fromkeys((exp.Round, exp.Trunc), values.rounding),
    **dict.fromkeys((exp.Sqrt, exp.Exp, exp.Ln, exp.Pow), scalars.real_function),
    # Texts
    **dict.fromkeys((exp.Lower, exp.Upper, exp.Length, exp.Reverse), scalars.text_function),
    exp.StartsWith: scalars.text_function,
    exp.Replace: scalars.replacement,
    exp.Trim: values.trim,
    exp.Substring: values.substring,
    exp.SplitPart: values.split_part,
    exp.StrPosition: values.position,
    exp.RegexpLike: values.pattern,
    # Time
    exp.CurrentDate: moments.today,
    **dict.fromkeys((exp.CurrentTimestamp, exp.Localtimestamp), moments.now),
    **dict.fromkeys((exp.TimestampTrunc, exp.DateTrunc), moments.truncation),
    exp.TimeToStr: moments.formatted,
    exp.Interval: moments.interval,
    exp.DateAdd: dates.addition,
    exp.DateDiff: dates.difference,
    exp.LastDay: moments.month_end,
    exp.FromISO8601Timestamp: dates.iso_timestamp,
    exp.FromISO8601Date: dates.iso_date,
    exp.StrToTime: dates.parsed,
    exp.Date: casts.conversion_to_date,
    **dict.fromkeys(
        (exp.Extract, exp.Year, exp.Quarter, exp.Month, exp.WeekOfYear, exp.Day, exp.DayOfMonth), dates.part
    ),
    **dict.fromkeys((exp.DayOfWeekIso, exp.DayOfYear, exp.Hour, exp.Minute, exp.Second), dates.part),
    # Queries
    exp.Select: queries.select,
    **dict.fromkeys((exp.Union, exp.Intersect, exp.Except), whole.set_operation),
    **dict.fromkeys((exp.Where, exp.Having), whole.clause),
    exp.Join: whole.join,
    exp.Limit: whole.limit,
    exp.Offset: whole.limit,
    exp.Ordered: whole.ordered,
}


def rewrite(statement: exp.Query, context: Context) -> exp.Query:
    """`statement`, rewritten in place. Raises BadRequest where it cannot be answered rightly."""
    return rewritten(statement, context, REWRITES)
