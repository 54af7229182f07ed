from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dynamo_items import from_attributes, to_attribute, to_attributes

numbers = st.integers(-(10**38) + 1, 10**38 - 1) | st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=18
)
values = st.recursive(
    st.none() | st.booleans() | st.text() | numbers,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=10,
)


def typed(value: Any) -> Any:
    """Equal values of different types (True and 1) are different rows."""
    if isinstance(value, dict):
        return {name: typed(each) for name, each in value.items()}
    if isinstance(value, list):
        return [typed(each) for each in value]
    return (bool, value) if isinstance(value, bool) else value


@given(st.dictionaries(st.text(), values, max_size=4))
def test_what_is_written_is_read(item: dict[str, Any]) -> None:
    assert typed(from_attributes(to_attributes(item))) == typed(item)


def test_forms() -> None:
    class Status(StrEnum):
        DONE = "done"

    assert to_attributes(
        {
            "s": Status.DONE,
            "n": 1797768000,
            "d": Decimal("-1.50"),
            "t": True,
            "z": None,
            "l": ["", {"m": 0}],
            "u": (1,),
        }
    ) == {
        "s": {"S": "done"},
        "n": {"N": "1797768000"},
        "d": {"N": "-1.5"},
        "t": {"BOOL": True},
        "z": {"NULL": True},
        "l": {"L": [{"S": ""}, {"M": {"m": {"N": "0"}}}]},
        "u": {"L": [{"N": "1"}]},
    }


def test_whole_numbers_are_read_as_int_and_others_as_decimal() -> None:
    read = from_attributes({"a": {"N": "7"}, "b": {"N": "7.5"}, "c": {"N": "1E+3"}})
    assert read == {"a": 7, "b": Decimal("7.5"), "c": 1000}
    assert [type(each) for each in read.values()] == [int, Decimal, int]


def test_38_digits_are_the_most() -> None:
    most = Decimal("12345678901234567890.123456789012345678")
    assert to_attribute(most) == {"N": str(most)}
    assert to_attribute(Decimal("1." + "0" * 60)) == {"N": "1"}  # zeros are no digits
    with pytest.raises(ValueError, match=r"total\.amount has 39 significant digits.*store it as text"):
        to_attributes({"total": {"amount": Decimal("123456789012345678901.123456789012345678")}})
    with pytest.raises(ValueError, match="39 significant digits"):
        to_attribute(10**38 + 1)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), Decimal("1E+126"), Decimal("1E-131")])
def test_numbers_that_dynamodb_has_not_are_refused(value: Decimal) -> None:
    with pytest.raises(ValueError, match="value"):
        to_attribute(value)


@pytest.mark.parametrize("value", [0.5, b"x", {1, 2}, datetime(2026, 1, 1, tzinfo=UTC), object(), {1: "x"}])
def test_other_types_are_refused_by_name(value: Any) -> None:
    with pytest.raises(TypeError, match=r"row\[0\]"):
        to_attributes({"row": [value]})


def test_a_float_is_refused_with_the_way_out() -> None:
    with pytest.raises(TypeError, match="cost is a float: store money as text"):
        to_attributes({"cost": 1.5})


def test_sets_of_other_writers_are_not_misread() -> None:
    with pytest.raises(TypeError, match="SS"):
        from_attributes({"a": {"SS": ["x"]}})
