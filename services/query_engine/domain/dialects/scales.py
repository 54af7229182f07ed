"""How many decimals an exact number can have, where that is known: what spares a product its long form.

A plain product of decimals has the scale of both together. Up to 18 it is exact, and any engine that fails on
overflow may compute it as it stands: 38 digits then hold more than the decimal(38, 18) of the rule does.
"""

from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from services.query_engine.domain.dialects.build import SCALE
from services.query_engine.domain.types import Family, family

_META = "scale"


def mark_scales(statement: exp.Query) -> None:
    """Note the scale of each column that comes from a table: its type is declared, not worked out."""
    for scope in traverse_scope(statement):
        for column in scope.columns:
            if family(column) is Family.DECIMAL and isinstance(scope.sources.get(column.table), exp.Table):
                column.meta[_META] = _declared(column.type)


def scale_of(node: exp.Expr) -> int:
    """The most decimals that `node` can have; 18 where nothing better is known."""
    while isinstance(node, exp.Paren | exp.Neg):
        node = node.this
    if (known := node.meta.get(_META)) is not None:
        return int(known)
    if family(node) is Family.INTEGER:
        return 0
    if isinstance(node, exp.Cast):
        return _declared(node.args["to"])
    return SCALE


def with_scale(node: exp.Expr, scale: int) -> exp.Expr:
    """`node`, known to have no more decimals than `scale`."""
    inner = node
    while isinstance(inner, exp.Paren):
        inner = inner.this
    inner.meta[_META] = scale
    return node


def _declared(kind: exp.DataType | None) -> int:
    sizes = kind.expressions if kind is not None and kind.this is exp.DType.DECIMAL else []
    return int(sizes[1].this.name) if len(sizes) > 1 else SCALE
