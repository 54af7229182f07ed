"""Columns that a provider's dictionary knows, whether or not a tenant's bills ever carried them."""

import re
from collections.abc import Mapping
from functools import cache

from services.query_engine.domain import dictionary_columns as words
from services.query_engine.domain.tables import Column

_MONEY, _TIME, _TEXT, _MAP = "decimal(38,18)", "timestamp", "varchar", "map(varchar, varchar)"

_BY_COMPANY = re.compile(r"(?:resource_tags_(?:user|aws)|cost_category|discount)_\w+")
"""Columns that each company has its own of: its tags, its cost categories, its agreements' discounts.

Queries are passed on with them, so one that no bill has yet is no mistake."""


def known_column(table: str, name: str) -> Column | None:
    """The column `name` (without regard to case) of the provider's table `table`, by its dictionary.

    Reports differ in where a product attribute has underscores (product_uservolume): any way will do. None
    where the dictionary does not have it, or `table` has none (`charges` has all columns always).
    """
    lower = name.lower()
    found = _dictionary(table).get(lower)
    if found is None and table in ("cur", "cur2") and lower.replace("_", "") in _products():
        return Column(lower, _TEXT)
    if found is None and table in ("cur", "cur2") and _BY_COMPANY.fullmatch(lower):
        return Column(lower, _MONEY if lower.startswith("discount_") else _TEXT)
    return found


def known_names(table: str) -> list[str]:
    """All names that the dictionary has for a table, as it writes them."""
    return [column.name for column in _dictionary(table).values()]


RAW_TABLES: Mapping[str, str] = {"cur": "CUR", "cur2": "CUR 2.0", "focus": "FOCUS"}
"""Tables that are there once a bill of their format is, and what that format is called."""


@cache
def _products() -> frozenset[str]:
    return frozenset(f"product{each}".replace("_", "") for each in words.PRODUCT.split())


@cache
def _dictionary(table: str) -> Mapping[str, Column]:
    if table == "focus":
        return _columns(words.FOCUS_DECIMALS, words.FOCUS_TIMESTAMPS, words.FOCUS_TEXTS, words.FOCUS_MAPS)
    if table not in ("cur", "cur2"):
        return {}
    product = " ".join(f"product_{each}" for each in words.PRODUCT.split())
    maps = words.CUR2_MAPS if table == "cur2" else ""
    return _columns(words.CUR_DECIMALS, words.CUR_TIMESTAMPS, f"{words.CUR_TEXTS} {product}", maps)


def _columns(decimals: str, times: str, texts: str, maps: str) -> dict[str, Column]:
    return {
        name.lower(): Column(name, kind)
        for names, kind in ((decimals, _MONEY), (times, _TIME), (texts, _TEXT), (maps, _MAP))
        for name in names.split()
    }
