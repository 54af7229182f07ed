"""A row policy, put into a query that is bound: each table that it reads yields only rows that may be seen.

The condition stands where the table is read, below every join, aggregate and window, so that all engines are
given it in the one statement. Where no place in the SELECT means "below the join" (the null-supplying side of
an outer join) the table becomes a subquery.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from services.query_engine.domain.dialects.build import paren, typed
from services.query_engine.domain.errors import ROW_POLICY, refuse
from services.query_engine.domain.policies import Binding, Match
from services.query_engine.domain.query import Query
from services.query_engine.domain.tables import Table
from services.query_engine.domain.trino import DIALECT
from shared.errors import BadRequest
from shared.tag_keys import FOCUS, normal_key

_LONGEST_TOLD = 400
_TEXT, _TRUTH = exp.DataType.build("varchar"), exp.DataType.build("boolean")
"""Made once: a policy may have a thousand values."""
_PLAIN_PARTS = frozenset({"this", "alias", "joins"})


def restricted(query: Query, binding: Binding) -> Query:
    """`query` as `binding` lets it be asked.

    Raises BadRequest (ROW_POLICY) for a table of which it is not known what the policy means, and for a table
    in a place that is not known.
    """
    if binding.policy.everything:
        return query
    statement = query.statement.copy()
    read = list(_tables_read(statement, query.tables))
    named = _columns_named(statement)
    for node in read:
        table = query.tables[node.name.lower()]
        _restrict(node, table, _condition(binding, table, node.alias_or_name), named)
    return replace(query, statement=statement)


def told(binding: Binding, tables: Mapping[str, Table]) -> dict[str, tuple[str, ...]]:
    """The conditions on each table, for the one whom they bind."""
    if binding.policy.everything:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for name, table in tables.items():
        text = _condition(binding, table, "").sql(dialect=DIALECT)
        found[name] = (text if len(text) <= _LONGEST_TOLD else f"{text[:_LONGEST_TOLD]} ...",)
    return found


# --- where ---


def _tables_read(statement: exp.Query, tables: Mapping[str, Table]) -> Iterator[exp.Table]:
    """The references to base tables. Engines are told apart by the same scopes what is one and what is a CTE
    (`binding.rename_for_engine`), so nothing can be one thing here and another there."""
    accounted: set[int] = set()
    try:
        scopes = traverse_scope(statement)
    except SqlglotError as error:
        raise _not_known() from error
    for scope in scopes:
        for node in scope.tables:
            accounted.add(id(node))
            source = scope.sources.get(node.alias_or_name)
            if isinstance(source, exp.Table) and source is node:
                if node.name.lower() not in tables:
                    raise _not_known()
                yield node
            elif source is None or isinstance(source, exp.Table):
                raise _not_known()
    if any(id(each) not in accounted for each in statement.find_all(exp.Table)):
        raise _not_known()


def _restrict(
    node: exp.Table, table: Table, condition: exp.Expr, named: Mapping[str, frozenset[str]]
) -> None:
    parent = node.parent
    if any(value and name not in _PLAIN_PARTS for name, value in node.args.items()):
        raise _not_known()
    select = parent.parent if isinstance(parent, exp.From | exp.Join) else None
    if (
        isinstance(parent, exp.From | exp.Join)
        and isinstance(select, exp.Select)
        and not node.args.get("joins")
    ):
        joins = select.args.get("joins") or []
        if not any(each.side in ("RIGHT", "FULL") or not _is_plain(each) for each in joins):
            if isinstance(parent, exp.From) or not parent.side:
                where = select.args.get("where")
                select.set("where", exp.Where(this=_and(condition, where.this if where else None)))
                return
            if (on := parent.args.get("on")) is not None:
                parent.set("on", _and(on, condition))
                return
    _replace(node, table, condition, named)


def _is_plain(join: exp.Join) -> bool:
    return join.side in ("", "LEFT") and join.kind in ("", "INNER", "CROSS", "OUTER") and not join.method


def _and(left: exp.Expr, right: exp.Expr | None) -> exp.Expr:
    if right is None:
        return left
    sides = [paren(each) if isinstance(each, exp.Or) else each for each in (left, right)]
    return typed(exp.And(this=sides[0], expression=sides[1]), _TRUTH)


def _replace(node: exp.Table, table: Table, condition: exp.Expr, named: Mapping[str, frozenset[str]]) -> None:
    """By a subquery of the same alias, with the columns that are read under it."""
    alias = node.alias_or_name
    columns = {each.name.lower(): each.type for each in table.columns}
    wanted = sorted(named.get(alias, frozenset()) & columns.keys()) or [next(iter(columns))]
    selected = [
        typed(exp.Alias(this=_column(alias, each, columns[each]), alias=_quoted(each)), columns[each])
        for each in wanted
    ]
    inner = exp.Select(
        expressions=selected,
        from_=exp.From(
            this=exp.Table(this=node.this.copy(), alias=exp.TableAlias(this=_quoted(alias))),
        ),
        where=exp.Where(this=condition),
    )
    if node.alias_column_names:
        raise _not_known()
    outer = exp.Subquery(
        this=inner, alias=exp.TableAlias(this=_quoted(alias)), joins=node.args.get("joins") or None
    )
    node.replace(outer)


def _columns_named(statement: exp.Query) -> dict[str, frozenset[str]]:
    """By alias, wherever it stands: two queries within one another may use one alias for two tables."""
    found: dict[str, set[str]] = {}
    for column in statement.find_all(exp.Column):
        found.setdefault(column.table, set()).add(column.name.lower())
    return {name: frozenset(each) for name, each in found.items()}


# --- what ---


@dataclass(frozen=True)
class _Rows:
    """How one table's rows are told apart: the column of a sub-account, and what reads a tag."""

    account: str
    tag: Callable[[Table, str, str], list[exp.Expr]]


def _condition(binding: Binding, table: Table, alias: str) -> exp.Expr:
    """What a row of `table` has to meet. A missing tag meets nothing, and neither does a missing column."""
    policy = binding.policy
    tags = list(policy.tags)
    if policy.cost_centers:
        tags.append((binding.cost_center_tag, policy.cost_centers))
    if not tags and not policy.sub_accounts:
        return _false()
    rows = _ROWS.get(table.base)
    if rows is None:
        raise refuse(
            ROW_POLICY, f"The table {table.name} cannot be read under a row policy: `charges` has its rows"
        )
    parts: list[exp.Expr | None] = []
    if policy.sub_accounts:
        parts.append(_any(_one_of(_held(table, alias, rows.account), policy.sub_accounts)))
    for key, values in tags:
        parts.append(_any(_one_of(rows.tag(table, alias, key), values)))
    met = [each for each in parts if each is not None]
    if policy.match is Match.ALL and len(met) < len(parts):
        return _false()
    return _joined(exp.And if policy.match is Match.ALL else exp.Or, met) or _false()


def _of_charges(table: Table, alias: str, key: str) -> list[exp.Expr]:
    return [_key_of(each, normal_key(key, FOCUS)) for each in _held(table, alias, "tags")]


def _of_cur(table: Table, alias: str, key: str) -> list[exp.Expr]:
    return _held(table, alias, f"resource_tags_{_as_aws(key)}")


def _of_cur2(table: Table, alias: str, key: str) -> list[exp.Expr]:
    maps = _held(table, alias, "resource_tags")
    return [_key_of(each, _as_aws(key)) for each in maps] or _of_cur(table, alias, key)


def _of_focus(table: Table, alias: str, key: str) -> list[exp.Expr]:
    """The provider's spelling, which may be the owner's, with the mark of a user's tag or without."""
    bare = key.removeprefix("user:")
    spelled = dict.fromkeys((bare, f"user:{bare}", normal_key(key, FOCUS)))
    return [_key_of(each, one) for one in spelled for each in _held(table, alias, "tags")]


def _as_aws(key: str) -> str:
    """As AWS's tables write it: user_cost_center, aws_created_by."""
    normal = normal_key(key, FOCUS)
    return normal.replace("aws:", "aws_", 1) if normal.startswith("aws:") else f"user_{normal}"


_ROWS: Mapping[str, _Rows] = {
    "charges": _Rows("subaccountid", _of_charges),
    "focus": _Rows("subaccountid", _of_focus),
    "cur": _Rows("line_item_usage_account_id", _of_cur),
    "cur2": _Rows("line_item_usage_account_id", _of_cur2),
}


def _held(table: Table, alias: str, name: str) -> list[exp.Expr]:
    """The column, if the table has it."""
    found = [each for each in table.columns if each.name.lower() == name]
    return [_column(alias, name, each.type) for each in found]


def _key_of(tags: exp.Expr, key: str) -> exp.Expr:
    wanted = typed(exp.Literal.string(key), _TEXT)
    if tags.is_type(exp.DType.MAP):
        return typed(exp.Bracket(this=tags, expressions=[wanted]), _TEXT)
    path = typed(exp.Literal.string(f"$[{json.dumps(key, ensure_ascii=False)}]"), _TEXT)
    return typed(exp.Anonymous(this="json_extract_scalar", expressions=[tags, path]), _TEXT)


def _one_of(found: Sequence[exp.Expr], values: Sequence[str]) -> list[exp.Expr]:
    """Comparisons; a null meets none."""
    return [
        typed(
            exp.In(
                this=each,
                expressions=[typed(exp.Literal.string(value), _TEXT) for value in values],
            ),
            _TRUTH,
        )
        for each in found
    ]


def _any(parts: Sequence[exp.Expr]) -> exp.Expr | None:
    return _joined(exp.Or, parts)


def _joined(kind: type[exp.And] | type[exp.Or], parts: Sequence[exp.Expr]) -> exp.Expr | None:
    if not parts:
        return None
    made = parts[0]
    for each in parts[1:]:
        made = typed(kind(this=made, expression=each), _TRUTH)
    return made if len(parts) == 1 else paren(made)


def _column(alias: str, name: str, kind: str) -> exp.Expr:
    made = exp.Column(this=_quoted(name), table=_quoted(alias) if alias else None)
    return typed(made, exp.DataType.build(kind, dialect=DIALECT))


def _quoted(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=True)


def _false() -> exp.Expr:
    return typed(exp.false(), _TRUTH)


def _not_known() -> BadRequest:
    return refuse(ROW_POLICY, "A row policy binds you, and this use of a table cannot be kept to it")
