"""What FOCUS has no name for."""

from services.cost_center.domain.charges import Rule

EXTENSIONS = (
    Rule("x_Source", "source", "Onyx: the export that delivered the row"),
    Rule("x_BillingPeriod", "billing_period", "Onyx: the month of bill/BillingPeriodStartDate"),
    Rule("x_BillId", "source || '.' || billing_period", "Onyx: source and billing period"),
    Rule("x_ServiceCode", "line_item_product_code", "CUR lineItem/ProductCode"),
    Rule("x_UsageType", "line_item_usage_type", "CUR lineItem/UsageType"),
    Rule("x_Operation", "line_item_operation", "CUR lineItem/Operation"),
    Rule("x_LineItemType", "line_item_line_item_type", "CUR lineItem/LineItemType"),
    Rule("x_LineItemId", "identity_line_item_id", "CUR identity/LineItemId"),
    Rule("x_TaxType", "line_item_tax_type", "CUR lineItem/TaxType"),
    Rule("x_ProductFamily", "product_product_family", "CUR product/productFamily"),
    Rule("x_InstanceType", "product_instance_type", "CUR product/instanceType"),
    Rule("x_CostCategories", "cost_categories", "CUR costCategory/*"),
    Rule(
        "x_ChargePart",
        "CASE WHEN unused_part THEN 'Unused' ELSE NULL END",
        "Onyx: what a fee's row says beside the fee",
    ),
    Rule("x_OriginalTags", "original_tags", "CUR resourceTags/*, keys and values as AWS wrote them"),
)
