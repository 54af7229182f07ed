import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cost_center.domain.naming import athena_name, unique_names


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("lineItem/UnblendedCost", "line_item_unblended_cost"),
        ("savingsPlan/SavingsPlanARN", "savings_plan_savings_plan_a_r_n"),
        ("reservation/ReservationARN", "reservation_reservation_a_r_n"),
        ("product/fromRegionCode", "product_from_region_code"),
        ("resourceTags/user:Cost Center", "resource_tags_user_cost_center"),
        ("resourceTags/aws:createdBy", "resource_tags_aws_created_by"),
        ("costCategory/OUs", "cost_category_o_us"),
        ("identity/LineItemId", "identity_line_item_id"),
        ("line_item_unblended_cost", "line_item_unblended_cost"),
        ("éà", "column"),
    ],
)
def test_headers_become_athenas_names(header: str, name: str) -> None:
    assert athena_name(header) == name


@given(st.text(max_size=40))
def test_a_name_is_stable_and_safe(header: str) -> None:
    name = athena_name(header)

    assert athena_name(name) == name
    assert name.replace("_", "").isalnum()


def test_collisions_are_suffixed_in_order_whatever_the_case() -> None:
    assert unique_names(["a", "A", "a_2", "a"]) == ["a", "A_3", "a_2", "a_4"]
    assert unique_names(["month", "x"], reserved=["month"]) == ["month_2", "x"]


@given(st.lists(st.sampled_from(["a", "A", "a_2", "b", "month"]), max_size=12))
def test_no_name_is_lost_or_doubled(names: list[str]) -> None:
    unique = unique_names(names, reserved=["month"])

    assert len(unique) == len(names)
    assert len({name.lower() for name in unique} | {"month"}) == len(names) + 1
