"""A number or a moment held against the empty text asks whether there is one.

Athena's tables of bills have some numbers as text, where a cell without one is ''. Here they are decimals,
and null where the cell is empty: `<> ''` is IS NOT NULL, and `= ''` is IS NULL.
"""

from sqlglot import exp

from services.query_engine.domain.types import Family, family

_NO_TEXTS = frozenset({Family.DECIMAL, Family.TIMESTAMP})


def read_blanks(statement: exp.Query) -> None:
    """Rewrite such comparisons of columns in place; the statement is annotated."""
    for node in list(statement.find_all(exp.EQ, exp.NEQ)):
        column, blank = node.this, node.expression
        if _is_blank(column):
            column, blank = blank, column
        if _is_blank(blank) and isinstance(column, exp.Column) and family(column) in _NO_TEXTS:
            made: exp.Expr = exp.Is(this=column.copy(), expression=exp.Null())
            made.type = exp.DType.BOOLEAN
            made.expression.type = exp.DType.NULL
            if isinstance(node, exp.NEQ):
                made = exp.Not(this=made)
                made.type = exp.DType.BOOLEAN
            node.replace(made)


def _is_blank(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and node.is_string and not node.name
