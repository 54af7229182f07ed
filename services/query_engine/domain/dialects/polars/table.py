"""The table of rewrites: kind of node -> how it is written for Polars so that it means what it does in Trino.

A node that is not in the table means the same in both. Children are rewritten before their parents.
"""

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context
from services.query_engine.domain.dialects.polars import (
    aggregates,
    arithmetic,
    casts,
    comparisons,
    dates,
    queries,
    values,
)
from services.query_engine.domain.types import Family, family

Rewrite = Callable[[Any, Context], exp.Expr]

REWRITES: dict[type[exp.Expr], Rewrite] = {
    exp.Literal: arithmetic.literal,
    # Operators
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), arithmetic.arithmetic),
    exp.Neg: arithmetic.negation,
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), comparisons.comparison),
    **dict.fromkeys((exp.NullSafeEQ, exp.NullSafeNEQ), comparisons.comparison),
    **dict.fromkeys((exp.And, exp.Or, exp.Not), comparisons.condition),
    exp.Between: comparisons.between,
    exp.In: comparisons.membership,
    exp.Is: comparisons.truth,
    exp.Like: comparisons.like,
    **dict.fromkeys((exp.DPipe, exp.Concat), values.concatenation),
    # Choices
    exp.If: comparisons.conditional,
    exp.Case: comparisons.choice,
    exp.Coalesce: comparisons.coalesce,
    exp.Nullif: comparisons.nullif,
    **dict.fromkeys((exp.Greatest, exp.Least), comparisons.extreme),
    **dict.fromkeys((exp.Cast, exp.TryCast), casts.conversion),
    # Aggregates and windows
    **dict.fromkeys((exp.Sum, exp.Avg, exp.Filter, exp.Window), aggregates.aggregate),
    **dict.fromkeys((exp.RowNumber, exp.Rank, exp.DenseRank), aggregates.aggregate),
    **dict.fromkeys((exp.FirstValue, exp.LastValue), aggregates.aggregate),
    **dict.fromkeys((exp.Lag, exp.Lead), aggregates.neighbour),
    exp.Count: aggregates.count,
    **dict.fromkeys((exp.Min, exp.Max), aggregates.one_argument),
    exp.CountIf: aggregates.count_if,
    exp.ApproxDistinct: aggregates.approx_distinct,
    exp.AnyValue: aggregates.any_value,
    **dict.fromkeys((exp.Stddev, exp.StddevSamp, exp.Variance), aggregates.spread),
    exp.WindowSpec: aggregates.window_spec,
    # Numbers
    **dict.fromkeys((exp.Abs, exp.Ceil, exp.Floor, exp.Sign), values.number),
    **dict.fromkeys((exp.Round, exp.Trunc), values.rounding),
    **dict.fromkeys((exp.Sqrt, exp.Exp, exp.Ln, exp.Pow), values.real_function),
    # Texts
    **dict.fromkeys((exp.Lower, exp.Upper, exp.Length, exp.Reverse), values.text_function),
    exp.StartsWith: values.text_function,
    exp.Replace: values.replacement,
    exp.Trim: values.trim,
    exp.Substring: values.substring,
    exp.SplitPart: values.split_part,
    exp.StrPosition: values.position,
    exp.RegexpLike: values.pattern,
    # Time
    exp.CurrentDate: dates.today,
    **dict.fromkeys((exp.CurrentTimestamp, exp.Localtimestamp), dates.now),
    **dict.fromkeys((exp.TimestampTrunc, exp.DateTrunc), dates.truncation),
    exp.TimeToStr: dates.formatted,
    exp.Interval: dates.interval,
    exp.DateAdd: dates.addition,
    exp.DateDiff: dates.difference,
    exp.LastDay: dates.month_end,
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
    **dict.fromkeys((exp.Union, exp.Intersect, exp.Except), queries.set_operation),
    **dict.fromkeys((exp.Where, exp.Having), queries.clause),
    exp.Join: queries.join,
    exp.Limit: queries.limit,
    exp.Offset: queries.limit,
    exp.Ordered: queries.ordered,
}


def rewrite(statement: exp.Query, context: Context) -> exp.Query:
    """`statement`, rewritten in place. Raises BadRequest where it cannot be answered rightly."""
    believed = {id(each): [family(out) for out in each.selects] for each in statement.find_all(exp.Select)}
    for node in reversed(list(statement.walk())):
        if rule := REWRITES.get(type(node)):
            # A rule may move the node into what it makes, so its place is noted first.
            parent, key, index = node.parent, node.arg_key, node.index
            made = rule(node, context)
            if made is not node and parent is not None and key is not None:
                parent.set(key, made, index)
    for select in statement.find_all(exp.Select):
        # A SELECT that is not in the list is a copy that a rewrite made of one that is.
        if (before := believed.get(id(select))) is not None:
            _check_types(select, before, context)
    return statement


def _check_types(select: exp.Select, believed: list[Family], context: Context) -> None:
    """What a rewrite makes has the type that the queries around were planned with."""
    for output, family_before in zip(select.selects, believed, strict=True):
        found = family(output.unalias())
        if Family.UNKNOWN not in (found, family_before) and found is not family_before:
            raise context.unsupported(output, "The type of a column cannot be worked out: add a CAST")
