"""Connections as they are deployed: rows, STS, buckets of two accounts and wiring, in moto."""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from services.cost_center.adapters.connection_accounts import StsAccounts, session_policy
from services.cost_center.adapters.connection_store import ConnectionStore
from services.cost_center.adapters.pull_copy import LandingCopier
from services.cost_center.domain.connection import (
    AccountRefused,
    Kind,
    LastPull,
    ManifestReplaced,
    PullFailed,
    RoleRefused,
    Status,
    new_connection,
)
from services.cost_center.domain.connection_ports import Connections
from services.cost_center.domain.pull import Progress
from services.cost_center.events import ConnectionCreated, ConnectionRemoved
from services.cost_center.handlers import pull_bills
from shared import aws
from shared.clock import FixedClock, SystemClock
from shared.config import load_settings
from shared.errors import Conflict, Unavailable, VersionConflict
from shared.ids import SequenceIds
from shared.outbox import Outbox
from shared.page_keys import PageKeys
from shared.table import TenantTable
from shared.tenancy import TenantId
from shared.tenant_list import TenantList
from tests.fakes.connections import START, FakeConnections
from tests.fakes.tables import create_table

ACME, OTHER = TenantId("acme"), TenantId("globex")
ACCOUNT = "123456789012"
"""moto's own account: to it, customer and platform are one."""
CREATED = ConnectionCreated(connection="aws", account_id=ACCOUNT, by="ada", kind="cur2")
REMOVED = ConnectionRemoved(connection="aws", account_id=ACCOUNT, by="ada")


class Context:
    def __init__(self, millis: int = 600_000) -> None:
        self.millis = millis

    def get_remaining_time_in_millis(self) -> int:
        return self.millis


@pytest.fixture(autouse=True)
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "BILL_TABLE": "bill",
        "CONNECTION_TABLE": "connection",
        "OUTBOX_TABLE": "outbox",
        "LANDING_BUCKET": "landing",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="landing")
        for table in ("bill", "connection", "outbox"):
            create_table(boto3.client("dynamodb"), table, outbox=table == "outbox")
        aws.clear_clients()
        load_settings.cache_clear()
        yield
    aws.clear_clients()
    load_settings.cache_clear()


def store() -> ConnectionStore:
    numbers = count(1)
    keys = PageKeys(b"a page secret of enough bytes!!!")
    return ConnectionStore(
        TenantTable("connection", page_keys=keys),
        Outbox("outbox"),
        FixedClock(START),
        SequenceIds(),
        lambda: f"random-{next(numbers)}",
    )


@pytest.fixture(params=["fake", "dynamodb"])
def connections(request: pytest.FixtureRequest, deployed: None) -> Connections:
    numbers = count(1)
    return store() if request.param == "dynamodb" else FakeConnections(lambda: f"random-{next(numbers)}")


def made(source: str = "aws", tenant: TenantId = ACME, nonce: str = "n1") -> Any:
    return new_connection(tenant, source, ACCOUNT, Kind.CUR2, nonce=nonce, at=START, by="ada")


# --- the port: one suite over the fake and the table ---


def test_an_external_id_is_made_once_per_tenant(connections: Connections) -> None:
    mine = connections.external_id(ACME)
    assert connections.external_id(ACME) == mine
    assert connections.external_id(OTHER) != mine


def test_a_connection_is_kept_as_it_was_saved(connections: Connections) -> None:
    stored = connections.save(ACME, made(), CREATED)
    assert stored == replace(made(), version=1)
    assert connections.get(ACME, "aws") == stored
    changed = replace(stored.verified(START), last_pull=LastPull(START, 3, 12))
    assert connections.save(ACME, changed, None) == replace(changed, version=2)
    assert connections.get(ACME, "aws") == replace(changed, version=2)
    assert connections.get(OTHER, "aws") is None


def test_who_read_an_older_version_writes_nothing(connections: Connections) -> None:
    stored = connections.save(ACME, made(), CREATED)
    connections.save(ACME, stored, None)
    for act in (
        lambda: connections.save(ACME, stored.failed("x"), None),
        lambda: connections.remove(ACME, stored, REMOVED),
    ):
        with pytest.raises(VersionConflict):
            act()
    found = connections.get(ACME, "aws")
    assert found is not None
    assert found.reason is None


def test_connections_are_listed_by_source_and_tenant(connections: Connections) -> None:
    for source in ("b", "a", "c"):
        connections.save(ACME, made(source), None)
    connections.save(OTHER, made("z", OTHER), None)
    first = connections.page(ACME, limit=2, cursor=None)
    rest = connections.page(ACME, limit=2, cursor=first.cursor)
    assert [each.source for each in [*first.connections, *rest.connections]] == ["a", "b", "c"]
    assert rest.cursor is None
    assert [each.source for each in connections.every(OTHER)] == ["z"]


def test_progress_belongs_to_one_connection_and_goes_with_it(connections: Connections) -> None:
    mine = connections.save(ACME, made(), CREATED)
    begun = connections.save_progress(ACME, mine, Progress("2026-09", "m", "e", copied=1, size=5))
    assert begun.version == 1
    done = connections.save_progress(ACME, mine, replace(begun, done=True))
    assert connections.progress(ACME, mine) == {"2026-09": done}
    with pytest.raises(VersionConflict):
        connections.save_progress(ACME, mine, begun)
    anew = made(nonce="n2")
    assert connections.progress(ACME, anew) == {}
    assert connections.progress(OTHER, mine) == {}
    connections.remove(ACME, mine, REMOVED)
    assert connections.progress(ACME, mine) == {}
    assert connections.get(ACME, "aws") is None


def test_state_and_event_are_one(deployed: None, caplog: pytest.LogCaptureFixture) -> None:
    rows = store()
    secret = rows.external_id(ACME)
    stored = rows.save(ACME, made(), CREATED)
    with pytest.raises(Conflict):
        rows.save(ACME, made(), CREATED)
    rows.remove(ACME, stored, REMOVED)
    told = [
        json.loads(row["envelope"]["S"]) for row in boto3.client("dynamodb").scan(TableName="outbox")["Items"]
    ]
    assert sorted(each["type"] for each in told) == ["ConnectionCreated.v1", "ConnectionRemoved.v1"]
    lines = [vars(record) for record in caplog.records if record.getMessage() == "audit"]
    assert [line["act"] for line in lines] == ["ConnectionCreated.v1", "ConnectionRemoved.v1"]
    assert secret not in str(lines)


# --- the customer's account ---


@pytest.fixture
def bucket() -> Any:
    """The customer's bucket with a role beside it, and its connection."""
    connection = made()
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=connection.place.bucket)
    return connection


def put(connection: Any, key: str, body: bytes) -> str:
    answer = boto3.client("s3").put_object(Bucket=connection.place.bucket, Key=key, Body=body)
    return str(answer["ETag"]).strip('"')


def landed() -> dict[str, bytes]:
    s3 = boto3.client("s3")
    return {
        each["Key"]: s3.get_object(Bucket="landing", Key=each["Key"])["Body"].read()
        for each in s3.list_objects_v2(Bucket="landing").get("Contents", [])
    }


def test_manifests_are_found_where_each_kind_has_them(bucket: Any) -> None:
    folder = bucket.place.folder
    data_exports = f"{folder}metadata/BILLING_PERIOD=2026-09/onyx-aws-Manifest.json"
    legacy = f"{folder}20260901-20261001/onyx-aws-Manifest.json"
    for key in (
        data_exports,
        legacy,
        f"{folder}20260901-20261001/assembly/onyx-aws-Manifest.json",
        f"{folder}data/BILLING_PERIOD=2026-09/1.csv.gz",
        "acme/aws/other/metadata/BILLING_PERIOD=2026-09/other-Manifest.json",
    ):
        put(bucket, key, b"{}")
    found = StsAccounts("landing").open(ACME, bucket, "id").manifests()
    assert [each.key for each in found] == [data_exports]
    report = replace(bucket, kind=Kind.CUR)
    assert [each.key for each in StsAccounts("landing").open(ACME, report, "id").manifests()] == [legacy]


def test_every_call_names_the_account_that_must_own_the_bucket(bucket: Any) -> None:
    """S3 refuses a bucket of another owner then: one of that name that somebody made first."""
    key = f"{bucket.place.folder}metadata/BILLING_PERIOD=2026-09/onyx-aws-Manifest.json"
    put(bucket, key, b"{}")
    opened = StsAccounts("landing").open(ACME, bucket, "id")
    named: list[str | None] = []
    opened._s3.meta.events.register(
        "provide-client-params.s3", lambda params, **_: named.append(params.get("ExpectedBucketOwner"))
    )
    opened.check()
    (listed,) = opened.manifests()
    opened.read(listed)
    opened.land(key, "acme/aws/x", lambda: False)
    assert named == [ACCOUNT] * 4


def test_a_bucket_that_is_not_there_is_the_accounts_matter(bucket: Any) -> None:
    gone = replace(bucket, place=replace(bucket.place, bucket="there-is-none"))
    with pytest.raises(AccountRefused, match="there-is-none"):
        StsAccounts("landing").open(ACME, gone, "id").check()


def test_a_manifest_that_was_replaced_is_not_read_as_the_one_listed(bucket: Any) -> None:
    key = f"{bucket.place.folder}metadata/BILLING_PERIOD=2026-09/onyx-aws-Manifest.json"
    put(bucket, key, b"{}")
    opened = StsAccounts("landing").open(ACME, bucket, "id")
    (listed,) = opened.manifests()
    assert opened.read(listed) == b"{}"
    assert opened.land_manifest(listed, "acme/aws/m") == 2
    head = boto3.client("s3").head_object(Bucket="landing", Key="acme/aws/m")
    assert datetime.fromisoformat(head["Metadata"].pop("onyx-source-modified"))
    assert head["Metadata"] == {"onyx-bucket": bucket.place.bucket, "onyx-prefix": "acme/aws"}
    put(bucket, key, b"{ }")
    for act in (lambda: opened.read(listed), lambda: opened.land_manifest(listed, "acme/aws/n")):
        with pytest.raises(ManifestReplaced):
            act()
    assert list(landed()) == ["acme/aws/m"]


def test_a_role_that_is_not_ours_is_told_apart_from_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    class Sts:
        def __init__(self, failure: Exception) -> None:
            self.failure = failure

        def assume_role(self, **request: Any) -> Any:
            asked.append(request)
            raise self.failure

    def refusal(code: str) -> ClientError:
        return ClientError({"Error": {"Code": code, "Message": "secret-id"}}, "AssumeRole")

    for failure, expected in (
        (refusal("AccessDenied"), RoleRefused),
        (refusal("Throttling"), Unavailable),
        (ReadTimeoutError(endpoint_url="https://sts"), Unavailable),
    ):
        accounts: Any = StsAccounts("landing", sts=Sts(failure))  # type: ignore[arg-type]
        with pytest.raises(expected) as caught:
            accounts.open(ACME, made(), "secret-id")
        assert "secret-id" not in str(caught.value)
        with pytest.raises(expected):
            accounts.open(ACME, made(), None)
    assert "ExternalId" not in asked[-1]
    assert asked[0]["ExternalId"] == "secret-id"
    assert json.loads(asked[0]["Policy"]) == session_policy(made().place)


def test_a_session_reads_the_exports_folder_and_nothing_else() -> None:
    get, listing, key = session_policy(made().place)["Statement"]
    assert get["Resource"].endswith("/acme/aws/onyx-aws/*")
    assert listing["Condition"] == {"StringLike": {"s3:prefix": "acme/aws/onyx-aws/*"}}
    assert {get["Action"], listing["Action"], key["Action"]} == {
        *("s3:GetObject", "s3:ListBucket", "kms:Decrypt")
    }


# --- the copy ---

PART = 5 << 20
"""S3's smallest part."""


class Dribble(BytesIO):
    """A stream that gives less than was asked for, as networks do."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(size if size is None or size < 0 else min(size, 1 << 20))


def answer(body: bytes, **changes: Any) -> dict[str, Any]:
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return {"Body": Dribble(body), "ContentLength": len(body), "ETag": f'"{md5}"', **changes}


def copy(given: dict[str, Any], over: Any = lambda: False) -> int | None:
    return LandingCopier("landing", part=PART).copy("named", given, "acme/aws/x", over)


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 2 * PART + 3])
def test_every_byte_lands_whatever_the_size(size: int) -> None:
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    assert copy(answer(body)) == size
    assert landed() == {"acme/aws/x": body}


@pytest.mark.parametrize("size", [10, 2 * PART])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ContentLength": 2 * PART + 1}, "bytes, as S3 announced"),
        ({"ETag": '"' + "0" * 32 + '"'}, "do not have the checksum"),
    ],
)
def test_bytes_that_are_not_those_announced_do_not_land(size: int, changes: Any, said: str) -> None:
    with pytest.raises(PullFailed, match=said):
        copy(answer(b"x" * size, **changes))
    assert landed() == {}
    assert "Uploads" not in boto3.client("s3").list_multipart_uploads(Bucket="landing")


def test_an_etag_that_is_no_md5_is_not_taken_for_one() -> None:
    assert copy(answer(b"x", ETag='"0123-2"')) == 1
    assert copy(answer(b"x", ETag='"' + "0" * 32 + '"', ServerSideEncryption="aws:kms")) == 1


def test_a_file_whose_time_was_up_leaves_nothing_behind() -> None:
    asked = iter([False, True])
    assert copy(answer(b"x" * 3 * PART), lambda: next(asked)) is None
    assert landed() == {}
    assert "Uploads" not in boto3.client("s3").list_multipart_uploads(Bucket="landing")


def test_a_stream_that_breaks_off_is_tried_again_later() -> None:
    class Broken(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ReadTimeoutError(endpoint_url="https://s3")

    with pytest.raises(Unavailable):
        copy(answer(b"x", Body=Broken()))
    assert landed() == {}


def test_s3_is_told_what_must_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, Any]] = []

    class S3:
        def put_object(self, **request: Any) -> None:
            sent.append(request)

    LandingCopier("landing", S3()).copy("n", answer(b"abc"), "k", lambda: False)  # type: ignore[arg-type]
    assert sent[0]["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(b"abc").digest()).decode()


# --- the function ---


def test_the_function_pulls_for_every_tenant(bucket: Any, capsys: pytest.CaptureFixture[str]) -> None:
    TenantList("bill").add(ACME)
    TenantList("bill").add(OTHER)
    rows = store()
    rows.save(ACME, rows.save(ACME, bucket, CREATED).verified(FixedClock(START).now()), None)
    data = f"{bucket.place.folder}data/BILLING_PERIOD=2026-09/1/onyx-aws-1.csv.gz"
    manifest = f"{bucket.place.folder}metadata/BILLING_PERIOD=2026-09/onyx-aws-Manifest.json"
    put(bucket, data, b"data")
    put(bucket, manifest, json.dumps({"dataFiles": [f"s3://{bucket.place.bucket}/{data}"]}).encode())
    early = pull_bills.handler({}, Context(20_000))
    assert (early["tenants"], landed()) == (0, {})
    # moto's STS refuses nobody, so the daily trial would find this role open: it was tried a moment ago.
    found = rows.get(ACME, "aws")
    assert found is not None
    rows.save(ACME, found.verified(SystemClock().now()), None)
    assert pull_bills.handler({}, Context()) == {"tenants": 2, "healed": 2, "failed": 0}
    assert list(landed()) == [data, manifest]
    told = capsys.readouterr().out.replace(" ", "")
    assert '"BillFilesPulled":[2.0]' in told
    assert '"ConnectionPullsFailed":[0.0]' in told
    assert pull_bills.handler({}, Context())["healed"] == 0
    after = rows.get(ACME, "aws")
    assert after is not None
    assert after.status is Status.VERIFIED


def test_a_connection_that_fails_is_counted_in_every_run_and_told_once(
    bucket: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    TenantList("bill").add(ACME)
    rows = store()
    rows.save(ACME, rows.save(ACME, bucket, CREATED).verified(SystemClock().now()), None)
    manifest = f"{bucket.place.folder}metadata/BILLING_PERIOD=2026-09/onyx-aws-Manifest.json"
    put(bucket, manifest, b"no JSON")

    for _ in range(2):
        assert pull_bills.handler({}, Context())["failed"] == 0, "a customer's fault is no fault of the run"
        told = capsys.readouterr().out.replace(" ", "")
        assert '"ConnectionPullsFailed":[1.0]' in told
    found = rows.get(ACME, "aws")
    assert found is not None
    assert found.status is Status.FAILING
