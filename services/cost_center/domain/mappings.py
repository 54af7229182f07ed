"""Which mapping curates which raw table."""

from collections.abc import Mapping

from services.cost_center.domain import cur, cur_to_charges, focus, focus_to_charges
from services.cost_center.domain.charges import ChargeMapping
from shared.ids import deterministic_id

MAPPINGS: Mapping[str, ChargeMapping] = {
    cur.TABLE: cur_to_charges.MAPPING,
    focus.TABLE: focus_to_charges.MAPPING,
}


def recipe(table: str) -> str:
    """An id of the rules that curate a raw table: it changes with them, and with nothing else."""
    mapping = MAPPINGS[table]
    return deterministic_id(
        *(repr(rule) for rule in mapping.rules), *(repr(helper) for helper in mapping.helpers)
    )
