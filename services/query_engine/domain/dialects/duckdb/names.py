"""Calls that are known by their name: name -> how it is written for DuckDB."""

from collections.abc import Callable, Sequence

from sqlglot import exp

from services.query_engine.domain.dialects.build import MONEY, Context, call, cast, typed
from services.query_engine.domain.errors import TYPE_MISMATCH, UNSUPPORTED_FUNCTION, refuse
from services.query_engine.domain.syntax import position_of
from services.query_engine.domain.types import NUMERIC, Family, element_of, family

Rule = Callable[[Sequence[exp.Expr], exp.Expr, Context], exp.Expr]
"""Arguments (rewritten), the call itself (of the type it returns), and the context."""


def plain(name: str) -> Rule:
    """DuckDB's `name` of the same arguments."""
    return lambda given, node, context: call(name, *given, returns=node.type)


def counted(name: str) -> Rule:
    """DuckDB's `name` as a bigint: its own counts are of other widths."""
    return lambda given, node, context: cast(call(name, *given, returns=node.type), "BIGINT")


def taking(*families: Family, then: Rule) -> Rule:
    """`then`, once every argument is of one of `families` (or null)."""

    def rule(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
        for each in given:
            need(each, node, context, *families)
        return then(given, node, context)

    return rule


def of_first(*families: Family, then: Rule) -> Rule:
    """`then`, once the first argument is of one of `families` (or null)."""

    def rule(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
        need(given[0], node, context, *families)
        return then(given, node, context)

    return rule


def written(node: exp.Expr) -> str:
    """The name that the caller wrote."""
    return str(node.this).lower()


def need(value: exp.Expr, node: exp.Expr, context: Context, *families: Family) -> None:
    """Raises BadRequest (TYPE_MISMATCH) for an argument of another type, where its type is known."""
    found = family(value)
    if found not in (*families, Family.NULL, Family.UNKNOWN):
        wanted = " or ".join(sorted(each.value for each in families))
        raise refuse(
            TYPE_MISMATCH,
            f"{written(node)} takes {wanted} here, not {found.value}",
            at=position_of(context.text, node),
            token=written(node),
        )


def declined(node: exp.Expr, context: Context, why: str) -> Exception:
    return refuse(UNSUPPORTED_FUNCTION, why, at=position_of(context.text, node), token=written(node))


def exact(value: exp.Expr) -> exp.Expr:
    """A decimal as decimal(38, 18): DuckDB rounds those of 18 places that meet others of fewer."""
    return cast(value, MONEY) if family(value) is Family.DECIMAL and not _is_money(value) else value


def _is_money(value: exp.Expr) -> bool:
    return isinstance(value, exp.Cast | exp.Column) and value.type is not None and value.type.sql() == MONEY


def beside(values: exp.Expr, value: exp.Expr) -> exp.Expr:
    """`value` of the type of the elements of an array, where those are decimals."""
    kind = element_of(values.type)
    decimals = kind is not None and kind.this is exp.DType.DECIMAL
    return cast(value, MONEY) if decimals and family(value) in NUMERIC else value


def fresh(node: exp.Expr) -> exp.Identifier:
    """A parameter of a lambda made for `node`: none around or within it has one of that name."""
    depth, parent = 0, node.parent
    while parent is not None:
        depth, parent = depth + 1, parent.parent
    return exp.to_identifier(f"onyx_x{depth}")


def text(value: str) -> exp.Expr:
    return typed(exp.Literal.string(value), exp.DType.VARCHAR)


def whole_number(value: int) -> exp.Expr:
    return typed(exp.Literal.number(value), exp.DType.BIGINT)


def in_try(node: exp.Expr) -> bool:
    """Whether a failure of `node` is turned into null."""
    parent = node.parent
    while parent is not None and not isinstance(parent, exp.Query):
        if isinstance(parent, exp.Anonymous) and str(parent.this).lower() == "try":
            return True
        parent = parent.parent
    return False
