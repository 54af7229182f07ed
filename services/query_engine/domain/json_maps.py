"""Maps that a file of FOCUS has as JSON text: Athena's table of the same export has a map there.

`Tags['env']` and `element_at(Tags, 'env')` of `focus` read the key of the text. (`charges` has real maps.)
"""

import json

from sqlglot import exp

from services.query_engine.domain.tables import Table

JSON_MAPS = frozenset({"tags", "x_discounts"})
"""In lower case."""


def read_json_maps(column: exp.Column, table: Table) -> None:
    """Rewrite the key that is read of `column`, if one is, in place; the statement is not annotated yet."""
    key = column.parent
    name = column.name.lower()
    if (
        table.base != "focus"
        or name not in JSON_MAPS
        or not isinstance(key, exp.Bracket)
        or key.this is not column
    ):
        return
    kind = next((each.type for each in table.columns if each.name.lower() == name), None)
    [wanted, *others] = key.expressions
    if kind != "varchar" or others or not isinstance(wanted, exp.Literal) or not wanted.is_string:
        return
    path = exp.Literal.string(f"$[{json.dumps(wanted.name, ensure_ascii=False)}]")
    key.replace(exp.Anonymous(this="json_extract_scalar", expressions=[column, path]))
