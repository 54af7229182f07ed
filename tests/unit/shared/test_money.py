from decimal import ROUND_UP, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from shared.fields import Money
from shared.money import PRECISION, SCALE, exact_sum, money_text, parse_decimal, quantize

amounts = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=Decimal("-1e19"), max_value=Decimal("1e19"), places=24
)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("14.66598547521", "14.66598547521"),
        ("13.0", "13"),
        ("-0.0128", "-0.0128"),
        ("+5", "5"),
        ("1E-7", "0.0000001"),
        ("2.50e+3", "2500"),
        (".5", "0.5"),
        ("5.", "5"),
        ("-0.000", "0"),
        ("0E-18", "0"),
        ("00012.3400", "12.34"),
        ("100", "100"),
        ("12345678901234567890.123456789012345678", "12345678901234567890.123456789012345678"),
    ],
)
def test_text_is_read_exactly_and_written_canonically(text: str, canonical: str) -> None:
    assert money_text(parse_decimal(text)) == canonical


@pytest.mark.parametrize(
    "text",
    ["", " ", " 1", "1 ", "1\n", "NaN", "sNaN", "inf", "-Infinity", "1_000", "1,000", "0x10", "--1", "+", ".",
     "e5", "1e", "1e5.0", "١٢", "１", "1e999999999", "1e400", "1e-400", "$5", "(5)"],
)  # fmt: skip
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        parse_decimal(text)


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_a_value_error(text: str) -> None:
    try:
        value = parse_decimal(text)
    except ValueError:
        return
    assert Fraction(value) == Fraction(text)


@given(amounts)
def test_canonical_text_is_a_fixed_point(value: Decimal) -> None:
    text = money_text(value)
    assert parse_decimal(text) == value
    assert money_text(parse_decimal(text)) == text
    assert "e" not in text.lower()


@given(amounts)
def test_quantize_is_the_nearest_with_18_decimals_ties_to_even(value: Decimal) -> None:
    rounded = quantize(value)
    assert rounded.as_tuple().exponent == -SCALE
    residue = Fraction(value) - Fraction(rounded)
    assert abs(residue) <= Fraction(1, 2 * 10**SCALE)
    if abs(residue) == Fraction(1, 2 * 10**SCALE):
        assert int(rounded.scaleb(SCALE)) % 2 == 0


def test_quantize_does_not_depend_on_the_callers_context() -> None:
    value = parse_decimal("12345678901234567890.1234567890123456785")
    with localcontext() as context:
        context.prec, context.rounding = 5, ROUND_UP
        assert str(quantize(value)) == "12345678901234567890.123456789012345678"
        assert str(exact_sum([value, value])) == "24691357802469135780.2469135780246913570"
        assert money_text(value) == "12345678901234567890.1234567890123456785"


@pytest.mark.parametrize("text", ["1e20", "-1e20", "99999999999999999999.9999999999999999995", "1e100"])
def test_quantize_refuses_what_decimal_38_18_cannot_hold(text: str) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        quantize(parse_decimal(text))


def test_quantize_takes_the_largest_amount() -> None:
    largest = "99999999999999999999.999999999999999999"
    assert len(largest) - 1 == PRECISION
    assert money_text(quantize(Decimal(largest))) == largest


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_what_is_not_finite_has_no_text(text: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        money_text(Decimal(text))
    with pytest.raises(ValueError, match="finite"):
        quantize(Decimal(text))


@given(st.lists(amounts, max_size=30))
def test_sums_are_exact(values: list[Decimal]) -> None:
    assert Fraction(exact_sum(values)) == sum(map(Fraction, values), Fraction(0))


def test_sum_spans_the_whole_range() -> None:
    assert exact_sum([Decimal("1e128"), Decimal("1e-128"), Decimal("-1e128")]) == Decimal("1e-128")
    assert exact_sum([]) == 0


class Invoice(BaseModel):
    total: Money


def test_money_field_reads_text_and_writes_canonical_text() -> None:
    invoice = Invoice.model_validate_json('{"total": "1E-7"}')
    assert invoice.total == Decimal("1E-7")
    assert invoice.model_dump_json() == '{"total":"0.0000001"}'
    assert Invoice.model_json_schema(mode="serialization")["properties"]["total"]["type"] == "string"


@pytest.mark.parametrize("value", [1.5, "NaN", "", Decimal("NaN"), True, None, "1_0"])
def test_money_field_refuses_floats_and_what_is_no_number(value: object) -> None:
    with pytest.raises(ValidationError):
        Invoice.model_validate({"total": value})
