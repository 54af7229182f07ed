"""Promoted tags."""

from typing import ClassVar

from shared.events import Event


class TagsPromoted(Event):
    """A tenant chose the tags that have columns of their own in what is published from now on."""

    type: ClassVar[str] = "TagsPromoted"
    source: ClassVar[str] = "onyx.cost-center"

    keys: list[str]
    before: list[str]
    by: str
