"""What users and operators do with a platform on an ordinary day, once each: every act that a role is for."""

import base64
import json
import uuid
from pathlib import Path
from typing import Any

import httpx

from infra.local.calls import read_calls
from tests.e2e.conftest import Platform, wait_for
from tests.e2e.customers import CUSTOMER, Customer
from tests.e2e.ordinary_workflows import workflows
from tests.e2e.samples import focus_bill
from tests.e2e.workflow_tenant import WorkflowTenant

TENANT = "ordinary"


def day(platform: Platform, folder: Path) -> None:
    """Tenants, users, tokens, bills, costs, queries, duplicates, poison and sweeps."""
    tenants(platform)
    token = platform.token(TENANT)
    users(platform, token)
    mappings(platform, token)
    tags(platform)
    bill = bills(platform, folder, token)
    invoices(platform, token)
    questions(platform, token, bill)
    policies(platform, token)
    exports(platform, folder, token)
    messages(platform)
    connections(platform, folder, token)
    workflows(WorkflowTenant(platform, TENANT))
    sweeps(platform)


def tenants(platform: Platform) -> None:
    run(platform, "tenant", "create", TENANT)
    run(platform, "tenant", "suspend", TENANT)
    run(platform, "tenant", "resume", TENANT)
    assert TENANT in run(platform, "tenant", "list")


def users(platform: Platform, token: str) -> None:
    asked(platform, "GET", "/v1/identity/me", token)
    asked(platform, "GET", "/v1/identity/tenant", token)
    name = "someone@example.com"
    for _ in range(2):  # the second finds the first
        asked(platform, "POST", "/v1/identity/users", token, json={"username": name, "roles": ["viewer"]})
    first = asked(platform, "GET", "/v1/identity/users?limit=1", token)
    asked(platform, "GET", f"/v1/identity/users?limit=1&cursor={first['cursor']}", token)
    asked(platform, "PUT", f"/v1/identity/users/{name}/roles", token, json={"roles": ["analyst"]})
    asked(platform, "POST", f"/v1/identity/users/{name}/disable", token)


def mappings(platform: Platform, token: str) -> None:
    """A machine client gets a tenant and a token, and loses the tenant again."""
    client, pool = platform.output("identity", "MachineClientId"), platform.output("identity", "UserPoolId")
    run(platform, "tenant", "map", TENANT, "--client", client, "--role", "viewer")
    secret = platform.client("cognito-idp").describe_user_pool_client(UserPoolId=pool, ClientId=client)
    basic = base64.b64encode(f"{client}:{secret['UserPoolClient']['ClientSecret']}".encode()).decode()
    issued = httpx.post(
        f"{platform.url}/oauth2/token",
        headers={"authorization": f"Basic {basic}"},
        data={"grant_type": "client_credentials", "scope": "onyx/api"},
    )
    assert issued.status_code == 200, issued.text
    asked(platform, "GET", "/v1/identity/me", issued.json()["access_token"])
    (row,) = asked(platform, "GET", "/v1/identity/sso-mappings", token)["rows"]
    gone = platform.http(
        "DELETE",
        "/v1/identity/sso-mappings",
        token,
        params={"issuer": row["issuer"], "client_id": row["client_id"]},
    )
    assert gone.status_code < 300, gone.text


def bills(platform: Platform, folder: Path, token: str) -> dict[str, Any]:
    """One ingested, restated and rejected bill each; the first as its row tells of it."""
    for number, costs in enumerate((["1", "2"], ["1", "2", "4"])):
        place = folder / str(number)
        place.mkdir()
        platform.rows("ingest", str(focus_bill(place, costs)), "--tenant", TENANT, "--source", "s")
    bad = focus_bill(folder, ["1,5"], name="bad.csv", month="2026-08")
    assert platform.onyx("ingest", str(bad), "--tenant", TENANT, "--source", "s").returncode == 1
    first = asked(platform, "GET", "/v1/cost-center/bills?limit=1", token)
    asked(platform, "GET", f"/v1/cost-center/bills?limit=1&cursor={first['cursor']}", token)
    bill: dict[str, Any] = asked(platform, "GET", "/v1/cost-center/bills/s.2026-09", token)
    asked(platform, "GET", f"/v1/cost-center/deliveries/{bill['delivery_id']}", token)
    asked(platform, "GET", f"/v1/cost-center/bills/{bill['bill_id']}/reconciliation", token)
    history = f"/v1/cost-center/bills/{bill['bill_id']}/history"
    newest = asked(platform, "GET", f"{history}?limit=1", token)
    asked(platform, "GET", f"{history}?limit=1&cursor={newest['cursor']}", token)
    changes = asked(platform, "GET", f"/v1/cost-center/bills/{bill['bill_id']}/changes", token)
    document = httpx.get(changes["document_url"])
    assert [each["difference"] for each in document.json()["changes"]] == ["4"], document.text
    return bill


def tags(platform: Platform) -> None:
    """One gets a column of its own, before the bills come."""
    run(platform, "tags", "promote", "Team", "--tenant", TENANT)
    assert "x_Tag_team" in run(platform, "tags", "list", "--tenant", TENANT)


def invoices(platform: Platform, token: str) -> None:
    """One is entered, corrected, listed by page, and forgotten."""
    path = "/v1/cost-center/invoices"
    named = {"billing_account": "acct-1", "billing_period": "2026-09", "currency": "USD"}
    for number, total in (("1", "7"), ("1", "7.5"), ("2", "8")):
        asked(platform, "PUT", f"{path}/{number}", token, json=named | {"total": total})
    first = asked(platform, "GET", f"{path}?limit=1", token)
    asked(platform, "GET", f"{path}?limit=1&cursor={first['cursor']}", token)
    asked(platform, "GET", "/v1/cost-center/bills/s.2026-09/reconciliation", token)
    asked(platform, "DELETE", f"{path}/1", token, params=named)


def questions(platform: Platform, token: str, bill: dict[str, Any]) -> None:
    (row,) = platform.rows("costs", "--tenant", TENANT, "--metric", "BilledCost", "--granularity", "total")
    assert row["BilledCost"] == "7"
    answer = asked(platform, "POST", "/v1/query", token, json={"sql": "SELECT count(*) AS n FROM charges"})
    asked(platform, "GET", f"/v1/query/{answer['query_id']}", token)
    body = {"sql": "SELECT count(*) AS n FROM charges", "format": "csv"}
    file = asked(platform, "POST", "/v1/query", token, json=body)
    assert httpx.get(file["file"]["url"]).text == "n\r\n3\r\n"
    asked(platform, "DELETE", f"/v1/query/{file['query_id']}", token)
    wait_for(
        lambda: (
            bill["bill_id"] in json.dumps(asked(platform, "GET", "/v1/query/tables", token))
            or "charges" in json.dumps(asked(platform, "GET", "/v1/query/tables", token))
        ),
        "the tables",
    )


def policies(platform: Platform, token: str) -> None:
    """One binds whoever asks, in queries and in the API of costs alike, until it is taken back."""
    path = "/v1/query/policies"
    costs = "/v1/cost-center/costs?metric=BilledCost&granularity=total"
    before = asked(platform, "GET", costs, token)["rows"]
    me = asked(platform, "GET", "/v1/identity/me", token)["subject"]
    run(platform, "policy", "set", me, "--account", "of-somebody-else", "--tenant", TENANT)
    assert asked(platform, "GET", costs, token)["rows"] == []
    body = {"sql": "SELECT count(*) AS n FROM charges"}
    assert asked(platform, "POST", "/v1/query", token, json=body)["rows"] == [{"n": 0}]
    assert asked(platform, "GET", f"{path}/me", token)["sub_accounts"] == ["of-somebody-else"]
    assert me in run(platform, "policy", "list", "--tenant", TENANT)
    asked(platform, "GET", f"{path}/{me}", token)
    run(platform, "policy", "delete", me, "--tenant", TENANT)
    run(platform, "policy", "default", "allow", "--tenant", TENANT)
    assert before
    assert asked(platform, "GET", costs, token)["rows"] == before


def exports(platform: Platform, folder: Path, token: str) -> None:
    """One is asked for, waited for and fetched; then they are listed."""
    output = folder / "focus.csv"
    run(platform, "export", "focus", "--period", "2026-09", "--output", str(output), "--tenant", TENANT)
    assert len(output.read_text().splitlines()) == 4
    run(
        *(platform, "export", "focus", "--period", "2026-09", "--tenant", TENANT),
        *("--output", str(folder / "focus.parquet")),
    )
    path = "/v1/cost-center/exports"
    first = asked(platform, "GET", f"{path}?limit=1", token)
    asked(platform, "GET", f"{path}?limit=1&cursor={first['cursor']}", token)


def connections(platform: Platform, folder: Path, token: str) -> None:
    """An account is connected, verified and delivers, which the pull among the sweeps takes; another goes."""
    customer, path = Customer(platform), "/v1/cost-center/connections"
    for source in ("shop", "gone"):
        run(
            *(platform, "connect", "aws", "--account", CUSTOMER, "--source", source, "--kind", "focus"),
            *("--output", str(folder / "template.json"), "--tenant", TENANT),
        )
        customer.deploy((folder / "template.json").read_text(), f"onyx-bills-{source}")
        run(platform, "connect", "verify", source, "--tenant", TENANT)
    run(platform, "connect", "remove", "gone", "--tenant", TENANT)
    shop = asked(platform, "GET", f"{path}/shop", token)
    outputs = {"Bucket": shop["bucket"], "Prefix": shop["prefix"], "ExportName": shop["export_name"]}
    bill = focus_bill(folder, ["8"], name="connected.csv", month="2026-07").read_bytes()
    customer.deliver(outputs, "2026-07", "1", {"connected.csv": bill})
    asked(platform, "POST", path, token, json={"account_id": CUSTOMER, "source": "again"})
    first = asked(platform, "GET", f"{path}?limit=1", token)
    asked(platform, "GET", f"{path}?limit=1&cursor={first['cursor']}", token)


CHANNELS = (
    ("cost-center", "Jobs"),
    ("cost-center", "LandedBills"),
    ("cost-center", "TenantCreated"),
    ("query-engine", "BillIngested"),
    ("query-engine", "Actions"),
    ("workflow", "Triggers"),
    ("workflow", "Cron"),
    ("workflow", "Execution"),
    ("workflow", "Ended"),
    ("workflow", "Answers"),
    ("workflow", "Approvals"),
)


def messages(platform: Platform) -> None:
    """Poison comes to every queue, and is noted."""
    sqs, dynamodb = platform.client("sqs"), platform.client("dynamodb")
    for stack, channel in CHANNELS:
        url = platform.output(stack, f"{channel}QueueUrl")
        sent = sqs.send_message(QueueUrl=url, MessageBody=f"poison {uuid.uuid4()}")["MessageId"]
        table = platform.output(stack, "InboxTable")

        def noted(table: str = table, sent: str = sent) -> bool:
            return any(row["sk"]["S"] == sent for row in dynamodb.scan(TableName=table)["Items"])

        wait_for(noted, f"the failure row of {channel}")


def sweeps(platform: Platform) -> None:
    """Every scheduled function runs once, as its schedule calls it."""
    client = platform.client("lambda")
    rules = platform.client("events")
    found = 0
    for rule in rules.list_rules()["Rules"]:
        if not rule.get("ScheduleExpression"):
            continue
        for target in rules.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
            event = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
            answer = client.invoke(FunctionName=target["Arn"], Payload=json.dumps(event).encode())
            assert "FunctionError" not in answer, answer["Payload"].read()
            found += 1
    assert found >= 3
    wait_for(lambda: looked_for_sets(platform), "the job that maintains the lake")


def looked_for_sets(platform: Platform) -> bool:
    """Whether the ingester's task asked for published sets, which it does to maintain the lake only."""
    table = platform.output("cost-center", "BillTable")
    return any(
        call["action"] == "dynamodb:Query"
        and call["resource"].endswith(f"table/{table}")
        and "IngesterTask" in call["principal"]
        for call in read_calls(platform.recorded)
    )


def run(platform: Platform, *arguments: str) -> str:
    done = platform.onyx(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def asked(platform: Platform, method: str, path: str, token: str, **options: Any) -> Any:
    answer = platform.http(method, path, token, **options)
    assert answer.status_code < 300, (method, path, answer.text)
    return answer.json()
