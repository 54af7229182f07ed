"""`onyx connect`: the template on standard output, what to do with it on standard error."""

import json
from typing import Any

import pytest

PATH = "/v1/cost-center/connections"
SHOP: dict[str, Any] = {
    "source": "shop",
    "account_id": "123456789012",
    "kind": "cur2",
    "status": "pending",
    "reason": None,
    "last_pull": None,
    "template_url": f"{PATH}/shop/template",
    "launch": "aws cloudformation deploy --template-file template.json",
}
TEMPLATE = {"Resources": {"Role": {"Type": "AWS::IAM::Role"}}}


@pytest.fixture
def connected(onyx):
    onyx.platform.on("POST", PATH, SHOP, 201)
    onyx.platform.on("GET", f"{PATH}/shop/template", TEMPLATE)
    return onyx


def sent(onyx) -> Any:
    return json.loads(onyx.platform.requests[0].content)


def test_the_template_goes_to_standard_output_and_the_words_do_not(connected):
    done = connected("connect", "aws", "--account", "123456789012", "--source", "shop", "--tenant", "acme")
    assert done.code == 0
    assert json.loads(done.out) == TEMPLATE
    assert "aws cloudformation deploy" in done.err
    assert "onyx connect verify shop" in done.err
    nowhere = dict.fromkeys(("bucket", "prefix", "export_name", "region"))
    assert sent(connected) == {"account_id": "123456789012", "source": "shop", "kind": "cur2", **nowhere}


def test_the_template_can_go_to_a_file(connected, tmp_path):
    file = tmp_path / "t.json"
    done = connected(
        *("connect", "aws", "--account", "123456789012", "--kind", "focus"),
        *("--output", str(file), "--tenant", "acme"),
    )
    assert (done.code, done.out) == (0, "")
    assert json.loads(file.read_text()) == TEMPLATE
    assert f"--template-file {file}" in done.err
    assert sent(connected)["kind"] == "focus"


def test_an_export_that_is_there_already_is_named(connected):
    connected(
        *("connect", "aws", "--account", "123456789012", "--tenant", "acme", "--bucket", "ours"),
        *("--prefix", "p", "--export", "daily", "--region", "eu-west-1"),
    )
    place = {"bucket": "ours", "prefix": "p", "export_name": "daily", "region": "eu-west-1"}
    assert sent(connected).items() >= place.items()


def test_a_file_that_cannot_be_written_is_one_line(connected, tmp_path):
    missing = tmp_path / "none" / "t.json"
    done = connected("connect", "aws", "--account", "123456789012", "-o", str(missing), "--tenant", "acme")
    assert done.code == 1
    assert done.err.startswith(f"onyx: {missing}: ")


def test_connections_are_listed(onyx):
    pulled = {
        **SHOP,
        "status": "verified",
        "last_pull": {"at": "2026-11-20T12:00:00Z", "files": 2, "bytes": 9},
    }
    onyx.platform.on("GET", PATH, {"rows": [pulled], "cursor": None})
    assert onyx("connect", "list", "--tenant", "acme", "--format", "json").rows == [pulled]
    assert onyx("connect", "list", "--tenant", "acme", "--format", "csv").out.splitlines() == [
        "source,account_id,kind,status,reason,last_pull",
        "shop,123456789012,cur2,verified,,2026-11-20T12:00:00Z",
    ]


def test_a_verified_connection_is_a_success_and_any_other_is_not(onyx):
    path = f"{PATH}/shop/verify"
    onyx.platform.on("POST", path, {**SHOP, "status": "verified"})
    assert onyx("connect", "verify", "shop", "--tenant", "acme").code == 0
    assert sent(onyx) == dict.fromkeys(("role_arn", "bucket", "prefix", "export_name", "region"))
    onyx.platform.on("POST", path, {**SHOP, "status": "refused", "reason": "it opens to anybody"})
    done = onyx("connect", "verify", "shop", "--tenant", "acme", "--role-arn", "arn", "--export", "daily")
    assert done.code == 1
    assert done.err == "onyx: shop is refused: it opens to anybody\n"
    last = json.loads(onyx.platform.requests[-1].content)
    assert (last["role_arn"], last["export_name"]) == ("arn", "daily")


def test_a_connection_is_removed(onyx):
    onyx.platform.on("DELETE", f"{PATH}/shop", SHOP)
    done = onyx("connect", "remove", "shop", "--tenant", "acme", "--format", "json")
    assert done.rows == [SHOP]
    gone = onyx("connect", "remove", "other", "--tenant", "acme")
    assert (gone.code, gone.err) == (1, "onyx: no such route (NOT_FOUND)\n")
