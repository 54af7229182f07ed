"""The workflow service's own errors, under the tree of `shared.errors`. Codes never change their meaning."""

from shared.errors import Unprocessable


class ExpressionError(Unprocessable):
    """An expression cannot be read or evaluated. EXPRESSION_SYNTAX: it is no expression of the language
    (`position` is where, from 1); EXPRESSION_BUDGET: it asks for more than an expression may use;
    EXPRESSION_TYPE: a function or comparison got a value it does not work on."""

    code = "EXPRESSION_TYPE"
    title = "Bad expression"

    def __init__(self, detail: str, *, code: str | None = None, position: int | None = None) -> None:
        super().__init__(detail, code=code)
        self.position = position


class DefinitionInvalid(Unprocessable):
    """A workflow's text is wrong: `errors` holds what was found, each with code, message, path, line and
    column."""

    code = "DEFINITION_INVALID"
    title = "Workflow cannot be read"


class UnknownAction(Unprocessable):
    """No service declares an action of this name."""

    code = "UNKNOWN_ACTION"
    title = "Unknown action"
