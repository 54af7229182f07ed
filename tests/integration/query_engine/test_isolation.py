"""Two tenants in one lake: nothing that acme can write reaches what is globex's, and the server stays up."""

from collections.abc import Callable
from decimal import Decimal

import httpx
import polars as pl
import pytest

from tests.fakes.query_engine_attacks import OTHERS, TARGETS
from tests.fakes.query_engine_lake import LAKE, Lake
from tests.integration.query_engine.conftest import Server

SECRET = "globex-secret"


def charges(service: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "ServiceName": [service],
            "BilledCost": pl.Series([Decimal("1.5")], dtype=pl.Decimal(38, 18)),
            "Tags": pl.Series([{"owner": service}], dtype=pl.Map(pl.String, pl.String)),
        }
    )


@pytest.fixture(scope="module")
def server(lake: Lake, start: Callable[..., Server]) -> Server:
    lake.publish("acme", "aws.2026-09", {"charges": charges("acme-service")})
    lake.publish("globex", "aws.2026-09", {"charges": charges(SECRET), "focus": charges(SECRET)})
    return start()


@pytest.mark.parametrize("target", TARGETS)
def test_no_place_of_a_query_reaches_another_tenants_rows(server: Server, target: str) -> None:
    for place in ("select * from {}", "select (select max(ServiceName) from {}) from charges"):
        answer = server.query(place.format(target))
        assert answer.status_code == 400, (place, answer.text)
        assert SECRET not in answer.text
        assert "root:" not in answer.text
    assert server.rows("select ServiceName from charges") == [{"ServiceName": "acme-service"}]


@pytest.mark.parametrize(
    "sql",
    [
        "attach 's3://lake/globex' as g",
        "copy charges to 's3://lake/globex/x.parquet'",
        "pragma database_list",
        "install httpfs",
        "load httpfs",
        "set s3_endpoint = 'x'",
        "create table globex as select * from charges",
        "create view v as select 1",
        "insert into charges values (1)",
        "drop table charges",
        "truncate table charges",
        "delete from charges",
        "show tables",
        "describe charges",
        "explain drop table charges",
        "call system.runtime.kill_query('x')",
        "execute immediate 'select 1'",
        "select 1; select * from globex.charges",
        "select * from charges; drop table charges",
        "select getenv('AWS_SECRET_ACCESS_KEY')",
        "select current_setting('s3_secret_access_key')",
        "select current_user",
        "select current_schema()",
        "select version()",
        "select pg_read_file('/etc/passwd')",
        "select load_extension('x')",
        'select "onyx__m0" from charges',
    ],
)
def test_nothing_but_a_select_is_done(server: Server, sql: str) -> None:
    answer = server.query(sql)
    assert answer.status_code == 400, answer.text
    assert SECRET not in answer.text
    assert server.query("select 1").status_code == 200


def test_names_of_ones_own_may_be_like_others(server: Server) -> None:
    sql = 'with globex as (select * from charges), "s3://x" as (select * from globex) select ServiceName from "s3://x"'
    assert server.rows(sql) == [{"ServiceName": "acme-service"}]
    assert server.rows("select globex.ServiceName from charges as globex") == [
        {"ServiceName": "acme-service"}
    ]


def test_each_tenant_sees_its_own(server: Server) -> None:
    sql = "select ServiceName, Tags['owner'] o from charges"
    assert server.rows(sql, "globex") == [{"ServiceName": SECRET, "o": SECRET}]
    assert server.rows(sql, "acme") == [{"ServiceName": "acme-service", "o": "acme-service"}]
    names = {each["name"] for each in server.get("/v1/query/tables", "acme").json()["rows"]}
    assert names == {"charges"}


def test_the_tenant_is_the_tokens(server: Server) -> None:
    headers = {
        "Authorization": f"Bearer {server.token('acme')}",
        "x-onyx-tenant": "globex",
        "x-tenant-id": "globex",
    }
    url = f"{server.url}/v1/query?tenant=globex"
    answer = httpx.post(url, json={"sql": "select ServiceName from charges"}, headers=headers)
    assert answer.json()["rows"] == [{"ServiceName": "acme-service"}]
    smuggled = {"sql": "select 1", "tenant": "globex"}
    assert httpx.post(url, json=smuggled, headers=headers).status_code == 422


@pytest.mark.parametrize(
    "path",
    [OTHERS, f"s3://{LAKE}/mallory/../globex/x.parquet", f"s3://{LAKE}/mallory/*/x.parquet", "/etc/passwd"],
)
def test_a_row_that_names_anothers_file_is_not_believed(
    server: Server, lake: Lake, path: str, request: pytest.FixtureRequest
) -> None:
    tenant = f"mallory{abs(hash(path)) % 10_000}x"
    lake.publish(
        tenant,
        "aws.2026-09",
        {"charges": charges("mine")},
        files={"charges": [path.replace("mallory", tenant)]},
    )
    answer = server.query("select * from charges", tenant)
    assert (answer.status_code, answer.json()["code"]) == (403, "UNSAFE_PATH")
    assert SECRET not in answer.text
