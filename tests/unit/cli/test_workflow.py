"""`onyx workflow`: what is asked of the API, what is printed, and what fails the command."""

import io
import json

import httpx
import pytest

from infra.commands import workflow_runs

BASE = "/v1/workflows"
RUN = "r-0f3c5b1d2e4a69788796a5b4c3d2e1f0"
SOURCE = "id: small\ntitle: Small\n"
CHECKED = {
    "workflow": "small",
    "findings": [],
    "estimate": {
        "transitions": 8,
        "transitions_at_most": 40,
        "history_events_at_most": 120,
        "usd_per_1000_runs": "0.2",
    },
}
FINDING = {"line": 2, "column": 1, "path": "", "code": "MISSING_KEY", "message": "steps is missing"}
FAILURE = {"code": "HTTP_503", "message": "busy", "step": "tell", "at": "each[3]"}


def run_row(status, failure=None):
    return {"run": RUN, "workflow": "small", "version": 1, "status": status, "failure": failure}


def asked(onyx, number=-1):
    return json.loads(onyx.platform.requests[number].content)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SOURCE)
    return str(path)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(workflow_runs, "_WAIT_SECONDS", 0)


def test_a_definition_is_checked_then_applied_and_its_secret_shown(onyx, file):
    onyx.platform.on("POST", f"{BASE}/check", CHECKED)
    hooks = [{"trigger": "hook", "path": f"{BASE}/hooks/h1", "secret": "whsec_x"}]
    done = {"workflow": "small", "version": 3, "status": "published", "hooks": hooks}
    onyx.platform.on("PUT", f"{BASE}/small", done, status=201)

    outcome = onyx("workflow", "apply", file, "--tenant", "acme", "--format", "json")

    assert outcome.rows == [done]
    assert asked(onyx) == {"source": SOURCE}
    assert f"webhook hook: POST {BASE}/hooks/h1" in outcome.err
    assert "whsec_x" in outcome.err


@pytest.mark.parametrize("command", ["apply", "check", "dry-run"])
def test_faults_are_listed_and_nothing_else_is_asked(onyx, file, command):
    onyx.platform.on("POST", f"{BASE}/check", {"workflow": None, "findings": [FINDING], "estimate": None})

    outcome = onyx("workflow", command, file, "--tenant", "acme", "--format", "csv")

    assert outcome.code == 1
    assert outcome.out.splitlines() == [
        "line,column,path,code,message",
        "2,1,,MISSING_KEY,steps is missing",
    ]
    assert "1 fault: nothing was published" in outcome.err
    assert len(onyx.platform.requests) == 1


def test_a_check_tells_what_a_run_takes(onyx, file):
    onyx.platform.on("POST", f"{BASE}/check", CHECKED)

    assert onyx("workflow", "check", file, "--tenant", "acme", "--format", "json").rows == [
        CHECKED["estimate"]
    ]


def test_a_dry_run_is_given_inputs_stubs_and_an_event(onyx, file, tmp_path):
    event = tmp_path / "event.json"
    event.write_text('{"impact": 1.50}')
    step = {
        "step": "one",
        "at": "",
        "kind": "action",
        "outcome": "ok",
        "seconds": 0,
        "input": {},
        "output": {},
    }
    onyx.platform.on("POST", f"{BASE}/check", CHECKED)
    onyx.platform.on("POST", f"{BASE}/dry-run", {"status": "succeeded", "steps": [step]})

    outcome = onyx(
        *("workflow", "dry-run", file, "-i", "n=3", "-i", "month=2026-09", "-i", "least=1.50"),
        *("--stub", 'one={"rows": []}', "--event", str(event), "--tenant", "acme"),
    )

    assert outcome.code == 0
    assert "the run would be succeeded" in outcome.err
    assert asked(onyx) == {
        "source": SOURCE,
        "inputs": {"n": 3, "month": "2026-09", "least": "1.50"},
        "stubs": {"one": {"rows": []}},
        "event": {"impact": "1.50"},
    }


def test_a_definition_comes_from_standard_input_too(onyx, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(SOURCE))
    onyx.platform.on("POST", f"{BASE}/check", CHECKED)

    assert onyx("workflow", "check", "-", "--tenant", "acme").code == 0
    assert asked(onyx) == {"source": SOURCE}


@pytest.mark.parametrize(
    "arguments", [("--input", "novalue"), ("--input", "=3"), ("--stub", "one")], ids=" ".join
)
def test_what_is_no_name_and_value_is_a_usage_error(onyx, file, arguments):
    onyx.platform.on("POST", f"{BASE}/check", CHECKED)

    assert onyx("workflow", "dry-run", file, *arguments, "--tenant", "acme").code == 2


def test_a_run_is_started_with_its_key_and_waited_for(onyx):
    started = {"run": RUN, "workflow": "small", "version": 1, "status": "queued"}
    states = iter(["queued", "running", "running", "succeeded"])
    onyx.platform.on("POST", f"{BASE}/small/runs", started, status=202)
    onyx.platform.routes["GET", f"{BASE}/runs/{RUN}"] = lambda _: httpx.Response(
        200, json=run_row(next(states))
    )

    outcome = onyx("workflow", "run", "small", "-i", "n=3", "--key", "k", "--wait", "--tenant", "acme")

    assert outcome.code == 0
    assert asked(onyx, 0) == {"inputs": {"n": 3}, "key": "k"}
    assert [line.split()[-1] for line in outcome.err.splitlines()] == ["queued", "running", "succeeded"]


def test_a_run_that_fails_fails_the_command_that_waits(onyx):
    onyx.platform.on("POST", f"{BASE}/small/runs", {"run": RUN}, status=202)
    onyx.platform.on("GET", f"{BASE}/runs/{RUN}", run_row("failed", FAILURE))

    outcome = onyx("workflow", "run", "small", "--wait", "--tenant", "acme", "--format", "csv")

    assert outcome.code == 1
    assert "HTTP_503 in tell of each[3]: busy" in outcome.out
    assert f"`onyx workflow logs {RUN}` says why" in outcome.err


def test_logs_show_each_step_and_how_it_ended(onyx):
    step = {"step": "tell", "at": "each[3]", "status": "failed", "attempt": 3, "failure": FAILURE}
    onyx.platform.on("GET", f"{BASE}/runs/{RUN}", run_row("failed", FAILURE))
    onyx.platform.on("GET", f"{BASE}/runs/{RUN}/steps", {"rows": [step]})

    outcome = onyx("workflow", "logs", RUN, "--tenant", "acme", "--format", "csv")

    assert outcome.code == 0
    assert outcome.out.splitlines()[1].startswith("tell,each[3],failed,3,")
    assert f"{RUN} is failed: HTTP_503" in outcome.err


@pytest.mark.parametrize(("verified", "code"), [(True, 0), (False, 1)])
def test_a_broken_audit_fails_the_command(onyx, verified, code):
    row = {"seq": 1, "at": "2026-11-20T09:00:00Z", "act": "run.started", "by": "a", "facts": {}, "hash": "h"}
    body = {"rows": [row], "verified": verified, "broken_at": None if verified else 1}
    onyx.platform.on("GET", f"{BASE}/runs/{RUN}/audit", body)

    outcome = onyx("workflow", "audit", RUN, "--tenant", "acme")

    assert outcome.code == code
    assert ("verified: 1 entries" if verified else "broken at entry 1") in outcome.err


def test_people_decide_and_resolve(onyx):
    approval = {"approval": "e-1", "workflow": "small", "run": RUN, "status": "approved"}
    onyx.platform.on("POST", f"{BASE}/approvals/e-1/decision", approval)
    onyx.platform.on("POST", f"{BASE}/runs/{RUN}/steps/tell/resolve", {"step": "tell"})

    assert onyx("workflow", "approve", "e-1", "--reject", "--comment", "no", "--tenant", "acme").code == 0
    assert asked(onyx) == {"approve": False, "comment": "no"}
    resolve = ("workflow", "resolve", RUN, "tell", "--at", "each[3]", "--tenant", "acme")
    assert onyx(*resolve, "--done", "--output", '{"cost": 1.50}').code == 0
    assert asked(onyx) == {"at": "each[3]", "done": True, "output": {"cost": "1.50"}}
    assert onyx(*resolve, "--not-done").code == 0
    assert asked(onyx) == {"at": "each[3]", "done": False}
    assert onyx(*resolve).code == 2
    assert onyx(*resolve, "--done", "--output", "{").code == 2


def test_a_retry_names_its_step(onyx):
    onyx.platform.on("POST", f"{BASE}/runs/{RUN}/retry", {"run": "r-2", "status": "queued"}, status=202)

    assert onyx("workflow", "retry", RUN, "--from", "tell", "--tenant", "acme").code == 0
    assert asked(onyx) == {"from_step": "tell"}
    assert onyx("workflow", "retry", RUN, "--tenant", "acme").code == 0
    assert asked(onyx) == {}


def test_a_channel_is_one_of_three(onyx):
    onyx.platform.on("PUT", f"{BASE}/channels/ops", {})
    channel = ("workflow", "channel", "set", "ops", "--tenant", "acme")

    assert onyx(*channel, "--url", "https://chat.example.com/x").code == 0
    assert asked(onyx) == {"kind": "webhook", "url": "https://chat.example.com/x"}
    assert onyx(*channel, "--credential", "chat").code == 0
    assert asked(onyx) == {"kind": "webhook", "credential": "chat"}
    assert onyx(*channel, "--mail", "a@example.com", "--mail", "b@example.com").code == 0
    assert asked(onyx) == {"kind": "email", "addresses": ["a@example.com", "b@example.com"]}
    for wrong in ((), ("--url", "https://a", "--mail", "a@example.com")):
        assert onyx(*channel, *wrong).code == 2


@pytest.mark.parametrize(
    ("given", "body"),
    [
        ('{"Authorization": "Bearer x"}', {"host": "h", "headers": {"Authorization": "Bearer x"}}),
        ('{"url": "https://h/secret"}', {"host": "h", "url": "https://h/secret"}),
    ],
)
def test_a_credential_is_read_from_standard_input_and_printed_nowhere(onyx, monkeypatch, given, body):
    monkeypatch.setattr("sys.stdin", io.StringIO(given))
    onyx.platform.on("PUT", f"{BASE}/credentials/key", {})

    outcome = onyx("workflow", "credential", "set", "key", "--host", "h", "--tenant", "acme")

    assert (outcome.code, outcome.out) == (0, "")
    assert asked(onyx) == body


@pytest.mark.parametrize("given", ["", "[]", '{"a": 1}'])
def test_what_is_no_credential_is_a_usage_error(onyx, monkeypatch, given):
    monkeypatch.setattr("sys.stdin", io.StringIO(given))

    assert onyx("workflow", "credential", "set", "key", "--host", "h", "--tenant", "acme").code == 2
    assert onyx.platform.requests == []


def test_the_operators_triggers_are_asked_of_the_operator(onyx, monkeypatch):
    seen = []
    monkeypatch.setattr(
        onyx.platform, "output", lambda stack, key: seen.append((stack, key)) or "operator-function"
    )
    onyx.platform.answers["set_trigger"] = lambda _: {"ok": True, "trigger": {}}
    setting = ("workflow", "global-trigger", "set", "bills", "--event", "BillIngested.v1", "--workflow", "w")

    assert onyx(*setting, "--pattern", '{"source": ["s"]}').code == 0
    assert onyx.platform.commands[-1] == {
        "command": "set_trigger",
        "name": "bills",
        "type": "BillIngested.v1",
        "workflow": "w",
        "pattern": {"source": ["s"]},
    }
    assert ("workflow", "OperatorFunction") in seen
    assert onyx(*setting, "--pattern", "{").code == 2


@pytest.mark.parametrize(
    ("arguments", "method", "path"),
    [
        (("pause", "a b"), "POST", "/a b/pause"),
        (("resume", "small"), "POST", "/small/resume"),
        (("delete", "small"), "DELETE", "/small"),
        (("cancel", RUN), "POST", f"/runs/{RUN}/cancel"),
        (("channel", "delete", "ops"), "DELETE", "/channels/ops"),
        (("credential", "delete", "key"), "DELETE", "/credentials/key"),
    ],
)
def test_what_has_no_answer_is_asked_once(onyx, arguments, method, path):
    onyx.platform.on(method, BASE + path, {"status": "cancelling"})

    outcome = onyx("workflow", *arguments, "--tenant", "acme")

    assert (outcome.code, outcome.out) == (0, ""), outcome.err
    assert [(each.method, each.url.path) for each in onyx.platform.requests] == [(method, BASE + path)]


def test_a_refusal_is_one_line_with_its_code(onyx):
    problem = {"code": "WORKFLOW_PAUSED", "detail": "small is paused: resume it first"}
    onyx.platform.on("POST", f"{BASE}/small/runs", problem, status=409)

    outcome = onyx("workflow", "run", "small", "--tenant", "acme")

    assert (outcome.code, outcome.out) == (1, "")
    assert "WORKFLOW_PAUSED" in outcome.err
