"""Text to one SELECT, or a refusal that says what stands there instead."""

import logging
import re

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel, ParseError
from sqlglot.tokenizer_core import Token, TokenType

from services.query_engine.domain.errors import (
    SQL_MULTIPLE_STATEMENTS,
    SQL_NOT_SELECT,
    SQL_SYNTAX,
    SQL_TOO_COMPLEX,
    Position,
    refuse,
)
from services.query_engine.domain.limits import tokens_within_limits
from services.query_engine.domain.opened_joins import open_joins
from services.query_engine.domain.trino import DIALECT

MAX_DEPTH = 600
"""Of the syntax tree: a chain of 500 ORs is 500 deep."""

_NOTHING_SELECTED = {
    *(TokenType.COMMA, TokenType.L_PAREN, TokenType.FROM, TokenType.UNION, TokenType.EXCEPT),
    *(TokenType.INTERSECT, TokenType.ALL, TokenType.SEMICOLON),
}
_LISTINGS = ("SHOW", "DESCRIBE")

# It warns of every statement that it does not know; those are refused here, with an answer.
logging.getLogger("sqlglot").setLevel(logging.ERROR)


def parse_select(text: str) -> exp.Query:
    """The one SELECT (or UNION of SELECTs, or WITH ... SELECT) in `text`.

    Raises BadRequest: SQL_SYNTAX, SQL_TOO_COMPLEX, SQL_MULTIPLE_STATEMENTS or SQL_NOT_SELECT.
    """
    tokens = tokens_within_limits(text)
    _check_from(text, tokens)
    found = [each for each in _parse(text, tokens) if each is not None]
    if not found:
        raise refuse(SQL_SYNTAX, "There is no statement in the query")
    if len(found) > 1:
        raise refuse(SQL_MULTIPLE_STATEMENTS, "One query is one statement; send them one by one")
    statement = found[0]
    # SELECT 1 and (SELECT 1) are the same query.
    while isinstance(statement, exp.Subquery) and statement.is_wrapper:
        statement = statement.this
    if not isinstance(statement, exp.Select | exp.SetOperation):
        first = str(
            statement.this if isinstance(statement, exp.Command) else type(statement).__name__
        ).upper()
        instead = ": GET /v1/query/tables lists tables and columns" if first in _LISTINGS else ""
        raise refuse(SQL_NOT_SELECT, f"Only SELECT is answered here, not {first}{instead}", token=first)
    _check_depth(statement)
    open_joins(statement)
    return statement


def _parse(text: str, tokens: list[Token]) -> list[exp.Expr | None]:
    try:
        return Dialect.get_or_raise(DIALECT).parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, text)
    except ParseError as error:
        raise _syntax_error(text, error) from error
    except RecursionError as error:
        raise refuse(SQL_TOO_COMPLEX, "The query is nested too deep") from error
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # The parser stumbles over some texts that are no SQL before it can say so.
        raise refuse(SQL_SYNTAX, "The SQL cannot be read") from error


def _check_from(text: str, tokens: list[Token]) -> None:
    """FROM follows what is selected: the parser would take `FROM t` alone, and a comma in front of it."""
    for at, token in enumerate(tokens):
        if token.token_type is not TokenType.FROM:
            continue
        before = tokens[at - 1] if at else None
        trims = at > 1 and before is not None and tokens[at - 2].text.upper() == "TRIM"
        if before is None or (before.token_type in _NOTHING_SELECTED and not trims):
            after = f" after '{before.text}'" if before else ""
            raise refuse(
                SQL_SYNTAX,
                f"The SQL cannot be read: FROM{after}, where SELECT and its columns should stand before",
                at=Position.of(text, token.start),
                token=token.text,
            )


def _syntax_error(text: str, error: ParseError) -> Exception:
    first = error.errors[0] if error.errors else {}
    token = str(first.get("highlight") or "")
    line, end = first.get("line"), first.get("col")
    at = Position(line, max(end - len(token) + 1, 1)) if line and end else None
    described = re.sub(r" for <class '.*'>", "", str(first.get("description") or "cannot be read"))
    return refuse(SQL_SYNTAX, f"The SQL cannot be read: {described.rstrip('.')}", at=at, token=token or None)


def _check_depth(statement: exp.Expr) -> None:
    """Walked without recursion, so that no later step meets a tree it cannot recurse over."""
    level: list[exp.Expr] = [statement]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in node.iter_expressions()]
        if not level:
            return
    raise refuse(SQL_TOO_COMPLEX, f"An expression of the query is more than {MAX_DEPTH} deep")
