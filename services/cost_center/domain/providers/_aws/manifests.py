"""Manifests of AWS: of the legacy Cost and Usage Report, and of Data Exports (CUR 2.0, FOCUS).

Sources: AWS Data Exports user guide, "Understanding export delivery"; AWS CUR user guide, "Understanding
your report versions". Layouts, below any prefix:

- report: `<report>/<YYYYMMDD-YYYYMMDD>/[<assembly id>/]<report>-Manifest.json` beside the csv files;
  parquet lies in `<report>/<report>/year=<y>/month=<m>/`
- export: `<export>/metadata/BILLING_PERIOD=<YYYY-MM>/[<time>-<execution id>/]<export>-Manifest.json`, the
  files in `<export>/data/` and the same folders
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from services.cost_center.domain.findings import reject
from services.cost_center.domain.manifest import Manifest, ManifestForm, NamedFile

MANIFEST = "-Manifest.json"
_RANGE = re.compile(r"(\d{4})(\d{2})\d{2}-\d{8}")
_YEAR, _MONTH = re.compile(r"year=(\d{4})"), re.compile(r"month=(\d{1,2})")
_PERIOD = re.compile(r"BILLING_PERIOD=\d{4}-\d{2}", re.IGNORECASE)
_NUMBERED = re.compile(r"(?P<report>.+?)-\d+\.(?:csv|csv\.gz|csv\.zip|zip|gz|snappy\.parquet|parquet)")
_OTHERS = re.compile(r"part_\d+_\d+\..+")
"""How Azure calls the files of its exports, in folders that are called as a report's."""
_STAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z")
_OLD_DATE = re.compile(r"(\d{4})(\d{2})\d{2}(?:T\d{6}(?:\.\d+)?Z)?")


def is_manifest(key: str) -> bool:
    return key.endswith(MANIFEST)


# --- the legacy report ---


def _report_manifests(key: str) -> Sequence[str]:
    *folders, name = key.split("/")
    if is_manifest(key) or _OTHERS.fullmatch(name):
        return ()
    for at, folder in enumerate(folders):
        if _RANGE.fullmatch(folder) and at >= 1:
            return _named([*folders[:at]], folders[at:], name)
        if at >= 2 and _YEAR.fullmatch(folder) and folders[at - 1] == folders[at - 2]:
            month = _MONTH.fullmatch(folders[at + 1]) if at + 1 < len(folders) else None
            if month:
                first = f"{folder.removeprefix('year=')}-{int(month[1]):02d}"
                return _named(folders[: at - 1], [_range(first), *folders[at + 2 :]], name)
    return ()


def _range(period: str) -> str:
    first = date.fromisoformat(f"{period}-01")
    end = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return f"{first:%Y%m%d}-{end:%Y%m%d}"


def _named(above: Sequence[str], below: Sequence[str], file: str) -> list[str]:
    """Manifest keys in `above/below`, and in each folder on the way up to the first of `below`.

    The report is called as the folder that it lies in; where that was cut off, as its files are.
    """
    reports = [above[-1]]
    if numbered := _NUMBERED.fullmatch(file):
        reports.append(numbered["report"])
    return [
        "/".join([*above, *below[:depth], report + MANIFEST])
        for depth in range(len(below), 0, -1)
        for report in dict.fromkeys(reports)
    ]


def _report_place(manifest: str, named: str) -> str | None:
    folders, path = manifest.split("/")[:-1], named.split("/")
    at = next((at for at, each in enumerate(folders) if _RANGE.fullmatch(each)), None)
    if at is None:
        return None
    for start, folder in enumerate(path[:-1]):
        if folder == folders[at]:
            return "/".join([*folders[:at], *path[start:]])
        if _YEAR.fullmatch(folder) and start:
            return "/".join([*folders[:at], *path[start - 1 :]])
    return None


def _read_report(name: str, document: Mapping[str, Any]) -> Manifest | None:
    keys = document.get("reportKeys")
    if keys is None:
        return None
    files = _files(name, "reportKeys", keys)
    return Manifest(
        files=files,
        period=_period(name, document),
        columns=_columns(document, lambda column: f"{column['category']}/{column['name']}"),
        created=_created(document),
        own_files=all(_below(_RANGE, each.path) for each in files),
    )


# --- Data Exports ---


def _export_manifests(key: str) -> Sequence[str]:
    if is_manifest(key):
        return ()
    *folders, name = key.split("/")
    for at, folder in enumerate(folders):
        if _PERIOD.fullmatch(folder) and at >= 2 and folders[at - 1] == "data":
            above = folders[: at - 1]
            found = _named(above, ["metadata", *folders[at:]], name)
            return [each for each in found if len(each.split("/")) > len(above) + 2]
    return ()


def _export_place(manifest: str, named: str) -> str | None:
    folders, path = manifest.split("/")[:-1], named.split("/")
    for at, folder in enumerate(folders[:-1]):
        if folder == "metadata" and _PERIOD.fullmatch(folders[at + 1]):
            for start in range(len(path) - 2):
                if path[start] == "data" and _PERIOD.fullmatch(path[start + 1]):
                    return "/".join([*folders[:at], *path[start:]])
    return None


def _read_export(name: str, document: Mapping[str, Any]) -> Manifest | None:
    keys = document.get("dataFiles")
    if keys is None:
        return None
    files = _files(name, "dataFiles", keys)
    return Manifest(
        files=files,
        period=_period(name, document) or _named_period(files),
        columns=_columns(document, lambda column: str(column["name"])),
        created=_created(document),
        own_files=all(_below(_PERIOD, each.path) for each in files),
    )


# --- what both have ---


def _files(name: str, what: str, keys: Any) -> tuple[NamedFile, ...]:
    if not isinstance(keys, list) or not all(isinstance(each, str) for each in keys):
        raise reject(f"{what} is no list of files", file=name, expected="a list of keys")
    return tuple(NamedFile(_path(each)) for each in keys)


def _path(named: str) -> str:
    """The key without its bucket. Some tools write a key with a slash before it."""
    if named.startswith("s3://"):
        named = named.removeprefix("s3://").partition("/")[2]
    return named.removeprefix("/")


def _below(folder: re.Pattern[str], path: str) -> bool:
    """Whether the file lies in a folder of its delivery's own, below that of the period."""
    folders = path.split("/")[:-1]
    return any(folder.fullmatch(each) for each in folders[:-1])


def _period(name: str, document: Mapping[str, Any]) -> str | None:
    told = document.get("billingPeriod")
    if not isinstance(told, Mapping) or "start" not in told:
        return None
    start = str(told["start"])
    if found := _OLD_DATE.fullmatch(start):
        return f"{found[1]}-{found[2]}"
    try:
        return f"{datetime.fromisoformat(start):%Y-%m}"
    except ValueError as error:
        raise reject(
            f"the manifest's billing period begins at {start!r}", file=name, expected="a date"
        ) from error


def _named_period(files: Sequence[NamedFile]) -> str | None:
    for folder in (folder for each in files for folder in each.path.split("/")):
        if _PERIOD.fullmatch(folder):
            return folder.partition("=")[2]
    return None


def _columns(document: Mapping[str, Any], header: Any) -> tuple[str, ...]:
    columns = document.get("columns")
    if not isinstance(columns, list):
        return ()
    try:
        # JSON may hold halves of characters, which no row and no event can.
        return tuple(header(column).encode(errors="replace").decode() for column in columns)
    except (KeyError, TypeError):
        return ()


def _created(document: Mapping[str, Any]) -> datetime | None:
    """When AWS made it: an export's run begins its id with the time, as its folder does; or `createdAt`."""
    for told in (document.get("executionId"), document.get("createdAt")):
        if isinstance(told, str) and (stamp := _STAMP.match(told)):
            try:
                return datetime.fromisoformat(stamp[0]).astimezone(UTC)
            except ValueError:
                continue
    return None


REPORT = ManifestForm("a Cost and Usage Report", is_manifest, _report_manifests, _report_place, _read_report)
EXPORT = ManifestForm("an AWS data export", is_manifest, _export_manifests, _export_place, _read_export)
