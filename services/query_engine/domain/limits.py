"""Bounds on a query's text, checked on its tokens before anything recurses over it."""

import re

from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from services.query_engine.domain.errors import SQL_SYNTAX, SQL_TOO_COMPLEX, Position, refuse
from services.query_engine.domain.trino import DIALECT

MAX_BYTES = 256 * 1024
"""As Athena's own bound."""
MAX_TOKENS = 24_000
MAX_NESTING = 40
"""Parentheses, brackets and CASE ... END within one another."""
MAX_CONNECTORS = 500
"""AND and OR together: a longer list belongs in IN (...)."""
MAX_OPERATORS_IN_A_ROW = 8
MAX_QUERIES = 100
"""SELECTs in one statement."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_OPEN = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE}
_CLOSE = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END}
_CONNECTORS = {TokenType.AND, TokenType.OR}
_PREFIXES = {TokenType.DASH, TokenType.PLUS, TokenType.NOT, TokenType.TILDE}


def tokens_within_limits(text: str) -> list[Token]:
    """The tokens of `text`. Raises BadRequest (SQL_TOO_COMPLEX, SQL_SYNTAX) where it goes beyond a bound."""
    size = len(text.encode(errors="replace"))
    if size > MAX_BYTES:
        raise refuse(SQL_TOO_COMPLEX, f"The query has {size} bytes; {MAX_BYTES} are allowed")
    if "\x00" in text:
        raise refuse(SQL_SYNTAX, "The query has a NUL character", at=Position.of(text, text.index("\x00")))
    if lone := _SURROGATE.search(text):
        raise refuse(
            SQL_SYNTAX, "The query has half a character (a surrogate)", at=Position.of(text, lone.start())
        )
    try:
        tokens = Dialect.get_or_raise(DIALECT).tokenize(text)
    except TokenError as error:
        raise refuse(SQL_SYNTAX, "A quoted text, a quoted name or a comment is not closed") from error
    _check_counts(text, tokens)
    _check_nesting(text, tokens)
    return tokens


def _check_counts(text: str, tokens: list[Token]) -> None:
    connectors = [token for token in tokens if token.token_type in _CONNECTORS]
    if len(connectors) > MAX_CONNECTORS:
        raise refuse(
            SQL_TOO_COMPLEX,
            f"The query has more than {MAX_CONNECTORS} ANDs and ORs: write a list as x IN (...)",
            at=Position.of(text, connectors[MAX_CONNECTORS].start),
        )
    if len(tokens) > MAX_TOKENS:
        at = Position.of(text, tokens[MAX_TOKENS].start)
        raise refuse(SQL_TOO_COMPLEX, f"The query has more than {MAX_TOKENS} words and signs", at=at)
    if sum(token.token_type is TokenType.SELECT for token in tokens) > MAX_QUERIES:
        raise refuse(SQL_TOO_COMPLEX, f"The query has more than {MAX_QUERIES} SELECTs")


def _check_nesting(text: str, tokens: list[Token]) -> None:
    depth = row = 0
    for token in tokens:
        kind = token.token_type
        row = row + 1 if kind in _PREFIXES else 0
        depth += (kind in _OPEN) - (kind in _CLOSE)
        if depth > MAX_NESTING:
            raise refuse(
                SQL_TOO_COMPLEX,
                f"The query is nested more than {MAX_NESTING} deep",
                at=Position.of(text, token.start),
            )
        if row > MAX_OPERATORS_IN_A_ROW:
            raise refuse(
                SQL_TOO_COMPLEX, "There are too many signs in a row", at=Position.of(text, token.start)
            )
