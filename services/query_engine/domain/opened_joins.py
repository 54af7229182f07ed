"""Joins in parentheses at the head of FROM: `FROM ((a JOIN b ON ...) JOIN c ON ...)`.

Joins are taken from the left anyway, so the parentheses say nothing there. Those on the right of a JOIN do,
and are left as they are.
"""

from sqlglot import exp

_TABLES = (exp.Table, exp.Subquery)


def open_joins(statement: exp.Query) -> None:
    """Take such parentheses away, in place."""
    for select in statement.find_all(exp.Select):
        head = select.args.get("from_")
        while head is not None and _is_open(head.this):
            inner = head.this.this
            joins = inner.args.get("joins") or []
            inner.set("joins", None)
            head.set("this", inner)
            select.set("joins", [*joins, *(select.args.get("joins") or [])])


def _is_open(node: exp.Expr | None) -> bool:
    """Parentheses, without an alias of their own, around tables."""
    return isinstance(node, exp.Subquery) and isinstance(node.this, _TABLES) and node.is_wrapper
