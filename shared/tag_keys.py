"""Keys of tags in one form, so that a tag is the same whatever report it came in.

A tag CostCenter is `resourceTags/user:CostCenter` in the legacy report, `user_cost_center` in CUR 2.0 and
`CostCenter` in FOCUS. In `charges` its key is `cost_center` in all of them.
"""

import re

Prefixes = tuple[tuple[str, str], ...]

_SOURCES: Prefixes = (
    ("resourceTags/user:", ""),
    ("resourceTags/aws:", "aws:"),
    ("resourceTags/", ""),
    ("iamPrincipal/", ""),
    ("userAttribute/", ""),
    ("accountTag/", ""),
    ("costCategory/", "cost_category_"),
)
AWS: Prefixes = (*_SOURCES, ("user:", ""), ("user_", ""), ("aws:", "aws:"), ("aws_", "aws:"))
"""What AWS's reports write before a key: whose tag it is, and in the column `tags` of CUR 2.0 also of what.
Its own tags keep the mark; a cost category has one, for it is a tag of nothing."""
FOCUS: Prefixes = (("user:", ""), ("aws:", "aws:"))
"""FOCUS marks a provider's own tags, and leaves users' as they are: `user_name` is a key like any other."""

_CAPITAL = re.compile(r"([A-Z])")
_OTHER = re.compile(r"[\W_]+")


def normal_key(key: str, prefixes: Prefixes) -> str:
    """`user:CostCenter` -> `cost_center`, `aws:createdBy` -> `aws:created_by`.

    The first of `prefixes` that the key begins with becomes the text beside it. The rest is written as AWS
    names columns in Athena (an underscore before each capital, lower case, an underscore for everything that
    is no letter and no digit), but letters of every script stay. A key without any stays as it is.
    """
    prefix, rest = "", key
    for written, made in prefixes:
        if key.startswith(written) and len(key) > len(written):
            prefix, rest = made, key[len(written) :]
            break
    normal = _OTHER.sub("_", _CAPITAL.sub(r"_\1", rest).lower()).strip("_")
    return prefix + (normal or rest)


def original_key(key: str, prefixes: Prefixes) -> str:
    """The key as its owner wrote it: without the mark of a user's tag, a provider's own with its mark."""
    for written, made in prefixes:
        if key.startswith(written) and len(key) > len(written):
            return made + key[len(written) :]
    return key
