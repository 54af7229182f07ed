"""FOCUS 1.0 to 1.3 -> `charges`: the same columns, typed. What FOCUS has no column for is found by its x_
names."""

from services.cost_center.domain import tags
from services.cost_center.domain.charges import ChargeMapping, JsonMap, Rule, TagKeys
from services.cost_center.domain.focus_columns import COLUMNS

_SPEC = "FOCUS specification, column of the same name"
_X = "AWS Data Exports, FOCUS 1.0 with AWS columns"

_JSON = (JsonMap("original_tags", "Tags"), JsonMap("cost_categories", "x_CostCategories"))
HELPERS = (*_JSON, TagKeys("normal_tags", "original_tags", tags.FOCUS))

JSON_COLUMNS = tuple(helper.column for helper in _JSON)

_MADE = {
    "Tags": Rule("Tags", "normal_tags", f"{_SPEC}; keys: see tags.normal_key"),
    # The specification forbids nulls in these; exports have them all the same (the public sample, Oracle's
    # ContractedCost). The raw table keeps the null; a sum is the same with 0.
    **{
        name: Rule(name, f'COALESCE("{name}", 0)', f"{_SPEC}, which MUST NOT be null")
        for name in ("ContractedCost", "EffectiveCost", "ListCost")
    },
}

RULES: tuple[Rule, ...] = (
    *(_MADE.get(name) or Rule(name, f'"{name}"', _SPEC) for name in COLUMNS),
    Rule("x_Source", "source", "Onyx: the export that delivered the row"),
    Rule("x_BillingPeriod", "billing_period", "Onyx: the month of BillingPeriodStart"),
    Rule("x_BillId", "source || '.' || billing_period", "Onyx: source and billing period"),
    # `Id` is how the public FOCUS sample heads ServiceId.
    Rule(
        "x_ServiceCode", 'COALESCE("x_ServiceCode", "ServiceId", "Id")', f"{_X}; ServiceId of FOCUS previews"
    ),
    Rule("x_UsageType", '"x_UsageType"', _X),
    Rule("x_Operation", '"x_Operation"', _X),
    Rule("x_LineItemType", "CAST(NULL AS VARCHAR)", "FOCUS has ChargeCategory and ChargeClass instead"),
    Rule("x_LineItemId", "CAST(NULL AS VARCHAR)", "FOCUS has no id of a row"),
    Rule("x_TaxType", "CAST(NULL AS VARCHAR)", "FOCUS has no type of a tax"),
    Rule("x_ProductFamily", "CAST(NULL AS VARCHAR)", "FOCUS has no product family"),
    Rule("x_InstanceType", "CAST(NULL AS VARCHAR)", "FOCUS keeps it in SkuPriceDetails"),
    Rule("x_CostCategories", "cost_categories", _X),
    Rule("x_ChargePart", "CAST(NULL AS VARCHAR)", "FOCUS: a row is a charge already"),
    Rule("x_OriginalTags", "original_tags", "FOCUS Tags, as the provider wrote them"),
)

MAPPING = ChargeMapping(RULES, HELPERS)
