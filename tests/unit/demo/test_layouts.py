"""Deliveries as AWS lays them out, with manifests that name what is there."""

import csv
import gzip
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from infra.demo.spec import BillFormat, Container, Month, Versioning
from tests.fakes.demo_bills import written

ASSEMBLY = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
RUN = r"2026-10-04T06:30:00\.000Z-" + ASSEMBLY


def delivered(folder: Path, **changes: Any) -> list[str]:
    bill = written(folder, report="acme", prefix="bills", **changes)
    return [str(path.relative_to(folder)) for path in (*bill.files, *bill.manifests)]


def manifest(folder: Path, path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / path).read_text())
    return found


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"format": "cur", "files": 2},
            [
                "bills/acme/20260901-20261001/acme-0000[12].csv.gz",
                "bills/acme/20260901-20261001/acme-Manifest.json",
            ],
        ),
        (
            {"format": "cur", "container": "zip", "versioning": "create-new"},
            [
                f"bills/acme/20260901-20261001/{ASSEMBLY}/acme-00001.csv.zip",
                f"bills/acme/20260901-20261001/{ASSEMBLY}/acme-Manifest.json",
                "bills/acme/20260901-20261001/acme-Manifest.json",
            ],
        ),
        (
            {"format": "cur", "container": "parquet"},
            [
                r"bills/acme/acme/year=2026/month=9/acme-00001.snappy.parquet",
                "bills/acme/20260901-20261001/acme-Manifest.json",
            ],
        ),
        (
            {"format": "cur2"},
            [
                "bills/acme/data/BILLING_PERIOD=2026-09/acme-00001.csv.gz",
                "bills/acme/metadata/BILLING_PERIOD=2026-09/acme-Manifest.json",
            ],
        ),
        (
            {"format": "focus", "container": "parquet", "versioning": "create-new"},
            [
                f"bills/acme/data/BILLING_PERIOD=2026-09/{RUN}/acme-00001.snappy.parquet",
                f"bills/acme/metadata/BILLING_PERIOD=2026-09/{RUN}/acme-Manifest.json",
                "bills/acme/metadata/BILLING_PERIOD=2026-09/acme-Manifest.json",
            ],
        ),
    ],
)
def test_files_lie_where_aws_puts_them(tmp_path: Path, changes: dict[str, Any], expected: list[str]) -> None:
    kinds = {"format": BillFormat, "container": Container, "versioning": Versioning}
    typed = {name: kinds[name](value) if name in kinds else value for name, value in changes.items()}

    september = delivered(tmp_path, months=1, start=Month.parse("2026-09"), **typed)

    assert len(september) == changes.get("files", 1) + len(expected) - 1
    for pattern in expected:
        assert any(re.fullmatch(pattern, path) for path in september), (pattern, september)


@pytest.mark.parametrize("versioning", list(Versioning))
def test_a_report_manifest_names_its_files_and_columns(tmp_path: Path, versioning: Versioning) -> None:
    paths = delivered(tmp_path, files=3, versioning=versioning)
    said = manifest(tmp_path, paths[-1])

    assert all((tmp_path / key).is_file() for key in said["reportKeys"])
    assert len(said["reportKeys"]) == 3
    assert said["billingPeriod"] == {"start": "20260901T000000.000Z", "end": "20261001T000000.000Z"}
    assert (said["compression"], said["contentType"]) == ("GZIP", "text/csv")
    assert re.fullmatch(ASSEMBLY, said["assemblyId"])
    assert re.fullmatch(r"\d{12}", said["account"])
    header = next(
        csv.reader(io.StringIO(gzip.decompress((tmp_path / said["reportKeys"][0]).read_bytes()).decode()))
    )
    assert [f"{each['category']}/{each['name']}" for each in said["columns"]] == header
    if versioning is Versioning.CREATE_NEW:
        assert all(said["assemblyId"] in key for key in said["reportKeys"])


def test_an_export_manifest_names_its_files_and_columns(tmp_path: Path) -> None:
    paths = delivered(tmp_path, format=BillFormat.CUR2, files=2)
    said = manifest(tmp_path, paths[-1])

    prefix = f"s3://{said['bucket']}/"
    assert all((tmp_path / file.removeprefix(prefix)).is_file() for file in said["dataFiles"])
    assert len(said["dataFiles"]) == 2
    header = next(
        csv.reader(
            io.StringIO(
                gzip.decompress((tmp_path / said["dataFiles"][0].removeprefix(prefix)).read_bytes()).decode()
            )
        )
    )
    assert [each["name"] for each in said["columns"]] == header
    assert {"product", "resource_tags", "cost_category", "discount"} < set(header)


def test_a_zip_holds_one_csv_named_like_it(tmp_path: Path) -> None:
    (first, *_) = delivered(tmp_path, container=Container.ZIP)

    with zipfile.ZipFile(tmp_path / first) as archive:
        assert archive.namelist() == ["acme-00001.csv"]


def test_a_single_file_is_all_there_is(tmp_path: Path) -> None:
    assert delivered(tmp_path, single=True) == ["acme.csv.gz"]
    assert [path.name for path in tmp_path.iterdir()] == ["acme.csv.gz"]
