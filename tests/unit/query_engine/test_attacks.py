"""Every place of a query refuses every name that is not a table of the tenant's catalog."""

import pytest

from services.query_engine.domain.front_door import compile_query
from shared.errors import BadRequest
from tests.fakes.query_engine import NOW, demo_tables
from tests.fakes.query_engine_attacks import PLACES, TARGETS

# Refused by name, as syntax, or as something that is no SELECT: never bound.
CODES = {"UNKNOWN_TABLE", "SQL_SYNTAX", "UNSUPPORTED_SQL", "UNSUPPORTED_FUNCTION", "SQL_NOT_SELECT"}


@pytest.mark.parametrize("target", TARGETS)
def test_refused(target: str) -> None:
    for place in PLACES:
        with pytest.raises(BadRequest) as caught:
            compile_query(place.format(target), demo_tables(), NOW)
        assert caught.value.code in CODES, place


@pytest.mark.parametrize("place", PLACES)
def test_the_places_are_good_sql(place: str) -> None:
    """With a table of one's own in it each place is taken: it is the name that is refused."""
    assert compile_query(place.format("small"), demo_tables(), NOW).tables
