"""Whole queries in any engine: what a SELECT, a UNION, a LIMIT may look like."""

from collections.abc import Iterable, Iterator

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context, integer_literal
from services.query_engine.domain.errors import NOT_GROUPED, refuse
from services.query_engine.domain.syntax import position_of
from services.query_engine.domain.types import Family, family

# An aggregate right below one of these is one of a window.
_OVER = (exp.Window, exp.IgnoreNulls, exp.RespectNulls)


def check_select(node: exp.Select, context: Context) -> None:
    """Raises BadRequest for what no engine is to be asked."""
    if not node.expressions:
        raise context.unsupported(node, "SELECT needs at least one column")
    _check_maps(node, context)
    _check_groups(node, context)
    _check_distinct_order(node, context)
    if node.parent is not None:
        _check_unique(node, context)


def clause(node: exp.Where | exp.Having, context: Context) -> exp.Expr:
    _check_condition(node.this, context)
    return node


def join(node: exp.Join, context: Context) -> exp.Expr:
    if (on := node.args.get("on")) is not None:
        _check_condition(on, context)
    return node


def _check_condition(node: exp.Expr, context: Context) -> None:
    if family(node) not in (Family.BOOLEAN, Family.NULL):
        raise context.mismatch(node, f"A condition is a boolean, not of type {family(node).value}")


def _check_maps(node: exp.Select, context: Context) -> None:
    """A map is answered as it is, and can be neither sorted nor grouped by."""
    keys = [*node.expressions] if node.args.get("distinct") else []
    if group := node.args.get("group"):
        keys += group.expressions
    if order := node.args.get("order"):
        keys += [each.this for each in order.expressions]
    for key in keys:
        if family(key) is Family.MAP:
            raise context.unsupported(
                key, "A map can be neither grouped nor sorted by: read one key, as in Tags['env']"
            )


def _check_groups(node: exp.Select, context: Context) -> None:
    """Beside GROUP BY or an aggregate, a column stands in an aggregate or in what is grouped by."""
    group, having, order = (node.args.get(each) for each in ("group", "having", "order"))
    keys = list(_keys(group.expressions)) if group else []
    outputs = [each.unalias() for each in node.expressions]
    sorts = [each.this for each in order.expressions] if order else []
    filters = [having.this] if having else []
    if not keys and not filters and not any(_aggregates(each) for each in [*outputs, *sorts]):
        return
    own = _sources(node)
    for each in [*outputs, *filters, *sorts]:
        if (loose := _loose_column(each, keys, own)) is not None:
            written = loose.meta.get("written", loose.name)
            raise refuse(
                NOT_GROUPED,
                f"{written} stands neither in GROUP BY nor in an aggregate such as sum",
                at=position_of(context.text, loose),
                token=written,
            )


def _keys(expressions: Iterable[exp.Expr]) -> Iterator[exp.Expr]:
    """What is grouped by, also within GROUPING SETS, ROLLUP and CUBE."""
    for each in expressions:
        if isinstance(each, exp.GroupingSets | exp.Rollup | exp.Cube | exp.Tuple):
            yield from _keys(each.expressions)
        else:
            yield each
            if isinstance(each, exp.Paren):
                yield from _keys([each.this])


def _sources(node: exp.Select) -> set[str]:
    sources = [node.args.get("from_"), *(node.args.get("joins") or [])]
    return {each.this.alias_or_name for each in sources if each is not None}


def _aggregates(node: exp.Expr) -> bool:
    """Whether an aggregate (not one over a window) stands in the expression itself."""
    if isinstance(node, exp.Query | exp.Subquery):
        return False
    if isinstance(node, exp.AggFunc) and not isinstance(node.parent, _OVER):
        return not (isinstance(node.parent, exp.Filter) and isinstance(node.parent.parent, exp.Window))
    return any(_aggregates(each) for each in node.iter_expressions())


def _loose_column(node: exp.Expr, keys: list[exp.Expr], own: set[str]) -> exp.Column | None:
    if node in keys or isinstance(node, exp.Query | exp.Subquery):
        return None
    if isinstance(node, exp.Filter) and not isinstance(node.parent, exp.Window):
        return None
    if isinstance(node, exp.AggFunc) and not isinstance(node.parent, (*_OVER, exp.Filter)):
        return None
    if isinstance(node, exp.Column):
        return node if node.table in own else None
    found = (_loose_column(each, keys, own) for each in node.iter_expressions())
    return next((each for each in found if each is not None), None)


def _check_distinct_order(node: exp.Select, context: Context) -> None:
    if not node.args.get("distinct") or not node.args.get("order"):
        return
    outputs = [each.unalias() for each in node.expressions]
    for each in node.args["order"].expressions:
        key = each.this
        if not (isinstance(key, exp.Column) and not key.table) and key not in outputs:
            raise context.unsupported(key, "SELECT DISTINCT is sorted by what it selects")


def _check_unique(node: exp.Select, context: Context) -> None:
    names = [each.alias_or_name for each in node.selects]
    if double := next((name for name in names if names.count(name) > 1), None):
        raise context.unsupported(node, f"A subquery has two columns named {double}: give one an alias")


def set_operation(node: exp.SetOperation, context: Context) -> exp.Expr:
    word = type(node).__name__.upper()
    left, right = node.left.selects, node.right.selects
    if len(left) != len(right):
        raise context.mismatch(node, f"Both sides of {word} need as many columns")
    if not node.args.get("distinct") and not isinstance(node, exp.Union):
        raise context.unsupported(node, f"{word} ALL is not supported here")
    pairs = ((mine.unalias(), other.unalias()) for mine, other in zip(left, right, strict=True))
    for mine, other in pairs:
        # Queries around were planned with the types of the first side.
        if family(mine) is not family(other) or family(mine) is Family.UNKNOWN:
            first, second = family(mine).value, family(other).value
            raise context.mismatch(node, f"The types {first} and {second} meet in {word}: add a CAST")
        if family(mine) is Family.MAP:
            raise context.unsupported(node, f"{word} of maps is not supported here")
    return node


def limit(node: exp.Limit | exp.Offset, context: Context) -> exp.Expr:
    count = integer_literal(node.expression)
    if count is None or count < 0:
        raise context.unsupported(node, f"{type(node).__name__.upper()} takes a whole number here")
    return node


def ordered(node: exp.Ordered, context: Context) -> exp.Expr:
    """Nulls last, either way, unless said otherwise: Trino's rule, written out."""
    node.set("nulls_first", bool(node.args.get("nulls_first")))
    return node
