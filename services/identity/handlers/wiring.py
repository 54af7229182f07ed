"""Which adapters stand behind the use cases: made once per process, from its environment."""

from dataclasses import dataclass
from functools import lru_cache

from services.identity.adapters.tables import (
    MappingReader,
    MappingRows,
    TenantReader,
    TenantRows,
    UserReader,
    UserRows,
)
from services.identity.adapters.transactions import Transactions
from services.identity.adapters.user_pool import CognitoDirectory
from services.identity.application.mappings import MappingService
from services.identity.application.tenants import TenantService
from services.identity.application.tokens import GrantService, TokenService
from services.identity.application.users import UserService
from services.identity.domain.mappings import pool_issuer
from shared.clock import SystemClock
from shared.config import Settings, load_settings
from shared.ids import UuidIds
from shared.outbox import Outbox
from shared.page_keys import PageKeys
from shared.table import TenantTable


class TableSettings(Settings):
    tenant_table: str
    user_table: str
    sso_tenant_mapping_table: str


class PoolSettings(TableSettings):
    outbox_table: str
    user_pool_id: str
    user_pool_client_id: str


class ApiSettings(PoolSettings):
    page_token_secret_arn: str


@dataclass(frozen=True)
class Services:
    """`issuer` is the platform's own user pool, as its tokens name it."""

    issuer: str
    tenants: TenantService
    users: UserService
    mappings: MappingService
    tokens: TokenService


@lru_cache(maxsize=1)
def grants() -> GrantService:
    """For the pre-token trigger, which reads three tables and writes nothing."""
    settings = load_settings(TableSettings)
    return GrantService(
        TenantReader(TenantTable(settings.tenant_table)),
        UserReader(TenantTable(settings.user_table)),
        MappingReader(TenantTable(settings.sso_tenant_mapping_table)),
    )


@lru_cache(maxsize=1)
def operator_services() -> Services:
    return _services(load_settings(PoolSettings), None)


@lru_cache(maxsize=1)
def api_services() -> Services:
    settings = load_settings(ApiSettings)
    return _services(settings, PageKeys.from_secret(settings.page_token_secret_arn))


def _services(settings: PoolSettings, keys: PageKeys | None) -> Services:
    clock = SystemClock()
    transactions = Transactions(Outbox(settings.outbox_table), UuidIds(clock), clock)
    tenants = TenantRows(TenantTable(settings.tenant_table), transactions)
    users = UserRows(TenantTable(settings.user_table, page_keys=keys), transactions)
    mappings = MappingRows(TenantTable(settings.sso_tenant_mapping_table, page_keys=keys), transactions)
    directory = CognitoDirectory(settings.user_pool_id, settings.user_pool_client_id)
    user_service = UserService(users, directory, clock)
    return Services(
        issuer=pool_issuer(settings.user_pool_id),
        tenants=TenantService(tenants, clock),
        users=user_service,
        mappings=MappingService(mappings, clock),
        tokens=TokenService(tenants, user_service, directory),
    )


def clear() -> None:
    """Forget everything made so far (for tests that change the environment)."""
    for made in (grants, operator_services, api_services):
        made.cache_clear()
