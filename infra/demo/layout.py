"""Where AWS puts a delivery, and the manifest it puts beside: legacy reports and Data Exports.

Sources: "Viewing Cost and Usage Report files in Amazon S3" of the legacy guide, "Understanding export
delivery" of AWS Data Exports. Paths are relative to the bucket. The guide says what is in an export's
manifest (all columns, the files with their paths, the period, `additionalOutputFiles`, the export's
definition), but names no field beside that one: `dataFiles` with S3 URIs, `executionId`, `columns` of
`name`, `account` and `billingPeriod` are what public readers of such manifests ask for; the others are as
the service's API calls them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from infra.demo.formats.context import Context
from infra.demo.spec import BillFormat, Container, Month, Versioning

BUCKET = "billing-exports"
SUFFIXES = {
    Container.CSV: "csv",
    Container.GZ: "csv.gz",
    Container.ZIP: "csv.zip",
    Container.PARQUET: "snappy.parquet",
}
_COMPRESSION = {
    Container.CSV: "NONE",
    Container.GZ: "GZIP",
    Container.ZIP: "ZIP",
    Container.PARQUET: "PARQUET",
}
_CONTENT = {Container.PARQUET: "Parquet"}


@dataclass(frozen=True)
class Layout:
    """Names of one export. `prefix` is the folder in the bucket that the customer chose."""

    format: BillFormat
    container: Container
    versioning: Versioning
    prefix: str
    report: str
    focus_version: str = "1.2"

    @property
    def table(self) -> str:
        """The table of Data Exports that the export selects from."""
        if self.format is BillFormat.FOCUS:
            return f"FOCUS_{self.focus_version.replace('.', '_')}_AWS"
        return "COST_AND_USAGE_REPORT"

    def data_files(self, context: Context, count: int) -> list[str]:
        names = [f"{self.report}-{at:05d}.{SUFFIXES[self.container]}" for at in range(1, count + 1)]
        return [f"{self._data_folder(context)}/{name}" for name in names]

    def _data_folder(self, context: Context) -> str:
        root, month = f"{self.prefix}/{self.report}", context.month
        version = f"/{self.execution(context)}" if self.versioning is Versioning.CREATE_NEW else ""
        if self.format is not BillFormat.CUR:
            return f"{root}/data/BILLING_PERIOD={month.period}{version}"
        if self.container is Container.PARQUET:
            return f"{root}/{self.report}/year={month.first.year}/month={month.first.month}{version}"
        return f"{root}/{_range(month)}{version}"

    def manifests(self, context: Context) -> list[str]:
        """All places of the manifest: in create-new mode the newest lies above its versions, too."""
        root, name = f"{self.prefix}/{self.report}", f"{self.report}-Manifest.json"
        month = context.month
        legacy = self.format is BillFormat.CUR
        folder = f"{root}/{_range(month)}" if legacy else f"{root}/metadata/BILLING_PERIOD={month.period}"
        if self.versioning is Versioning.OVERWRITE:
            return [f"{folder}/{name}"]
        return [f"{folder}/{self.execution(context)}/{name}", f"{folder}/{name}"]

    def execution(self, context: Context) -> str:
        """The delivery's id: an assembly id of a legacy report, time and id of a Data Export's run."""
        digest = self._digest(f"{context.spec} {context.month.period}")
        uuid = "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))
        return uuid if self.format is BillFormat.CUR else f"{_stamp(context.month)}-{uuid}"

    def _digest(self, words: str) -> str:
        return hashlib.sha256(f"{self.format} {self.report} {words}".encode()).hexdigest()

    def manifest(
        self, context: Context, files: Sequence[str], schema: dict[str, pl.DataType]
    ) -> dict[str, Any]:
        if self.format is BillFormat.CUR:
            return self._report_manifest(context, files, schema)
        return self._export_manifest(context, files, schema)

    def _report_manifest(
        self, context: Context, files: Sequence[str], schema: dict[str, pl.DataType]
    ) -> dict[str, Any]:
        month = context.month
        columns = []
        for header, kind in schema.items():
            category, name = _column(header)
            columns.append(
                {"category": category, "name": name, "type": _TYPES.get(type(kind), "OptionalString")}
            )
        return {
            "assemblyId": self.execution(context),
            "account": context.world.payer.id,
            "columns": columns,
            "charset": "UTF-8",
            # The API of reports calls it Parquet, that of exports PARQUET.
            "compression": _CONTENT.get(self.container, _COMPRESSION[self.container]),
            "contentType": _CONTENT.get(self.container, "text/csv"),
            "reportId": self._digest("report"),
            "reportName": self.report,
            "billingPeriod": {
                "start": f"{month.first:%Y%m%d}T000000.000Z",
                "end": f"{month.end:%Y%m%d}T000000.000Z",
            },
            "bucket": BUCKET,
            "reportKeys": list(files),
            "additionalArtifactKeys": [],
        }

    def _export_manifest(
        self, context: Context, files: Sequence[str], schema: dict[str, pl.DataType]
    ) -> dict[str, Any]:
        month = context.month
        export = f"{self.report}-{self._digest('export')[:36]}"
        return {
            "executionId": self.execution(context),
            "exportArn": f"arn:aws:bcm-data-exports:us-east-1:{context.world.payer.id}:export/{export}",
            "exportName": self.report,
            "account": context.world.payer.id,
            "tableName": self.table,
            "queryStatement": f"SELECT {', '.join(schema)} FROM {self.table}",  # noqa: S608 - as AWS says it
            "columns": [
                {"name": name, "type": _TYPES.get(type(kind), "string")} for name, kind in schema.items()
            ],
            "compression": _COMPRESSION[self.container],
            "contentType": _CONTENT.get(self.container, "text/csv"),
            "overwrite": self.versioning is Versioning.OVERWRITE,
            "billingPeriod": {
                "start": f"{month.first:%Y-%m-%d}T00:00:00.000Z",
                "end": f"{month.end:%Y-%m-%d}T00:00:00.000Z",
            },
            "createdAt": _created(month),
            "bucket": BUCKET,
            "dataFiles": [f"s3://{BUCKET}/{file}" for file in files],
            "additionalOutputFiles": [],
        }


_TYPES: dict[type, str] = {pl.Decimal: "OptionalBigDecimal", pl.Datetime: "DateTime"}


_CATEGORIES = (
    *("bill", "cost_category", "discount", "identity", "line_item", "pricing", "product"),
    *("reservation", "resource_tags", "savings_plan", "split_line_item"),
)


def _column(header: str) -> tuple[str, str]:
    """Category and name of a report's column, which parquet joins by an underscore."""
    if "/" in header:
        category, _, name = header.rpartition("/")
        return category, name
    category = next(each for each in _CATEGORIES if header.startswith(f"{each}_"))
    return category, header.removeprefix(f"{category}_")


def _range(month: Month) -> str:
    return f"{month.first:%Y%m%d}-{month.end:%Y%m%d}"


def _created(month: Month) -> str:
    """A bill is final some days after its month."""
    return f"{month.end:%Y-%m}-04T06:30:00.000Z"


def _stamp(month: Month) -> str:
    return _created(month)
