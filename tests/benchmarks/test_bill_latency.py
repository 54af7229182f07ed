"""From a file in S3 to rows that answer a query: what the chain adds to the ingest itself."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from shared.ids import deterministic_id
from tests.benchmarks.report import Report, verdict
from tests.e2e.conftest import Platform, wait_for
from tests.e2e.samples import focus_bill

DAYS, TIMES = 28, 500
ROUNDS = 5
MOST_SECONDS = 5.0
MONTHS = ("2026-01", "2026-02", "2026-03", "2026-04", "2026-05")


@dataclass(frozen=True)
class Timeline:
    """Seconds from the end of the upload."""

    begun: float
    """The ingester has taken the object."""
    published: float
    answered: float
    """A query over HTTP has counted the rows."""

    @property
    def ingest(self) -> float:
        return self.published - self.begun

    @property
    def beyond(self) -> float:
        return self.answered - self.ingest


def bill(folder: Path, month: str) -> bytes:
    """14,000 usage rows."""
    header, *rows = focus_bill(folder, ["1.25"] * DAYS, month=month).read_text().splitlines()
    return ("\n".join([header, *rows * TIMES]) + "\n").encode()


def timeline(platform: Platform, tenant: str, token: str, content: bytes, month: str) -> Timeline:
    bucket, key = platform.output("lake", "LandingBucket"), f"{tenant}/bench/{month}.csv"
    version = platform.client("s3").put_object(Bucket=bucket, Key=key, Body=content)["VersionId"]
    uploaded = datetime.now(UTC)
    sql = f"SELECT count(*) AS n FROM charges WHERE x_BillingPeriod = '{month}'"

    def there() -> bool:
        answer = platform.http("POST", "/v1/query", token, json={"sql": sql})
        return answer.status_code == 200 and answer.json()["rows"][0]["n"] == DAYS * TIMES

    wait_for(there, "the rows", 120)
    answered = datetime.now(UTC)
    delivery = platform.client("dynamodb").get_item(
        TableName=platform.output("cost-center", "BillTable"),
        Key={
            "pk": {"S": f"TENANT#{tenant}"},
            "sk": {"S": f"DELIVERY#{deterministic_id(bucket, key, version)}"},
        },
    )["Item"]
    published = platform.http("GET", f"/v1/cost-center/bills/bench.{month}", token).json()["published_at"]
    moments = [datetime.fromisoformat(text) for text in (delivery["received_at"]["S"], published)]
    begun, ended, asked = ((moment - uploaded).total_seconds() for moment in (*moments, answered))
    return Timeline(begun, ended, asked)


def test_from_an_object_to_rows_that_answer(platform: Platform, report: Report, tmp_path: Path) -> None:
    tenant = f"bench-{int(time.time())}"
    assert platform.onyx("tenant", "create", tenant).returncode == 0
    token = platform.token(tenant)
    section = report.section(
        "Object created to rows queryable",
        f"A FOCUS file of {DAYS * TIMES:,} rows, {ROUNDS} times, seconds from the end of the upload; the "
        "first finds cold functions. The ingest's own time is what the ingester itself recorded: delivery "
        f"opened to set published. Target: at most {MOST_SECONDS:g} s beyond it.",
        *("round", "taken up after", "ingest itself", "rows answer after", "beyond the ingest", ""),
    )
    for number, month in enumerate(MONTHS[:ROUNDS], start=1):
        seen = timeline(platform, tenant, token, bill(tmp_path, month), month)
        assert 0 < seen.ingest < seen.answered
        figures = (seen.begun, seen.ingest, seen.answered, seen.beyond)
        section.add(number, *(f"{one:.2f}" for one in figures), verdict(seen.beyond, at_most=MOST_SECONDS))
