"""Functions of texts. What is written is paid for before it is written."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from services.workflow.domain.errors import ExpressionError
from services.workflow.domain.expressions.budget import Budget
from services.workflow.domain.expressions.values import decimal, is_number, number, scalar_text, settled
from shared.json_text import dumps


def lower(budget: Budget, text: str) -> str:
    budget.characters(len(text))
    return text.lower()


def upper(budget: Budget, text: str) -> str:
    budget.characters(len(text))
    return text.upper()


def trim(budget: Budget, text: str) -> str:
    budget.characters(len(text))
    return text.strip()


def starts_with(budget: Budget, text: str, start: str) -> bool:
    budget.characters(len(start))
    return text.startswith(start)


def ends_with(budget: Budget, text: str, end: str) -> bool:
    budget.characters(len(end))
    return text.endswith(end)


def replace(budget: Budget, text: str, old: str, new: str) -> str:
    if not old:
        raise ExpressionError("what to replace is empty")
    budget.characters(len(text) + text.count(old) * len(new))
    return text.replace(old, new)


def split(budget: Budget, text: str, separator: str) -> list[str]:
    if not separator:
        raise ExpressionError("the separator is empty")
    budget.characters(len(text))
    budget.steps(text.count(separator) + 1)
    return text.split(separator)


def join(budget: Budget, separator: str, texts: Sequence[str]) -> str:
    budget.steps(len(texts))
    budget.characters(sum(len(each) + len(separator) for each in texts))
    return separator.join(texts)


def sql_text(budget: Budget, text: str) -> str:
    """A text literal of SQL: what is in the text cannot end it."""
    escaped = replace(budget, text, "'", "''")
    return f"'{escaped}'"


def url_encode(budget: Budget, text: str) -> str:
    """A text as a part of a path or query."""
    budget.characters(9 * len(text))
    return quote(text, safe="", errors="replace")


def to_string(budget: Budget, value: Any) -> str:
    """A text as it is, a number in its canonical form, anything else as JSON (decimals as text)."""
    if isinstance(value, str):
        return value
    if is_number(value):
        return scalar_text(value) or ""
    written = dumps(settled(value, budget))
    budget.characters(len(written))
    return written


def table(budget: Budget, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """A table of plain text: a line of names, a rule, a line per row; numbers to the right. Columns are all
    that occur, in their order, unless they are named."""
    names = list(columns) if columns is not None else list(dict.fromkeys(key for row in rows for key in row))
    budget.steps((len(rows) + 1) * max(1, len(names)))
    cells = [[_cell(budget, row.get(name)) for name in names] for row in rows]
    widths = [max([len(name), *(len(row[at]) for row in cells)]) for at, name in enumerate(names)]
    budget.characters((len(rows) + 2) * (sum(widths) + 2 * len(widths)))
    right = [_numeric(row.get(name) for row in rows) for name in names]
    lines = [names, ["-" * width for width in widths], *cells]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def _cell(budget: Budget, value: Any) -> str:
    text = (
        to_string(budget, value)
        if isinstance(value, list | Mapping)
        else scalar_text(number(value) if is_number(value) else value)
    )
    budget.characters(len(text or ""))
    return " ".join((text or "").split())


def _numeric(values: Any) -> bool:
    found = False
    for value in values:
        if value is None or value == "":
            continue
        if isinstance(value, str):
            try:
                decimal(value)
            except ExpressionError:
                return False
        elif not is_number(value):
            return False
        found = True
    return found
