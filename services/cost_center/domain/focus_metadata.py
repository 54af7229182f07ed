"""The metadata of an export, as FOCUS 1.2 has it: DataGenerator and Schema (specification, "Metadata")."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.cost_center.domain.exports import Export, Written
from services.cost_center.domain.tables import ColumnSpec, ColumnType
from shared.ids import deterministic_id

GENERATOR = "Onyx"
JSON_COLUMNS = frozenset({"SkuPriceDetails"})
"""Columns of JSON objects that `charges` keeps as text."""
_NAMES = {ColumnType.STRING: "STRING", ColumnType.DECIMAL: "DECIMAL", ColumnType.TIMESTAMP: "DATETIME"}


def column_definition(column: ColumnSpec) -> Mapping[str, Any]:
    """One entry of ColumnDefinition."""
    if column.type is ColumnType.MAP or column.name in JSON_COLUMNS:
        made: dict[str, Any] = {"ColumnName": column.name, "DataType": "JSON"}
        if column.name == "Tags":
            made["ProviderTagPrefixes"] = ["aws:"]
        return made
    made = {"ColumnName": column.name, "DataType": _NAMES[column.type]}
    if column.type is ColumnType.DECIMAL:
        made |= {"NumericPrecision": 38, "NumberScale": 18}
    if column.type is ColumnType.STRING:
        made["StringEncoding"] = "UTF-8"
    return made


def metadata(
    export: Export, written: Written, size: int, columns: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """The document beside the file. The schema's id depends on the version and the columns only."""
    names = [f"{each['ColumnName']}:{each['DataType']}" for each in columns]
    schema_id = deterministic_id("focus", export.request.version, *names)
    return {
        "DataGenerator": {"DataGenerator": GENERATOR},
        "Schema": {
            "SchemaId": schema_id,
            "SchemaName": f"FOCUS {export.request.version} with x_ columns of {GENERATOR}",
            "FocusVersion": export.request.version,
            "DataGeneratorVersion": "1",
            "CreationDate": export.requested_at,
            "ColumnDefinition": list(columns),
        },
        "FocusVersion": export.request.version,
        "SchemaId": schema_id,
        "data_location": [
            {"filepath": export.request.filename, "total_bytes": size, "total_rows": written.rows}
        ],
        "x_ExportId": export.export_id,
        "x_BillingPeriods": sorted({each.billing_period for each in export.sets}),
        "x_Bills": [
            {"BillId": each.bill_id, "PublishedAt": each.published_at, "Charges": each.rows}
            for each in export.sets
        ],
        "x_Totals": [
            {
                "BillingCurrency": total.currency,
                "BilledCost": total.billed_cost,
                "EffectiveCost": total.effective_cost,
                "ListCost": total.list_cost,
                "ContractedCost": total.contracted_cost,
            }
            for total in written.totals
        ],
    }
