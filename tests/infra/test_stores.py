"""Buckets, tables, queues, topics, logs: encrypted, private, recoverable."""

import pytest

from infra.environments import environment as named
from services.cost_center.domain.landing import QUARANTINE_TAG
from tests.infra.assembly import Environment, Resource


def platform_key(environment: Environment) -> str:
    (key,) = environment.resources("AWS::KMS::Key")
    assert key.properties["EnableKeyRotation"] is True
    return f"{key.name}.Arn"


def test_everything_at_rest_has_the_platforms_key(environment: Environment) -> None:
    key = platform_key(environment)
    places = {
        "AWS::SQS::Queue": ("KmsMasterKeyId",),
        "AWS::SNS::Topic": ("KmsMasterKeyId",),
        "AWS::Logs::LogGroup": ("KmsKeyId",),
        "AWS::SecretsManager::Secret": ("KmsKeyId",),
        "AWS::DynamoDB::Table": ("SSESpecification", "KMSMasterKeyId"),
    }
    for type, path in places.items():
        found = list(environment.resources(type))
        assert found
        for resource in found:
            value = resource.properties
            for name in path:
                value = value[name]
            assert environment.text(resource.stack, value) == key, resource.name


def test_buckets(environment: Environment) -> None:
    key = platform_key(environment)
    buckets = list(environment.resources("AWS::S3::Bucket"))
    assert {name_of(bucket) for bucket in buckets} == {
        "AccessLogs",
        "Landing",
        "Lake",
        "Results",
        "Artifacts",
    }
    policies = {
        environment.text(policy.stack, policy.properties["Bucket"]): policy.properties["PolicyDocument"]
        for policy in environment.resources("AWS::S3::BucketPolicy")
    }
    for bucket in buckets:
        (rule,) = bucket.properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        encryption = rule["ServerSideEncryptionByDefault"]
        if name_of(bucket) == "AccessLogs":
            assert encryption["SSEAlgorithm"] == "AES256"
        else:
            assert environment.text(bucket.stack, encryption["KMSMasterKeyID"]) == key
            assert "LoggingConfiguration" in bucket.properties
        assert set(bucket.properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket.properties["VersioningConfiguration"] == {"Status": "Enabled"}
        assert bucket.properties["LifecycleConfiguration"]["Rules"]
        denied = [s for s in policies[bucket.name]["Statement"] if s["Effect"] == "Deny"]
        assert any(
            s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            and s["Action"] == "s3:*"
            and s["Principal"] == {"AWS": "*"}
            for s in denied
        )


def test_landing_tells_the_default_bus_without_a_function(environment: Environment) -> None:
    (landing,) = [b for b in environment.resources("AWS::S3::Bucket") if name_of(b) == "Landing"]
    notified = landing.properties["NotificationConfiguration"]
    assert notified == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    assert not [r for r in environment.resources() if r.type.startswith("Custom::")]


def test_refused_files_expire_after_the_environments_days(environment: Environment) -> None:
    (landing,) = [b for b in environment.resources("AWS::S3::Bucket") if name_of(b) == "Landing"]
    rules = {rule["Id"]: rule for rule in landing.properties["LifecycleConfiguration"]["Rules"]}
    key, value = QUARANTINE_TAG
    assert rules["quarantine"] == {
        "Id": "quarantine",
        "Status": "Enabled",
        "TagFilters": [{"Key": key, "Value": value}],
        "ExpirationInDays": named(environment.name).quarantine_days,
    }
    assert rules["markers"]["ExpiredObjectDeleteMarker"] is True
    others = [rule for rule in rules.values() if rule["Id"] != "quarantine"]
    assert not any("ExpirationInDays" in rule for rule in others), "deliveries are kept"


def test_tables(environment: Environment) -> None:
    for table in environment.resources("AWS::DynamoDB::Table"):
        assert [k["AttributeName"] for k in table.properties["KeySchema"]] == ["pk", "sk"]
        recovery = table.properties["PointInTimeRecoverySpecification"]
        assert recovery["PointInTimeRecoveryEnabled"] is True
        assert table.properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
        assert table.properties["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize("type", ["AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key"])
def test_production_keeps_its_data(prod: Environment, type: str) -> None:
    for resource in prod.resources(type):
        assert resource.body["DeletionPolicy"] == "Retain", resource.name
        assert resource.body["UpdateReplacePolicy"] == "Retain", resource.name
    for table in prod.resources("AWS::DynamoDB::Table"):
        assert table.properties["DeletionProtectionEnabled"] is True
    (pool,) = prod.resources("AWS::Cognito::UserPool")
    assert pool.properties["DeletionProtection"] == "ACTIVE"


def test_production_encrypts_the_catalog(prod: Environment) -> None:
    (settings,) = prod.resources("AWS::Glue::DataCatalogEncryptionSettings")
    rest = settings.properties["DataCatalogEncryptionSettings"]["EncryptionAtRest"]
    assert rest["CatalogEncryptionMode"] == "SSE-KMS"


def test_the_key_admits_who_must_use_it_under_its_own_name(environment: Environment) -> None:
    (key,) = environment.resources("AWS::KMS::Key")
    services = {}
    for statement in key.properties["KeyPolicy"]["Statement"]:
        if "Service" in statement["Principal"]:
            assert statement["Condition"], "a service principal is bound to this account"
            name = environment.text(key.stack, statement["Principal"]["Service"])
            services[name.split(".")[0]] = set(statement["Action"])
    assert set(services) == {"events", "sns", "cloudwatch", "logs"}
    for actions in services.values():
        assert {"kms:Decrypt", "kms:GenerateDataKey*"} <= actions


def test_log_groups_expire(environment: Environment) -> None:
    for group in environment.resources("AWS::Logs::LogGroup"):
        assert group.properties["RetentionInDays"] <= 365


def test_nothing_secret_is_in_a_template(environment: Environment) -> None:
    (secret,) = environment.resources("AWS::SecretsManager::Secret")
    assert "SecretString" not in secret.properties
    generated = secret.properties["GenerateSecretString"]
    assert generated["SecretStringTemplate"] == "{}"
    assert generated["GenerateStringKey"] == "key"
    assert generated["PasswordLength"] >= 32


def name_of(resource: Resource) -> str:
    """The construct's id: the logical id without its hash."""
    return resource.id[:-8]
