"""Deliveries of several files as AWS and Azure lay them out: their keys, and their manifests."""

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


@dataclass(frozen=True)
class AzureExport:
    """A cost export of Azure: each run in a folder of its own, or over the files of the one before."""

    create_new: bool = True
    base: str = "acme/azure/"

    def _folder(self, run: str) -> str:
        return f"{PREFIX}/costs/20260901-20260930/" + (f"{run}/" if self.create_new else "")

    def file(self, number: int, run: str) -> str:
        """The name of the blob in its container."""
        return f"{self._folder(run)}part_0_{number:04d}.csv"

    def manifest_keys(self, run: str) -> list[str]:
        return [f"{self.base}{self._folder(run)}manifest.json"]

    def landing(self, key: str) -> str:
        return self.base + key

    def manifest(
        self, files: Sequence[tuple[str, int, int]], run: str, submitted: str = "2026-10-02T07:00:00.1234567Z"
    ) -> dict[str, Any]:
        """The document; `files` are (name, bytes, rows)."""
        how = "CreateNewReport" if self.create_new else "OverwritePreviousReport"
        return {
            "manifestVersion": "2024-04-01",
            "byteCount": sum(size for _, size, _ in files),
            "blobCount": len(files),
            "dataRowCount": sum(rows for _, _, rows in files),
            "exportConfig": {
                "exportName": "costs",
                "dataVersion": "2021-10-01",
                "apiVersion": "2023-07-01-preview",
                "type": "ActualCost",
                "timeFrame": "MonthToDate",
                "granularity": "Daily",
            },
            "deliveryConfig": {
                "partitionData": True,
                "dataOverwriteBehavior": how,
                "fileFormat": "Csv",
                "compressionMode": "None",
                "rootFolderPath": PREFIX,
            },
            "runInfo": {
                "executionType": "Scheduled",
                "submittedTime": submitted,
                "runId": run,
                "startDate": "2026-09-01T00:00:00",
                "endDate": "2026-09-30T00:00:00",
            },
            "blobs": [
                {"blobName": name, "byteCount": size, "dataRowCount": rows} for name, size, rows in files
            ],
        }


def packed(rows: Sequence[Row]) -> bytes:
    return gzip.compress(csv_bytes(rows), mtime=0)


def split(rows: Sequence[Row], at: Sequence[int]) -> list[list[Row]]:
    """The rows in several files: cut before each of these places, none empty."""
    cuts = sorted({cut for cut in at if 0 < cut < len(rows)})
    return [list(rows[a:b]) for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
