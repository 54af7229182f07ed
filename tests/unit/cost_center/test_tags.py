"""Keys of tags in their normal form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cost_center.domain import tags
from services.cost_center.domain.naming import athena_name


@pytest.mark.parametrize(
    ("key", "prefixes", "normal", "original"),
    [
        ("user:CostCenter", tags.AWS, "cost_center", "CostCenter"),
        ("user_cost_center", tags.AWS, "cost_center", "cost_center"),
        ("resourceTags/user:CostCenter", tags.AWS, "cost_center", "CostCenter"),
        ("resourceTags/CostCenter", tags.AWS, "cost_center", "CostCenter"),
        ("resourceTags/aws:createdBy", tags.AWS, "aws:created_by", "aws:createdBy"),
        ("accountTag/CostCenter", tags.AWS, "cost_center", "CostCenter"),
        ("iamPrincipal/CostCenter", tags.AWS, "cost_center", "CostCenter"),
        ("userAttribute/CostCenter", tags.AWS, "cost_center", "CostCenter"),
        ("costCategory/CostCenter", tags.AWS, "cost_category_cost_center", "cost_category_CostCenter"),
        ("CostCenter", tags.FOCUS, "cost_center", "CostCenter"),
        ("cost-center", tags.FOCUS, "cost_center", "cost-center"),
        ("aws:createdBy", tags.AWS, "aws:created_by", "aws:createdBy"),
        ("aws_created_by", tags.AWS, "aws:created_by", "aws:created_by"),
        ("aws:createdBy", tags.FOCUS, "aws:created_by", "aws:createdBy"),
        ("user:aws:cloudformation:stack-name", tags.AWS, "aws_cloudformation_stack_name", None),
        ("aws:cloudformation:stack-name", tags.AWS, "aws:cloudformation_stack_name", None),
        ("user_name", tags.FOCUS, "user_name", "user_name"),
        ("user:", tags.AWS, "user", "user:"),
        ("Größe", (), "größe", "Größe"),
        ("部署", tags.AWS, "部署", "部署"),
        ("--", (), "--", "--"),
    ],
)
def test_normal_and_original_keys(
    key: str, prefixes: tags.Prefixes, normal: str, original: str | None
) -> None:
    assert tags.normal_key(key, prefixes) == normal
    if original is not None:
        assert tags.original_key(key, prefixes) == original


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_the_rest_of_a_key_is_named_as_athena_names_columns(key: str) -> None:
    if any(each.isalnum() for each in key):
        assert tags.normal_key(key, ()) == athena_name(key)


@given(st.text(min_size=1), st.sampled_from([tags.AWS, tags.FOCUS, ()]))
def test_a_normal_key_is_never_empty(key: str, prefixes: tags.Prefixes) -> None:
    assert tags.normal_key(key, prefixes)
