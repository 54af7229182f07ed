"""The functions of expressions: this table is all there is. A function gets the budget, then its arguments,
which have the types of its signature; numbers come as int or Decimal."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from services.workflow.domain.errors import ExpressionError
from services.workflow.domain.expressions import dates, lists, numbers, texts
from services.workflow.domain.expressions.budget import Budget
from services.workflow.domain.expressions.values import number, type_name

_USAGE = re.compile(r"([a-z_]+)\((.*)\)")


@dataclass(frozen=True)
class Function:
    """`usage` is its signature: types in JMESPath's words, `|` between alternatives, `[]` round an array's
    element type, `?` after what may be left out, `...` after what may be repeated."""

    usage: str
    run: Callable[..., Any]

    @cached_property
    def name(self) -> str:
        return self._parts[0]

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        return tuple(self._parts[1].split(", "))

    @cached_property
    def _parts(self) -> tuple[str, str]:
        found = _USAGE.fullmatch(self.usage)
        if found is None:
            raise ValueError(self.usage)
        return found[1], found[2]

    @property
    def variadic(self) -> bool:
        return self.parameters[-1].endswith("...")

    @property
    def least(self) -> int:
        return sum(1 for each in self.parameters if not each.endswith("?"))

    def takes(self, count: int) -> bool:
        return self.least <= count and (self.variadic or count <= len(self.parameters))

    @property
    def arity(self) -> str:
        most = len(self.parameters)
        if self.variadic:
            return f"{self.least} or more arguments"
        if self.least == most:
            return "1 argument" if most == 1 else f"{most} arguments"
        return f"{self.least} to {most} arguments"

    def parameter(self, index: int) -> str:
        return self.parameters[min(index, len(self.parameters) - 1)].rstrip("?.")


FUNCTIONS = {
    each.name: each
    for each in (
        Function("abs(number)", numbers.absolute),
        Function("add(number, number)", numbers.add),
        Function("avg(array[number])", numbers.average),
        Function("ceil(number)", numbers.ceil),
        Function("contains(array|string, any)", lists.contains),
        Function("date_add(string, string)", dates.date_add),
        Function("decimal(string|number|null)", numbers.to_decimal),
        Function("default(any, any)", lists.default),
        Function("divide(number, number)", numbers.divide),
        Function("ends_with(string, string)", texts.ends_with),
        Function("floor(number)", numbers.floor),
        Function("format_date(string, string, string?)", dates.format_date),
        Function("join(string, array[string])", texts.join),
        Function("keys(object)", lists.keys),
        Function("length(string|array|object)", lists.length),
        Function("lower(string)", texts.lower),
        Function("map(expref, array)", lists.mapped),
        Function("max(array[number]|array[string])", lists.largest),
        Function("max_by(array, expref)", lists.largest_by),
        Function("merge(object...)", lists.merge),
        Function("min(array[number]|array[string])", lists.smallest),
        Function("min_by(array, expref)", lists.smallest_by),
        Function("multiply(number, number)", numbers.multiply),
        Function("not_null(any...)", lists.not_null),
        Function("replace(string, string, string)", texts.replace),
        Function("reverse(array|string)", lists.backwards),
        Function("round(number, number?)", numbers.rounded),
        Function("sort(array[number]|array[string])", lists.in_order),
        Function("sort_by(array, expref)", lists.in_order_by),
        Function("split(string, string)", texts.split),
        Function("sql_text(string)", texts.sql_text),
        Function("starts_with(string, string)", texts.starts_with),
        Function("subtract(number, number)", numbers.subtract),
        Function("sum(array[number])", numbers.total),
        Function("table(array[object], array[string]?)", texts.table),
        Function("to_array(any)", lists.to_array),
        Function("to_number(any)", numbers.to_number),
        Function("to_string(any)", texts.to_string),
        Function("trim(string)", texts.trim),
        Function("type(any)", lists.type_of),
        Function("upper(string)", texts.upper),
        Function("url_encode(string)", texts.url_encode),
        Function("values(object)", lists.values),
    )
}


def call(name: str, arguments: Sequence[Any], budget: Budget) -> Any:
    """The function's value. Raises ExpressionError; `name` and the count were checked when it was parsed."""
    function = FUNCTIONS[name]
    fitting = [_fitting(function, index, argument, budget) for index, argument in enumerate(arguments)]
    try:
        return function.run(budget, *fitting)
    except ExpressionError as error:
        if error.code != ExpressionError.code:
            raise
        raise ExpressionError(f"{name}(): {error.detail}", code=error.code) from error


def _fitting(function: Function, index: int, argument: Any, budget: Budget) -> Any:
    """The argument as the function takes it."""
    actual = type_name(argument)
    wanted = function.parameter(index).split("|")
    for each in wanted:
        outer, _, element = each.partition("[")
        if each == "any" and actual != "expref":
            return number(argument) if actual == "number" else argument
        if outer != actual:
            continue
        if actual == "number":
            return number(argument)
        if not element:
            return argument
        budget.steps(len(argument))
        if all(type_name(one) == element[:-1] for one in argument):
            return [number(one) for one in argument] if element == "number]" else argument
    raise ExpressionError(_mismatch(function, index, argument, actual, wanted))


def _mismatch(function: Function, index: int, argument: Any, actual: str, wanted: Sequence[str]) -> str:
    words = " or ".join(each.replace("[", " of ").rstrip("]") for each in wanted)
    got = actual
    if actual == "array":
        got = "array with " + ", ".join(sorted({type_name(each) for each in argument})) + " in it"
    advice = ""
    if actual == "null":
        advice = "; default(value, other) stands in for what is missing"
    elif "number" in words and "string" in got:
        advice = "; decimal(text) makes a number"
    return f"{function.usage}: argument {index + 1} is {got}, not {words}{advice}"
