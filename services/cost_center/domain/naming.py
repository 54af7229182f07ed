"""Column names as Amazon Athena has them."""

import re
from collections.abc import Iterable, Sequence

_OTHER = re.compile(r"[^a-z0-9]+")
_CAPITAL = re.compile(r"([A-Z])")


def athena_name(header: str) -> str:
    """The Athena name of a CUR header: lineItem/UnblendedCost -> line_item_unblended_cost.

    AWS's rule: an underscore before each capital, lower case, every other character an underscore, and runs
    of underscores squeezed. A header that is already an Athena name stays as it is. Source: AWS CUR user
    guide, "Creating an Athena table", column names.
    """
    name = _OTHER.sub("_", _CAPITAL.sub(r"_\1", header).lower()).strip("_")
    return name or "column"


def unique_names(names: Iterable[str], reserved: Sequence[str] = ()) -> list[str]:
    """Names made unique whatever their case, in order: the second `tag` becomes `tag_2`, and nothing is lost.

    `reserved` are names that the table adds itself; a provider's column of that name is suffixed.
    """
    wanted = list(names)
    taken = {name.lower() for name in reserved}
    originals = {name.lower() for name in wanted}
    unique = []
    for name in wanted:
        candidate, number = name, 1
        while candidate.lower() in taken or (number > 1 and candidate.lower() in originals):
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate.lower())
        unique.append(candidate)
    return unique
