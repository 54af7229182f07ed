"""Products and quotients as Athena is to compute them: exact, rounded once, half even, to 18 places."""

import random
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from itertools import product as pairs

import pytest
from sqlglot import exp

from services.query_engine.domain.dialects.athena import decimals
from services.query_engine.domain.dialects.athena.writer import OnyxAthena
from services.query_engine.domain.dialects.build import MONEY, typed
from tests.unit.query_engine.trino_decimals import TooLargeError, evaluated, value

PLACES = Decimal(1).scaleb(-18)
ULP = "0.000000000000000001"
EDGES = (
    *(
        "0",
        ULP,
        "-" + ULP,
        "0.5",
        "-0.5",
        "1",
        "2",
        "-3",
        "1.5",
        "1000000",
        "-1000000",
        "999999.999999999999999999",
    ),
    *("0.000000000500000000", "0.000000001", "3.000000000000000001", "0.333333333333333333", "12345678.9"),
)


def column(name: str) -> exp.Expr:
    return typed(exp.column(exp.to_identifier(name, quoted=True)), exp.DataType.build(MONEY))


def sql(node: exp.Expr) -> str:
    return node.sql(dialect=OnyxAthena, identify=True)


PRODUCT = sql(decimals.product(column("a"), column("b")))
QUOTIENT = sql(decimals.quotient(column("a"), column("b")))
SHORT = sql(decimals.short_product(column("a"), column("b"), 22))


def expected(number: Decimal) -> Decimal:
    return number.quantize(PLACES, ROUND_HALF_EVEN)


def some(pick: random.Random, digits: int) -> str:
    places = pick.choice((18, 18, 9, 2))
    most = 10 ** min(digits, places + 19)
    return f"{Decimal(pick.randint(-most, most)).scaleb(-places):f}"


def check_product(a: str, b: str) -> None:
    with localcontext(prec=200):
        wanted = expected(Decimal(a) * Decimal(b))
    assert evaluated(PRODUCT, {"a": value(a), "b": value(b)}).number == wanted, (a, b)


def check_quotient(a: str, b: str) -> None:
    with localcontext(prec=200):
        wanted = expected(Decimal(a) / Decimal(b))
    if abs(wanted) >= Decimal(10) ** 20:
        with pytest.raises(TooLargeError):
            evaluated(QUOTIENT, {"a": value(a), "b": value(b)})
        return
    assert evaluated(QUOTIENT, {"a": value(a), "b": value(b)}).number == wanted, (a, b)


@pytest.mark.parametrize(("a", "b"), list(pairs(EDGES, EDGES)))
def test_of_edges(a: str, b: str) -> None:
    check_product(a, b)
    if Decimal(b):
        check_quotient(a, b)


def test_of_random_numbers() -> None:
    pick = random.Random(20)
    for _ in range(2000):
        a, b = some(pick, pick.randint(1, 27)), some(pick, pick.randint(1, 24))
        if abs(Decimal(a) * Decimal(b)) < 10**19:
            check_product(a, b)
        if Decimal(b):
            check_quotient(a, b)


def test_a_tie_goes_to_the_even_neighbour() -> None:
    for a, b, wanted in (
        (ULP, "0.5", "0"),
        ("0.000000000000000003", "0.5", "0.000000000000000002"),
        ("0.000000000000000005", "-0.5", "-0.000000000000000002"),
        ("1000000.000000000000000001", "0.5", "500000"),
        ("1000000.000000000000000003", "0.5", "500000.000000000000000002"),
    ):
        assert evaluated(PRODUCT, {"a": value(a), "b": value(b)}).number == Decimal(wanted)
    for a, b, wanted in (
        (ULP, "2", "0"),
        ("0.000000000000000003", "2", "0.000000000000000002"),
        ("-0.000000000000000005", "2", "-0.000000000000000002"),
        ("-1000000.000000000000000001", "-2", "500000"),
        ("20000000000.000000000000000001", "2", "10000000000"),
    ):
        assert evaluated(QUOTIENT, {"a": value(a), "b": value(b)}).number == Decimal(wanted)


def test_a_million_squared_and_what_does_not_fit() -> None:
    check_product("1000000", "1000000")
    check_product("1000000.123456789012345678", "-999999.987654321098765432")
    with pytest.raises(TooLargeError):
        evaluated(PRODUCT, {"a": value("10000000000"), "b": value("10000000000")})


def test_of_a_short_factor() -> None:
    pick = random.Random(21)
    for _ in range(500):
        a, b = some(pick, pick.randint(1, 27)), f"{Decimal(pick.randint(-99999, 99999)).scaleb(-4):f}"
        with localcontext(prec=200):
            wanted = expected(Decimal(a) * Decimal(b))
        if abs(wanted) < 10**16:
            assert evaluated(SHORT, {"a": value(a), "b": value(b, 38, 4)}).number == wanted, (a, b)
