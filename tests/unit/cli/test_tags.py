"""`onyx tags`: what is asked, and what is printed."""

import json

PATH = "/v1/cost-center/settings/tags"
CHOSEN = [{"key": "cost_center", "column": "x_Tag_cost_center"}]


def test_tags_are_promoted_and_listed(onyx):
    for method in ("PUT", "GET"):
        onyx.platform.on(method, PATH, {"promoted": CHOSEN})

    assert onyx("tags", "promote", "CostCenter", "--tenant", "acme", "--format", "json").rows == CHOSEN
    assert onyx("tags", "list", "--tenant", "acme", "--format", "csv").out.splitlines() == [
        "key,column",
        "cost_center,x_Tag_cost_center",
    ]
    assert json.loads(onyx.platform.requests[0].content) == {"promoted": ["CostCenter"]}


def test_no_key_ends_it(onyx):
    onyx.platform.on("PUT", PATH, {"promoted": []})

    assert onyx("tags", "promote", "--tenant", "acme").code == 0
    assert json.loads(onyx.platform.requests[0].content) == {"promoted": []}


def test_a_key_that_cannot_be_a_column_is_one_line(onyx):
    onyx.platform.on("PUT", PATH, {"code": "INVALID_TAG_KEY", "detail": "Too long."}, status=400)

    outcome = onyx("tags", "promote", "k", "--tenant", "acme")

    assert (outcome.code, outcome.out) == (1, "")
    assert "INVALID_TAG_KEY" in outcome.err
