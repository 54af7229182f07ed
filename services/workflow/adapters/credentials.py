"""Credentials by reference: `onyx/<env>/tenants/<tenant>/workflow/<name>` in Secrets Manager, as JSON
`{"host": "api.example.com", "headers": {"Authorization": "..."}, "url": optional}`.

Read when an attempt needs it and not kept: one that was rotated is the next attempt's.
"""

import json
import re
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from services.workflow.domain.runtime_ports import ActionFailed, Credential
from shared import aws
from shared.tenancy import TenantId, tenant_id

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_NOT_THERE = frozenset({"ResourceNotFoundException", "AccessDeniedException", "InvalidRequestException"})
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
_VALUE = re.compile(r"[ -~]{1,8000}")


class SecretCredentials:
    """`services.workflow.domain.runtime_ports.Credentials`; `prefix` is `onyx/<env>/tenants/`."""

    def __init__(self, prefix: str, client: "SecretsManagerClient | None" = None) -> None:
        self._prefix = prefix
        self._given = client

    def get(self, tenant: TenantId, name: str) -> Credential:
        if not _NAME.fullmatch(name):
            raise ActionFailed("CREDENTIAL_UNKNOWN", f"there is no credential {name[:60]!r}")
        secret = f"{self._prefix}{tenant_id(tenant)}/workflow/{name}"
        try:
            text = (self._given or aws.secretsmanager()).get_secret_value(SecretId=secret)["SecretString"]
        except ClientError as error:
            if error.response["Error"]["Code"] in _NOT_THERE:
                raise ActionFailed("CREDENTIAL_UNKNOWN", f"there is no credential {name}") from error
            raise ActionFailed(
                "CREDENTIAL_UNAVAILABLE", "secrets cannot be read now", retryable=True
            ) from error
        except BotoCoreError as error:
            raise ActionFailed(
                "CREDENTIAL_UNAVAILABLE", "secrets cannot be read now", retryable=True
            ) from error
        return _credential(name, text)


def _credential(name: str, text: str) -> Credential:
    try:
        parsed = json.loads(text)
        host, headers, url = parsed["host"], parsed.get("headers", {}), parsed.get("url")
        good = isinstance(host, str) and isinstance(headers, dict) and isinstance(url, str | None)
    except (ValueError, TypeError, KeyError, AttributeError):
        good = False
    if not good or not all(_is_header(*each) for each in headers.items()):
        # `from None`: the error's own text would show the secret.
        raise ActionFailed(
            "CREDENTIAL_INVALID", f'credential {name} is not JSON {{"host", "headers"}}'
        ) from None
    return Credential(host, headers, url)


def _is_header(name: object, value: object) -> bool:
    if not isinstance(name, str) or not isinstance(value, str):
        return False
    return bool(_HEADER.fullmatch(name) and _VALUE.fullmatch(value))
