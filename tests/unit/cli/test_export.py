"""`onyx export focus` against an API that needs a while and a store that answers like S3."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.commands import export

JOB = "e1"
TOTAL = {
    "currency": "USD",
    "billed_cost": "1.000000000000000001",
    "effective_cost": "1",
    "list_cost": "2",
    "contracted_cost": "1.5",
}
FILE, METADATA = b"BilledCost\n1\n", b'{"FocusVersion":"1.2"}'


class Exports:
    """Runs a job to its end the `after`-th time it is asked for."""

    def __init__(self, platform: Any, *, after: int = 3, **changes: Any) -> None:
        self.asked, self.after, self.bodies = 0, after, list[dict[str, str]]()
        self.job = {
            "export_id": JOB,
            "status": "done",
            "rows": 1,
            "bytes": len(FILE),
            "totals": [TOTAL],
            "reason": None,
            "file": {"url": "http://s3.test/results/acme/file?sig=1"},
            "metadata": {"url": "http://s3.test/results/acme/metadata?sig=1"},
            **changes,
        }
        platform.routes["POST", export.PATH] = self.begin
        platform.routes["GET", f"{export.PATH}/{JOB}"] = self.show
        for name, content in (("file", FILE), ("metadata", METADATA)):
            platform.routes["GET", f"/results/acme/{name}"] = lambda request, content=content: self.fetch(
                request, content
            )

    def begin(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        return httpx.Response(202, json={**self.job, "status": "pending"})

    def show(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        status = self.job["status"] if self.asked >= self.after else "running"
        return httpx.Response(200, json={**self.job, "status": status})

    def fetch(self, request: httpx.Request, content: bytes) -> httpx.Response:
        assert "authorization" not in request.headers, "the token must not go to S3"
        return httpx.Response(200, content=content)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses of polling take no time."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        assert seconds > 0
        now[0] += seconds

    real = export.waited
    monkeypatch.setattr(
        export, "waited", lambda *arguments: real(*arguments, sleep=sleep, monotonic=lambda: now[0])
    )


def run(onyx: Any, output: Path, *more: str) -> Any:
    return onyx("export", "focus", "--period", "2026-09", "--output", str(output), "--tenant", "acme", *more)


def test_the_file_its_metadata_and_its_totals(onyx: Any, tmp_path: Path) -> None:
    exports = Exports(onyx.platform)
    output = tmp_path / "focus.csv"
    done = run(onyx, output, "--format", "json")

    assert done.code == 0, done.err
    assert exports.bodies == [{"period": "2026-09", "format": "csv", "version": "1.2"}]
    assert output.read_bytes() == FILE
    assert Path(f"{output}.metadata.json").read_bytes() == METADATA
    assert done.rows == [{"file": str(output), "rows": 1, "bytes": len(FILE), **TOTAL}]
    assert "focus.csv: 1 rows" in done.err
    assert sorted(each.name for each in tmp_path.iterdir() if each.is_file()) == [
        "focus.csv",
        "focus.csv.metadata.json",
    ]


def test_several_months_as_parquet(onyx: Any, tmp_path: Path) -> None:
    exports = Exports(onyx.platform)
    done = onyx(
        *("export", "focus", "--period", "2026-07..2026-09"),
        *("--output", str(tmp_path / "q.parquet"), "--tenant", "acme"),
    )
    assert done.code == 0, done.err
    assert exports.bodies == [{"from": "2026-07", "to": "2026-09", "format": "parquet", "version": "1.2"}]
    assert "1.000000000000000001" in done.out


def test_a_job_that_fails_leaves_the_old_file_and_tells_why(onyx: Any, tmp_path: Path) -> None:
    Exports(onyx.platform, status="failed", reason="a file of the lake is gone")
    output = tmp_path / "focus.csv"
    output.write_text("old")
    done = run(onyx, output)
    assert done.code == 1
    assert done.err.splitlines()[-1] == "onyx: The export failed: a file of the lake is gone"
    assert output.read_text() == "old"


def test_what_comes_short_is_not_kept(onyx: Any, tmp_path: Path) -> None:
    Exports(onyx.platform, bytes=len(FILE) + 1)
    output = tmp_path / "focus.csv"
    done = run(onyx, output)
    assert done.code == 1
    assert "13 bytes came of 14" in done.err
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == []


def test_a_refused_link_and_a_job_that_takes_too_long(onyx: Any, tmp_path: Path) -> None:
    Exports(onyx.platform)
    onyx.platform.on("GET", "/results/acme/file", {}, 403)
    done = run(onyx, tmp_path / "focus.csv")
    assert (done.code, "HTTP 403" in done.err) == (1, True)

    Exports(onyx.platform, after=1_000_000)
    done = run(onyx, tmp_path / "focus.csv", "--timeout", "5")
    assert (done.code, "Not done after 5 s" in done.err) == (1, True)


def test_nothing_to_export_is_one_line(onyx: Any, tmp_path: Path) -> None:
    problem = {"detail": "no published bill feeds charges of 2026-09", "code": "NOTHING_TO_EXPORT"}
    onyx.platform.on("POST", export.PATH, problem, 404)
    done = run(onyx, tmp_path / "focus.csv")
    assert done.code == 1
    assert done.err == "onyx: no published bill feeds charges of 2026-09 (NOTHING_TO_EXPORT)\n"


@pytest.mark.parametrize(
    ("period", "output", "said"),
    [
        ("2026-13", "focus.csv", "--period is YYYY-MM"),
        ("september", "focus.csv", "--period is YYYY-MM"),
        ("2026-09", "focus.xlsx", "--output ends with .csv or .parquet"),
        ("2026-09", "no/such/folder/focus.csv", "there is no folder"),
    ],
)
def test_a_wrong_call(onyx: Any, tmp_path: Path, period: str, output: str, said: str) -> None:
    done = onyx("export", "focus", "--period", period, "--output", str(tmp_path / output), "--tenant", "acme")
    assert (done.code, said in done.err) == (2, True), done.err
    assert onyx.platform.requests == []
