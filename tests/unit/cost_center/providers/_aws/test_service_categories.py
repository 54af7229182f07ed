"""The categories of AWS's services."""

from services.cost_center.domain.providers._aws.service_categories import CATEGORIES, SERVICE_CATEGORIES


def test_service_categories_are_those_of_focus_and_each_code_has_one() -> None:
    assert len(SERVICE_CATEGORIES) > 120
    assert set(SERVICE_CATEGORIES.values()) <= CATEGORIES
    assert SERVICE_CATEGORIES["AmazonEC2"] == "Compute"
