"""Parentheses where operators meet: rewrites build trees, and no reader is to guess at their order."""

from sqlglot import exp

# Where one of these stands directly within another, parentheses say what no two readers then disagree on.
_OPERATORS = (exp.Binary, exp.Not, exp.Neg, exp.Between, exp.In, exp.Is, exp.Like)
# x AND y AND z needs none: a long list would nest deeper than Polars reads.
_CHAINS = (exp.And, exp.Or, exp.DPipe)


def set_parentheses(statement: exp.Query) -> None:
    """Put an operator that stands directly within another in parentheses, in place."""
    for node in list(statement.walk()):
        if isinstance(node.parent, exp.Escape):
            continue
        if isinstance(node, _OPERATORS) and isinstance(node.parent, _OPERATORS):
            chained = isinstance(node, _CHAINS) and type(node) is type(node.parent) and node.arg_key == "this"
            if not chained:
                place = exp.Null()
                node.replace(place)
                place.replace(exp.Paren(this=node))
