"""UNNEST as a table, of arrays and maps, with or without ordinality."""

from sqlglot import exp

from services.query_engine.domain.annotators import unnested
from services.query_engine.domain.dialects.build import MONEY, Context, call, cast, typed
from services.query_engine.domain.dialects.common.rewriting import Rewrite
from services.query_engine.domain.types import NUMERIC, TEMPORAL, Family, element_of, family

_ROW = "onyx_r"


def unnest(node: exp.Unnest, context: Context) -> exp.Expr:
    """A query of DuckDB's unnest(...), beside which it pads the shorter lists with nulls, as Trino does."""
    _check_join(node, context)
    alias = node.args.get("alias")
    outputs: list[exp.Expr] = []
    lengths: list[exp.Expr] = []
    for each in node.expressions:
        outputs += _lists(each, context)
        size = "cardinality" if family(each) is Family.MAP else "len"
        lengths.append(call(size, each.copy(), returns="BIGINT"))
    selected = [call("unnest", each, returns=None) for each in outputs]
    names = list(node.alias_column_names)
    if (offset := node.args.get("offset")) is not None:
        longest = cast(call("greatest", *lengths, returns=None), "BIGINT")
        ordinals = call("generate_series", exp.Literal.number(1), longest, returns=None)
        selected.append(call("unnest", ordinals, returns=None))
        names.append(offset.name if isinstance(offset, exp.Identifier) else "ordinality")
    if names and len(names) != len(selected):
        raise context.mismatch(
            node, f"UNNEST gives {len(selected)} columns here, and its alias names {len(names)}"
        )
    table = alias.this if isinstance(alias, exp.TableAlias) and alias.this else exp.to_identifier("onyx_u")
    columns = [exp.to_identifier(name, quoted=True) for name in names]
    return exp.Subquery(
        this=exp.Select(expressions=selected), alias=exp.TableAlias(this=table, columns=columns or None)
    )


def _check_join(node: exp.Unnest, context: Context) -> None:
    join = node.parent
    if not isinstance(join, exp.Join) or not join.side:
        return
    on = join.args.get("on")
    if join.side.upper() != "LEFT" or not isinstance(on, exp.Boolean) or not on.this:
        raise context.unsupported(node, "UNNEST is joined by CROSS JOIN, or by LEFT JOIN ... ON TRUE")


def _lists(value: exp.Expr, context: Context) -> list[exp.Expr]:
    """The arrays that stand side by side: one, or keys and values, or one for each field of its rows."""
    found = family(value)
    if found is Family.MAP:
        return [call("map_keys", value, returns=None), call("map_values", value.copy(), returns=None)]
    if found is Family.UNKNOWN:
        raise context.unsupported(value, "The type of what is unnested cannot be worked out: add a CAST")
    if found is not Family.ARRAY:
        raise context.mismatch(value, f"UNNEST takes an array or a map, not {found.value}")
    inner = element_of(value.type)
    if inner is None or inner.this is not exp.DType.STRUCT:
        return [value]
    row = exp.to_identifier(_ROW)
    made: list[exp.Expr] = []
    for each in inner.expressions:
        field = exp.Dot(this=row.copy(), expression=exp.to_identifier(each.name, quoted=True))
        one = exp.Lambda(this=typed(field, None), expressions=[row.copy()])
        made.append(call("list_transform", value.copy(), one, returns=None))
    return made if len(made) == len(_columns(value)) else [value]


def _columns(value: exp.Expr) -> list[exp.DataType | None]:
    return unnested(exp.Unnest(expressions=[typed(value.copy(), value.type)]))


def values(node: exp.Values, context: Context) -> exp.Expr:
    """VALUES: each column of one type; decimals of 18 places, since DuckDB would round them to the fewest."""
    node.set(
        "expressions",
        [each if isinstance(each, exp.Tuple) else exp.Tuple(expressions=[each]) for each in node.expressions],
    )
    for column in zip(*(each.expressions for each in node.expressions), strict=True):
        found = {family(each) for each in column} - {Family.NULL}
        if len(found) > 1 and not found <= NUMERIC and not found <= TEMPORAL:
            names = " and ".join(sorted(each.value for each in found))
            raise context.mismatch(node, f"The types {names} stand in one column of VALUES: add a CAST")
        for wider, name in ((Family.DOUBLE, "DOUBLE"), (Family.DECIMAL, MONEY)):
            if wider in found:
                for each in column:
                    each.replace(cast(each.copy(), name))
                break
    return node


RULES: dict[type[exp.Expr], Rewrite] = {exp.Unnest: unnest, exp.Values: values}
