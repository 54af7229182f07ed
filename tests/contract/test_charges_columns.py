"""What the query engine says `charges` has before the first bill is what the cost center will write."""

from services.cost_center.domain.charges import COLUMNS
from services.query_engine.domain.focus import CHARGES
from services.query_engine.domain.types import canonical_type


def test_both_know_the_same_columns() -> None:
    assert {(each.name, each.type) for each in CHARGES} == {
        (spec.name, canonical_type(spec.type.value)) for spec in COLUMNS
    }
