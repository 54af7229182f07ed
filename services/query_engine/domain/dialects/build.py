"""Small builders of annotated expressions, shared by the rewrites."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast as assume

from sqlglot import exp

from services.query_engine.domain.errors import TYPE_MISMATCH, UNSUPPORTED_SQL, refuse
from services.query_engine.domain.syntax import position_of
from services.query_engine.domain.types import Family, family
from shared.errors import BadRequest

MONEY = "DECIMAL(38, 18)"
WHOLE = "DECIMAL(38, 0)"
SCALE = 18


@dataclass(frozen=True)
class Context:
    """What a rewrite may know besides the expression: the query's text, and the moment it is planned."""

    text: str
    now: datetime

    def unsupported(self, node: exp.Expr | None, detail: str) -> BadRequest:
        return refuse(UNSUPPORTED_SQL, detail, at=position_of(self.text, node))

    def mismatch(self, node: exp.Expr, detail: str) -> BadRequest:
        return refuse(TYPE_MISMATCH, detail, at=position_of(self.text, node))


def typed(node: exp.Expr, kind: exp.DataType | exp.DType | str | None) -> exp.Expr:
    """`node`, annotated."""
    node.type = kind
    return node


def paren(node: exp.Expr) -> exp.Expr:
    """`node` in parentheses, with its type."""
    return typed(exp.Paren(this=node), node.type)


def cast(node: exp.Expr, kind: str, *, attempt: bool = False) -> exp.Expr:
    """CAST(node AS kind), or TRY_CAST."""
    to = exp.DataType.build(kind)
    made = exp.TryCast(this=node, to=to) if attempt else exp.Cast(this=node, to=to)
    return typed(made, to.copy())


def money(node: exp.Expr) -> exp.Expr:
    """`node` as decimal(38, 18); a column that is one already stays bare."""
    bare = node.this if isinstance(node, exp.Paren) else node
    if isinstance(bare, exp.Column) and bare.type and bare.type.sql() == MONEY:
        return node
    return cast(node, MONEY)


def whole(node: exp.Expr) -> exp.Expr:
    """`node` as decimal(38, 0): integers that fail on overflow where an engine's own would wrap."""
    return cast(node, WHOLE)


def wide(node: exp.Expr) -> exp.Expr:
    """An integer as a bigint: a literal, or a column of fewer bits, would overflow at its own size."""
    bare = node.unnest()
    if isinstance(bare, exp.Column | exp.Cast) and bare.is_type(exp.DType.BIGINT):
        return node
    return cast(node, "BIGINT")


def call(name: str, *arguments: exp.Expr, returns: exp.DataType | exp.DType | str | None) -> exp.Expr:
    """An engine's own function."""
    return typed(exp.Anonymous(this=name, expressions=list(arguments)), returns)


def binary(kind: type[exp.Binary], left: exp.Expr, right: exp.Expr, returns: str) -> exp.Expr:
    """`left kind right` in parentheses."""
    return paren(typed(assume(exp.Expr, kind(this=left, expression=right)), exp.DataType.build(returns)))


def integer_literal(node: exp.Expr | None) -> int | None:
    """The value of an integer literal (with a sign, in parentheses), or None for anything else."""
    match node:
        case exp.Paren():
            return integer_literal(node.this)
        case exp.Neg():
            inner = integer_literal(node.this)
            return None if inner is None else -inner
        case exp.Literal() if node.name.lstrip("-").isdigit():
            return int(node.name)
    return None


def text_literal(node: exp.Expr | None) -> str | None:
    """The value of a text literal, or None for anything else."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node.name if isinstance(node, exp.Literal) and node.is_string else None


def in_branch(node: exp.Expr) -> bool:
    """Whether `node` stands where Trino may never evaluate it: a branch of CASE or IF, a later COALESCE.

    Polars evaluates every branch for every row. What would fail in one that is not taken (a zero divisor, a
    text that is no number) gives null there instead, since CASE is how such rows are kept away.
    """
    child, parent = node, node.parent
    while parent is not None and not isinstance(parent, exp.Query):
        if isinstance(parent, exp.If) and child.arg_key in ("true", "false"):
            return True
        if isinstance(parent, exp.Case) and child.arg_key == "default":
            return True
        if isinstance(parent, exp.If) and _later_when(parent):
            return True
        if isinstance(parent, exp.Coalesce) and child.arg_key == "expressions":
            return True
        child, parent = parent, parent.parent
    return False


def _later_when(branch: exp.Expr) -> bool:
    """A WHEN after the first is reached only by rows that the earlier ones did not take."""
    return isinstance(branch.parent, exp.Case) and branch.arg_key == "ifs" and bool(branch.index)


def name_of(node: exp.Expr) -> str:
    """A function's name for messages."""
    return node.sql_name().lower() if isinstance(node, exp.Func) else type(node).__name__.lower()


def require(context: Context, node: exp.Expr | None, *families: Family, what: str) -> None:
    """Raises BadRequest (TYPE_MISMATCH) unless `node` is of one of `families`, or NULL."""
    found = family(node)
    if node is None or found is Family.UNKNOWN:
        raise context.unsupported(node, f"The type of an argument of {what} cannot be worked out: add a CAST")
    if found is not Family.NULL and found not in families:
        raise context.mismatch(node, f"{what} does not take the type {found.value}")
