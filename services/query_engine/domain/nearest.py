"""The known names most like one that is not known."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Up to `count` of `known`, the closest first, without regard to case."""
    by_fold = {each.casefold(): each for each in known}
    return [by_fold[each] for each in difflib.get_close_matches(name.casefold(), by_fold, count, cutoff=0.6)]
