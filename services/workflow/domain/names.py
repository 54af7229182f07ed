"""The known name most like one that is not known, for the end of a sentence."""

import difflib
from collections.abc import Iterable

_LONGEST = 64
"""Comparing costs the square of the length: no name of ours is longer."""


def hint(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or nothing where none of `known` is near."""
    if len(name) > _LONGEST:
        return ""
    by_fold = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(name.casefold(), by_fold, 1, cutoff=0.6)
    return f"; did you mean '{by_fold[near[0]]}'?" if near else ""
