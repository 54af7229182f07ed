"""Patterns: Java's in Trino, RE2's in DuckDB. What they do not share is declined or rewritten."""

import re
from collections.abc import Sequence

from sqlglot import exp

from services.query_engine.domain.dialects.build import Context, call, cast, integer_literal, text_literal
from services.query_engine.domain.dialects.common.rewriting import Rewrite
from services.query_engine.domain.dialects.duckdb.names import Rule, need, text, whole_number
from services.query_engine.domain.errors import INVALID_PATTERN, refuse
from services.query_engine.domain.syntax import position_of
from services.query_engine.domain.types import Family

# What Java's patterns have and RE2's do not, or read otherwise.
_FOREIGN = {
    r"\(\?<?[=!]": "looking ahead or behind",
    r"\(\?>": "a group that is not given back",
    r"[*+?}]\+": "a possessive quantifier",
    r"\\[1-9]": "a reference to a group",
    r"\\k<": "a reference to a group",
    r"\\[GXRhHZ]": "this escape",
    r"&&": "an intersection of classes",
    r"\\p\{(Is|In|java)": "this class of characters",
}
_GROUP_OR_NONE = re.compile(r"\)(?:[?*]|\{0)|\|")


def pattern_of(node: exp.Expr, written: exp.Expr, what: str, context: Context) -> exp.Expr:
    """A pattern in quotes that both read alike. Raises BadRequest (UNSUPPORTED_SQL, INVALID_PATTERN)."""
    found = text_literal(written)
    if found is None:
        raise context.unsupported(node, f"The pattern of {what} is a text in quotes here")
    bare = re.sub(r"\\\\", "", found)
    for foreign, name in _FOREIGN.items():
        if re.search(foreign, bare):
            raise context.unsupported(node, f"A pattern with {name} is not supported here")
    if _unbalanced(bare):
        raise refuse(
            INVALID_PATTERN,
            f"'{found}' is no regular expression: a bracket is not closed",
            at=position_of(context.text, written),
            token=found,
        )
    return text(re.sub(r"\(\?<(?=[A-Za-z])", "(?P<", found))


def _unbalanced(pattern: str) -> bool:
    depth, inside, at = 0, False, 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            at += 1
        elif inside:
            inside = sign != "]"
        elif sign == "[":
            inside = True
            at += 2 if pattern[at + 1 : at + 2] == "^" else 1
            continue
        else:
            depth += (sign == "(") - (sign == ")")
        if depth < 0:
            return True
        at += 1
    return inside or depth > 0


def _group(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> int:
    group = 0 if len(given) < 3 else integer_literal(given[2])
    if group is None or not 0 <= group <= 9:
        raise context.unsupported(node, f"The group of {node.this} is a whole number from 0 to 9")
    return group


def _extract(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    """Null where it does not match, or where the group takes no part in the match."""
    need(given[0], node, context, Family.STRING)
    form, group = pattern_of(node, given[1], "regexp_extract", context), _group(given, node, context)
    made = call("onyx_regexp_extract", given[0], form, whole_number(group), returns="VARCHAR")
    if group and _GROUP_OR_NONE.search(form.name):
        return call("nullif", made, text(""), returns="VARCHAR")
    return made


def _extract_all(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, Family.STRING)
    form, group = pattern_of(node, given[1], "regexp_extract_all", context), _group(given, node, context)
    return call("regexp_extract_all", given[0], form, whole_number(group), returns=node.type)


def _replace(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, Family.STRING)
    form = pattern_of(node, given[1], "regexp_replace", context)
    by = text_literal(given[2]) if len(given) > 2 else ""
    if by is None:
        raise context.unsupported(node, "What regexp_replace puts is a text in quotes here")
    return call("regexp_replace", given[0], form, text(_put(by, node, context)), text("g"), returns="VARCHAR")


def _put(by: str, node: exp.Expr, context: Context) -> str:
    r"""Java's $1, \$ and \\ as RE2's \1, $ and \\."""
    made, at = "", 0
    while at < len(by):
        sign, following = by[at], by[at + 1 : at + 2]
        if sign == "\\" and following:
            made += following if following != "\\" else "\\\\"
            at += 2
        elif sign == "$":
            if not following.isdigit() or by[at + 2 : at + 3].isdigit():
                raise context.unsupported(node, "A group is put by its number from 0 to 9 here, as in $1")
            made += f"\\{following}"
            at += 2
        else:
            made += "\\\\" if sign == "\\" else sign
            at += 1
    return made


def _split(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, Family.STRING)
    form = pattern_of(node, given[1], "regexp_split", context)
    return call("regexp_split_to_array", given[0], form, returns=node.type)


def _count(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, Family.STRING)
    form = pattern_of(node, given[1], "regexp_count", context)
    return cast(call("len", call("regexp_extract_all", given[0], form, returns=None), returns=None), "BIGINT")


NAMES: dict[str, Rule] = {
    "regexp_extract": _extract,
    "regexp_extract_all": _extract_all,
    "regexp_replace": _replace,
    "regexp_split": _split,
    "regexp_count": _count,
}


def like(node: exp.RegexpLike, context: Context) -> exp.Expr:
    """regexp_like: somewhere in the text."""
    need(node.this, exp.Anonymous(this="regexp_like"), context, Family.STRING)
    form = pattern_of(node, node.expression, "regexp_like", context)
    return call("regexp_matches", node.this, form, returns="BOOLEAN")


RULES: dict[type[exp.Expr], Rewrite] = {exp.RegexpLike: like}
