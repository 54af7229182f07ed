"""How a rewritten statement is written down for Polars' SQL reader."""

from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel
from sqlglot.generator import Generator as SqlGenerator

from services.query_engine.domain.dialects.common.parentheses import set_parentheses


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
    set_parentheses(statement)
    text: str = statement.sql(
        dialect=PolarsSQL, identify=True, comments=False, unsupported_level=ErrorLevel.RAISE
    )
    return text
