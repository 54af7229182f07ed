"""Maps that are made once for all rows that say the same are those that each row would have made."""

import polars as pl
import pytest

from services.cost_center.adapters.polars_cells import STRING_MAP
from services.cost_center.adapters.polars_maps import map_of, maps_once
from services.cost_center.domain import tags
from services.cost_center.domain.charges import ColumnMap, Helper, JsonMap, MapEntry, TagKeys
from services.cost_center.domain.providers._aws.cur_columns import MONEY
from services.cost_center.domain.tables import ColumnType, Layout, RawColumn

COLUMNS = (
    RawColumn("resourceTags/user:env", "resource_tags_user_env", ColumnType.STRING),
    RawColumn("resourceTags/user:team", "resource_tags_user_team", ColumnType.STRING),
    RawColumn("resourceTags", "beside", ColumnType.MAP),
    RawColumn("Tags", "Tags", ColumnType.STRING),
)
LAYOUT = Layout("raw", "test", COLUMNS, MONEY)
ROWS = pl.DataFrame(
    {
        "resource_tags_user_env": ["prod", None, "prod", None, " ", "prod"],
        "resource_tags_user_team": ["web", None, "web", None, "web", None],
        "beside": [{"k": "v"}, None, {"k": "v"}, {}, {"k": None}, {"a": "1", "b": "2"}],
        "Tags": ['{"a": 1.50}', None, '{"a": 1.50}', "{}", '{"b": null}', '{"a": "x", "user:A": "y"}'],
    },
    schema_overrides={"beside": STRING_MAP},
)
COLUMN_MAP = ColumnMap("made", "resource_tags_", ("resourceTags/",))
BESIDE = ColumnMap("made", "resource_tags_", ("resourceTags/",), beside="beside")
JSON = JsonMap("made", "Tags")
KEYS = TagKeys("keys", "made", tags.AWS)


@pytest.mark.parametrize("first", [COLUMN_MAP, BESIDE, JSON], ids=["columns", "beside a map", "JSON"])
@pytest.mark.parametrize("rows", [ROWS, ROWS[1:2], ROWS[:0]], ids=["some", "no map at all", "no rows"])
def test_maps_are_those_of_each_row(rows: pl.DataFrame, first: ColumnMap | JsonMap) -> None:
    each = rows.lazy().with_columns(map_of(first, LAYOUT)).with_columns(map_of(KEYS, LAYOUT)).collect()

    frame, maps = maps_once(rows, (first, KEYS), LAYOUT)

    assert list(maps) == ["made", "keys"]
    once = frame.lazy().select(maps["made"], maps["keys"]).collect()
    assert once.schema == {"made": STRING_MAP, "keys": STRING_MAP}
    for name in maps:
        assert once[name].map.entries().to_list() == each[name].map.entries().to_list()


@pytest.mark.parametrize(
    "before",
    [
        [JsonMap("made", "absent")],
        [ColumnMap("made", "nothing_", ("nothing/",))],
        [MapEntry("resource_tags_user_env", "beside", "k"), COLUMN_MAP],
    ],
    ids=["no such column", "of no columns", "of a column that is filled before"],
)
def test_others_are_left_alone(before: list[Helper]) -> None:
    assert maps_once(ROWS, [*before, KEYS], LAYOUT)[1] == {}
