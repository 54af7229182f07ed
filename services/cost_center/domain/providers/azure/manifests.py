"""The manifest of a run of an Azure cost export: `manifest.json`, beside the files that it names.

Source: Microsoft Cost Management, "Tutorial: Create and manage exports" (manifest file, file partitioning,
file overwrite). Layout, below any directory: `<export>/<YYYYMMDD-YYYYMMDD>/[<run id>/]manifest.json`. Exports
of actual cost and of FOCUS have the same one.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from services.cost_center.domain.findings import Rejected, reject
from services.cost_center.domain.manifest import Manifest, ManifestForm, NamedFile

MANIFEST = "manifest.json"
_RANGE = re.compile(r"\d{8}-\d{8}")
_OF_COST = frozenset({"ActualCost", "FocusCost", "Usage"})
"""Types of exports whose files say what is billed; `Usage` is the older name of the first."""
_ANEW = "CreateNewReport"
_PLAIN = frozenset({None, "", "None", "none"})


def _is_manifest(key: str) -> bool:
    return key.rsplit("/", 1)[-1] == MANIFEST


def _manifests(key: str) -> Sequence[str]:
    *folders, name = key.split("/")
    if name == MANIFEST:
        return ()
    at = _range_in(folders)
    if at is None or len(folders) - at > 2:
        return ()
    return ["/".join([*folders, MANIFEST])]


def _range_in(folders: Sequence[str]) -> int | None:
    return next((at for at, each in enumerate(folders) if at and _RANGE.fullmatch(each)), None)


def _place(manifest: str, named: str) -> str | None:
    folders, path = manifest.split("/")[:-1], named.split("/")
    at = _range_in(folders)
    if at is None or folders[at] not in path[:-1]:
        return None
    return "/".join([*folders[:at], *path[path.index(folders[at]) :]])


def _read(name: str, document: Mapping[str, Any]) -> Manifest | None:
    blobs = document.get("blobs")
    if blobs is None:
        return None
    config, delivery, run = (_part(document, part) for part in ("exportConfig", "deliveryConfig", "runInfo"))
    _demand_costs(name, config)
    if not isinstance(blobs, list) or not all(isinstance(each, Mapping) for each in blobs):
        raise reject("blobs is no list of files", file=name, expected="a list of objects with a blobName")
    _demand_sums(name, document, blobs)
    # What byteCount counts of a compressed file is not documented.
    sized = delivery.get("compressionMode") in _PLAIN
    files = tuple(_file(name, each, sized=sized) for each in blobs)
    return Manifest(
        files=files,
        period=_period(name, run),
        created=_time(run.get("submittedTime")),
        own_files=delivery.get("dataOverwriteBehavior") == _ANEW or all(_of_a_run(each) for each in files),
    )


def _part(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, Mapping) else {}


def _demand_costs(name: str, config: Mapping[str, Any]) -> None:
    kind, frame = config.get("type"), config.get("timeFrame")
    if kind == "AmortizedCost":
        raise reject(
            "the export has amortized costs, which are not what is billed",
            file=name,
            expected="an export of the type ActualCost or FocusCost",
        )
    if isinstance(kind, str) and kind not in _OF_COST:
        raise reject(
            f"the export has no costs: it is of the type {kind}",
            file=name,
            expected="an export of the type ActualCost or FocusCost",
        )
    if isinstance(frame, str) and "Week" in frame:
        raise _no_month(name, f"of the time frame {frame}")


def _no_month(name: str, told: str) -> Rejected:
    return reject(
        f"the export is {told}: a part of a month is no bill", file=name, expected="an export of a month"
    )


def _file(name: str, blob: Mapping[str, Any], *, sized: bool) -> NamedFile:
    path = blob.get("blobName")
    if not isinstance(path, str):
        raise reject("a file of the manifest has no blobName", file=name, expected="a name")
    return NamedFile(
        path.removeprefix("/"),
        size=_count(name, "byteCount", blob) if sized else None,
        rows=_count(name, "dataRowCount", blob),
    )


def _count(name: str, what: str, told: Mapping[str, Any]) -> int | None:
    found = told.get(what)
    if found is None or (isinstance(found, int) and not isinstance(found, bool) and found >= 0):
        return found
    raise reject(f"{what} of the manifest is {found!r}", file=name, expected="a whole number from 0 on")


def _demand_sums(name: str, document: Mapping[str, Any], blobs: Sequence[Mapping[str, Any]]) -> None:
    """A manifest that does not add up was cut or written over: nothing of it can be believed."""
    for what in ("byteCount", "dataRowCount"):
        counts = [_count(name, what, each) for each in blobs]
        known = [count for count in counts if count is not None]
        _demand_same(
            name, what, _count(name, what, document), sum(known) if len(known) == len(counts) else None
        )
    _demand_same(name, "blobCount", _count(name, "blobCount", document), len(blobs))


def _demand_same(name: str, what: str, told: int | None, found: int | None) -> None:
    if told is not None and found is not None and told != found:
        raise reject(
            f"the manifest contradicts itself: {what} is {told}, and its files have {found}",
            file=name,
            column=what,
            expected=str(told),
        )


def _period(name: str, run: Mapping[str, Any]) -> str | None:
    """The month that it covers; None where it says none, or several: its files say which then."""
    start, end = _time(run.get("startDate")), _time(run.get("endDate"))
    if start is None or (end is not None and (end.year, end.month) != (start.year, start.month)):
        return None
    if start.day != 1:
        raise _no_month(name, f"from {start:%Y-%m-%d} on")
    return f"{start:%Y-%m}"


def _time(told: Any) -> datetime | None:
    """In UTC, as Azure's times without a zone are."""
    if not isinstance(told, str):
        return None
    try:
        found = datetime.fromisoformat(told)
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _of_a_run(file: NamedFile) -> bool:
    """Whether it lies in a folder of its run, below that of the month."""
    folders = file.path.split("/")[:-1]
    return any(_RANGE.fullmatch(each) for each in folders[:-1])


EXPORT = ManifestForm("an Azure cost export", _is_manifest, _manifests, _place, _read)
