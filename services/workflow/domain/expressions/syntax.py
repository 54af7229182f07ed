"""From an expression's text to its syntax tree: the library's parser, with decimals, `$` and limits.

`$` is the whole scope, also where `@` is something else (inside a projection or filter), as in JMESPath
Community. `!a.b` is `!(a.b)`, where the library reads `(!a).b`, which is always null. Commas between
arguments are required, where the library takes any gap.
"""

import json
from typing import TYPE_CHECKING, Any, cast

from jmespath.exceptions import EmptyExpressionError, JMESPathError, LexerError, ParseError
from jmespath.lexer import Lexer
from jmespath.parser import ParsedResult, Parser

from services.workflow.domain.errors import ExpressionError
from services.workflow.domain.expressions.budget import MAX_DEPTH, MAX_NODES, MAX_TEXT, exceeded
from services.workflow.domain.expressions.functions import FUNCTIONS
from services.workflow.domain.names import hint
from shared.money import parse_decimal

if TYPE_CHECKING:
    from jmespath.visitor import _TreeNode

    Node = _TreeNode
else:
    Node = dict

_OPENING = frozenset({"lparen", "lbracket", "lbrace", "filter"})
_CLOSING = frozenset({"rparen", "rbracket", "rbrace"})

# Their stubs leave out what a subclass needs.
_LIBRARY_LEXER: Any = Lexer
_LIBRARY_PARSER: Any = Parser


def parse(text: str) -> Node:
    """The syntax tree. Raises ExpressionError (EXPRESSION_SYNTAX with its position, EXPRESSION_BUDGET)."""
    if len(text) > MAX_TEXT:
        exceeded(f"it is longer than {MAX_TEXT:,} characters")
    try:
        tree = _Parser().parsed(text).parsed
    except RecursionError:
        exceeded("it is nested too deeply")
    except EmptyExpressionError as error:
        raise _syntax("the expression is empty", 0) from error
    except LexerError as error:
        raise _syntax(f"{error.message}", error.lex_position) from error
    except ParseError as error:
        raise _syntax(_reason(error), error.lex_position or 0) from error
    except JMESPathError as error:
        raise _syntax(str(error), 0) from error
    _measure(tree)
    return tree


def _reason(error: ParseError) -> str:
    if not error.token_value:
        return "the expression ends too early"
    return f"{error.token_value!r} cannot stand here"


def _syntax(reason: str, position: int) -> ExpressionError:
    where = position + 1
    return ExpressionError(
        f"no expression: {reason} (character {where})", code="EXPRESSION_SYNTAX", position=where
    )


def _measure(tree: Node) -> None:
    nodes, level = 0, [tree]
    for _ in range(MAX_DEPTH):
        nodes += len(level)
        if nodes > MAX_NODES:
            exceeded(f"it has more than {MAX_NODES} parts")
        level = [each for node in level for each in node["children"] if isinstance(each, dict)]
        if not level:
            return
    exceeded(f"it is nested deeper than {MAX_DEPTH} levels")


class _Lexer(_LIBRARY_LEXER):  # type: ignore[misc]
    SIMPLE_TOKENS = {**_LIBRARY_LEXER.SIMPLE_TOKENS, "$": "root"}  # noqa: RUF012 - the library's

    def _consume_literal(self) -> dict[str, Any]:
        start = self._position
        lexeme = self._consume_until("`").replace("\\`", "`")
        try:
            value = json.loads(lexeme, parse_float=parse_decimal, parse_constant=_no_constant)
        except ValueError as error:
            raise _syntax(
                f"`{lexeme[:40]}` is no JSON; a text literal is written 'so'", cast(int, start)
            ) from error
        return {"type": "literal", "value": value, "start": start, "end": self._position - start}


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class _Parser(_LIBRARY_PARSER):  # type: ignore[misc]
    BINDING_POWER = {**_LIBRARY_PARSER.BINDING_POWER, "root": 0, "not": 8}  # noqa: RUF012 - the library's

    def parsed(self, text: str) -> ParsedResult:
        """Without the library's cache: ours holds what was checked."""
        return cast(ParsedResult, self._do_parse(text))

    def _parse(self, expression: str) -> ParsedResult:
        self._tokens = list(_Lexer().tokenize(expression))
        _check_nesting(self._tokens)
        self._index = 0
        tree = self._expression(binding_power=0)
        if self._current_token() != "eof":
            self._raise_parse_error_for_token(self._lookahead_token(0), "unexpected token")
        return ParsedResult(expression, tree)

    def _token_nud_root(self, token: dict[str, Any]) -> Node:
        return {"type": "root", "value": "$", "children": []}

    def _token_led_lparen(self, left: Node) -> Node:
        name = self._lookahead_token(-2)
        if left["type"] != "field" or name["type"] != "unquoted_identifier":
            self._raise_parse_error_for_token(self._lookahead_token(-1), "no function")
        arguments: list[Node] = []
        while self._current_token() != "rparen":
            if arguments:
                self._match("comma")
            arguments.append(self._expression())
        self._match("rparen")
        _check_call(left["value"], len(arguments), name["start"])
        return {"type": "function_expression", "children": arguments, "value": left["value"]}

    def _parse_slice_expression(self) -> Node:
        start = self._lookahead_token(0)
        node = cast(Node, super()._parse_slice_expression())
        if cast(list[Any], node["children"])[2] == 0:
            raise _syntax("a slice cannot have step 0", start["start"])
        return node


def _check_nesting(tokens: list[dict[str, Any]]) -> None:
    """Parentheses leave no node in the tree, and still take the parser deeper."""
    depth = 0
    for token in tokens:
        depth += (token["type"] in _OPENING) - (token["type"] in _CLOSING)
        if depth > MAX_DEPTH:
            exceeded(f"it is nested deeper than {MAX_DEPTH} levels")


def _check_call(name: str, count: int, start: int) -> None:
    function = FUNCTIONS.get(name)
    if function is None:
        raise _syntax(f"there is no function {name[:64]}(){hint(name, FUNCTIONS)}", start)
    if not function.takes(count):
        raise _syntax(f"{function.usage} takes {function.arity}, not {count}", start)
