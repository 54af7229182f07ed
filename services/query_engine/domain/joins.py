"""The shape of a statement's joins: how many, which no equality ties, and how many pairs that makes."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from services.query_engine.domain.errors import SQL_TOO_COMPLEX, refuse
from services.query_engine.domain.predicates import chain, conjuncts

MOST_PAIRS = 10**10
"""Of rows that a join may have to look at. Beyond it no engine answers in the time that a query has."""
_DEPTH = 8


@dataclass(frozen=True)
class Product:
    """Tables that are joined pair by pair: at least `rows` rows, of `tables` with their rows."""

    rows: int
    tables: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Shape:
    """`joins`: how many; `untied`: sources that no equality ties to another one of their SELECT; `product` is
    the largest that such sources make."""

    joins: int
    untied: int
    product: Product


def shape_of(statement: exp.Query, rows: Mapping[str, int]) -> Shape:
    """`rows` of the catalog's tables by their lower case name in the statement."""
    joined = [each for each in statement.find_all(exp.Select) if each.args.get("joins")]
    if not joined:
        return Shape(0, 0, Product(0, ()))
    ctes = {cte.alias.lower(): cte.this for cte in statement.find_all(exp.CTE)}
    joins = untied = 0
    largest = Product(0, ())
    for select in joined:
        sources = _sources(select)
        joins += len(sources) - 1
        components = _components(select, sources)
        if len(components) > 1:
            untied += len(components) - 1
            product = _product(select, rows, ctes, _DEPTH)
            largest = max(largest, product, key=lambda each: each.rows)
    return Shape(joins, untied, largest)


def require_bounded(shape: Shape) -> None:
    """Raises BadRequest (SQL_TOO_COMPLEX) for a join that pairs every row of one large table with every one
    of another."""
    if shape.product.rows <= MOST_PAIRS:
        return
    parts = [f"{name} ({rows:,} rows)" for name, rows in shape.product.tables]
    raise refuse(
        SQL_TOO_COMPLEX,
        f"The query pairs every row of {' with every row of '.join(parts)}, {shape.product.rows:.1e} pairs: "
        "join them on a key (ON a.key = b.key), or filter or aggregate each before they are joined",
    )


def _sources(select: exp.Select) -> dict[str, exp.Expr]:
    """What a SELECT reads from, by alias."""
    from_ = select.args.get("from_")
    places = [*([from_.this] if from_ else []), *(join.this for join in select.args.get("joins") or [])]
    return {each.alias_or_name.lower() or f"#{at}": each for at, each in enumerate(places)}


def _conditions(select: exp.Select) -> Iterator[exp.Expr]:
    if where := select.args.get("where"):
        yield from conjuncts(where.this)
    for join in select.args.get("joins") or []:
        if on := join.args.get("on"):
            yield from conjuncts(on)


def _components(select: exp.Select, sources: Mapping[str, exp.Expr]) -> list[set[str]]:
    """Sources that equalities tie together."""
    found = [{each} for each in sources]
    ties = [tie & sources.keys() for each in _conditions(select) for tie in _ties(each)]
    for join in select.args.get("joins") or []:
        if join.args.get("using"):
            ties.append(set(sources))
        elif not isinstance(join.this, exp.Table | exp.Subquery):
            # UNNEST and its like belong to the row that they are made of.
            ties.append({join.this.alias_or_name.lower(), *(_read(join.this) & sources.keys())})
    for tie in ties:
        touched = [each for each in found if each & tie]
        if len(touched) > 1:
            found = [each for each in found if not each & tie] + [set().union(*touched)]
    return found


def _ties(condition: exp.Expr) -> list[set[str]]:
    """Sources that are equated; of an OR those that are in each of its branches."""
    if isinstance(condition, exp.Paren):
        return _ties(condition.this)
    if isinstance(condition, exp.EQ):
        return [_read(condition)]
    if not isinstance(condition, exp.Or):
        return []
    branches = [[tie for part in conjuncts(each) for tie in _ties(part)] for each in chain(condition)]
    return [tie for tie in branches[0] if all(tie in each for each in branches[1:])]


def _read(node: exp.Expr) -> set[str]:
    return {column.table.lower() for column in node.find_all(exp.Column)}


def _product(
    select: exp.Select, rows: Mapping[str, int], ctes: Mapping[str, exp.Expr], depth: int
) -> Product:
    """Sources that are tied to one with a condition of its own count as one row: how many it leaves is not
    known."""
    sources = _sources(select)
    filtered = {next(iter(read)) for each in _conditions(select) if len(read := _read(each)) == 1}
    found: list[tuple[str, int]] = []
    for component in _components(select, sources):
        sized = [
            (name, _size(sources[name], rows, ctes, depth))
            for name in sorted(component & sources.keys())
            if not component & filtered
        ]
        if sized:
            found.append(max(sized, key=lambda each: each[1]))
    large = tuple(each for each in found if each[1] > 1)
    return Product(math.prod(each[1] for each in large), large)


def _size(source: exp.Expr, rows: Mapping[str, int], ctes: Mapping[str, exp.Expr], depth: int) -> int:
    """At least so many rows; 1 where that is not known."""
    inner: exp.Expr | None = None
    if isinstance(source, exp.Table):
        name = source.name.lower()
        if name in rows:
            return rows[name]
        inner = ctes.get(name)
    elif isinstance(source, exp.Subquery):
        inner = source.this
    if not isinstance(inner, exp.Select) or depth == 0:
        return 1
    if any(inner.args.get(each) for each in ("where", "group", "having", "distinct", "limit")):
        return 1
    if any(each.find(exp.AggFunc) for each in inner.expressions):
        return 1
    return max(_product(inner, rows, ctes, depth - 1).rows, 1)
