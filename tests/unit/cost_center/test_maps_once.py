"""Maps that are made once for all rows that say the same are those that each row would have made."""

import polars as pl
import pytest

from services.cost_center.adapters.polars_alike import KIND, by_number
from services.cost_center.adapters.polars_cells import STRING_MAP
from services.cost_center.adapters.polars_maps import map_of
from services.cost_center.domain import tags
from services.cost_center.domain.charges import ColumnMap, JsonMap, TagKeys
from services.cost_center.domain.providers._aws.cur_columns import MONEY
from services.cost_center.domain.tables import ColumnType, Layout, RawColumn

COLUMNS = (
    RawColumn("resourceTags/user:env", "resource_tags_user_env", ColumnType.STRING),
    RawColumn("resourceTags/user:team", "resource_tags_user_team", ColumnType.STRING),
    RawColumn("resourceTags", "beside", ColumnType.MAP),
    RawColumn("Tags", "Tags", ColumnType.STRING),
    RawColumn("tags", "all", ColumnType.MAP),
)
LAYOUT = Layout("raw", "test", COLUMNS, MONEY)
ROWS = pl.DataFrame(
    {
        "resource_tags_user_env": ["prod", None, "prod", None, " ", "prod"],
        "resource_tags_user_team": ["web", None, "web", None, "web", None],
        "beside": [{"k": "v"}, None, {"k": "v"}, {}, {"k": None}, {"a": "1", "b": "2"}],
        "Tags": ['{"a": 1.50}', None, '{"a": 1.50}', "{}", '{"b": null}', '{"a": "x", "user:A": "y"}'],
        "all": [{"b/k": "2", "a/k": "1"}, None, {"b/k": "2", "a/k": "1"}, {"k": "v"}, {"z": "0"}, None],
    },
    schema_overrides={"beside": STRING_MAP, "all": STRING_MAP},
)
COLUMN_MAP = ColumnMap("made", "resource_tags_", ("resourceTags/",))
BESIDE = ColumnMap("made", "resource_tags_", ("resourceTags/",), beside="beside")
LAST = ColumnMap("made", "resource_tags_", ("resourceTags/",), "beside", "all", ("a/", "b/"))
JSON = JsonMap("made", "Tags")
KEYS = TagKeys("keys", "made", tags.AWS)


@pytest.mark.parametrize(
    "first", [COLUMN_MAP, BESIDE, LAST, JSON], ids=["columns", "beside a map", "before a map", "JSON"]
)
@pytest.mark.parametrize("rows", [ROWS, ROWS[1:2], ROWS[:0]], ids=["some", "no map at all", "no rows"])
def test_maps_are_those_of_each_row(rows: pl.DataFrame, first: ColumnMap | JsonMap) -> None:
    made = rows.lazy().with_columns(map_of(first, LAYOUT)).with_columns(map_of(KEYS, LAYOUT)).collect()
    places = pl.Series(KIND, [*range(rows.height)] * 3, dtype=pl.UInt32)

    for name in ("made", "keys"):
        written = places.to_frame().lazy().select(by_number(made[name])).collect()[name]

        entries = written.map.entries().cast(pl.List(pl.Struct({"key": pl.String, "value": pl.String})))
        assert entries.to_list() == made[name].map.entries().to_list() * 3


def test_entries_of_the_last_map_are_in_the_order_of_their_prefixes_and_no_key_is_there_twice() -> None:
    made = ROWS.lazy().select(map_of(LAST, LAYOUT)).collect()["made"].map.entries().to_list()

    assert [each and [entry["key"] for entry in each] for each in made] == [
        ["k", "user:env", "user:team", "a/k", "b/k"],
        None,
        ["k", "user:env", "user:team", "a/k", "b/k"],
        ["k"],
        ["user:env", "user:team", "z"],
        ["a", "b", "user:env"],
    ]
