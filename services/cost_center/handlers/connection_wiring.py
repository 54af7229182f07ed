"""The use cases of connections with their adapters, made at the first request."""

import secrets
from functools import lru_cache

from services.cost_center.adapters.connection_accounts import StsAccounts
from services.cost_center.adapters.connection_settings import ConnectionSettings
from services.cost_center.adapters.connection_store import ConnectionStore
from services.cost_center.application.connections import ManageConnections
from services.cost_center.domain.connection_template import Trusted
from shared.clock import SystemClock
from shared.config import load_settings
from shared.ids import UuidIds
from shared.outbox import Outbox
from shared.table import PageKeys, TenantTable


def random_text() -> str:
    """An external id: 256 random bits, in the letters that STS takes."""
    return secrets.token_urlsafe(32)


def nonce() -> str:
    """64 random bits, in the letters that S3 takes in a bucket's name."""
    return secrets.token_hex(8)


@lru_cache(maxsize=1)
def connection_services() -> ManageConnections:
    settings = load_settings(ConnectionSettings)
    clock = SystemClock()
    page_keys = PageKeys.from_secret(settings.page_token_secret_arn)
    table = TenantTable(settings.connection_table, page_keys=page_keys)
    account = settings.trusted_account
    return ManageConnections(
        connections=ConnectionStore(table, Outbox(settings.outbox_table), clock, UuidIds(), random_text),
        accounts=StsAccounts(settings.landing_bucket),
        clock=clock,
        random_text=random_text,
        nonce=nonce,
        trusted=Trusted(account, settings.trusted_roles, partition=settings.trusted_roles.split(":")[1]),
    )
