"""How a rewritten statement is written down for Polars' SQL reader."""

from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel
from sqlglot.generator import Generator as SqlGenerator

# Where one of these stands directly within another, parentheses say what no two readers then disagree on.
_OPERATORS = (exp.Binary, exp.Not, exp.Neg, exp.Between, exp.In, exp.Is, exp.Like)
# x AND y AND z needs none: a long list would nest deeper than Polars reads.
_CHAINS = (exp.And, exp.Or, exp.DPipe)


class PolarsSQL(Dialect):
    """Polars' SQL, as far as the rewrites use it: names in double quotes, case sensitive."""

    class Generator(SqlGenerator):
        TRANSFORMS: ClassVar[dict[Any, Any]] = {
            **SqlGenerator.TRANSFORMS,
            exp.Div: lambda self, node: self.binary(node, "/"),
            exp.Stddev: lambda self, node: self.func("STDDEV", node.this),
            exp.StddevSamp: lambda self, node: self.func("STDDEV", node.this),
            exp.Variance: lambda self, node: self.func("VARIANCE", node.this),
            exp.StartsWith: lambda self, node: self.func("STARTS_WITH", node.this, node.expression),
        }

        def ordered_sql(self, expression: exp.Ordered) -> str:
            direction = "DESC" if expression.args.get("desc") else "ASC"
            nulls = "FIRST" if expression.args.get("nulls_first") else "LAST"
            return f"{self.sql(expression, 'this')} {direction} NULLS {nulls}"

        def windowspec_sql(self, expression: exp.WindowSpec) -> str:
            if str(expression.args.get("kind")).upper() != "ROWS":
                return ""  # The default frame, spelled out: see the rewrites.
            return super().windowspec_sql(expression).upper()


def write(statement: exp.Query) -> str:
    """The text for Polars."""
    for node in list(statement.walk()):
        if isinstance(node, _OPERATORS) and isinstance(node.parent, _OPERATORS):
            chained = isinstance(node, _CHAINS) and type(node) is type(node.parent) and node.arg_key == "this"
            if not chained:
                place = exp.Null()
                node.replace(place)
                place.replace(exp.Paren(this=node))
    text: str = statement.sql(
        dialect=PolarsSQL, identify=True, comments=False, unsupported_level=ErrorLevel.RAISE
    )
    return text
