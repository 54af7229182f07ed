"""A customer's own account on the emulator: its stack is deployed there, verified, its bills are pulled."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Platform, wait_for
from tests.e2e.customers import CUSTOMER, Customer, pull
from tests.e2e.samples import focus_bill

OPEN_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture
def customer(platform: Platform) -> Customer:
    return Customer(platform)


def landed(platform: Platform, prefix: str) -> list[dict[str, Any]]:
    """Every version of every object there, oldest first."""
    answer = platform.client("s3").list_object_versions(
        Bucket=platform.output("lake", "LandingBucket"), Prefix=prefix
    )
    return sorted(answer.get("Versions", []), key=lambda each: each["LastModified"])


def test_an_account_is_connected_verified_and_its_bill_is_pulled(
    platform: Platform, customer: Customer, tenant: str, tmp_path: Path
) -> None:
    file = tmp_path / "template.json"
    made = platform.onyx(
        *("connect", "aws", "--account", CUSTOMER, "--kind", "focus", "--source", "shop"),
        *("--output", str(file), "--tenant", tenant),
    )
    assert made.returncode == 0, made.stderr
    assert f"--template-file {file}" in made.stderr

    early = platform.onyx("connect", "verify", "shop", "--tenant", tenant)
    assert early.returncode == 1
    assert "cannot be assumed" in early.stderr

    outputs = customer.deploy(file.read_text(), f"onyx-bills-{tenant}")
    (verified,) = platform.rows("connect", "verify", "shop", "--tenant", tenant)
    assert (verified["status"], verified["role_arn"]) == ("verified", outputs["RoleArn"])

    bill = focus_bill(tmp_path, ["1.25", "2"]).read_bytes()
    manifest = customer.deliver(outputs, "2026-09", "20261001T000000Z-1", {"shop-1.csv": bill})
    assert pull(platform)["failed"] == 0

    found = landed(platform, f"{tenant}/shop/")
    assert [each["Key"] for each in found] == [
        f"{tenant}/shop/onyx-shop/data/BILLING_PERIOD=2026-09/20261001T000000Z-1/shop-1.csv",
        manifest,
    ]
    token = platform.token(tenant)

    def ingested() -> Any:
        answer = platform.http("GET", "/v1/cost-center/bills/shop.2026-09", token)
        return answer.json() if answer.status_code == 200 else None

    assert wait_for(ingested, "the pulled bill")["totals"][0]["raw_total"] == "3.25"
    (row,) = platform.rows("connect", "list", "--tenant", tenant)
    assert row["last_pull"] | {"at": ""} == {
        "at": "",
        "files": 2,
        "bytes": len(bill) + found[-1]["Size"],
    }

    pull(platform)
    assert len(landed(platform, f"{tenant}/shop/")) == 2, "an unchanged manifest is not pulled again"

    other = focus_bill(tmp_path, ["4"]).read_bytes()
    customer.deliver(outputs, "2026-09", "20261002T000000Z-2", {"shop-1.csv": other})
    pull(platform)
    assert len(landed(platform, f"{tenant}/shop/")) == 4

    assert platform.onyx("connect", "remove", "shop", "--tenant", tenant).returncode == 0
    assert platform.rows("connect", "list", "--tenant", tenant) == []


def test_a_role_that_opens_without_the_external_id_is_refused(
    platform: Platform, customer: Customer, tenant: str, tmp_path: Path
) -> None:
    made = platform.onyx("connect", "aws", "--account", CUSTOMER, "--source", "open", "--tenant", tenant)
    template = json.loads(made.stdout)
    role = template["Resources"]["Role"]["Properties"]
    conditions = role["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]
    del conditions["StringEquals"]
    customer.deploy(json.dumps(template), f"onyx-bills-open-{tenant}")

    tried = platform.onyx("connect", "verify", "open", "--tenant", tenant)
    assert tried.returncode == 1
    assert "the role can be assumed without the external id" in tried.stderr
    (row,) = platform.rows("connect", "list", "--tenant", tenant)
    assert row["status"] == "refused"

    # With a condition on some other text, and with the role open to the whole world.
    iam = customer.client("iam")
    for document in (
        json.dumps(OPEN_TRUST),
        json.dumps(role["AssumeRolePolicyDocument"]).replace(
            '"ArnLike"', '"StringLike": {"sts:ExternalId": "*"}, "ArnLike"'
        ),
    ):
        iam.update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=document)
        again = platform.onyx("connect", "verify", "open", "--tenant", tenant)
        assert "is refused" in again.stderr
    assert "wrong external id" in again.stderr


def test_no_other_tenant_and_no_other_role_comes_in(
    platform: Platform, customer: Customer, tenant: str
) -> None:
    made = platform.onyx("connect", "aws", "--account", CUSTOMER, "--source", "mine", "--tenant", tenant)
    template = json.loads(made.stdout)
    outputs = customer.deploy(made.stdout, f"onyx-bills-mine-{tenant}")

    other = f"{tenant}x"
    assert platform.onyx("tenant", "create", other).returncode == 0
    assert platform.onyx(
        "connect", "aws", "--account", CUSTOMER, "--source", "theirs", "--tenant", other
    ).stdout
    stolen = platform.onyx(
        *("connect", "verify", "theirs", "--tenant", other, "--role-arn", outputs["RoleArn"]),
        *("--bucket", outputs["Bucket"], "--prefix", outputs["Prefix"]),
    )
    assert stolen.returncode == 1
    assert "cannot be assumed" in stolen.stderr

    # Whoever knows the external id and is none of the trusted roles.
    statement = template["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    with pytest.raises(Exception, match="AccessDenied"):
        platform.client("sts").assume_role(
            RoleArn=outputs["RoleArn"],
            RoleSessionName="stranger",
            ExternalId=statement["Condition"]["StringEquals"]["sts:ExternalId"],
        )
