"""What Polars reads otherwise in a whole SELECT."""

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context, paren, typed
from services.query_engine.domain.dialects.common.queries import check_select


def select(node: exp.Select, context: Context) -> exp.Expr:
    if not node.args.get("from_") and any(node.args.get(each) for each in ("where", "having", "group")):
        # Polars answers SELECT 1 WHERE 1 = 0 with a row.
        raise context.unsupported(node, "WHERE, GROUP BY and HAVING need a FROM here")
    check_select(node, context)
    _drop_constant_keys(node)
    return node


def _drop_constant_keys(node: exp.Select) -> None:
    """Polars takes a constant in GROUP BY for no group at all, which answers a row where there are none."""
    group = node.args.get("group")
    if not group:
        return
    keys = [each for each in group.expressions if each.find(exp.Column, exp.Query)]
    if keys:
        group.set("expressions", keys)
        return
    node.set("group", None)
    some = typed(exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(0)), exp.DType.BOOLEAN)
    if having := node.args.get("having"):
        some = typed(exp.And(this=paren(having.this), expression=some), exp.DType.BOOLEAN)
    node.set("having", exp.Having(this=some))
