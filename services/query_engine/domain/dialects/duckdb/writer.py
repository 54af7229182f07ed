"""How a rewritten statement is written down for DuckDB."""

from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ErrorLevel
from sqlglot.generators.duckdb import DuckDBGenerator

from services.query_engine.domain.dialects.common.parentheses import set_parentheses


class OnyxDuckDB(DuckDB):
    """DuckDB's SQL; nulls sort as the query says, which is always said."""

    class Generator(DuckDBGenerator):
        TRANSFORMS: ClassVar[dict[Any, Any]] = {
            **DuckDBGenerator.TRANSFORMS,
            exp.Div: lambda self, node: self.binary(node, "/"),
            exp.IntDiv: lambda self, node: self.binary(node, "//"),
            exp.Mod: lambda self, node: self.binary(node, "%"),
            exp.Greatest: lambda self, node: self.func("GREATEST", node.this, *node.expressions),
            exp.Least: lambda self, node: self.func("LEAST", node.this, *node.expressions),
        }

        def ordered_sql(self, expression: exp.Ordered) -> str:
            direction = "DESC" if expression.args.get("desc") else "ASC"
            nulls = "FIRST" if expression.args.get("nulls_first") else "LAST"
            return f"{self.sql(expression, 'this')} {direction} NULLS {nulls}"


def write(statement: exp.Query) -> str:
    """The text for DuckDB."""
    set_parentheses(statement)
    text: str = statement.sql(
        dialect=OnyxDuckDB, identify=True, comments=False, unsupported_level=ErrorLevel.RAISE
    )
    return text
