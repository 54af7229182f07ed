"""The facts that identity publishes, and all that another service may import from it.

Every admin act is an event with `by`: the subject of the verified token that did it, or `operator`
for an act through the operator function (invoked by IAM only).
"""

from datetime import datetime
from typing import ClassVar

from shared.events import Event

SOURCE = "onyx.identity"


class TenantCreated(Event):
    """A tenant exists: other domains prepare what they keep per tenant."""

    type: ClassVar[str] = "TenantCreated"
    version: ClassVar[int] = 1
    source: ClassVar[str] = SOURCE
    subject_field: ClassVar[str | None] = "tenant"

    tenant: str
    name: str
    created_at: datetime
    by: str = "operator"


class TenantSuspended(Event):
    """No token is issued for the tenant from now on; tokens that are out stay valid until they expire."""

    type: ClassVar[str] = "TenantSuspended"
    version: ClassVar[int] = 1
    source: ClassVar[str] = SOURCE
    subject_field: ClassVar[str | None] = "tenant"

    tenant: str
    suspended_at: datetime
    by: str


class TenantResumed(Event):
    """The tenant gets tokens again."""

    type: ClassVar[str] = "TenantResumed"
    version: ClassVar[int] = 1
    source: ClassVar[str] = SOURCE
    subject_field: ClassVar[str | None] = "tenant"

    tenant: str
    resumed_at: datetime
    by: str


class UserCreated(Event):
    """A user of the tenant may log in. `roles` are role values in order of their names."""

    type: ClassVar[str] = "UserCreated"
    version: ClassVar[int] = 1
    source: ClassVar[str] = SOURCE
    subject_field: ClassVar[str | None] = "username"

    tenant: str
    username: str
    roles: list[str]
    created_at: datetime
    by: str


class UserRolesChanged(Event):
    """The roles of a user were replaced; the next token carries them."""

    type: ClassVar[str] = "UserRolesChanged"
    version: ClassVar[int] = 1
    source: ClassVar[str] = SOURCE
    subject_field: ClassVar[str | None] = "username"

    tenant: str
    username: str
    roles: list[str]
    previous_roles: list[str]
    changed_at: datetime
    by: str


class UserDisabled(Event):
    """The user gets no further token."""

    type: ClassVar[str] = "UserDisabled"
    version: ClassVar[int] = 1
    source: ClassVar[str] = SOURCE
    subject_field: ClassVar[str | None] = "username"

    tenant: str
    username: str
    disabled_at: datetime
    by: str


class SsoMappingCreated(Event):
    """Tokens of this issuer and client belong to the tenant from now on."""

    type: ClassVar[str] = "SsoMappingCreated"
    version: ClassVar[int] = 1
    source: ClassVar[str] = SOURCE
    subject_field: ClassVar[str | None] = "client_id"

    tenant: str
    issuer: str
    client_id: str
    roles: list[str]
    created_at: datetime
    by: str


class SsoMappingDeleted(Event):
    """Tokens of this issuer and client are issued no more."""

    type: ClassVar[str] = "SsoMappingDeleted"
    version: ClassVar[int] = 1
    source: ClassVar[str] = SOURCE
    subject_field: ClassVar[str | None] = "client_id"

    tenant: str
    issuer: str
    client_id: str
    deleted_at: datetime
    by: str
