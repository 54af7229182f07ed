"""Athena's SQL as it is read here: sqlglot's reader, but a function it has no rule for keeps its own name.

sqlglot folds several functions into one class (and some arguments into others) with other engines in mind.
Those that `functions.FUNCTIONS` names are left to it; every other call stays a name and its arguments, for
the table in `named.py` to say what it means.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.athena import Athena
from sqlglot.dialects.trino import Trino
from sqlglot.parsers.athena import AthenaParser, AthenaTrinoParser

from services.query_engine.domain.functions import FUNCTIONS
from services.query_engine.domain.named import NAMED

DIALECT = "onyxtrino"

# Functions with a syntax of their own, which the reader knows.
_SYNTAX = {"CAST", "TRY_CAST", "CEIL", "FLOOR", "EXTRACT", "POSITION", "SUBSTRING", "TRIM", "NORMALIZE"}


def _call(name: str, args: list[Any]) -> exp.Expr:
    kind = exp.AnonymousAggFunc if NAMED[name].aggregate else exp.Anonymous
    return kind(this=name, expressions=args)


def _element_at(args: list[Any]) -> exp.Expr:
    """As a subscript, with the mark by which it is told from one."""
    if len(args) != 2:
        return exp.Anonymous(this="element_at", expressions=args)
    return exp.Bracket(this=args[0], expressions=[args[1]], safe=True)


def _listed(names: Callable[[str], bool]) -> dict[str, Any]:
    return {name: build for name, build in AthenaTrinoParser.FUNCTIONS.items() if names(name.lower())}


_CLASSES = {name for function in FUNCTIONS.values() for name in function.names}

_FUNCTIONS: dict[str, Any] = {
    **_listed(lambda name: name in _CLASSES and name not in NAMED),
    **{name.upper(): partial(_call, name) for name in NAMED},
    "ELEMENT_AT": _element_at,
}


def _listagg(parser: Any) -> exp.Expr:
    """LISTAGG(x, ',') WITHIN GROUP (ORDER BY y) as a call whose first argument is sorted."""
    found = parser._parse_string_agg()
    if found.args.get("on_overflow") is not None:
        parser.raise_error("ON OVERFLOW is not read here")
    given = [found.this, *([found.args["separator"]] if found.args.get("separator") else [])]
    return exp.AnonymousAggFunc(this="listagg", expressions=given)


class _Parser(AthenaTrinoParser):
    FUNCTIONS: ClassVar = _FUNCTIONS
    TYPE_LITERAL_PARSERS: ClassVar = {
        **AthenaTrinoParser.TYPE_LITERAL_PARSERS,
        exp.DType.JSON: lambda self, this, _: exp.Anonymous(this="json_parse", expressions=[this]),
    }
    FUNCTION_PARSERS: ClassVar = {
        **{name: parse for name, parse in AthenaTrinoParser.FUNCTION_PARSERS.items() if name in _SYNTAX},
        "LISTAGG": _listagg,
    }


class OnyxTrinoSelect(Trino):
    """SELECT statements. Subscripts stay as they are written, counted from 1."""

    INDEX_OFFSET = 0
    Parser = _Parser


class OnyxTrino(Athena):
    """Registered with sqlglot under DIALECT."""

    INDEX_OFFSET = 0

    class Parser(AthenaParser):
        FUNCTIONS: ClassVar = _FUNCTIONS

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            kept = ("error_level", "error_message_context", "max_errors")
            self._trino_parser = _Parser(
                dialect=OnyxTrinoSelect(), **{name: options[name] for name in kept if name in options}
            )
