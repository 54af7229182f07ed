"""What a worker holds while it works for one tenant opens nothing of another: beneath our own checks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.local import task_roles
from infra.local.calls import read_calls
from infra.local.plan import ServicePlan
from infra.local.state import LocalState, read_json
from services.query_engine.adapters.engines import run
from services.query_engine.adapters.lake_access import LakeAccess
from services.query_engine.domain.answers import Limits
from services.query_engine.domain.errors import LAKE_UNAVAILABLE
from services.query_engine.domain.plan import BoundTable, Plan
from services.query_engine.domain.tables import Column, FileGroup, Table
from shared.clock import SystemClock
from shared.errors import OnyxError, Unavailable
from shared.tenancy import TenantId
from shared.tenant_credentials import Reach, TenantCredentials
from tests.e2e.conftest import Platform
from tests.e2e.samples import focus_bill

A, B = TenantId("cut-a"), TenantId("cut-b")
COSTS = {A: "1.5", B: "2.25"}


@dataclass(frozen=True)
class Worker:
    """A task as it was started: its variables, and credentials of its own role."""

    platform: Platform
    plan: ServicePlan

    def __getitem__(self, variable: str) -> str:
        return self.plan.environment[variable]

    def own(self, service: str) -> Any:
        keys = task_roles.variables(
            LocalState.of(self.platform.port, self.platform.home).roles_file, self.plan.role
        )
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.platform.url,
            region_name="us-east-1",
            **{name.lower(): value for name, value in keys.items()},
        )

    def credentials(self) -> TenantCredentials:
        buckets = [self.plan.environment.get(name) for name in ("LANDING_BUCKET", "LAKE_BUCKET")]
        reach = Reach(
            tuple(bucket for bucket in buckets if bucket),
            lambda tenant: self["GLUE_DATABASE_PREFIX"] + tenant.replace("-", "_"),
        )
        return TenantCredentials(self["TENANT_ROLE_ARN"], reach, SystemClock(), self.own("sts"))


def worker(platform: Platform, name: str) -> Worker:
    plan = read_json(LocalState.of(platform.port, platform.home).plan_file)
    assert plan
    (found,) = [ServicePlan(**each) for each in plan["services"] if each["name"] == name]
    return Worker(platform, found)


@pytest.fixture(scope="module")
def tenants(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> None:
    for tenant, cost in COSTS.items():
        assert platform.onyx("tenant", "create", tenant).returncode == 0
        bill = focus_bill(tmp_path_factory.mktemp("bill"), [cost])
        (row,) = platform.rows("ingest", str(bill), "--tenant", tenant)
        assert row["status"] == "ingested"


@pytest.fixture
def ingester(platform: Platform, tenants: None, monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setenv("AWS_ENDPOINT_URL", platform.url)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return worker(platform, "ingester")


@pytest.fixture
def engine(platform: Platform, tenants: None, monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setenv("AWS_ENDPOINT_URL", platform.url)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return worker(platform, "query-engine")


def refused(act: Callable[..., Any], **request: Any) -> None:
    with pytest.raises(ClientError) as caught:
        act(**request)
    assert caught.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException", "403"), (
        caught.value
    )


def key(platform: Platform, bucket: str, tenant: str, part: str = "") -> str:
    found = platform.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"{tenant}/{part}")["Contents"]
    return str(found[0]["Key"])


def test_the_ingester_for_one_tenant_reaches_nothing_of_another(platform: Platform, ingester: Worker) -> None:
    s3, glue = (ingester.credentials().client(service, A) for service in ("s3", "glue"))
    lake, landing = ingester["LAKE_BUCKET"], ingester["LANDING_BUCKET"]
    for bucket in (lake, landing):
        assert s3.get_object(Bucket=bucket, Key=key(platform, bucket, A))["ContentLength"] > 0
        refused(s3.get_object, Bucket=bucket, Key=key(platform, bucket, B))
        refused(s3.head_object, Bucket=bucket, Key=key(platform, bucket, B))
        for prefix in ("", B, f"{B}/", A):
            refused(s3.list_objects_v2, Bucket=bucket, Prefix=prefix)
            refused(s3.list_object_versions, Bucket=bucket, Prefix=prefix)
    assert s3.list_object_versions(Bucket=landing, Prefix=f"{A}/")["Versions"]
    s3.put_object(Bucket=lake, Key=f"{A}/raw/proof", Body=b"")
    s3.delete_object(Bucket=lake, Key=f"{A}/raw/proof")
    refused(s3.put_object, Bucket=lake, Key=f"{B}/raw/proof", Body=b"")
    refused(s3.put_object, Bucket=lake, Key=f"{A}b/raw/proof", Body=b"")
    refused(s3.delete_object, Bucket=lake, Key=key(platform, lake, B))
    refused(
        s3.copy_object,
        Bucket=lake,
        Key=f"{A}/raw/proof",
        CopySource={"Bucket": lake, "Key": key(platform, lake, B)},
    )
    refused(s3.put_object, Bucket=landing, Key=f"{A}/s/proof", Body=b"")
    own, other = (ingester["GLUE_DATABASE_PREFIX"] + tenant.replace("-", "_") for tenant in (A, B))
    assert glue.get_table(DatabaseName=own, Name="charges")["Table"]["Name"] == "charges"
    assert glue.get_database(Name=own)["Database"]["Name"] == own
    refused(glue.get_table, DatabaseName=other, Name="charges")
    refused(glue.get_database, Name=other)
    refused(glue.create_table, DatabaseName=other, TableInput={"Name": "proof"})
    refused(glue.update_table, DatabaseName=other, TableInput={"Name": "charges"})


def test_the_engine_for_one_tenant_reads_that_tenants_files_and_does_nothing_else(
    platform: Platform, engine: Worker
) -> None:
    s3, glue = (engine.credentials().client(service, A) for service in ("s3", "glue"))
    lake = engine["LAKE_BUCKET"]
    assert s3.get_object(Bucket=lake, Key=key(platform, lake, A))["ContentLength"] > 0
    refused(s3.get_object, Bucket=lake, Key=key(platform, lake, B))
    refused(s3.list_objects_v2, Bucket=lake, Prefix=f"{A}/")
    refused(s3.put_object, Bucket=lake, Key=f"{A}/raw/proof", Body=b"")
    landing = platform.output("lake", "LandingBucket")
    refused(s3.get_object, Bucket=landing, Key=key(platform, landing, A))
    refused(glue.get_database, Name=f"{engine['GLUE_DATABASE_PREFIX']}cut_a")


@pytest.mark.parametrize("name", ["ingester", "engine"])
def test_a_task_by_itself_reaches_no_tenants_data(
    platform: Platform, name: str, request: pytest.FixtureRequest
) -> None:
    task: Worker = request.getfixturevalue(name)
    lake = task["LAKE_BUCKET"]
    refused(task.own("s3").get_object, Bucket=lake, Key=key(platform, lake, A))
    refused(task.own("s3").list_objects_v2, Bucket=lake)
    refused(task.own("glue").get_database, Name=f"{task['GLUE_DATABASE_PREFIX']}cut_a")


def test_nobody_but_the_task_takes_on_its_tenant_role(
    platform: Platform, ingester: Worker, engine: Worker
) -> None:
    reach = Reach((ingester["LAKE_BUCKET"],))
    for role, other in ((ingester, engine), (engine, ingester)):
        stolen = TenantCredentials(role["TENANT_ROLE_ARN"], reach, SystemClock(), other.own("sts"))
        with pytest.raises(Unavailable) as caught:
            stolen.keys(A)
        assert isinstance(caught.value.__cause__, ClientError)
        assert caught.value.__cause__.response["Error"]["Code"] == "AccessDenied"


def plan_over(files: list[str]) -> Plan:
    columns = (Column("BilledCost", "decimal(38,18)"),)
    table = Table("charges", columns, (FileGroup(tuple(files), columns),))
    return Plan("polars", "SELECT sum(billedcost) AS c FROM charges", (BoundTable("charges", table),), ("c",))


def test_a_file_list_that_names_another_tenant_fails_at_the_lake_itself(
    platform: Platform, engine: Worker
) -> None:
    """Beneath the check of paths: as if a row of the bill table had been changed, and the check with it."""
    lake = engine["LAKE_BUCKET"]
    storage = LakeAccess(engine.credentials()).storage_options(A)
    own, other = (f"s3://{lake}/{key(platform, lake, each, 'curated/charges/data')}" for each in (A, B))
    limits = Limits(rows=10, bytes=1000)

    assert run(plan_over([own]), limits, storage).rows == b'[{"c":"1.5"}]'
    for files in ([other], [own, other]):
        with pytest.raises(OnyxError) as caught:
            run(plan_over(files), limits, storage)
        assert caught.value.code == LAKE_UNAVAILABLE
        said = str(caught.value.__cause__)
        assert "403" in said or "AccessDenied" in said or "denied" in said.lower(), said


def test_the_running_workers_touch_data_under_such_sessions_only(
    platform: Platform, tenants: None, ingester: Worker, engine: Worker
) -> None:
    """Nothing that calls S3 or Glue is a task's own role, and each session keeps to its tenant."""
    platform.query("SELECT count(*) AS n FROM charges", platform.token(A))
    roles = {each["TENANT_ROLE_ARN"].rpartition("/")[2] for each in (ingester, engine)}
    tasks = {each.plan.role.rpartition("/")[2] for each in (ingester, engine)}
    seen = set()
    for call in read_calls(platform.recorded):
        _, _, rest = call["principal"].partition(":assumed-role/")
        role, _, session = rest.partition("/")
        if role in tasks:
            assert not call["action"].startswith(("s3:", "glue:")), call
        if role in roles:
            tenant = session.removeprefix("tenant-")
            if call["action"] == "s3:ListBucketVersions":
                # Its prefix is no part of the resource: what it may list is tried above.
                continue
            place = call["resource"].split(":", 5)[-1]
            wanted = tenant.replace("-", "_") if call["action"].startswith("glue:") else f"/{tenant}/"
            assert wanted in place, call
            seen.add((role, tenant))
    assert {(role, A) for role in roles} <= seen
