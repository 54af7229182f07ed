"""Outer joins: Polars takes equalities between the two sides only."""

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context, typed


def push_into_outer_joins(statement: exp.Query, context: Context) -> None:
    """What a LEFT JOIN asks of its right side alone is asked before the join, in place.

    Raises BadRequest (UNSUPPORTED_SQL) where an outer join then still has another condition than equalities.
    """
    for join in list(statement.find_all(exp.Join)):
        side, on = join.side, join.args.get("on")
        if not side or on is None:
            continue
        joined = join.this.alias_or_name
        parts = list(on.flatten()) if isinstance(on, exp.And) else [on]
        own = [each for each in parts if side == "LEFT" and _reads_only(each, joined)]
        rest = [each for each in parts if all(each is not other for other in own)]
        if not rest or not all(_equates(each, joined) for each in rest):
            raise context.unsupported(join, "An outer join on more than equal columns")
        if own:
            join.set("this", _filtered(join.this, joined, own))
            join.set("on", _all(rest))


def _reads_only(condition: exp.Expr, source: str) -> bool:
    columns = list(condition.find_all(exp.Column))
    return bool(columns) and all(each.table == source for each in columns) and not condition.find(exp.Query)


def _equates(condition: exp.Expr, joined: str) -> bool:
    """Whether the condition compares something of the joined side with something of the other."""
    while isinstance(condition, exp.Paren):
        condition = condition.this
    if not isinstance(condition, exp.EQ):
        return False
    sides = [{each.table for each in side.find_all(exp.Column)} for side in (condition.left, condition.right)]
    return sorted(joined in side for side in sides) == [False, True] and {joined} in sides and all(sides)


def _filtered(source: exp.Expr, name: str, conditions: list[exp.Expr]) -> exp.Expr:
    inner = exp.select("*").from_(source.copy()).where(_all(conditions), copy=False)
    return exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier(name, quoted=True)))


def _all(conditions: list[exp.Expr]) -> exp.Expr:
    made = conditions[0].copy()
    for each in conditions[1:]:
        made = typed(exp.And(this=made, expression=each.copy()), exp.DType.BOOLEAN)
    return made
