import csv
import gzip
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest


def test_it_writes_a_bill_and_its_key_and_says_where(onyx, tmp_path):
    key = tmp_path / "keys" / "answers.json"

    outcome = onyx(
        "demo-bill", "--output", str(tmp_path / "bill"), "--answer-key", str(key), "--rows", "3000",
        "--months", "2", "--start", "2026-01", "--accounts", "4", "--seed", "7", "--files", "2",
        "--report", "acme", "--prefix", "in",
    )  # fmt: skip

    assert outcome.code == 0, outcome.err
    paths = [Path(line) for line in outcome.out.splitlines()]
    assert all(path.is_file() for path in paths)
    assert [path.name for path in paths] == [
        *["acme-00001.csv.gz", "acme-00002.csv.gz"] * 2,
        *["acme-Manifest.json"] * 2,
        "answers.json",
    ]
    answers = json.loads(key.read_text())
    assert answers["periods"] == ["2026-01", "2026-02"]
    assert len(answers["accounts"]) == 4
    rows = [
        row
        for path in paths[:4]
        for row in csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode()))
    ]
    total = sum(Decimal(row["lineItem/UnblendedCost"]) for row in rows)
    assert str(total.normalize()) == answers["totals"]["total"]["billed"]
    assert f"{len(rows)} rows, {answers['totals']['total']['billed']} USD" in outcome.err


@pytest.mark.parametrize(
    ("version", "absent", "present"),
    [
        ("1.0", {"InvoiceId", "SkuMeter", "HostProviderName"}, {"BilledCost"}),
        ("1.2", {"HostProviderName"}, {"InvoiceId", "SkuMeter"}),
        ("1.3", set(), {"HostProviderName", "ServiceProviderName"}),
    ],
)
def test_a_single_focus_file_of_a_version(onyx, tmp_path, version, absent, present):
    outcome = onyx(
        "demo-bill", "-o", str(tmp_path), "-f", "focus", "--container", "csv", "--single",
        "--focus-version", version, "--rows", "2000", "--months", "1",
    )  # fmt: skip

    assert outcome.code == 0, outcome.err
    assert outcome.out.strip() == str(tmp_path / "demo-bill.csv")
    header = set(next(csv.reader((tmp_path / "demo-bill.csv").open())))
    assert present <= header
    assert not absent & header


def test_the_domo_preset_and_an_enterprise_discount(onyx, tmp_path):
    domo = onyx("demo-bill", "-o", str(tmp_path / "domo"), "--preset", "domo", "--rows", "13500", "--single")
    edp = onyx("demo-bill", "-o", str(tmp_path / "edp"), "--edp", "7.5", "--rows", "2000", "--single")

    assert "3300138 USD" in domo.err
    (file,) = (tmp_path / "edp").iterdir()
    assert "lineItem/NetUnblendedCost" in gzip.decompress(file.read_bytes()).decode().partition("\n")[0]
    assert edp.code == 0


def test_hours_what_is_rare_and_exactly_the_rows(onyx, tmp_path):
    outcome = onyx(
        "demo-bill", "-o", str(tmp_path), "--preset", "enterprise", "--rare", "--granularity", "hourly",
        "--accounts", "3", "--rows", "25000", "--single", "--container", "csv",
    )  # fmt: skip
    tiny = onyx("demo-bill", "-o", str(tmp_path / "tiny"), "--rows", "1", "--single")

    assert "25000 rows" in outcome.err
    with (tmp_path / "demo-bill.csv").open() as file:
        found = list(csv.DictReader(file))
    assert len(found) == 25_000
    assert {"EKSPod-EC2", "ECSTask-EC2"} < {row["lineItem/Operation"] for row in found}
    assert len({row["lineItem/UsageStartDate"][11:13] for row in found}) == 24
    assert "1 rows" in tiny.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--preset", "acme"], "--preset is one of startup, enterprise, domo, not 'acme'"),
        (["--start", "2026-13"], "--start is a month, YYYY-MM, not '2026-13'"),
        (["--edp", "100"], "--edp is a percentage below 100"),
        (["--edp", "1.234"], "at most two decimals"),
        (["--edp", "-1"], "--edp is a percentage below 100"),
        (["--focus-version", "2.0"], "--focus-version is one of 1.0, 1.1, 1.2, 1.3, not '2.0'"),
        (["--single", "--files", "2"], "--single is one file"),
        (["--rare"], "--rare goes with --preset enterprise"),
        (["--rows", "0"], "--rows"),
    ],
)
def test_what_cannot_be_written_is_a_usage_error(onyx, tmp_path, arguments, said):
    outcome = onyx("demo-bill", "-o", str(tmp_path / "bill"), *arguments)

    assert outcome.code == 2
    assert said in outcome.err
    assert not (tmp_path / "bill").exists()
