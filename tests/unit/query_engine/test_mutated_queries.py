"""Good queries with words dropped, doubled, swapped or replaced: a plan or a refusal, never a fault."""

import random
import re

import pytest

from services.query_engine.domain.front_door import compile_query
from shared.errors import BadRequest
from tests.fakes.query_engine import NOW, demo_tables
from tests.fakes.query_engine_attacks import TARGETS
from tests.unit.query_engine.finops_queries import QUERIES

WORDS = """select|from|where|group by|order by|(|)|,|*|null|''|1|0.5|1e9|-|/|%|case|when|end|over|distinct
|union|with|as|charges|n|Tags|['x']|BilledCost|Day|interval '1' month|date '2026-01-01'|not|in|exists|is
|between|and|like|cast|as bigint|;|--|/*|"|sum|avg|count|lag|limit|é|💸""".replace("\n", "").split("|")
WORDS += list(TARGETS)


@pytest.mark.parametrize("seed", range(16))
def test_a_mutation_is_planned_or_refused(seed: int) -> None:
    pick = random.Random(seed)
    tables = demo_tables()
    for _ in range(120):
        case = pick.choice(QUERIES)
        words = re.findall(r"\s+|\w+|.", case if isinstance(case, str) else case[0])
        for _ in range(pick.randint(1, 3)):
            at = pick.randrange(len(words))
            match pick.randrange(4):
                case 0:
                    del words[at]
                case 1:
                    words.insert(at, words[at])
                case 2:
                    words[at] = f" {pick.choice(WORDS)} "
                case _:
                    other = pick.randrange(len(words))
                    words[at], words[other] = words[other], words[at]
        sql = "".join(words)
        try:
            plan = compile_query(sql, tables, NOW)
        except BadRequest:
            continue
        assert {each.table.name for each in plan.tables} <= {"charges", "small"}, sql
