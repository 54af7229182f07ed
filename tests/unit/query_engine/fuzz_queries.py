"""Good queries made bad: words dropped, doubled, swapped, taken from another query, or put in from a list."""

import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.fakes.query_engine_attacks import PROBES, TARGETS
from tests.unit.query_engine.finops_queries import QUERIES as FINOPS
from tests.unit.query_engine.tpch.queries import QUERIES as TPCH

_HERE = Path(__file__).parent
_WORD = re.compile(r"\s+|\w+|'(?:[^']|'')*'|.", re.DOTALL)
_SPARK = """select|from|where|group by|order by|having|(|)|,|*|null|''|'x'|1|0|0.5|1e9|-|+|/|%|case|when
|then|end|over|over ()|distinct|union|union all|intersect|except|with|as|charges|small|n|Tags
|Tags['x']|BilledCost|Day|interval '1' month|date '2026-01-01'|timestamp '2026-01-01 00:00:00'
|not|in|exists|is null|between|and|or|like|cast(|as bigint)|as varchar)|as decimal(38,18))|;
|sum(|avg(|count(|max(|count(*)|lag(|limit|limit 0|offset|partition by
|rows between unbounded preceding and current row|filter (where|unnest|array[1]|array[]|map()
|lateral|cross join|left join|full join|on true|using (n)|grouping sets ((), (n))|rollup (n)
|cube (n, m)|desc|nulls first|true|false|fetch first 1 rows only|tablesample|recursive
|values (1)|.|=|<>|is distinct from"""
SPARKS = tuple(_SPARK.replace("\n", "").split("|"))


def originals() -> tuple[str, ...]:
    """Every good query there is: of the corpus, over the demo tables, of TPC-H."""
    corpus = sorted(each for each in (_HERE / "corpus").rglob("*.sql") if ".duckdb." not in each.name)
    finops = [each if isinstance(each, str) else each[0] for each in FINOPS]
    return (*(each.read_text() for each in corpus), *finops, *TPCH.values())


def probes(places: Mapping[str, str]) -> tuple[str, ...]:
    """What is put in; `places` says where `{canary}`, `{others}` and `{folder}` are."""
    return (*(each.format(**places) for each in PROBES), *TARGETS)


def mutation(pick: random.Random, queries: Sequence[str], words: Sequence[str]) -> str:
    """One of `queries`, changed in one to four places; `words` are those to put in."""
    found = _WORD.findall(pick.choice(queries))
    for _ in range(pick.choice((1, 1, 2, 3, 4))):
        at = pick.randrange(len(found))
        match pick.randrange(8):
            case 0:
                del found[at : at + pick.randint(1, 3)]
            case 1:
                found.insert(at, found[at])
            case 2:
                found[at] = f" {pick.choice(words)} "
            case 3:
                found.insert(at, f" {pick.choice(words)} ")
            case 4:
                found[at] = f" {pick.choice(SPARKS)} "
            case 5:
                found.insert(at, f" {pick.choice(SPARKS)} ")
            case 6:
                other = pick.randrange(len(found))
                found[at], found[other] = found[other], found[at]
            case _:
                donor = _WORD.findall(pick.choice(queries))
                start = pick.randrange(len(donor))
                found[at : at + pick.randint(0, 12)] = donor[start : start + pick.randint(1, 12)]
        if not found:
            return ""
    return "".join(found)
