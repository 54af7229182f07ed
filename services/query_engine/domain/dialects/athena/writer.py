"""How a rewritten statement is written down for Amazon Athena."""

from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import ErrorLevel
from sqlglot.generators.trino import TrinoGenerator

from services.query_engine.domain.dialects.common.parentheses import set_parentheses
from services.query_engine.domain.errors import unsupported
from services.query_engine.domain.limits import MAX_BYTES


class OnyxAthena(Trino):
    """Athena's SELECTs. Subscripts stay as they are written, and a timestamp has microseconds, as the lake's
    files have: Trino's own TIMESTAMP would round them to milliseconds."""

    INDEX_OFFSET = 0

    class Generator(TrinoGenerator):
        TRANSFORMS: ClassVar[dict[Any, Any]] = {
            **TrinoGenerator.TRANSFORMS,
            exp.Div: lambda self, node: self.binary(node, "/"),
            exp.Mod: lambda self, node: self.binary(node, "%"),
            exp.Greatest: lambda self, node: self.func("GREATEST", node.this, *node.expressions),
            exp.Least: lambda self, node: self.func("LEAST", node.this, *node.expressions),
            exp.Trunc: lambda self, node: self.func("TRUNCATE", node.this, node.args.get("decimals")),
        }

        def datatype_sql(self, expression: exp.DataType) -> str:
            if expression.this in (exp.DType.TIMESTAMP, exp.DType.DATETIME):
                return "TIMESTAMP(6)"
            written: str = super().datatype_sql(expression)
            return written

        def bracket_sql(self, expression: exp.Bracket) -> str:
            if expression.args.get("safe"):
                return self.func("ELEMENT_AT", expression.this, expression.expressions[0])
            written: str = super().bracket_sql(expression)
            return written

        def ordered_sql(self, expression: exp.Ordered) -> str:
            direction = "DESC" if expression.args.get("desc") else "ASC"
            nulls = "FIRST" if expression.args.get("nulls_first") else "LAST"
            return f"{self.sql(expression, 'this')} {direction} NULLS {nulls}"


def write(statement: exp.Query) -> str:
    """The text for Athena. Raises BadRequest (UNSUPPORTED_SQL) for one that is longer than it takes."""
    set_parentheses(statement)
    text: str = statement.sql(
        dialect=OnyxAthena, identify=True, comments=False, unsupported_level=ErrorLevel.RAISE
    )
    if len(text.encode()) > MAX_BYTES:
        raise unsupported(f"Written for Athena the query has more than {MAX_BYTES} bytes")
    return text
