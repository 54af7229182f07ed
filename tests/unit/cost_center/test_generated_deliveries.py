"""Months that the generator lays out as AWS does, delivered in any order, have the generator's totals."""

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from infra.demo.generate import Order, generate
from infra.demo.presets import PRESETS
from infra.demo.spec import BillFormat, Container, Month, Spec, Versioning
from services.cost_center.domain.bill import Status
from tests.fakes.cost_center import ACME, World

CASES = [
    (fmt, container, versioning)
    for fmt in BillFormat
    for container in (Container.GZ, Container.PARQUET)
    for versioning in Versioning
]


def order(fmt: BillFormat, container: Container, versioning: Versioning, seed: int, files: int) -> Order:
    usual = PRESETS["startup"].usual
    spec = Spec(
        seed=seed,
        rows=300,
        start=Month.parse("2026-09"),
        months=2,
        accounts=usual.accounts,
        edp_basis_points=usual.edp_basis_points,
    )
    return Order("startup", spec, fmt, container, files, versioning=versioning, report="rep")


def billed(answers: dict[str, Any], period: str) -> Decimal:
    return Decimal(answers["totals"]["by_period"][period]["billed"])


@pytest.mark.parametrize(("fmt", "container", "versioning"), CASES)
def test_every_layout_of_aws_is_one_delivery_a_month(
    world: World, tmp_path: Path, fmt: BillFormat, container: Container, versioning: Versioning
) -> None:
    told = {}
    for seed, files in ((1, 3), (2, 2)):
        folder = tmp_path / f"bill-{seed}"
        written = generate(order(fmt, container, versioning, seed, files), folder)
        puts = [path for path in folder.rglob("*") if path.is_file() and path not in written.manifests]
        landed = [
            world.landing.put(f"acme/aws/{path.relative_to(folder)}", path.read_bytes())
            for path in [*sorted(puts), *written.manifests]
        ]
        random.Random(seed).shuffle(landed)
        outcomes = [outcome for each in landed for outcome in world.ingest(each)]
        assert {each.status for each in outcomes} <= {Status.INGESTED, Status.RESTATED, Status.UNCHANGED}, [
            each.reasons for each in outcomes
        ]
        told = written.answers
        assert all(world.bills.deliveries[ACME, each.delivery_id].done for each in landed)
    for period in ("2026-09", "2026-10"):
        bill = world.bills.bill(ACME, f"aws.{period}")
        assert bill is not None
        [total] = bill.outcome.totals
        assert total.curated == billed(told, period)
        assert bill.outcome.status is Status.RESTATED
