"""`onyx policy`: what is asked, and what is printed."""

import json

PATH = "/v1/query/policies"
SET = {
    "subject": "ada",
    "match": "any",
    "sub_accounts": ["111", "222"],
    "tags": {"env": ["prod"]},
    "cost_centers": [],
    "everything": False,
    "version": 1,
    "set_by": "grace",
    "set_at": "2026-11-20T09:30:00Z",
}


def test_a_policy_is_set_from_its_options(onyx):
    onyx.platform.on("PUT", f"{PATH}/ada", SET)
    outcome = onyx(
        *("policy", "set", "ada", "--account", "111", "--account", "222", "--tag", "env=prod"),
        *("--all-conditions", "--tenant", "acme", "--format", "csv"),
    )
    assert outcome.out.splitlines() == [
        "subject,rows,version,set_by,set_at",
        "ada,account 111 | 222 or env prod,1,grace,2026-11-20T09:30:00Z",
    ]
    assert json.loads(onyx.platform.requests[0].content) == {
        "match": "all",
        "sub_accounts": ["111", "222"],
        "tags": {"env": ["prod"]},
        "cost_centers": [],
        "everything": False,
    }


def test_policies_are_listed_shown_and_deleted(onyx):
    onyx.platform.on("GET", PATH, {"rows": [SET], "cursor": None})
    onyx.platform.on("GET", f"{PATH}/ada", {**SET, "match": "all"})
    onyx.platform.on(
        "GET",
        f"{PATH}/me",
        {
            "subject": "x",
            "match": "any",
            "sub_accounts": [],
            "tags": {},
            "cost_centers": [],
            "everything": False,
        },
    )
    onyx.platform.on("DELETE", f"{PATH}/ada", {**SET, "everything": True})
    tail = ("--tenant", "acme", "--format", "csv")
    rows = [
        onyx("policy", *words, *tail).out.splitlines()[1].split(",")[1]
        for words in (("list",), ("show", "ada"), ("show", "me"), ("delete", "ada"))
    ]
    assert rows == [
        "account 111 | 222 or env prod",
        "account 111 | 222 and env prod",
        "nothing",
        "everything",
    ]


def test_the_default_is_a_rule_of_the_tenant(onyx):
    onyx.platform.on("PUT", PATH, {"default": "deny", "cost_center_tag": "team"})
    assert onyx("policy", "default", "deny", "--cost-center-tag", "team", "--tenant", "acme").code == 0
    assert json.loads(onyx.platform.requests[0].content) == {"default": "deny", "cost_center_tag": "team"}
    assert "allow or deny" in onyx("policy", "default", "maybe", "--tenant", "acme").err
    assert "KEY=VALUE" in onyx("policy", "set", "ada", "--tag", "env", "--tenant", "acme").err
