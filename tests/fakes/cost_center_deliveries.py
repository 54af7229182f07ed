"""Deliveries of several files as AWS lays them out: their keys, and their manifests."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakes.cost_center_bills import Row, csv_bytes

PREFIX = "exports"
REPORT = "rep"


@dataclass(frozen=True)
class Export:
    """One layout: of a legacy report or a data export, overwritten or made anew each time.

    `base` is what lies before the customer's own keys in landing.
    """

    legacy: bool = True
    create_new: bool = False
    base: str = "acme/aws/"
    period: str = "2026-09"

    def _range(self) -> str:
        year, month = (int(part) for part in self.period.split("-"))
        return f"{year}{month:02d}01-{year + month // 12}{month % 12 + 1:02d}01"

    def file(self, number: int, execution: str) -> str:
        """The key in the customer's bucket."""
        version = f"{execution}/" if self.create_new else ""
        if self.legacy:
            return f"{PREFIX}/{REPORT}/{self._range()}/{version}{REPORT}-{number:05d}.csv.gz"
        return f"{PREFIX}/{REPORT}/data/BILLING_PERIOD={self.period}/{version}{REPORT}-{number:05d}.csv.gz"

    def manifest_keys(self, execution: str) -> list[str]:
        """In landing; the copy beside the files first, where there is one."""
        folder = self._range() if self.legacy else f"metadata/BILLING_PERIOD={self.period}"
        root = f"{self.base}{PREFIX}/{REPORT}/{folder}/"
        name = f"{REPORT}-Manifest.json"
        return [*([f"{root}{execution}/{name}"] if self.create_new else []), f"{root}{name}"]

    def landing(self, key: str) -> str:
        return self.base + key

    def manifest(self, files: Sequence[str], execution: str, **changes: Any) -> bytes:
        if self.legacy:
            first, end = self._range().split("-")
            told: dict[str, Any] = {
                "assemblyId": execution,
                "account": "111111111111",
                "compression": "GZIP",
                "contentType": "text/csv",
                "billingPeriod": {"start": f"{first}T000000.000Z", "end": f"{end}T000000.000Z"},
                "bucket": "customers",
                "reportKeys": list(files),
            }
        else:
            told = {
                "executionId": execution,
                "exportName": REPORT,
                "billingPeriod": {"start": f"{self.period}-01T00:00:00.000Z"},
                "dataFiles": [f"s3://customers/{file}" for file in files],
            }
        return json.dumps(told | changes).encode()


def packed(rows: Sequence[Row]) -> bytes:
    return gzip.compress(csv_bytes(rows), mtime=0)


def split(rows: Sequence[Row], at: Sequence[int]) -> list[list[Row]]:
    """The rows in several files: cut before each of these places, none empty."""
    cuts = sorted({cut for cut in at if 0 < cut < len(rows)})
    return [list(rows[a:b]) for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
