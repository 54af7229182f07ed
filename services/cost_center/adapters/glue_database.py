"""The tenant's Glue database. Used by Lambda too: nothing of the data plane is imported here."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from services.cost_center.domain.lake_names import database_name
from shared import aws
from shared.observability import logger
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient


class GlueDatabases:
    """Creates databases, one per tenant, below the tenant's own prefix of the lake."""

    def __init__(
        self, prefix: str, lake_bucket: str, client: "Callable[[TenantId], GlueClient] | None" = None
    ) -> None:
        """`client` is what acts for a tenant; the process's own, unless one is given."""
        self._prefix = prefix
        self._bucket = lake_bucket
        self._given = client
        self._known: set[str] = set()

    def client(self, tenant: TenantId) -> "GlueClient":
        made: GlueClient = self._given(tenant) if self._given else aws.client("glue")
        return made

    def ensure(self, tenant: TenantId) -> str:
        """The name of the tenant's database, which exists afterwards."""
        name = database_name(self._prefix, tenant)
        if name in self._known:
            return name
        client = self.client(tenant)
        try:
            client.create_database(
                DatabaseInput={
                    "Name": name,
                    "Description": f"Cost data of {tenant}",
                    "LocationUri": f"s3://{self._bucket}/{tenant}",
                    "Parameters": {"onyx.tenant": tenant},
                }
            )
        except client.exceptions.AlreadyExistsException:
            logger.debug("the database is there", database=name)
        self._known.add(name)
        return name
