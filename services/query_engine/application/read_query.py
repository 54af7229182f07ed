"""The audit record of one of the caller's tenant's queries."""

from dataclasses import dataclass

from services.query_engine.domain.answers import QueryLog, QueryRecord
from shared.errors import NotFound
from shared.tenancy import Principal, Role

LONGEST_ID = 36


@dataclass(frozen=True)
class ReadQuery:
    log: QueryLog

    def __call__(self, caller: Principal, query_id: str) -> QueryRecord:
        """Raises NotFound: another tenant's query and none at all read alike."""
        caller.require(Role.VIEWER)
        # A text that is longer than any id is not asked for: the table takes no such key.
        found = self.log.find(caller.tenant, query_id) if len(query_id) <= LONGEST_ID else None
        if found is None:
            raise NotFound(f"there is no query {query_id}")
        return found
