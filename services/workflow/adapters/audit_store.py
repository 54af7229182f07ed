"""Audit chains in DynamoDB, in the audit table: one partition per run, `AUDIT#<run>`.

ENTRY#<seq>   an entry; never changed, never deleted (no time to live)
KEY#<key>     which entry an act has: it gets no second one
HEAD          the last entry; whoever appends moves it from the version that was read
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from services.workflow.domain.audit_chain import Broken, Entry, chained, first_broken
from shared.clock import Clock
from shared.dynamo_items import Item
from shared.errors import Conflict, Unavailable
from shared.ids import deterministic_id
from shared.table import TenantTable, transact
from shared.tenancy import TenantId

_HEAD = "HEAD"
_ENTRY = "ENTRY#"
_KEY = "KEY#"
_TRIES = 20
"""Parallel steps of one run append to one chain. Each round one of them gets in."""
_PAUSE = 0.01
"""Seconds, more with each round."""


class AuditStore:
    """One environment's audit chains."""

    def __init__(self, table: TenantTable, clock: Clock, pause: Callable[[float], None] = time.sleep) -> None:
        self._table = table
        self._clock = clock
        self._pause = pause

    def append(
        self, tenant: TenantId, run: str, act: str, by: str, facts: Mapping[str, Any], *, key: str
    ) -> None:
        partition = _partition(run)
        once = _KEY + deterministic_id(key)
        for number in range(_TRIES):
            if self._table.get(tenant, once, partition=partition) is not None:
                return
            head = self._table.get(tenant, _HEAD, partition=partition)
            last = None if head is None else _entry_of(head)
            entry = chained(last, run=run, act=act, by=by, facts=facts, key=key, at=self._clock.now())
            version = None if head is None else int(head["version"])
            row = _item(entry)
            try:
                transact(
                    self._table.client,
                    [
                        self._table.tx_put(tenant, _HEAD, row, expected_version=version, partition=partition),
                        self._table.tx_put(tenant, f"{_ENTRY}{entry.seq:08d}", row, partition=partition),
                        self._table.tx_put(tenant, once, {"seq": entry.seq}, partition=partition),
                    ],
                )
            except Conflict:
                # Somebody appended since: this goes after that, or was this very act.
                self._pause(random.uniform(0, _PAUSE * (number + 1)))  # noqa: S311 - it hides nothing
                continue
            return
        raise Unavailable(f"the audit chain of run {run} grows faster than it can be read", retry_after=1)

    def head(self, tenant: TenantId, run: str) -> str | None:
        head = self._table.get(tenant, _HEAD, partition=_partition(run))
        return None if head is None else str(head["hash"])

    def entries(self, tenant: TenantId, run: str) -> list[Entry]:
        """All entries of a run, in order."""
        rows = self._table.query_all(tenant, prefix=_ENTRY, partition=_partition(run))
        return [_entry_of(row) for row in rows]

    def verify(self, tenant: TenantId, run: str, anchor: str | None = None) -> Broken | None:
        """The first entry that does not hold; None where all do. `anchor` is the hash that the run's row (or
        its history) has."""
        head = self.head(tenant, run)
        entries = self.entries(tenant, run)
        if broken := first_broken(entries, run, anchor):
            return broken
        if head is not None and all(each.hash != head for each in entries):
            return Broken(len(entries) + 1, "the last entry is missing")
        return None


def _partition(run: str) -> str:
    return f"AUDIT#{run}"


def _item(entry: Entry) -> Item:
    return asdict(entry)


def _entry_of(row: Mapping[str, Any]) -> Entry:
    return Entry(**{name: row[name] for name in Entry.__dataclass_fields__})
