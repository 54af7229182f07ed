"""Texts, bytes and addresses by Trino's names."""

import re
from collections.abc import Sequence

from sqlglot import exp

from services.query_engine.domain.dialects.build import (
    Context,
    call,
    cast,
    integer_literal,
    paren,
    text_literal,
    typed,
)
from services.query_engine.domain.dialects.common.rewriting import Rewrite
from services.query_engine.domain.dialects.duckdb.names import (
    Rule,
    counted,
    declined,
    need,
    of_first,
    plain,
    taking,
    text,
    whole_number,
)
from services.query_engine.domain.types import Family, family

_F = Family
_DIRECTIVE = re.compile(r"%(?:%|n|(?P<flags>[,0+-]*)(?P<width>\d*)(?:\.(?P<digits>\d+))?(?P<kind>[sdf]))")


def _digest(name: str) -> Rule:
    """Bytes of DuckDB's digest, which is a hexadecimal text."""

    def rule(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
        need(given[0], node, context, _F.BINARY)
        return call("unhex", call(name, given[0], returns="VARCHAR"), returns=node.type)

    return rule


_PLAIN_WIDTH = 10_000
"""Up to here a text is padded without a look at how far: DuckDB pads by two billion, for minutes."""


def _pad(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, _F.STRING)
    need(given[1], node, context, _F.INTEGER)
    if text_literal(given[2]) == "":
        raise context.unsupported(node, f"{node.this} needs a text to pad with")
    width = integer_literal(given[1])
    few = width is not None and 0 <= width <= _PLAIN_WIDTH
    to = cast(given[1], "INTEGER") if few else call("onyx_width", given[1], returns="INTEGER")
    return call(str(node.this), given[0], to, given[2], returns="VARCHAR")


def _split(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    """With a limit, the last part holds the rest."""
    for each in given[:2]:
        need(each, node, context, _F.STRING)
    if text_literal(given[1]) == "":
        raise context.unsupported(node, "split needs a delimiter that is not empty")
    if len(given) > 2:
        raise declined(node, context, "split takes no limit here: read the parts by split(...)[n]")
    return call("string_split", *given, returns=node.type)


def _chr(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    need(given[0], node, context, _F.INTEGER)
    return call("chr", cast(given[0], "INTEGER"), returns="VARCHAR")


def _concat_ws(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    if family(given[1]) is _F.ARRAY and len(given) == 2:
        return call("onyx_joined", given[1], given[0], returns="VARCHAR")
    for each in given:
        need(each, node, context, _F.STRING)
    return call("concat_ws", *given, returns="VARCHAR")


def _format(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    """%s, %d and %.2f, with commas and widths; decimals are rounded half away from zero and stay exact."""
    form = text_literal(given[0])
    if form is None:
        raise declined(node, context, "The form of format is a text in quotes here")
    parts: list[exp.Expr] = []
    rest, at = list(given[1:]), 0
    while at < len(form):
        if form[at] != "%":
            end = form.find("%", at)
            end = len(form) if end < 0 else end
            parts.append(text(form[at:end]))
            at = end
            continue
        found = _DIRECTIVE.match(form, at)
        if found is None:
            raise declined(node, context, f"format knows %s, %d and %f here, not {form[at : at + 3]}")
        at = found.end()
        if found[0] in ("%%", "%n"):
            parts.append(text("%" if found[0] == "%%" else "\n"))
        elif not rest:
            raise context.mismatch(node, "format has more directives than values")
        else:
            parts.append(_directive(found, rest.pop(0), node, context))
    made = parts[0] if parts else text("")
    for each in parts[1:]:
        made = typed(exp.DPipe(this=made, expression=each), exp.DType.VARCHAR)
    return paren(made)


def _directive(found: re.Match[str], value: exp.Expr, node: exp.Expr, context: Context) -> exp.Expr:
    kind, flags, source = found["kind"], found["flags"], family(value)
    if (kind == "s" and source in (_F.STRING, _F.INTEGER, _F.BOOLEAN, _F.DATE)) or (
        kind == "d" and source is _F.INTEGER and not found["digits"]
    ):
        made = cast(value, "VARCHAR")
    elif kind == "f" and source in (_F.DECIMAL, _F.INTEGER, _F.DOUBLE):
        digits = int(found["digits"] or 6)
        if digits > 18:
            raise declined(node, context, "format writes at most 18 decimals")
        exact = call("round", cast(value, "DECIMAL(38, 18)"), whole_number(digits), returns=None)
        made = cast(cast(exact, f"DECIMAL(38, {digits})"), "VARCHAR")
    else:
        raise declined(node, context, f"format does not write {source.value} by {found[0]} here")
    if "," in flags:
        made = call("onyx_grouped", made, returns="VARCHAR")
    if set(flags) - set(",-0") or ("0" in flags and source is not _F.INTEGER):
        raise declined(node, context, f"format does not know {found[0]} here")
    made = call("coalesce", made, text("null"), returns="VARCHAR")
    if found["width"]:
        width = int(found["width"])
        pad = "rpad" if "-" in flags else "lpad"
        size = call("greatest", call("length", made.copy(), returns=None), whole_number(width), returns=None)
        filler = text("0" if "0" in flags else " ")
        made = call(pad, made, cast(size, "INTEGER"), filler, returns="VARCHAR")
    return made


def normalized(node: exp.Normalize, context: Context) -> exp.Expr:
    form = node.args.get("form")
    if isinstance(form, exp.Expr) and form.name.upper() != "NFC":
        raise context.unsupported(node, "normalize knows the form NFC here")
    return call("nfc_normalize", node.this, returns="VARCHAR")


def _from_base(given: Sequence[exp.Expr], node: exp.Expr, context: Context) -> exp.Expr:
    base = integer_literal(given[1])
    if base is None or not 2 <= base <= 36:
        raise context.unsupported(node, f"The base of {node.this} is a whole number from 2 to 36")
    if node.this == "from_base":
        need(given[0], node, context, _F.STRING)
        return call("onyx_from_base", *given, returns="BIGINT")
    need(given[0], node, context, _F.INTEGER)
    lower = call(
        "lower", call("to_base", call("abs", given[0], returns=None), given[1], returns=None), returns=None
    )
    negative = exp.LT(this=given[0].copy(), expression=whole_number(0))
    sign = exp.Case(ifs=[exp.If(this=negative, true=text("-"))], default=text(""))
    return paren(typed(exp.DPipe(this=sign, expression=lower), exp.DType.VARCHAR))


def _texts(name: str) -> Rule:
    return taking(_F.STRING, then=plain(name))


NAMES: dict[str, Rule] = {
    "lpad": _pad,
    "rpad": _pad,
    "split": _split,
    "translate": _texts("translate"),
    "chr": _chr,
    "codepoint": taking(_F.STRING, then=counted("unicode")),
    "concat_ws": _concat_ws,
    "format": _format,
    "levenshtein_distance": taking(_F.STRING, then=counted("levenshtein")),
    "hamming_distance": taking(_F.STRING, then=counted("hamming")),
    "ends_with": _texts("ends_with"),
    "to_hex": of_first(_F.BINARY, then=plain("hex")),
    "from_hex": _texts("unhex"),
    "to_base64": of_first(_F.BINARY, then=plain("to_base64")),
    "from_base64": _texts("from_base64"),
    "to_utf8": _texts("encode"),
    "from_utf8": of_first(_F.BINARY, then=plain("decode")),
    "md5": _digest("md5"),
    "sha1": _digest("sha1"),
    "sha256": _digest("sha256"),
    "from_base": _from_base,
    "to_base": _from_base,
    **{
        f"url_{name}": _texts(f"onyx_url_{name.removeprefix('extract_')}")
        for name in ("extract_protocol", "extract_host", "extract_path", "extract_query", "extract_fragment")
    },
    **{f"url_{name}": _texts(f"onyx_url_{name}") for name in ("encode", "decode")},
    "url_extract_port": _texts("onyx_url_port"),
    "url_extract_parameter": _texts("onyx_url_parameter"),
}

RULES: dict[type[exp.Expr], Rewrite] = {exp.Normalize: normalized}
