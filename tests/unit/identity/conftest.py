from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from services.identity.application.mappings import MappingService
from services.identity.application.tenants import TenantService
from services.identity.application.tokens import GrantService, TokenService
from services.identity.application.users import UserService
from shared.clock import FixedClock
from tests.fakes.identity import FakeDirectory, FakeMappings, FakeTenants, FakeUsers

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@dataclass
class World:
    """Every use case over one set of fakes."""

    tenants: FakeTenants
    users: FakeUsers
    mappings: FakeMappings
    directory: FakeDirectory
    clock: FixedClock

    @property
    def tenant_service(self) -> TenantService:
        return TenantService(self.tenants, self.clock)

    @property
    def user_service(self) -> UserService:
        return UserService(self.users, self.directory, self.clock)

    @property
    def mapping_service(self) -> MappingService:
        return MappingService(self.mappings, self.clock)

    @property
    def grants(self) -> GrantService:
        return GrantService(self.tenants, self.users, self.mappings)

    @property
    def tokens(self) -> TokenService:
        return TokenService(self.tenants, self.user_service, self.directory)


@pytest.fixture
def world() -> World:
    return World(FakeTenants(), FakeUsers(), FakeMappings(), FakeDirectory(), FixedClock(NOW))
