"""Maps, and the functions of them."""

from collections.abc import Sequence

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context, call
from services.query_engine.domain.dialects.duckdb.arrays import of_lists
from services.query_engine.domain.dialects.duckdb.names import Rule, need, of_first, plain, taking
from services.query_engine.domain.types import Family


def _map(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    if len(given) == 1:
        raise context.unsupported(node, "map takes an array of keys and one of values, or nothing")
    return of_lists("map")(given, node, context)


def _concat(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    made = given[0]
    for each in given[1:]:
        need(each, node, context, Family.MAP)
        made = call("onyx_map_concat", made, each, returns=node.type)
    return made


def entries(whole: exp.Expr) -> exp.Expr:
    """A map as an array of rows of a key and a value."""
    return call("map_entries", whole, returns=None)


_OF_MAP = (Family.MAP,)

NAMES: dict[str, Rule] = {
    "map": _map,
    "map_keys": of_first(*_OF_MAP, then=plain("map_keys")),
    "map_values": of_first(*_OF_MAP, then=plain("map_values")),
    "map_entries": of_first(*_OF_MAP, then=plain("map_entries")),
    "map_from_entries": of_lists("map_from_entries"),
    "map_concat": of_first(*_OF_MAP, then=_concat),
    "split_to_map": taking(Family.STRING, then=plain("onyx_split_to_map")),
}
