"""The generator's FOCUS files against the specification's own requirement model."""

import json
from pathlib import Path

import pytest

from infra.demo.catalogue import SERVICES
from infra.demo.spec import BillFormat, Container, Granularity
from tests.contract.focus_checks.dynamic import CHECKS
from tests.contract.focus_checks.model import Model
from tests.contract.focus_checks.values import Dataset
from tests.fakes.demo_bills import written

MODEL = (
    Path(__file__).resolve().parents[3] / "shared" / "data" / "focus" / "focus_requirements_model_1.2.json"
)
WIDER_THAN_THEIR_TEXT = {
    # The text is of payments to a third party; the model asks it of every issuer that is not named as the
    # provider is. AWS's own exports are issued by "Amazon Web Services, Inc." and provided by "AWS".
    "BilledCost-C-005-C",
    # The text is of purchases that cover future charges; the model asks it of support and contracts, too.
    "EffectiveCost-C-005-C",
}


@pytest.fixture(scope="module")
def model() -> Model:
    if not MODEL.is_file():
        pytest.skip("the requirement model (../shared/data/focus) is not beside this clone")
    return Model(json.loads(MODEL.read_text()), CHECKS)


@pytest.mark.parametrize(
    ("preset", "edp", "rare", "granularity"),
    [
        ("startup", 0, False, Granularity.DAILY),
        ("startup", 900, False, Granularity.HOURLY),
        ("enterprise", 1000, True, Granularity.DAILY),
    ],
)
def test_a_generated_focus_file_breaks_no_must(
    model: Model, tmp_path: Path, preset: str, edp: int, rare: bool, granularity: Granularity
) -> None:
    bill = written(
        tmp_path,
        preset=preset,
        edp_basis_points=edp,
        rare=rare,
        granularity=granularity,
        format=BillFormat.FOCUS,
        container=Container.CSV,
        single=True,
        months=1,
        rows=1_500 * (2 if rare else 1),
        accounts=3,
    )

    report = model.run(Dataset.of(bill.files[0]))

    assert {rule: found for rule, found in report.failures.items() if rule not in WIDER_THAN_THEIR_TEXT} == {}


def test_services_are_in_categories_that_the_specification_allows() -> None:
    if not MODEL.is_file():
        pytest.skip("the requirement model (../shared/data/focus) is not beside this clone")
    text = MODEL.read_text()

    for service in SERVICES.values():
        assert f'"Value": "{service.category}"' in text
        assert f'"Value": "{service.subcategory}"' in text
