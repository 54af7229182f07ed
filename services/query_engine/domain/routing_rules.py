"""The router's rules, in the order in which they are looked at: the first that holds says who is asked first.

Who is asked first may still decline what its dialect cannot say rightly; the others then follow in ORDER.
"""

from collections.abc import Callable
from dataclasses import dataclass

from services.query_engine.domain.joins import Shape

POLARS, DUCKDB, ATHENA = "polars", "duckdb", "athena"
ORDER = (POLARS, DUCKDB, ATHENA)
MANY_PAIRS = 10**8


@dataclass(frozen=True)
class Features:
    """What the rules may look at. `bytes` are compressed ones of the columns read, after pruning, None where
    they are not known; `bytes_limit` is how many of them this machine takes on, None without a limit."""

    shape: Shape
    bytes: int | None = None
    bytes_limit: int | None = None


@dataclass(frozen=True)
class Rule:
    """`why` completes "<engine> is asked first, because ..."."""

    name: str
    engine: str
    why: str
    holds: Callable[[Features], bool]


RULES: tuple[Rule, ...] = (
    Rule(
        "many_bytes",
        ATHENA,
        "the query reads more than one machine should",
        lambda found: found.bytes_limit is not None and (found.bytes or 0) > found.bytes_limit,
    ),
    Rule(
        "large_product",
        DUCKDB,
        "every row of one source meets every row of another, and DuckDB is faster at that and holds less",
        lambda found: found.shape.product.rows > MANY_PAIRS,
    ),
    Rule(
        "scan",
        POLARS,
        "Polars is fastest over parquet and over columns in memory, joins in any order among them",
        lambda found: True,
    ),
)


def rule_for(features: Features) -> Rule:
    return next(rule for rule in RULES if rule.holds(features))


@dataclass(frozen=True)
class Declined:
    """An engine that passed a query on, and in which words; `running` says that it found out on the way."""

    engine: str
    code: str
    why: str
    running: bool = False


@dataclass(frozen=True)
class Decision:
    """Who answers, by which rule, and who was asked before."""

    engine: str
    rule: str
    why: str
    declined: tuple[Declined, ...] = ()
