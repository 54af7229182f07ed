"""What in a new JSON Schema of an event its readers and writers would trip over."""

from collections.abc import Iterator, Mapping
from typing import Any

_PROSE = frozenset({"description", "title", "$defs", "examples", "default"})
_FIELDS = frozenset({"properties", "required"})


def breaking_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Every difference but an added optional field and other words, each with where it is."""
    return list(_Comparison(old, new).differences(old, new, "$"))


class _Comparison:
    """Two whole documents, whose `$defs` their parts refer to."""

    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        self._old = old
        self._new = new
        self._compared: set[tuple[str, str]] = set()

    def differences(self, old: Any, new: Any, where: str) -> Iterator[str]:
        if not isinstance(old, Mapping) or not isinstance(new, Mapping):
            if old != new:
                yield f"{where}: {old!r} became {new!r}"
            return
        references = (str(old.get("$ref", "")), str(new.get("$ref", "")))
        if any(references):
            # A definition may contain itself; once is enough for every pair.
            if references in self._compared:
                return
            self._compared.add(references)
            old, new = _resolved(old, self._old), _resolved(new, self._new)
        yield from self._field_differences(old, new, where)
        for keyword in sorted((old.keys() | new.keys()) - _FIELDS - _PROSE):
            yield from self._keyword_differences(keyword, old.get(keyword), new.get(keyword), where)

    def _field_differences(self, old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[str]:
        fields = new.get("properties", {})
        for name, schema in old.get("properties", {}).items():
            if name in fields:
                yield from self.differences(schema, fields[name], f"{where}.{name}")
            else:
                yield f"{where}.{name}: removed"
        before, now = set(old.get("required", ())), set(new.get("required", ()))
        yield from (f"{where}.{name}: now required" for name in sorted(now - before))
        yield from (
            f"{where}.{name}: no longer required, and readers rely on it" for name in sorted(before - now)
        )

    def _keyword_differences(self, keyword: str, before: Any, now: Any, where: str) -> Iterator[str]:
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            yield from self.differences(before, now, f"{where}.{keyword}")
        elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
            for at, (each, other) in enumerate(zip(before, now, strict=True)):
                yield from self.differences(each, other, f"{where}.{keyword}[{at}]")
        elif before != now:
            yield f"{where}.{keyword}: {before!r} became {now!r}"


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = root.get("$defs", {}).get(str(schema["$ref"]).removeprefix("#/$defs/"), {})
    return found
