"""Map access, hoisted: Tags['env'] becomes a column that the engine adds where it reads the table."""

from dataclasses import dataclass, field, replace

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from services.query_engine.domain.binding import RESERVED
from services.query_engine.domain.dialects.build import Context, text_literal, typed
from services.query_engine.domain.plan import MapKey
from services.query_engine.domain.types import Family, family


@dataclass
class MapKeys:
    """The map keys that a statement reads, by table (lower case names)."""

    by_table: dict[str, list[MapKey]] = field(default_factory=dict)

    def name(self, table: str, column: str, key: str, presence: bool) -> str:
        keys = self.by_table.setdefault(table, [])
        for at, each in enumerate(keys):
            if (each.column, each.key) == (column, key):
                keys[at] = replace(each, presence=each.presence and presence)
                return each.name
        made = MapKey(f"{RESERVED}m{len(keys)}", column, key, presence)
        keys.append(made)
        return made.name


def hoist_maps(statement: exp.Query, context: Context) -> MapKeys:
    """Replace every map access in place. A key that the map does not have reads as null.

    (Athena's m['key'] fails then, and its element_at gives null; bills differ in their tags, so both give
    null here.) Raises BadRequest (UNSUPPORTED_SQL, TYPE_MISMATCH).
    """
    keys = MapKeys()
    for scope in traverse_scope(statement):
        for access in list(scope.find_all(exp.Bracket)):
            _hoist(access, scope, keys, context)
    return keys


def _hoist(access: exp.Bracket, scope: Scope, keys: MapKeys, context: Context) -> None:
    column = access.this
    while isinstance(column, exp.Paren):
        column = column.this
    key = text_literal(access.expressions[0]) if len(access.expressions) == 1 else None
    if family(column) is not Family.MAP:
        raise context.mismatch(access, "Only a map has keys, as in Tags['env']")
    if key is None:
        raise context.unsupported(access, "The key of a map is a text in quotes here")
    table = _base_table(column, scope) if isinstance(column, exp.Column) else None
    if table is None:
        raise context.unsupported(
            access, "A map's key is read where its table is: put Tags['key'] AS name into the subquery"
        )
    name = keys.name(table, column.name.lower(), key, _presence(access))
    made = exp.column(exp.to_identifier(name, quoted=True), exp.to_identifier(column.table, quoted=True))
    made.meta["written"] = f"{column.name}['{key}']"
    access.replace(typed(made, exp.DType.VARCHAR))


def _presence(access: exp.Expr) -> bool:
    """Whether nothing but null or not is asked of the value."""
    parent = access.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    return isinstance(parent, exp.Count) or (
        isinstance(parent, exp.Is) and isinstance(parent.expression, exp.Null)
    )


def _base_table(column: exp.Column, scope: Scope | None) -> str | None:
    """The catalog's table that a column comes from; None where it comes out of a subquery."""
    while scope is not None:
        source = scope.sources.get(column.table)
        if isinstance(source, exp.Table):
            return source.name.lower()
        if source is not None:
            return None
        scope = scope.parent
    return None
