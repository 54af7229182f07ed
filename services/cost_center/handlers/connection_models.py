"""What the routes of connections take and answer."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.cost_center.domain.connection import Connection, Kind, Place, Status
from services.cost_center.domain.connection_template import launch

BASE = "/v1/cost-center/connections"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class PlaceGiven(_Model):
    """Where the bills are, if not where the template puts them. What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    role_arn: str | None = Field(
        default=None, max_length=2048, description="A role of the account, named `onyx-bills-...`."
    )
    bucket: str | None = Field(default=None, max_length=63)
    prefix: str | None = Field(default=None, max_length=256)
    export_name: str | None = Field(default=None, max_length=128)
    region: str | None = Field(default=None, max_length=32, description="The bucket's.")

    def over(self, place: Place) -> Place:
        given = {name: getattr(self, name) for name in vars(place)}
        return replace(place, **{name: value for name, value in given.items() if value is not None})


class NewConnection(PlaceGiven):
    """With a bucket and an export of the account that exist already, the template makes the role only."""

    account_id: str = Field(max_length=12, description="12 digits.", examples=["123456789012"])
    source: str | None = Field(
        default=None, max_length=63, description="Default: `aws-<account id>`.", examples=["aws-123456789012"]
    )
    kind: Kind = Field(default=Kind.CUR2, description="What the account is to export.")


class LastPullView(_Model):
    at: datetime
    files: int = Field(description="Objects copied in that run, manifests among them.")
    bytes: int


class ConnectionView(_Model):
    source: str = Field(description="Also the connection's id, and the source of its bills.")
    account_id: str
    kind: Kind
    status: Status = Field(
        description="pending (never worked yet), verified (bills are pulled), refused (the role is open to "
        "others: nothing is pulled) or failing (it worked, and is tried again at every run)."
    )
    reason: str | None = Field(description="Why it is not verified.")
    role_arn: str
    bucket: str
    prefix: str
    export_name: str
    region: str
    created_at: datetime
    created_by: str
    verified_at: datetime | None = Field(description="When it was last seen to work.")
    last_pull: LastPullView | None = Field(description="The last run that brought something.")
    template_url: str = Field(
        description="Where the CloudFormation template for the account is; admins only."
    )
    launch: str = Field(description="The command that deploys it, to be run in the account.")


class ConnectionList(_Model):
    rows: list[ConnectionView]
    cursor: str | None


def connection_view(connection: Connection) -> ConnectionView:
    place, pulled = connection.place, connection.last_pull
    view: dict[str, Any] = {**vars(place)}
    return ConnectionView(
        **view,
        source=connection.source,
        account_id=connection.account_id,
        kind=connection.kind,
        status=connection.status,
        reason=connection.reason,
        created_at=connection.created_at,
        created_by=connection.created_by,
        verified_at=connection.verified_at,
        last_pull=None
        if pulled is None
        else LastPullView(at=pulled.at, files=pulled.files, bytes=pulled.size),
        template_url=f"{BASE}/{connection.source}/template",
        launch=launch(connection),
    )
