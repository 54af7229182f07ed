"""The tenant's Glue database. Used by Lambda too: nothing of the data plane is imported here."""

from typing import TYPE_CHECKING

from services.cost_center.domain.lake_names import database_name
from shared import aws
from shared.observability import logger
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient


class GlueDatabases:
    """Creates databases, one per tenant, below the tenant's own prefix of the lake."""

    def __init__(self, prefix: str, lake_bucket: str, client: "GlueClient | None" = None) -> None:
        self._prefix = prefix
        self._bucket = lake_bucket
        self._given = client
        self._known: set[str] = set()

    @property
    def client(self) -> "GlueClient":
        return self._given or aws.client("glue")

    def ensure(self, tenant: TenantId) -> str:
        """The name of the tenant's database, which exists afterwards."""
        name = database_name(self._prefix, tenant)
        if name in self._known:
            return name
        try:
            self.client.create_database(
                DatabaseInput={
                    "Name": name,
                    "Description": f"Cost data of {tenant}",
                    "LocationUri": f"s3://{self._bucket}/{tenant}",
                    "Parameters": {"onyx.tenant": tenant},
                }
            )
        except self.client.exceptions.AlreadyExistsException:
            logger.debug("the database is there", database=name)
        self._known.add(name)
        return name
