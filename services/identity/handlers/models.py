"""What the HTTP API takes and gives, as its OpenAPI document shows it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.tenancy import Role

ISSUER, CLIENT = "https://login.example.com/acme", "4h57example"

Username = Annotated[
    str, Field(max_length=254, description="An e-mail address.", examples=["ada@example.com"])
]
Roles = Annotated[
    list[Role],
    Field(min_length=1, description="admin implies all; every role implies viewer.", examples=[["analyst"]]),
]
Issuer = Annotated[
    str,
    Field(
        max_length=512,
        description="The issuer of the token, or the provider's name in the user pool.",
        examples=[ISSUER],
    ),
]
ClientId = Annotated[str, Field(max_length=256, description="The app client.", examples=[CLIENT])]


class Body(BaseModel):
    """A request body: a field that is not known is a mistake, and is told."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewUser(Body):
    username: Username
    roles: Roles


class NewRoles(Body):
    roles: Roles


RoleNames = Annotated[list[str], Field(description="Sorted by name.", examples=[["analyst", "viewer"]])]
CreatedAt = Annotated[str, Field(description="UTC, ISO 8601.", examples=["2026-11-20T09:00:00Z"])]
TenantName = Annotated[str, Field(description="The tenant's id.", examples=["acme"])]
NextCursor = Annotated[
    str | None, Field(description="Pass it on as `cursor` for the next page; null on the last.")
]


class Me(BaseModel):
    """The caller, as its token says."""

    subject: Annotated[
        str, Field(description="The token's subject.", examples=["a1b2c3d4-5678-90ab-cdef-000000000000"])
    ]
    tenant: TenantName
    roles: RoleNames


class TenantView(BaseModel):
    tenant: TenantName
    name: Annotated[str, Field(description="A name for people.", examples=["Acme Inc."])]
    status: Annotated[str, Field(description="`active` or `suspended`.", examples=["active"])]
    created_at: CreatedAt


class UserView(BaseModel):
    username: Username
    roles: RoleNames
    status: Annotated[str, Field(description="`active` or `disabled`.", examples=["active"])]
    created_at: CreatedAt


class UserPage(BaseModel):
    rows: list[UserView]
    cursor: NextCursor


class MappingView(BaseModel):
    issuer: Issuer
    client_id: ClientId
    roles: RoleNames
    created_at: CreatedAt


class MappingPage(BaseModel):
    rows: list[MappingView]
    cursor: NextCursor
