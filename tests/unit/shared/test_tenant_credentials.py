"""Sessions of a tenant role: what their policy says, how long each is used, and when it is dropped."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from shared import tenant_credentials
from shared.clock import FixedClock
from shared.errors import BadRequest, ConfigurationError, Unavailable
from shared.tenancy import TenantId
from shared.tenant_credentials import LIFE, RENEWAL, Reach, TenantCredentials, session_policy

ROLE = "arn:aws-cn:iam::123456789012:role/ingester-data"
ACME, GLOBEX = TenantId("acme"), TenantId("globex")
REACH = Reach(("landing", "lake"), lambda tenant: f"onyx_dev_{tenant.replace('-', '_')}")


def policy(tenant: str, reach: Reach = REACH) -> list[dict[str, Any]]:
    found = session_policy(TenantId(tenant), reach, role_arn=ROLE, region="cn-north-1")
    assert found["Version"] == "2012-10-17"
    statements: list[dict[str, Any]] = found["Statement"]
    return statements


def allows(statements: list[dict[str, Any]], action: str, resource: str, **context: str) -> bool:
    return any(
        fnmatchcase(action, each["Action"])
        and any(fnmatchcase(resource, pattern) for pattern in each["Resource"])
        and all(
            any(fnmatchcase(context.get(key, ""), pattern) for pattern in patterns)
            for key, patterns in each.get("Condition", {}).get("StringLike", {}).items()
        )
        for each in statements
    )


@pytest.mark.parametrize("bucket", ["landing", "lake"])
def test_objects_below_the_tenants_prefix_only(bucket: str) -> None:
    cut = policy("acme")
    for action in ("s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject"):
        assert allows(cut, action, f"arn:aws-cn:s3:::{bucket}/acme/a/b")
        for other in ("globex/a", "acmes/a", "acme-2/a", "acme"):
            assert not allows(cut, action, f"arn:aws-cn:s3:::{bucket}/{other}"), other
        assert not allows(cut, action, "arn:aws-cn:s3:::results/acme/a")
    # A bucket's own settings are no objects.
    assert not allows(cut, "s3:PutBucketPolicy", f"arn:aws-cn:s3:::{bucket}")


def test_an_upload_of_several_parts_may_be_given_up() -> None:
    assert allows(policy("acme"), "s3:AbortMultipartUpload", "arn:aws-cn:s3:::lake/acme/a")


def test_lists_below_the_tenants_prefix_only() -> None:
    cut = policy("acme")
    assert allows(cut, "s3:ListBucketVersions", "arn:aws-cn:s3:::landing", **{"s3:prefix": "acme/aws/a"})
    assert not allows(cut, "s3:ListBucketVersions", "arn:aws-cn:s3:::landing", **{"s3:prefix": "globex/a"})
    assert allows(cut, "s3:ListBucket", "arn:aws-cn:s3:::lake", **{"s3:prefix": "acme/raw"})
    for prefix in ("", "a", "acme", "acmes/", "globex/"):
        assert not allows(cut, "s3:ListBucket", "arn:aws-cn:s3:::lake", **{"s3:prefix": prefix}), prefix


def test_the_tenants_database_only() -> None:
    cut = policy("acme-eu")
    glue = "arn:aws-cn:glue:cn-north-1:123456789012"
    for resource in ("catalog", "database/onyx_dev_acme_eu", "table/onyx_dev_acme_eu/charges"):
        assert allows(cut, "glue:UpdateTable", f"{glue}:{resource}")
    for resource in (
        "database/onyx_dev_acme",
        "table/onyx_dev_acme/charges",
        "table/onyx_dev_acme_eu2/charges",
    ):
        assert not allows(cut, "glue:UpdateTable", f"{glue}:{resource}"), resource


def test_without_a_database_nothing_of_glue() -> None:
    cut = policy("acme", Reach(("lake",)))
    assert not allows(cut, "glue:GetTable", "arn:aws-cn:glue:cn-north-1:123456789012:catalog")


def test_athenas_workgroup_where_there_is_one() -> None:
    athena = "arn:aws-cn:athena:cn-north-1:123456789012:workgroup/onyx-dev-query"
    assert not allows(policy("acme"), "athena:StartQueryExecution", athena)
    cut = policy("acme", replace(REACH, workgroup="onyx-dev-query"))
    assert allows(cut, "athena:StartQueryExecution", athena)
    assert not allows(cut, "athena:StartQueryExecution", athena.replace("onyx-dev-query", "primary"))
    # What Athena does for the session it does within the tenant's own places.
    assert allows(cut, "s3:PutObject", "arn:aws-cn:s3:::lake/acme/athena/q/1.csv")
    assert not allows(cut, "s3:GetObject", "arn:aws-cn:s3:::lake/globex/athena/q/1.csv")
    assert allows(cut, "s3:GetBucketLocation", "arn:aws-cn:s3:::lake")
    glue = "arn:aws-cn:glue:cn-north-1:123456789012"
    assert allows(cut, "glue:GetDatabase", f"{glue}:database/default")
    assert not allows(cut, "glue:GetTable", f"{glue}:table/default/any")
    assert not allows(cut, "glue:GetTable", f"{glue}:table/onyx_dev_globex/charges")


@pytest.mark.parametrize("tenant", ["*", "acme*", "a?me", "", "acme/../globex", "acme/", "${aws:username}"])
def test_what_is_no_tenant_id_never_stands_in_a_pattern(tenant: str) -> None:
    with pytest.raises(BadRequest):
        policy(tenant)


def test_the_longest_policy_is_within_the_limit_of_sts() -> None:
    bucket = "b" * 63
    reach = Reach((bucket, bucket), lambda tenant: "onyx_staging_" + tenant, "onyx-staging-query")
    assert len(json.dumps(policy("t" * 32, reach), separators=(",", ":"))) < 2048


class Sts:
    """Gives a new session for each call, and remembers what it was asked."""

    def __init__(self, clock: FixedClock) -> None:
        self.clock = clock
        self.asked: list[dict[str, Any]] = []
        self.fails = False

    def assume_role(self, **request: Any) -> dict[str, Any]:
        if self.fails:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "AssumeRole")
        self.asked.append(request)
        number = len(self.asked)
        return {
            "Credentials": {
                "AccessKeyId": f"ASIA{number}",
                "SecretAccessKey": f"secret-{number}",
                "SessionToken": f"token-{number}",
                "Expiration": self.clock.now() + timedelta(seconds=request["DurationSeconds"]),
            }
        }


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 10, 1, tzinfo=UTC))


@pytest.fixture
def sts(clock: FixedClock) -> Sts:
    return Sts(clock)


@pytest.fixture
def credentials(sts: Any, clock: FixedClock) -> TenantCredentials:
    return TenantCredentials(ROLE, REACH, clock, sts)


def test_a_session_is_of_one_tenant_and_says_so(credentials: TenantCredentials, sts: Sts) -> None:
    first, second = credentials.keys(ACME), credentials.keys(GLOBEX)
    assert (first.access_key, first.secret_key, first.token) == ("ASIA1", "secret-1", "token-1")
    assert second.access_key == "ASIA2"
    for asked, tenant in zip(sts.asked, ("acme", "globex"), strict=True):
        assert (asked["RoleArn"], asked["RoleSessionName"]) == (ROLE, f"tenant-{tenant}")
        assert allows(
            json.loads(asked["Policy"])["Statement"], "s3:GetObject", f"arn:aws-cn:s3:::lake/{tenant}/x"
        )


def test_it_is_used_until_shortly_before_its_end(
    credentials: TenantCredentials, sts: Sts, clock: FixedClock
) -> None:
    first = credentials.keys(ACME)
    clock.advance(LIFE - RENEWAL - timedelta(seconds=1))
    assert credentials.keys(ACME) == first
    clock.advance(timedelta(seconds=1))
    renewed = credentials.keys(ACME)
    assert renewed.access_key == "ASIA2"
    assert renewed.expires_at - clock.now() == LIFE
    assert len(sts.asked) == 2


def test_what_is_forgotten_is_asked_for_anew(credentials: TenantCredentials) -> None:
    credentials.keys(ACME)
    credentials.keys(GLOBEX)
    credentials.forget(ACME)
    assert credentials.keys(ACME).access_key == "ASIA3"
    assert credentials.keys(GLOBEX).access_key == "ASIA2"


def test_the_longest_unused_goes_first(
    credentials: TenantCredentials, sts: Sts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenant_credentials, "KEPT", 2)
    for tenant in ("acme", "globex", "acme", "initech"):
        credentials.keys(TenantId(tenant))
    assert len(sts.asked) == 3
    credentials.keys(ACME)
    assert len(sts.asked) == 3
    credentials.keys(GLOBEX)
    assert len(sts.asked) == 4


def test_a_client_is_kept_with_its_session(credentials: TenantCredentials, clock: FixedClock) -> None:
    first = credentials.client("s3", ACME)
    assert credentials.client("s3", ACME) is first
    assert credentials.client("s3", GLOBEX) is not first
    clock.advance(LIFE)
    assert credentials.client("s3", ACME) is not first


@pytest.mark.parametrize(
    ("code", "known"), [("ExpiredToken", False), ("InvalidAccessKeyId", False), ("NoSuchKey", True)]
)
def test_a_session_that_aws_no_longer_knows_is_dropped(
    credentials: TenantCredentials, code: str, known: bool
) -> None:
    client = credentials.client("s3", ACME)
    with Stubber(client) as answers:
        answers.add_client_error("get_object", service_error_code=code)
        with pytest.raises(ClientError):
            client.get_object(Bucket="lake", Key="acme/x")
    assert (credentials.keys(ACME).access_key == "ASIA1") is known


def test_secrets_are_not_shown(credentials: TenantCredentials) -> None:
    shown = repr(credentials.keys(ACME))
    assert "acme" in shown
    assert "secret" not in shown
    assert "token-1" not in shown


def test_sts_refusing_is_unavailable_and_nothing_is_kept(credentials: TenantCredentials, sts: Sts) -> None:
    sts.fails = True
    with pytest.raises(Unavailable, match="acme") as caught:
        credentials.keys(ACME)
    assert caught.value.code == "TENANT_CREDENTIALS"
    sts.fails = False
    assert credentials.keys(ACME).access_key == "ASIA1"


def test_a_role_that_is_no_arn_is_a_bad_environment(clock: FixedClock) -> None:
    with pytest.raises(ConfigurationError, match="TENANT_ROLE_ARN"):
        TenantCredentials("", REACH, clock)
