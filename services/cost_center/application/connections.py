"""Connecting AWS accounts: create, show, verify, remove. Who did it is in each event."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from services.cost_center.domain.connection import (
    WITH_ANY_EXTERNAL_ID,
    WITHOUT_EXTERNAL_ID,
    AccountRefused,
    Connection,
    Kind,
    Place,
    RoleRefused,
    Status,
    moved,
    new_connection,
    unknown_connection,
)
from services.cost_center.domain.connection_ports import ConnectionPage, Connections, CustomerAccounts
from services.cost_center.domain.connection_template import Template, Trusted, template
from services.cost_center.events import (
    ConnectionCreated,
    ConnectionRefused,
    ConnectionRemoved,
    ConnectionVerified,
)
from shared.clock import Clock
from shared.errors import Conflict
from shared.tenancy import TenantId


@dataclass(frozen=True)
class ManageConnections:
    """The use cases. `random_text` makes text that nobody can guess (128 bits and more)."""

    connections: Connections
    accounts: CustomerAccounts
    clock: Clock
    random_text: Callable[[], str]
    nonce: Callable[[], str]
    trusted: Trusted

    def create(
        self,
        tenant: TenantId,
        source: str,
        account_id: str,
        kind: Kind,
        by: str,
        place: Callable[[Place], Place] = lambda place: place,
    ) -> tuple[Connection, bool]:
        """The connection, and whether it is new: the same call again finds what it made.

        `place` may name a bucket and export that exist already. Raises BadRequest for a bad source, account
        or place, Conflict (CONNECTION_EXISTS) for something else under the same source.
        """
        wanted = new_connection(
            tenant, source, account_id, kind, nonce=self.nonce(), at=self.clock.now(), by=by
        )
        wanted = moved(wanted, place(wanted.place))
        known = self.connections.get(tenant, source)
        if known is None:
            self.connections.external_id(tenant)
            told = ConnectionCreated(connection=source, account_id=account_id, by=by, kind=kind.value)
            try:
                return self.connections.save(tenant, wanted, told), True
            except Conflict:
                # Somebody made one at the same moment: perhaps this very one.
                known = self.get(tenant, source)
        same = (known.account_id, known.kind, known.place) == (account_id, kind, place(known.place))
        if not same:
            raise Conflict(
                f"{source} is connected to {known.account_id} ({known.kind}) already: remove it first, or "
                "name another source",
                code="CONNECTION_EXISTS",
            )
        return known, False

    def page(self, tenant: TenantId, *, limit: int, cursor: str | None) -> ConnectionPage:
        return self.connections.page(tenant, limit=limit, cursor=cursor)

    def get(self, tenant: TenantId, source: str) -> Connection:
        """Raises NotFound."""
        found = self.connections.get(tenant, source)
        if found is None:
            raise unknown_connection(source)
        return found

    def template(self, tenant: TenantId, source: str) -> Template:
        """The CloudFormation template for the customer's account."""
        found = self.get(tenant, source)
        return template(found, self.connections.external_id(tenant), self.trusted)

    def verify(self, tenant: TenantId, source: str, by: str, place: Callable[[Place], Place]) -> Connection:
        """Try the role in every way, and say what came of it: verified, refused, or not yet (see `reason`).

        `place` may name another role and bucket of the same account than the template's. Raises Unavailable
        where AWS did not answer: then nothing was found out.
        """
        before = self.get(tenant, source)
        connection = moved(before, place(before.place))
        if connection.place != before.place:
            # What was proven was proven of another role.
            connection = replace(connection, status=Status.PENDING, verified_at=None)
        after = self._tried(tenant, connection)
        return self.connections.save(tenant, after, _verdict(after, by))

    def remove(self, tenant: TenantId, source: str, by: str) -> Connection:
        """Raises NotFound."""
        found = self.get(tenant, source)
        told = ConnectionRemoved(connection=source, account_id=found.account_id, by=by)
        self.connections.remove(tenant, found, told)
        return found

    def _tried(self, tenant: TenantId, connection: Connection) -> Connection:
        external_id = self.connections.external_id(tenant)
        if reason := opens_to_others(self.accounts, tenant, connection, self.random_text()):
            return connection.refused(reason)
        try:
            self.accounts.open(tenant, connection, external_id).check()
        except AccountRefused as refusal:
            return connection.failed(refusal.detail)
        return connection.verified(self.clock.now())


def opens_to_others(
    accounts: CustomerAccounts, tenant: TenantId, connection: Connection, wrong_id: str
) -> str | None:
    """Why the role is no safe one: it opens without the external id, or with any. None: it does not.

    A role that opens without it can be used by whoever makes us act for another tenant: the "confused
    deputy" of AWS's IAM user guide.
    """
    for reason, external_id in ((WITHOUT_EXTERNAL_ID, None), (WITH_ANY_EXTERNAL_ID, wrong_id)):
        try:
            accounts.open(tenant, connection, external_id)
        except RoleRefused:
            continue
        return reason
    return None


def _verdict(connection: Connection, by: str) -> ConnectionVerified | ConnectionRefused | None:
    """What to tell of a trial; nothing of one that only says what is still to be done."""
    role_arn = connection.place.role_arn
    if connection.status is Status.VERIFIED:
        return ConnectionVerified(
            connection=connection.source,
            account_id=connection.account_id,
            by=by,
            role_arn=role_arn,
            bucket=connection.place.bucket,
        )
    if connection.status is Status.REFUSED:
        return refusal(connection, by)
    return None


def refusal(connection: Connection, by: str) -> ConnectionRefused:
    """The event of a connection that was refused."""
    return ConnectionRefused(
        connection=connection.source,
        account_id=connection.account_id,
        by=by,
        role_arn=connection.place.role_arn,
        reason=connection.reason or "",
    )
