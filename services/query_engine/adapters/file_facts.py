"""The facts of files, kept by path: a file of the lake never changes, so they hold for good."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from services.query_engine.adapters import footers
from services.query_engine.domain.answers import Engine, Limits
from services.query_engine.domain.facts import FileFacts
from shared.tenancy import TenantId

_SECONDS = 15.0
"""For the footers of a query's files. The reads end well before; it is for a worker that is busy."""
_AT_ONCE = 2000


class FileFactsCache:
    """Reads what it does not know through the pool, with the tenant's credentials. Safe to call from many
    threads."""

    def __init__(self, pool: Engine, budget: int = 400_000) -> None:
        """`budget`: columns of row groups to keep, about 150 bytes each; the longest unused go first."""
        self._pool = pool
        self._budget = budget
        self._lock = threading.Lock()
        self._held: OrderedDict[str, FileFacts] = OrderedDict()
        self._columns = 0

    def facts(self, tenant: TenantId, paths: Sequence[str]) -> Mapping[str, FileFacts]:
        """By path. Raises OnyxError where they cannot be read now."""
        found: dict[str, FileFacts] = {}
        with self._lock:
            for path in paths:
                if (held := self._held.get(path)) is not None:
                    self._held.move_to_end(path)
                    found[path] = held
        missing = [path for path in dict.fromkeys(paths) if path not in found]
        for start in range(0, len(missing), _AT_ONCE):
            read = self._read(tenant, missing[start : start + _AT_ONCE])
            self._keep(read)
            found |= read
        return found

    def _read(self, tenant: TenantId, paths: Sequence[str]) -> Mapping[str, FileFacts]:
        answer = self._pool.run(tenant, footers.plan_of(paths), Limits(len(paths), 0), _SECONDS)
        return answer.facts if isinstance(answer, footers.FactsFound) else {}

    def _keep(self, read: Mapping[str, FileFacts]) -> None:
        with self._lock:
            for path, facts in read.items():
                if path not in self._held:
                    self._held[path] = facts
                    self._columns += _columns(facts)
            while self._columns > self._budget and self._held:
                self._columns -= _columns(self._held.popitem(last=False)[1])


def _columns(facts: FileFacts) -> int:
    return 1 + sum(len(part.columns) for part in facts.parts)
