"""Answering what something cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.cost_center.domain.costs import CostQuestion, compile_question
from services.cost_center.domain.ports import QueryEngine
from shared.errors import OnyxError

NO_CHARGES = "UNKNOWN_TABLE"
"""What the engine says of `charges` before a tenant's first bill."""


@dataclass(frozen=True)
class CostAnswer:
    """Rows by column name; money is canonical text. `truncated` when there are more than were asked for."""

    rows: Sequence[Mapping[str, Any]]
    truncated: bool


@dataclass(frozen=True)
class Costs:
    """The use case."""

    engine: QueryEngine

    def __call__(self, question: CostQuestion, authorization: str) -> CostAnswer:
        """The answer over the caller's own charges; no rows before the first bill."""
        query = compile_question(question)
        try:
            found = self.engine.query(query.sql, authorization, query.as_of)
        except OnyxError as error:
            if error.code == NO_CHARGES:
                return CostAnswer((), truncated=False)
            raise
        rows = [
            {
                name: query.present(row.get(name)) if name == query.moment else row.get(name)
                for name in query.columns
            }
            for row in found[: query.limit]
        ]
        return CostAnswer(rows, truncated=len(found) > query.limit)
