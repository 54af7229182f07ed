"""`onyx ingest` against a landing zone that answers like S3 and an API that needs a while."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.commands import landing
from infra.commands.landing import bill_files, source_of
from tests.fakes.landing_zone import TOTAL, LandingZone


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses of polling take no time."""
    real = landing.Landing.__init__

    def immediate(self: Any, *arguments: Any) -> None:
        now = [0.0]

        def sleep(seconds: float) -> None:
            assert seconds > 0
            now[0] += seconds

        real(self, *arguments, sleep=sleep, monotonic=lambda: now[0])

    monkeypatch.setattr(landing.Landing, "__init__", immediate)


@pytest.fixture
def bill(tmp_path: Path) -> Path:
    file = tmp_path / "acme-cur-2026-09.csv"
    file.write_bytes(b"a,b\n" + b"1,2\n" * 600_000)
    return file


def test_a_file_goes_up_and_its_bill_is_printed(onyx, bill):
    zone = LandingZone(onyx.platform)
    outcome = onyx("ingest", str(bill), "--tenant", "acme", "--format", "json")

    assert outcome.code == 0
    assert zone.files == {"acme/acme-cur/u1/acme-cur-2026-09.csv": bill.read_bytes()}
    assert zone.lengths == [str(bill.stat().st_size)]
    assert outcome.rows == [
        {
            "bill_id": "acme-cur.2026-09",
            "source": "acme-cur",
            "format": "aws-cur-csv",
            "billing_period": "2026-09",
            "files": ["acme-cur-2026-09.csv"],
            "rows": 3,
            "totals": [{**TOTAL, "difference": "0"}],
            "status": "ingested",
            "reasons": [],
        }
    ]
    assert "uploaded" in outcome.err
    assert "ingested" in outcome.err


def test_it_waits_while_the_delivery_is_unknown_or_under_way(onyx, bill):
    zone = LandingZone(onyx.platform, after=5)
    assert onyx("ingest", str(bill), "--tenant", "acme").code == 0
    assert list(zone.asked.values()) == [5]


def test_a_bucket_without_versions_is_known_by_the_etag(onyx, bill):
    LandingZone(onyx.platform, versioned=False)
    assert onyx("ingest", str(bill), "--tenant", "acme").code == 0


def test_a_folder_is_its_bills_and_each_is_waited_for(onyx, tmp_path):
    folder = tmp_path / "bills"
    (folder / "deep").mkdir(parents=True)
    for name in ("b.csv", "a.csv.gz", "deep/c.parquet", "README.md", ".hidden.csv"):
        (folder / name).write_text("x")
    zone = LandingZone(onyx.platform, after=3)
    outcome = onyx("ingest", str(folder), "--tenant", "acme", "--format", "json")
    assert [row["source"] for row in outcome.rows] == ["a", "b", "c"]
    assert zone.sources == ["a", "b", "c"]


def test_the_source_may_be_named(onyx, bill):
    zone = LandingZone(onyx.platform)
    onyx("ingest", str(bill), "--tenant", "acme", "--source", "payer-1")
    assert zone.sources == ["payer-1"]
    outcome = onyx("ingest", str(bill), "--tenant", "acme", "--source", "Payer/1")
    assert outcome.code == 2
    assert "--source" in outcome.err


def test_a_rejected_bill_is_printed_and_is_no_success(onyx, bill):
    LandingZone(onyx.platform, status="rejected")
    outcome = onyx("ingest", str(bill), "--tenant", "acme", "--format", "json")
    assert outcome.code == 1
    assert outcome.rows[0]["reasons"] == ["row 2: not a number"]


def test_what_takes_too_long_is_named(onyx, bill):
    LandingZone(onyx.platform, after=10**9)
    outcome = onyx("ingest", str(bill), "--tenant", "acme", "--timeout", "30")
    assert outcome.code == 1
    assert outcome.out == ""
    assert "Not done after 30 s: acme-cur-2026-09.csv" in outcome.err.splitlines()[-1]


def test_a_delivery_that_was_given_up_is_not_waited_for(onyx, bill):
    zone = LandingZone(onyx.platform, after=2)
    zone.failure = {"attempts": 3, "code": "UNHANDLED", "reason": "OSError: no space", "since": "x"}
    outcome = onyx("ingest", str(bill), "--tenant", "acme")
    assert (outcome.code, outcome.out) == (1, "")
    assert list(zone.asked.values()) == [4]
    told = outcome.err.splitlines()
    assert told[1:3] == [
        f"{bill.name}: failed and is tried again: UNHANDLED: OSError: no space (tried {n})"
        for n in ("1 time", "2 times")
    ]
    assert f"{bill}: failed: UNHANDLED: OSError: no space (tried 3 times)." in told[-1]
    assert "`onyx dlq show LandedBills`" in told[-1]


def test_a_file_that_vanishes_in_between_is_one_line(onyx, bill, tmp_path):
    zone = LandingZone(onyx.platform)
    other = tmp_path / "b.csv"
    other.write_text("x")
    first = zone.put

    def put(key, request):
        other.unlink()
        return first(key, request)

    zone.put = put
    outcome = onyx("ingest", str(bill), str(other), "--tenant", "acme")
    assert outcome.code == 1
    assert outcome.err.splitlines()[-1].startswith(f"onyx: {other}: it is not there any more.")
    assert zone.sources == ["acme-cur"], "nothing was asked for it"


def test_a_file_that_nobody_may_read_is_one_line(onyx, bill, monkeypatch):
    LandingZone(onyx.platform)

    opened = Path.open

    def refuse(path: Path, *args: Any, **kwargs: Any) -> Any:
        if path == bill:
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    outcome = onyx("ingest", str(bill), "--tenant", "acme")
    assert outcome.err.splitlines()[-1] == f"onyx: {bill}: it cannot be read: Permission denied"


def test_a_refused_upload_says_why(onyx, bill):
    zone = LandingZone(onyx.platform)
    refusal = httpx.Response(403, text="<Error><Code>AccessDenied</Code></Error>")
    zone.put = lambda key, request: refusal
    outcome = onyx("ingest", str(bill), "--tenant", "acme")
    assert outcome.code == 1
    assert "HTTP 403 AccessDenied" in outcome.err


def test_a_problem_while_waiting_is_not_waited_out(onyx, bill):
    zone = LandingZone(onyx.platform)
    zone.judge = lambda delivery: httpx.Response(403, json={"detail": "no", "code": "FORBIDDEN"})
    assert onyx("ingest", str(bill), "--tenant", "acme").err.splitlines()[-1] == "onyx: no (FORBIDDEN)"


def test_no_such_path_and_an_empty_folder_fail_before_anything_is_sent(onyx, tmp_path):
    for path, words in (
        (tmp_path / "none.csv", "no such file"),
        (tmp_path / "empty", "no bill in this folder"),
    ):
        (tmp_path / "empty").mkdir(exist_ok=True)
        outcome = onyx("ingest", str(path), "--tenant", "acme")
        assert outcome.code == 1
        assert words in outcome.err
    assert onyx.platform.requests == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("acme-cur-2026-09.csv.gz", "acme-cur"),
        ("acme-cur-2026-10.csv.gz", "acme-cur"),
        ("cur_202609.csv", "cur"),
        ("Acme CUR 20260901-20261001.parquet", "acme-cur"),
        ("x-20260901T000000Z.csv", "x"),
        ("nise_aws_2026-09.csv.gz", "nise-aws"),
        ("payer-123456789012.csv", "payer-123456789012"),
        ("2026-09.csv", "bill"),
        ("Übersicht.csv", "bersicht"),
        ("x" * 100 + ".csv", "x" * 63),
    ],
)
def test_a_files_source_is_its_name_without_suffixes_and_dates(name, source):
    assert source_of(Path(name)) == source


def test_a_file_that_was_named_twice_goes_up_once(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("x")
    assert bill_files([file, tmp_path, file]) == [file]


def month(folder: Path, *, create_new: bool = False) -> Path:
    """One month of a report as AWS lays it out, and a file beside that it does not name."""
    place = folder / "rep" / "20260901-20261001"
    files = place / "run-1" if create_new else place
    files.mkdir(parents=True)
    for number in (1, 2):
        (files / f"rep-{number}.csv.gz").write_bytes(b"x")
    text = '{"reportKeys": ["pre/rep/20260901-20261001/rep-1.csv.gz", "pre/rep/x/rep-2.csv.gz"]}'
    for each in {place, files}:
        (each / "rep-Manifest.json").write_text(text)
    (folder / "other.csv").write_text("x")
    (folder / "notes.txt").write_text("x")
    return folder


@pytest.mark.parametrize("create_new", [False, True])
def test_a_folder_with_a_manifest_is_one_delivery(onyx, tmp_path, create_new):
    zone = LandingZone(onyx.platform)
    outcome = onyx(
        "ingest", str(month(tmp_path / "m", create_new=create_new)), "--tenant", "acme", "--format", "json"
    )
    assert outcome.code == 0, outcome.err
    keys = list(zone.files)
    assert keys[0] == "acme/other/u1/other.csv"
    version = "run-1/" if create_new else ""
    place = "acme/rep/u2/delivery/rep/20260901-20261001/"
    assert keys[1:3] == [f"{place}{version}rep-{number}.csv.gz" for number in (1, 2)]
    copies = [f"{place}run-1/rep-Manifest.json"] if create_new else []
    assert keys[3:] == [*copies, f"{place}rep-Manifest.json"]
    assert [row["source"] for row in outcome.rows][:2] == ["other", "rep"]


def azure(folder: Path, export: str = "Daily Costs") -> Path:
    """A run of an export of Azure in two files, and a manifest that is of something else."""
    place = folder / "daily" / "20260901-20260930" / "run-1"
    place.mkdir(parents=True)
    for number in (1, 2):
        (place / f"part_0_000{number}.csv").write_bytes(b"x")
    blobs = [{"blobName": f"dir/daily/20260901-20260930/run-1/part_0_000{number}.csv"} for number in (1, 2)]
    (place / "manifest.json").write_text(json.dumps({"exportConfig": {"exportName": export}, "blobs": blobs}))
    (folder / "manifest.json").write_text('{"name": "a web app"}')
    return folder


def test_a_folder_with_azures_manifest_is_one_delivery_of_its_export(onyx, tmp_path):
    zone = LandingZone(onyx.platform)
    outcome = onyx("ingest", str(azure(tmp_path / "m")), "--tenant", "acme", "--format", "json")

    assert outcome.code == 0, outcome.err
    place = "acme/daily-costs/u1/delivery/daily/20260901-20260930/run-1/"
    assert list(zone.files) == [
        f"{place}part_0_0001.csv",
        f"{place}part_0_0002.csv",
        f"{place}manifest.json",
    ]


def test_several_exports_of_azure_need_a_source(onyx, tmp_path):
    zone = LandingZone(onyx.platform)
    azure(tmp_path / "m" / "a")
    azure(tmp_path / "m" / "b", "other")

    outcome = onyx("ingest", str(tmp_path / "m"), "--tenant", "acme")

    assert outcome.code == 2
    assert "Daily Costs, other" in outcome.err
    assert zone.files == {}


def test_a_manifest_whose_files_are_not_in_the_folder_is_told_at_once(onyx, tmp_path):
    zone = LandingZone(onyx.platform)
    zone.missing = ["pre/rep/rep-2.csv.gz"]
    outcome = onyx("ingest", str(month(tmp_path / "m")), "--tenant", "acme")
    assert outcome.code == 1
    assert "pre/rep/rep-2.csv.gz" in outcome.err
    assert "ingest the whole folder" in outcome.err


def test_manifests_of_several_exports_need_a_source(onyx, tmp_path):
    zone = LandingZone(onyx.platform)
    folder = month(tmp_path / "m")
    (folder / "b-Manifest.json").write_text("{")
    assert onyx("ingest", str(folder), "--tenant", "acme").code == 2
    assert zone.files == {}
    assert onyx("ingest", str(folder), "--tenant", "acme", "--source", "s").code == 0
    assert set(zone.sources) == {"s"}
