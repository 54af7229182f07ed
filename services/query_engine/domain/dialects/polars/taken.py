"""What Polars is given to read: kinds of node whose meaning in Polars is known. All else it declines.

A whitelist of its own, so that what the front door learns to take in never reaches Polars unread.
"""

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context
from services.query_engine.domain.errors import UNSUPPORTED_FUNCTION, refuse
from services.query_engine.domain.functions import FUNCTIONS
from services.query_engine.domain.syntax import position_of
from services.query_engine.domain.types import Family, family

_TAKEN: frozenset[type[exp.Expr]] = frozenset(
    {
        # Queries
        *(exp.Select, exp.Union, exp.Intersect, exp.Except, exp.With, exp.CTE, exp.Subquery, exp.Table),
        *(exp.TableAlias, exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered),
        *(exp.Limit, exp.Offset, exp.Distinct, exp.Alias),
        # Values and operators
        *(exp.Paren, exp.Column, exp.Identifier, exp.Star, exp.Literal, exp.Null, exp.Boolean, exp.Var),
        *(exp.Not, exp.Neg, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.DPipe),
        *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is),
        *(exp.Like, exp.Between, exp.In, exp.Interval, exp.Bracket),
        *(exp.Window, exp.WindowSpec, exp.Filter, exp.DataType, exp.DataTypeParam),
        # Functions
        *(FUNCTIONS.keys() - {exp.Array, exp.AtTimeZone, exp.Normalize}),
    }
)
_FOREIGN = frozenset({Family.ARRAY, Family.ROW, Family.JSON, Family.BINARY, Family.TIME})
_PARTS: dict[type[exp.Expr], str] = {exp.Select: "windows", exp.Window: "alias"}


def check_taken(statement: exp.Query, context: Context) -> None:
    """Raises BadRequest (UNSUPPORTED_SQL, UNSUPPORTED_FUNCTION) at the first node that is not taken."""
    for node in statement.walk():
        if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
            name = str(node.this).lower()
            raise refuse(
                UNSUPPORTED_FUNCTION,
                f"The function {name} is not supported here",
                at=position_of(context.text, node),
                token=name,
            )
        part = _PARTS.get(type(node))
        if type(node) not in _TAKEN or (part and node.args.get(part)):
            raise context.unsupported(node, f"{type(node).__name__.upper()} is not supported by Polars")
        if family(node) in _FOREIGN or (isinstance(node, exp.DataType) and node.args.get("nested")):
            raise context.unsupported(node, f"Polars is given no {family(node).value}")
        if isinstance(node, exp.Bracket) and family(node.this) is not Family.MAP:
            raise context.unsupported(node, "Only a map has keys, as in Tags['env']")
