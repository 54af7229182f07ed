"""Plans that were made lately, for whoever asks the same again: a plan is not an answer, each query is run.

A plan is found by the tenant, the text and the caller's row policy by its content, and holds while the very
tables stand that it was made of. So nothing has to be told that a set was published or a policy changed.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.query_engine.domain.policies import Binding
from services.query_engine.domain.tables import Table
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from services.query_engine.application.plan_query import Planned

_Key = tuple[TenantId, str, Binding | None]
_Tables = tuple[tuple[str, Table], ...]
_LONGEST_SHARE = 8
_BESIDE = 100
"""What a plan weighs beside its text, in characters of it."""
_FILES_A_CHARACTER = 16


@dataclass(frozen=True)
class _Held:
    planned: "Planned"
    tables: _Tables
    weight: int


class KeptPlans:
    """For many threads. The longest unused go first."""

    def __init__(self, characters: int = 128 * 1024) -> None:
        """`characters`: of the texts whose plans are kept; a plan has about 330 bytes for each of its text's.
        One with more than an eighth of them is not kept."""
        self._budget = characters
        self._lock = threading.Lock()
        self._held: OrderedDict[_Key, _Held] = OrderedDict()
        self._weight = 0

    def __len__(self) -> int:
        return len(self._held)

    def find(
        self, tenant: TenantId, text: str, binding: Binding | None, tables: Mapping[str, Table]
    ) -> "Planned | None":
        """The plan of `text` over just these tables, if it is kept."""
        key = (tenant, text, binding)
        with self._lock:
            held = self._held.get(key)
            if held is None or not _same(held.tables, tables):
                return None
            self._held.move_to_end(key)
            return held.planned

    def keep(
        self,
        tenant: TenantId,
        text: str,
        binding: Binding | None,
        tables: Mapping[str, Table],
        planned: "Planned",
    ) -> None:
        """`planned` is of `tables`, and the same at any other moment."""
        key, weight = (tenant, text, binding), len(text) + _BESIDE + planned.plan.files // _FILES_A_CHARACTER
        if weight > self._budget // _LONGEST_SHARE:
            return
        with self._lock:
            # Plans over what was published before are found no more, and hold the names of all its files.
            for other in [each for each, held in self._held.items() if _gone(each, held, tenant, tables)]:
                self._drop(other)
            if key in self._held:
                self._drop(key)
            self._held[key] = _Held(planned, tuple(tables.items()), weight)
            self._weight += weight
            while self._weight > self._budget:
                self._drop(next(iter(self._held)))

    def _drop(self, key: _Key) -> None:
        self._weight -= self._held.pop(key).weight


def _gone(key: _Key, held: _Held, tenant: TenantId, tables: Mapping[str, Table]) -> bool:
    return key[0] == tenant and not _same(held.tables, tables)


def _same(known: _Tables, tables: Mapping[str, Table]) -> bool:
    """The very same, not equal ones: to compare all files takes as long as to plan. A catalog makes new
    tables of each published set."""
    return len(known) == len(tables) and all(tables.get(name) is table for name, table in known)
