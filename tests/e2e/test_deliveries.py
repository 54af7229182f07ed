"""Deliveries of several files through S3 and through the command, as AWS lays them out."""

import json
import random
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Platform, wait_for

PERIOD = "2026-09"


def month(
    platform: Platform, folder: Path, *arguments: str, seed: int = 1, files: int = 3
) -> tuple[list[Path], Decimal]:
    """What the generator writes, manifests last, and the billed total of it."""
    key = folder.with_suffix(".json")
    done = platform.onyx(
        *("demo-bill", "--output", str(folder), "--seed", str(seed), "--files", str(files), "--rows", "300"),
        *("--months", "1", "--start", PERIOD, "--report", "rep", "--answer-key", str(key), *arguments),
    )
    assert done.returncode == 0, done.stderr
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    found.sort(key=lambda path: path.name.endswith("-Manifest.json"))
    answers = json.loads(key.read_text())
    return found, Decimal(answers["totals"]["total"]["billed"])


def put(platform: Platform, tenant: str, source: str, folder: Path, files: Sequence[Path]) -> None:
    """As a replication of the customer's bucket does."""
    bucket = platform.output("lake", "LandingBucket")
    s3 = platform.client("s3")
    for path in files:
        s3.put_object(
            Bucket=bucket, Key=f"{tenant}/{source}/{path.relative_to(folder)}", Body=path.read_bytes()
        )


def bill(platform: Platform, tenant: str, source: str, status: str) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        rows = platform.rows("bills", "--tenant", tenant)
        return next((row for row in rows if (row["source"], row["status"]) == (source, status)), None)

    return wait_for(found, f"the bill of {source} to be {status}", 90)


def none_waits(platform: Platform, tenant: str) -> None:
    wait_for(
        lambda: platform.rows("bills", "--tenant", tenant, "--status", "waiting") == [],
        "nothing to wait any more",
        60,
    )


@pytest.mark.parametrize(
    "layout",
    [
        ("--format", "cur"),
        ("--format", "cur", "--versioning", "create-new"),
        ("--format", "focus", "--container", "parquet"),
        ("--format", "focus", "--versioning", "create-new"),
    ],
    ids=" ".join,
)
def test_a_month_comes_in_any_order_and_is_one_bill(
    platform: Platform, tenant: str, tmp_path: Path, layout: tuple[str, ...]
) -> None:
    files, total = month(platform, tmp_path / "m", *layout)
    random.Random(1).shuffle(files)
    put(platform, tenant, "rep", tmp_path / "m", files)
    found = bill(platform, tenant, "rep", "ingested")
    assert Decimal(found["totals"][0]["curated_total"]) == total
    assert len(found["files"]) == 3
    none_waits(platform, tenant)
    assert platform.rows("bills", "--tenant", tenant, "--status", "failed") == []


def test_a_part_delivered_month_waits_is_shown_and_is_completed_by_the_last(
    platform: Platform, tenant: str, tmp_path: Path
) -> None:
    files, total = month(platform, tmp_path / "m")
    late = files.pop(0)
    put(platform, tenant, "rep", tmp_path / "m", files)

    def waiting() -> dict[str, Any] | None:
        rows = platform.rows("bills", "--tenant", tenant, "--status", "waiting")
        return next((row for row in rows if row["filename"] == "rep-Manifest.json"), None)

    told = wait_for(waiting, "the manifest to wait")
    assert told["missing"] == [str(late.relative_to(tmp_path / "m"))]
    assert told["billing_period"] == PERIOD
    assert platform.rows("bills", "--tenant", tenant) == []
    put(platform, tenant, "rep", tmp_path / "m", [late])
    found = bill(platform, tenant, "rep", "ingested")
    assert Decimal(found["totals"][0]["curated_total"]) == total
    none_waits(platform, tenant)


def test_a_folder_is_ingested_restated_and_refused_by_the_command(
    platform: Platform, tenant: str, tmp_path: Path
) -> None:
    _, total = month(platform, tmp_path / "a", "--versioning", "create-new")
    (first,) = platform.rows("ingest", str(tmp_path / "a"), "--tenant", tenant)
    assert (first["bill_id"], first["status"]) == (f"rep.{PERIOD}", "ingested")
    assert Decimal(first["totals"][0]["curated_total"]) == total
    (again,) = platform.rows("ingest", str(tmp_path / "a"), "--tenant", tenant)
    assert again["status"] == "unchanged"

    files, _ = month(platform, tmp_path / "bad", seed=2, files=2)
    files[1].write_bytes(b"no gzip, no bill")
    refused = platform.onyx("ingest", str(tmp_path / "bad"), "--tenant", tenant, "--format", "json")
    assert refused.returncode == 1
    (row,) = json.loads(refused.stdout)["rows"]
    assert row["status"] == "rejected"
    assert row["reasons"][0].startswith("rep-00002.csv.gz")
    bucket = platform.output("lake", "LandingBucket")
    s3 = platform.client("s3")

    def kept() -> set[str]:
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{tenant}/.quarantine/")
        return {each["Key"].rsplit("/", 1)[-1] for each in listed.get("Contents", [])}

    names = {path.name for path in files}
    wait_for(lambda: kept() == names, "its files to be in quarantine")
    _, total = month(platform, tmp_path / "good", seed=2, files=2)
    (good,) = platform.rows("ingest", str(tmp_path / "good"), "--tenant", tenant)
    assert good["status"] == "restated"
    assert Decimal(good["totals"][0]["curated_total"]) == total


def test_the_same_keys_of_two_tenants_are_two_deliveries(
    platform: Platform, tenant: str, tmp_path: Path
) -> None:
    other = f"{tenant}-b"
    assert platform.onyx("tenant", "create", other).returncode == 0
    files, total = month(platform, tmp_path / "m")
    put(platform, tenant, "rep", tmp_path / "m", files)
    put(platform, other, "rep", tmp_path / "m", files[-1:])
    assert Decimal(bill(platform, tenant, "rep", "ingested")["totals"][0]["curated_total"]) == total
    wait_for(
        lambda: platform.rows("bills", "--tenant", other, "--status", "waiting"),
        "the other's manifest to wait",
    )
    assert platform.rows("bills", "--tenant", other) == []
