"""The companies whose bills can be written: a name, its usual size, and how its world is built."""

from collections.abc import Callable
from dataclasses import dataclass

from infra.demo.presets import company, domo
from infra.demo.spec import Month, Spec
from infra.demo.world import World


@dataclass(frozen=True)
class Preset:
    help: str
    usual: Spec
    build: Callable[[Spec], World]


PRESETS: dict[str, Preset] = {
    "startup": Preset(
        "three accounts in two regions; the bill of `onyx demo`",
        Spec(seed=1, rows=12_000, start=Month.parse("2026-08"), months=3, accounts=3),
        company.startup,
    ),
    "enterprise": Preset(
        "forty accounts in five regions, with an enterprise discount of 9 % and its net columns",
        Spec(seed=1, rows=250_000, start=Month.parse("2026-10"), months=1, accounts=40, edp_basis_points=900),
        company.enterprise,
    ),
    "domo": Preset(
        "an analytics platform of 16,000 instances and 37 PB, whose monthly totals by service are known",
        Spec(seed=1, rows=20_000, start=Month.parse("2024-12"), months=1, accounts=2),
        domo.build,
    ),
}
