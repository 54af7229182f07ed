"""The documentation page: one HTML file from the OpenAPI document, with no script and nothing to fetch."""

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from services.portal.application.fields import Schemas

_HERE = Path(__file__).parent
_METHODS = ("get", "post", "put", "patch", "delete")
_HOST = "$ONYX"
_GUIDE = "".join(
    f'<li><a href="#{anchor}">{text}</a></li>'
    for anchor, text in (
        ("token", "Get a token"),
        ("first-call", "First call"),
        ("conventions", "Conventions"),
        ("errors", "Errors"),
    )
)
Operation = Mapping[str, Any]


def docs_page(document: Mapping[str, Any]) -> str:
    """The whole page. Everything from the document is escaped: it is text, whatever it says."""
    groups = _groups(document)
    title = escape(str(document["info"]["title"]))
    navigation = "".join(_navigation(name, operations) for name, operations in groups.items())
    sections = "".join(_section(name, operations, Schemas(document)) for name, operations in groups.items())
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_file('docs.css')}</style></head><body>"
        f'<nav aria-label="Contents"><p class="brand">{title}</p><h2>Guide</h2><ul>{_GUIDE}</ul>'
        f"{navigation}</nav><main><header><h1>{title}</h1>"
        f'<p class="lead">Version {escape(str(document["info"]["version"]))}. The same as a contract for '
        'machines: <a href="/v1/openapi.json">/v1/openapi.json</a>.</p></header>'
        f"{_file('guide.html')}{sections}</main></body></html>\n"
    )


def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _groups(document: Mapping[str, Any]) -> dict[str, list[tuple[str, str, Operation]]]:
    """(method, path, operation) by tag; paths in their order."""
    groups: dict[str, list[tuple[str, str, Operation]]] = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                tag = (item[method].get("tags") or ["other"])[0]
                groups.setdefault(tag, []).append((method, path, item[method]))
    return dict(sorted(groups.items()))


def _anchor(method: str, path: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{method} {path}".lower()).strip("-")


def _heading(tag: str) -> str:
    return escape(tag.replace("-", " ").capitalize())


def _prose(text: str) -> str:
    """Escaped, with `code` as code and an empty line between paragraphs."""
    paragraphs = re.split(r"\n\s*\n", text.strip()) if text.strip() else []
    return "".join(f"<p>{_inline(paragraph)}</p>" for paragraph in paragraphs)


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))


def _navigation(tag: str, operations: list[tuple[str, str, Operation]]) -> str:
    links = "".join(
        f'<li><a href="#{_anchor(method, path)}"><span class="verb {method}">{method}</span>'
        f"{escape(str(operation.get('summary') or path))}</a></li>"
        for method, path, operation in operations
    )
    return f"<h2>{_heading(tag)}</h2><ul>{links}</ul>"


def _section(tag: str, operations: list[tuple[str, str, Operation]], schemas: Schemas) -> str:
    articles = "".join(_operation(*operation, schemas) for operation in operations)
    return f'<section id="{escape(tag)}"><h2>{_heading(tag)}</h2>{articles}</section>'


def _operation(method: str, path: str, operation: Operation, schemas: Schemas) -> str:
    role = operation.get("x-onyx-role")
    access = f"needs the role <b>{escape(str(role))}</b>" if role else "no token needed"
    path_html = re.sub(r"(\{[^}]+\})", r"<i>\1</i>", escape(path))
    parts = [
        f'<article id="{_anchor(method, path)}">',
        f"<h3>{escape(str(operation.get('summary') or path))}</h3>",
        f'<p class="route"><span class="verb {method}">{method}</span><code>{path_html}</code>'
        f'<span class="access">{access}</span></p>',
        _description(operation),
        _parameters(operation, schemas),
        _body(operation, schemas),
        _example(method, path, operation, schemas),
        *_responses(operation, schemas),
        "</article>",
    ]
    return "".join(parts)


def _description(operation: Operation) -> str:
    text = str(operation.get("description") or "")
    # Powertools fills in "METHOD /path" where a route has no description of its own.
    return "" if re.fullmatch(r"[A-Z]+ /\S*", text) else _prose(text)


def _table(rows: list[tuple[str, str, bool, str]]) -> str:
    """Rows of (name, type, required, description)."""
    body = "".join(
        f"<tr><td><code>{escape(name)}</code>{'<b title=required>*</b>' if required else ''}</td>"
        f"<td>{escape(kind)}</td><td>{_inline(text)}</td></tr>"
        for name, kind, required, text in rows
    )
    return f'<div class="wide"><table><tbody>{body}</tbody></table></div>'


def _parameters(operation: Operation, schemas: Schemas) -> str:
    rows = []
    for parameter in operation.get("parameters", ()):
        schema = parameter.get("schema", {})
        found = schemas.resolve(schema)
        notes = [str(parameter.get("description") or found.get("description") or "")]
        if found.get("default") is not None:
            notes.append(f"Default `{found['default']}`.")
        low, high = found.get("minimum"), found.get("maximum")
        if low is not None and high is not None:
            notes.append(f"{low:g} to {high:g}.")
        kind = f"{parameter['in']}, {schemas.type_name(schema).removesuffix(' or null')}"
        text = " ".join(note for note in notes if note)
        rows.append((parameter["name"], kind, bool(parameter.get("required")), text))
    return f"<h4>Parameters</h4>{_table(rows)}" if rows else ""


def _json_schema(content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = content.get("content", {}).get("application/json", {}).get("schema")
    return found


def _body(operation: Operation, schemas: Schemas) -> str:
    schema = _json_schema(operation.get("requestBody", {}))
    if schema is None:
        return ""
    return f"<h4>Body</h4>{_fields(schema, schemas, sent=True)}"


def _errors(operation: Operation) -> str:
    """What can go wrong: by what the operation takes, and the codes that it declares in `x-onyx-errors`."""
    statuses = []
    if operation.get("security"):
        statuses += ["401", "403"]
    if any(parameter["in"] == "path" for parameter in operation.get("parameters", ())):
        statuses.append("404")
    if operation.get("parameters") or operation.get("requestBody"):
        statuses.append("422")
    codes = "".join(f", <code>{escape(str(code))}</code>" for code in operation.get("x-onyx-errors", ()))
    listed = ", ".join([*statuses, "5xx"])
    return f'<p class="problem">Errors: {listed}{codes}. See <a href="#errors">errors</a>.</p>'


def _fields(schema: Mapping[str, Any], schemas: Schemas, *, sent: bool = False) -> str:
    """`sent`: fields of a body, of which some are required; those of an answer are simply there."""
    fields = schemas.fields(schema)
    rows = [(field.path, field.type, field.required and sent, field.description) for field in fields]
    return _table(rows) if rows else f"<p>{escape(schemas.type_name(schema))}</p>"


def _example(method: str, path: str, operation: Operation, schemas: Schemas) -> str:
    """The call with curl: what is required, and what has an example."""
    query: list[tuple[str, str]] = []
    for parameter in operation.get("parameters", ()):
        schema = parameter.get("schema", {})
        shown = _parameter_example(parameter, schemas.resolve(schema))
        if parameter["in"] == "path":
            value = shown if shown is not None else schemas.example(schema)
            path = path.replace(f"{{{parameter['name']}}}", str(value))
        elif shown is not None or parameter.get("required"):
            value = shown if shown is not None else schemas.example(schema)
            values = value if isinstance(value, list) else [value]
            query += [(parameter["name"], str(one)) for one in values]
    address = f"{_HOST}{path}" + (f"?{urlencode(query, safe=',:-')}" if query else "")
    lines = [f'curl "{address}"' if method == "get" else f'curl -X {method.upper()} "{address}"']
    if operation.get("security"):
        lines.append('  -H "authorization: Bearer $TOKEN"')
    schema = _json_schema(operation.get("requestBody", {}))
    if schema is not None:
        lines.append('  -H "content-type: application/json"')
        quoted = json.dumps(schemas.example(schema), ensure_ascii=False).replace("'", "'\\''")
        lines.append(f"  -d '{quoted}'")
    command = " \\\n".join(lines)
    return f"<h4>Example</h4><pre><code>{escape(command, quote=False)}</code></pre>"


def _parameter_example(parameter: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    examples = parameter.get("examples") or schema.get("examples")
    if isinstance(examples, Mapping):  # OpenAPI's own form: name -> {"value": ...}
        examples = [one.get("value") for one in examples.values()]
    return examples[0] if examples else parameter.get("example", schema.get("example"))


def _responses(operation: Operation, schemas: Schemas) -> Iterator[str]:
    for status, response in operation.get("responses", {}).items():
        schema = _json_schema(response)
        if status == "default":
            yield _errors(operation)
        elif schema is None:
            yield f"<h4>Answer {escape(status)}</h4>"
        else:
            example = json.dumps(schemas.example(schema), indent=2, ensure_ascii=False)
            yield (
                f"<h4>Answer {escape(status)}</h4>{_fields(schema, schemas)}"
                f"<details><summary>As JSON</summary><pre><code>{escape(example, quote=False)}</code></pre>"
                "</details>"
            )
