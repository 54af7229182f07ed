"""Tenants' credentials in Secrets Manager: written here, read by the dispatcher alone."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from shared import aws
from shared.errors import NotFound
from shared.tenancy import TenantId, tenant_id

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_RECOVERY_DAYS = 7


class CredentialWriter:
    """A secret's name is `<prefix><tenant>/workflow/<credential>`; `prefix` is `onyx/<env>/tenants/`."""

    def __init__(self, prefix: str, key_id: str, client: "SecretsManagerClient | None" = None) -> None:
        self._prefix = prefix
        self._key_id = key_id
        self._given = client

    @property
    def _client(self) -> "SecretsManagerClient":
        return self._given or aws.secretsmanager()

    def put(self, tenant: TenantId, name: str, content: Mapping[str, object]) -> None:
        """Makes the credential, or replaces it."""
        id, text = self._id(tenant, name), json.dumps(content)
        try:
            self._client.put_secret_value(SecretId=id, SecretString=text)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "InvalidRequestException":  # it is being deleted: that is taken back
                self._client.restore_secret(SecretId=id)
                self._client.put_secret_value(SecretId=id, SecretString=text)
                return
            if code != "ResourceNotFoundException":
                raise
            self._client.create_secret(Name=id, SecretString=text, KmsKeyId=self._key_id)

    def delete(self, tenant: TenantId, name: str) -> None:
        """Raises NotFound."""
        try:
            self._client.delete_secret(SecretId=self._id(tenant, name), RecoveryWindowInDays=_RECOVERY_DAYS)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ResourceNotFoundException", "InvalidRequestException"):
                raise NotFound(f"no credential {name}") from error
            raise

    def _id(self, tenant: TenantId, name: str) -> str:
        return f"{self._prefix}{tenant_id(tenant)}/workflow/{name}"
