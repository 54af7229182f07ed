"""Service, place, resource, tags and allocation."""

from services.cost_center.domain.charges import Rule
from services.cost_center.domain.providers._aws.charge_rules.phrases import (
    ARN,
    IS_COMMITMENT,
    IS_SPLIT,
    NONE,
    REGION,
    SP_ARN,
)

SERVICE = (
    Rule(
        "ServiceName",
        "COALESCE(product_product_name, product_servicename, line_item_product_code)",
        "FOCUS ServiceName; CUR product/ProductName",
    ),
    Rule(
        "ServiceCategory",
        "COALESCE(service_category, 'Other')",
        "FOCUS ServiceCategory; service_categories.py",
    ),
    Rule(
        "ServiceSubcategory",
        "'Other (' || COALESCE(service_category, 'Other') || ')'",
        "FOCUS ServiceSubcategory: the generic one of the category",
    ),
    Rule("RegionId", f"NULLIF({REGION}, '')", "FOCUS RegionId; CUR product/regionCode, else product/region"),
    Rule(
        "RegionName",
        f"CASE WHEN COALESCE({REGION}, '') <> '' THEN product_location ELSE NULL END",
        "FOCUS RegionName; CUR product/location",
    ),
    Rule("AvailabilityZone", "line_item_availability_zone", "FOCUS; CUR lineItem/AvailabilityZone"),
    Rule(
        "ResourceId",
        f"""
        CASE
          WHEN {IS_COMMITMENT} THEN {ARN}
          WHEN {IS_SPLIT} THEN split_line_item_parent_resource_id
          ELSE NULLIF(line_item_resource_id, '')
        END
        """,
        "FOCUS ResourceId, of a commitment its own (DiscountHandling-A-012-C, -019-C); CUR"
        " lineItem/ResourceId, of a split row splitLineItem/ParentResourceId",
    ),
    Rule(
        "ResourceName",
        f"CASE WHEN {IS_COMMITMENT} THEN NULL ELSE resource_tags_user_name END",
        "FOCUS ResourceName; CUR resourceTags/user:Name",
    ),
    Rule(
        "ResourceType",
        f"""
        CASE
          WHEN {IS_COMMITMENT} AND {SP_ARN} IS NOT NULL THEN 'Savings Plan'
          WHEN {IS_COMMITMENT} THEN 'Reserved Instance'
          WHEN NULLIF(line_item_resource_id, '') IS NOT NULL THEN product_product_family
          ELSE NULL
        END
        """,
        "FOCUS ResourceType; CUR product/productFamily",
    ),
    Rule("Tags", "normal_tags", "FOCUS Tags; CUR resourceTags/*, CUR 2.0 tags: see tags.normal_key"),
    Rule(
        "AllocatedMethodDetails",
        f"""
        CASE
          WHEN {IS_SPLIT} THEN '{{"Elements": [{{"AllocatedRatio": '
            || COALESCE(CAST(split_line_item_split_usage_ratio AS VARCHAR), 'null')
            || ', "UsageQuantity": ' || COALESCE(CAST(split_line_item_split_usage AS VARCHAR), 'null')
            || ', "x_SplitCost": ' || COALESCE(CAST(split_line_item_split_cost AS VARCHAR), 'null')
            || ', "x_UnusedCost": ' || COALESCE(CAST(split_line_item_unused_cost AS VARCHAR), 'null')
            || '}}]}}'
          ELSE NULL
        END
        """,
        "FOCUS 1.3; CUR splitLineItem/*: what the row says of its part, as JSON; no cost column has it",
    ),
    Rule(
        "AllocatedMethodId",
        f"CASE WHEN {IS_SPLIT} THEN 'AWS split cost allocation' ELSE NULL END",
        "FOCUS 1.3; AWS's name of the method",
    ),
    Rule(
        "AllocatedResourceId",
        f"CASE WHEN {IS_SPLIT} THEN NULLIF(line_item_resource_id, '') ELSE NULL END",
        "FOCUS 1.3, the container; CUR lineItem/ResourceId of a split row",
    ),
    Rule(
        "AllocatedResourceName",
        f"CASE WHEN {IS_SPLIT} THEN resource_tags_user_name ELSE NULL END",
        "FOCUS 1.3; CUR resourceTags/user:Name of a split row",
    ),
    Rule("AllocatedTags", NONE, "FOCUS 1.3; a split row's tags are in Tags"),
    Rule("ContractApplied", NONE, "FOCUS 1.3; the legacy CUR names no contract"),
)
