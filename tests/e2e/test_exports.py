"""Exports on the real templates: exact, once whatever dies, and of the tenant that asked."""

import csv
import json
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from tests.contract.focus_checks import basic
from tests.contract.focus_checks.values import Dataset
from tests.e2e import killing
from tests.e2e.conftest import Platform, wait_for
from tests.e2e.samples import focus_bill

COSTS = ["1.25", "2.5", "0.000000000000000001"]
TOTAL = Decimal("3.750000000000000001")
PATH = "/v1/cost-center/exports"
FAILPOINTS = (
    "export: started",
    "export: fetched",
    "export: written",
    "export: uploaded",
    "export: done",
)


@pytest.fixture
def loaded(platform: Platform, tenant: str, tmp_path: Path) -> str:
    """A tenant with one bill of September."""
    ingest(platform, tenant, tmp_path, COSTS)
    return tenant


def ingest(platform: Platform, tenant: str, folder: Path, costs: list[str]) -> None:
    place = folder / uuid.uuid4().hex
    place.mkdir()
    platform.rows("ingest", str(focus_bill(place, costs)), "--tenant", tenant, "--source", "focus")


def exported(platform: Platform, tenant: str, output: Path) -> dict[str, Any]:
    (row,) = platform.rows(
        "export", "focus", "--period", "2026-09", "--output", str(output), "--tenant", tenant
    )
    return row


def begin(platform: Platform, tenant: str) -> str:
    answer = platform.http("POST", PATH, platform.token(tenant), json={"period": "2026-09"})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["export_id"])


def job(platform: Platform, tenant: str, export_id: str) -> dict[str, Any]:
    found: dict[str, Any] = platform.http("GET", f"{PATH}/{export_id}", platform.token(tenant)).json()
    return found


def done(platform: Platform, tenant: str, export_id: str, seconds: float = 60) -> dict[str, Any]:
    def probe() -> dict[str, Any] | None:
        found = job(platform, tenant, export_id)
        return found if found["status"] in ("done", "failed") else None

    return wait_for(probe, "the export", seconds)


def test_a_csv_a_parquet_and_their_metadata(platform: Platform, loaded: str, tmp_path: Path) -> None:
    text, binary = tmp_path / "focus.csv", tmp_path / "focus.parquet"
    row = exported(platform, loaded, text)
    exported(platform, loaded, binary)

    assert (row["rows"], row["billed_cost"]) == (3, str(TOTAL))
    with text.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(Decimal(each["BilledCost"]) for each in rows) == TOTAL
    assert rows[0]["ChargePeriodStart"] == "2026-09-01T00:00:00Z"
    assert json.loads(rows[0]["Tags"]) == {"env": "prod"}
    assert list(basic.failures(Dataset.of(text))) == []
    frame = pl.read_parquet(binary)
    assert frame["BilledCost"].sum() == TOTAL
    assert frame.columns == list(rows[0])
    described = json.loads(Path(f"{text}.metadata.json").read_text())
    assert described["FocusVersion"] == "1.2"
    assert [each["ColumnName"] for each in described["Schema"]["ColumnDefinition"]] == list(rows[0])


def test_a_job_holds_what_was_published_when_it_was_asked_for(
    platform: Platform, loaded: str, tmp_path: Path
) -> None:
    first = begin(platform, loaded)
    assert begin(platform, loaded) == first
    ingest(platform, loaded, tmp_path, ["5", "6"])
    second = begin(platform, loaded)
    assert second != first
    assert done(platform, loaded, first)["totals"][0]["billed_cost"] == str(TOTAL)
    assert done(platform, loaded, second)["totals"][0]["billed_cost"] == "11"


def test_links_open_one_object_and_only_the_tenants_own(
    platform: Platform, loaded: str, tmp_path: Path
) -> None:
    export_id = begin(platform, loaded)
    link = done(platform, loaded, export_id)["file"]["url"]
    assert f"/{loaded}/exports/{export_id}/" in link
    assert httpx.get(link).status_code == 200
    stranger = f"{loaded}-x"
    assert platform.onyx("tenant", "create", stranger).returncode == 0
    token = platform.token(stranger)
    assert platform.http("GET", f"{PATH}/{export_id}", token).status_code == 404
    assert platform.http("GET", PATH, token).json()["rows"] == []
    assert platform.http("POST", PATH, token, json={"period": "2026-09"}).status_code == 404


@pytest.mark.parametrize(
    "failpoint",
    ["export: file uploaded", *(pytest.param(each, marks=pytest.mark.long) for each in FAILPOINTS)],
)
def test_a_task_killed_at_a_job(platform: Platform, loaded: str, tmp_path: Path, failpoint: str) -> None:
    with killing.task_environment(platform, "ingester", killing.QUICK | killing.armed(tmp_path, failpoint)):
        export_id = begin(platform, loaded)
        assert wait_for(lambda: killing.struck(tmp_path), "the kill") == failpoint
        found = done(platform, loaded, export_id, seconds=120)
    assert (found["status"], found["rows"]) == ("done", 3)
    assert found["totals"][0]["billed_cost"] == str(TOTAL)
    listed = platform.client("s3").list_objects_v2(
        Bucket=platform.output("lake", "ResultsBucket"), Prefix=f"{loaded}/exports/"
    )
    assert len(listed["Contents"]) == 2, "a file and its metadata"


def test_an_event_that_comes_again_changes_nothing(platform: Platform, loaded: str) -> None:
    export_id = begin(platform, loaded)
    before = done(platform, loaded, export_id)
    (fact,) = killing.facts(platform, loaded, "ExportRequested.v1")
    detail = json.loads(fact["envelope"]["S"])
    body = {"detail": detail, "detail-type": detail["type"], "source": detail["source"]}
    sqs, queue = platform.client("sqs"), platform.output("cost-center", "JobsQueueUrl")
    for _ in range(3):
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(body))

    def worked_off() -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return all(found[name] == "0" for name in names)

    wait_for(worked_off, "the copies to be worked off")
    assert job(platform, loaded, export_id)["updated_at"] == before["updated_at"]
