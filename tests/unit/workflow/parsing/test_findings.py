"""What is wrong is told with its place, its code, and what was expected: all of it at once."""

from typing import Any

import pytest

from services.workflow.domain.errors import DefinitionInvalid
from services.workflow.domain.parsing import MAX_FINDINGS, parse
from tests.fakes.workflow_documents import EVERYTHING, STEP, with_steps, with_top


def findings(text: str) -> list[dict[str, Any]]:
    with pytest.raises(DefinitionInvalid) as error:
        parse(text)
    return error.value.errors


STEPS: list[tuple[str, str, str, str]] = [
    # steps, path below steps[0], code, a part of the message
    ("- {id: a, acton: set}", "", "MISSING_KEY", "did you mean 'action'?"),
    ("- {id: a}", "", "MISSING_KEY", "action, wait, wait_until, approval, choice, parallel, for_each"),
    ("- {id: a, wait: 1s, action: set}", "", "AMBIGUOUS", "not action and wait"),
    ("- {wait: 1s}", "", "MISSING_KEY", "needs 'id'"),
    ("- wait", "", "WRONG_TYPE", "found the text 'wait'"),
    ("- {id: A-b, wait: 1s}", ".id", "BAD_VALUE", "found the text 'A-b'"),
    ("- {id: 5, wait: 1s}", ".id", "WRONG_TYPE", "a number is put in quotes"),
    ("- {id: a, wait: 1s, retries: 3}", ".retries", "UNKNOWN_KEY", "there are id, wait, when"),
    ("- {id: a, wait: 5}", ".wait", "WRONG_TYPE", "such as 30s, 10m, 2h"),
    ("- {id: a, wait: 5w}", ".wait", "BAD_VALUE", "found the text '5w'"),
    ("- {id: a, wait: 366d}", ".wait", "OUT_OF_RANGE", "from 1s to 365d"),
    ("- {id: a, wait: 2d}", ".wait", "OUT_OF_RANGE", "longer than the run's timeout"),
    (
        "- {id: a, wait_until: 5}",
        ".wait_until",
        "WRONG_TYPE",
        "an expression (a constant in it is written in backticks)",
    ),
    ("- {id: a, wait_until: '${run.id}'}", ".wait_until", "EXPRESSION_SYNTAX", "without ${ and }"),
    ("- {id: a, action: st}", ".action", "UNKNOWN_ACTION", "did you mean 'set'?"),
    ("- {id: a, action: http.post}", ".action", "UNKNOWN_ACTION", "there is no action 'http.post'"),
    ("- {id: a, action: http.get}", ".with.url", "MISSING_FIELD", "http.get: 'url' is missing"),
    (
        "- {id: a, action: http.get, with: {url: x, qery: {}}}",
        ".with.qery",
        "UNKNOWN_FIELD",
        "did you mean 'query'",
    ),
    ("- {id: a, action: http.get, with: {url: 5}}", ".with.url", "WRONG_TYPE", "a text is expected"),
    ("- {id: a, action: http.get, with: [x]}", ".with", "WRONG_TYPE", "found a list"),
    (
        "- {id: a, action: http.send, with: {url: x, method: GET}}",
        ".with.method",
        "BAD_VALUE",
        "POST, PUT, PATCH",
    ),
    (
        "- {id: a, action: http.send, with: {url: x, idempotent: '${inputs}'}}",
        ".with.idempotent",
        "NOT_CONSTANT",
        "a constant",
    ),
    (
        "- {id: a, action: http.send, with: {url: x}, retry: {attempts: 2}}",
        ".retry.attempts",
        "RETRY_NOT_SAFE",
        "1 attempt",
    ),
    ("- {id: a, action: set, retry: {attempts: 21}}", ".retry.attempts", "OUT_OF_RANGE", "from 1 to 20"),
    ("- {id: a, action: set, retry: {attempts: many}}", ".retry.attempts", "WRONG_TYPE", "a whole number"),
    (
        "- {id: a, action: set, retry: {atempts: 2}}",
        ".retry.atempts",
        "UNKNOWN_KEY",
        "did you mean 'attempts'",
    ),
    ("- {id: a, action: set, retry: {delay: 1h}}", ".retry.delay", "OUT_OF_RANGE", "longer than max_delay"),
    ("- {id: a, action: set, retry: {jitter: ful}}", ".retry.jitter", "BAD_VALUE", "did you mean 'full'"),
    ("- {id: a, action: set, timeout: 31s}", ".timeout", "OUT_OF_RANGE", "at most 30s"),
    ("- {id: a, action: set, heartbeat: 10s}", ".heartbeat", "BAD_VALUE", "leave it out"),
    (
        "- {id: a, action: query.run, with: {sql: x}, timeout: 30s, heartbeat: 30s}",
        ".heartbeat",
        "OUT_OF_RANGE",
        "shorter than the timeout",
    ),
    (
        "- {id: a, action: set, credential: 'Very Secret'}",
        ".credential",
        "BAD_VALUE",
        "the name of a credential",
    ),
    ("- {id: a, action: set, when: 5}", ".when", "WRONG_TYPE", "backticks"),
    ("- {id: a, action: set, when: a ==}", ".when", "EXPRESSION_SYNTAX", "ends too early"),
    ("- {id: a, action: set, when: inputs.x}", ".when", "UNKNOWN_INPUT", "there is none"),
    ("- {id: a, action: set, when: high}", ".when", "UNKNOWN_NAME", "is written 'so'"),
    ("- {id: a, action: set, when: imputs.x}", ".when", "UNKNOWN_NAME", "did you mean 'inputs'"),
    ("- {id: a, action: set, when: run.nmae}", ".when", "UNKNOWN_NAME", "there is no part of run 'nmae'"),
    ("- {id: a, action: set, when: '@'}", ".when", "WHOLE_SCOPE", "name what is needed"),
    ("- {id: a, action: set, when: error.code}", ".when", "UNKNOWN_NAME", "on_failure and on_expiry only"),
    (
        "- {id: a, action: set, with: {x: ['${item}']}}",
        ".with.x[0]",
        "OUTSIDE_FOR_EACH",
        "inside of a for_each only",
    ),
    ("- {id: a, action: set, with: {x: '${'}}", ".with.x", "EXPRESSION_SYNTAX", "not closed"),
    ("- {id: a, action: set, with: {x: '${steps.b}'}}", ".with.x", "UNKNOWN_STEP", "there is no step 'b'"),
    ("- {id: a, action: set, with: {x: '${steps.a}'}}", ".with.x", "STEP_NOT_VISIBLE", "this step itself"),
    (
        "- {id: a, action: set, with: {x: '${steps.b.output}'}}\n- {id: b, wait: 1s}",
        ".with.x",
        "STEP_NOT_VISIBLE",
        "runs later",
    ),
    ("- {id: a, for_each: event, steps: []}", ".steps", "OUT_OF_RANGE", "a list of 1 to 200"),
    (
        "- {id: a, for_each: event, max_items: 1001, steps: [{id: b, wait: 1s}]}",
        ".max_items",
        "OUT_OF_RANGE",
        "1,000",
    ),
    (
        "- {id: a, for_each: event, concurrency: 41, steps: [{id: b, wait: 1s}]}",
        ".concurrency",
        "OUT_OF_RANGE",
        "40",
    ),
    ("- {id: a, for_each: item, steps: [{id: b, wait: 1s}]}", ".for_each", "OUTSIDE_FOR_EACH", "'item'"),
    ("- {id: a, choice: []}", ".choice", "OUT_OF_RANGE", "a list of 1 to 20"),
    ("- {id: a, choice: [{steps: [{id: b, wait: 1s}]}]}", ".choice[0]", "MISSING_KEY", "a case needs 'when'"),
    (
        "- {id: a, parallel: [[{id: b, wait: 1s}]]}",
        ".parallel[0]",
        "WRONG_TYPE",
        "a mapping (branch) is expected",
    ),
    ("- {id: a, approval: {}}", ".approval", "MISSING_KEY", "needs 'message'"),
    (
        "- {id: a, approval: {message: x, roles: [boss]}}",
        ".approval.roles[0]",
        "BAD_VALUE",
        "viewer, analyst",
    ),
    ("- {id: a, approval: {message: x, roles: []}}", ".approval.roles", "BAD_VALUE", "nobody may decide"),
    (
        "- {id: a, approval: {message: x, subjects: [ann], count: 2}}",
        ".approval.count",
        "OUT_OF_RANGE",
        "2 people must approve, and 1 may",
    ),
    (
        "- {id: a, approval: {message: x, expires: 2d}}",
        ".approval.expires",
        "OUT_OF_RANGE",
        "workflow's timeout",
    ),
    (
        "- {id: a, approval: {message: x, expires: 1h, reminders: 1h}}",
        ".approval.reminders",
        "OUT_OF_RANGE",
        "after the approval has expired",
    ),
    ("- {id: a, approval: {message: '${x}'}}", ".approval.message", "UNKNOWN_NAME", "there is no 'x'"),
]


@pytest.mark.parametrize(("steps", "path", "code", "says"), STEPS)
def test_in_a_step(steps: str, path: str, code: str, says: str) -> None:
    found = findings(with_steps(steps))
    assert [(each["path"], each["code"]) for each in found] == [(f"steps[0]{path}", code)]
    assert says in found[0]["message"]
    assert found[0]["line"] == 4
    assert found[0]["column"] >= 5


TOP: list[tuple[str, str, str, str]] = [
    (f"description: {'x' * 2001}", "description", "OUT_OF_RANGE", "of 1 to 2000 characters"),
    (f"outputs: {{{', '.join(f'a{n}: 1' for n in range(51))}}}", "outputs", "OUT_OF_RANGE", "at most 50"),
    ("titel: x", "titel", "UNKNOWN_KEY", "did you mean 'title'?"),
    ("timeout: 2y", "timeout", "BAD_VALUE", "a duration from 1m to 365d"),
    ("limits: {concurrency: 0}", "limits.concurrency", "OUT_OF_RANGE", "from 1 to 1,000"),
    ("limits: {on_limit: wait}", "limits.on_limit", "BAD_VALUE", "delay, refuse"),
    ("inputs: {a: {}}", "inputs.a", "MISSING_KEY", "needs 'type'"),
    ("inputs: {a: {type: int}}", "inputs.a.type", "BAD_VALUE", "did you mean 'integer'"),
    ("inputs: {A: {type: integer}}", "inputs.A", "BAD_NAME", "'A' is no name"),
    ("inputs: {a: {type: integer, default: x}}", "inputs.a.default", "WRONG_TYPE", "a whole number"),
    ("inputs: {a: {type: decimal, default: '1,5'}}", "inputs.a.default", "WRONG_TYPE", "a decimal number"),
    ("inputs: {a: {type: string, default: x, one_of: [y]}}", "inputs.a.default", "BAD_VALUE", "one of y"),
    ("inputs: {a: {type: integer, one_of: ['1']}}", "inputs.a.one_of", "BAD_VALUE", "type string"),
    ("outputs: {a: '${steps.b.output}'}", "outputs.a", "UNKNOWN_STEP", "there is no step 'b'"),
    ("outputs: {a: '${error.code}'}", "outputs.a", "UNKNOWN_NAME", "on_failure and on_expiry only"),
    ("on_failure: [{id: a, wait: 1s}]", "on_failure[0].id", "DUPLICATE_STEP", "the step in line 5"),
    ("triggers: [{name: t}]", "triggers[0]", "MISSING_KEY", "event, cron, webhook, manual"),
    (
        "triggers: [{name: t, webhook: false}]",
        "triggers[0].webhook",
        "WRONG_TYPE",
        "true is expected, found false",
    ),
    ("triggers: [{name: t, webhook: yes}]", "triggers[0].webhook", "WRONG_TYPE", "found the text 'yes'"),
    ("triggers: [{name: t, event: Billed}]", "triggers[0].event", "BAD_VALUE", "such as BillIngested.v1"),
    (
        "triggers: [{name: t, event: A.v1, when: inputs.x}]",
        "triggers[0].when",
        "UNKNOWN_NAME",
        "not known here: event",
    ),
    (
        "triggers: [{name: t, event: A.v1, pattern: {a: b}}]",
        "triggers[0].pattern.a",
        "BAD_PATTERN",
        "alternatives",
    ),
    (
        "triggers: [{name: t, event: A.v1, inputs: {x: 1}}]",
        "triggers[0].inputs.x",
        "UNKNOWN_INPUT",
        "no field 'x'",
    ),
    (
        "triggers: [{name: t, event: RunFinished.v1}]",
        "triggers[0].event",
        "WORKFLOW_LOOP",
        "would start itself",
    ),
    (
        "triggers: [{name: t, event: StepNeedsAttention.v1, pattern: {workflow: [{prefix: a}]}}]",
        "triggers[0].event",
        "WORKFLOW_LOOP",
        "would start itself",
    ),
    (
        "triggers: [{name: t, event: RunFinished.v1, pattern: x}]",
        "triggers[0].pattern",
        "WRONG_TYPE",
        "a mapping",
    ),
    (
        "triggers: [{name: t, event: ActionFinished.v1}]",
        "triggers[0].event",
        "WORKFLOW_LOOP",
        "ask for actions",
    ),
    ("triggers: [{name: t, cron: '* * * * *'}]", "triggers[0].cron", "BAD_CRON", "6"),
    ("triggers: [{name: t, cron: 0 25 * * ? *}]", "triggers[0].cron", "BAD_CRON", "hours"),
    ("triggers: [{name: t, cron: 0 8 * * * *}]", "triggers[0].cron", "BAD_CRON", "exactly one"),
    ("triggers: [{name: t, cron: 0 8 ² * ? *}]", "triggers[0].cron", "BAD_CRON", "day"),
    (
        "triggers: [{name: t, cron: 0 8 1 * ? *, timezone: Europe/Lisabon}]",
        "triggers[0].timezone",
        "BAD_TIMEZONE",
        "IANA",
    ),
    (
        "triggers: [{name: t, cron: 0 8 1 * ? *, timezone: ../etc/passwd}]",
        "triggers[0].timezone",
        "BAD_TIMEZONE",
        "IANA",
    ),
    (
        "triggers: [{name: t, manual: true}, {name: t, webhook: true}]",
        "triggers[1].name",
        "DUPLICATE_TRIGGER",
        "taken",
    ),
]


@pytest.mark.parametrize(("top", "path", "code", "says"), TOP)
def test_at_the_top(top: str, path: str, code: str, says: str) -> None:
    found = findings(with_top(top))
    assert [(each["path"], each["code"]) for each in found] == [(path, code)]
    assert says in found[0]["message"]
    assert found[0]["line"] == 3


def test_an_input_that_every_run_needs() -> None:
    found = findings(
        with_top("""
        inputs: {bill: {type: string, required: true}}
        triggers:
          - {name: by-hand, manual: true}
          - {name: t, event: BillIngested.v1}
          - {name: u, webhook: true, inputs: {bill: 5}}
          - {name: v, webhook: true, inputs: {bill: "${event.bill}"}}
        """)
    )
    assert [(each["path"], each["code"], each["line"]) for each in found] == [
        ("triggers[1].inputs.bill", "MISSING_INPUT", 6),
        ("triggers[2].inputs.bill", "WRONG_TYPE", 7),
    ]


HIDDEN = {
    "in another branch of 'c'": """
        - id: c
          choice: [{when: run.id, steps: [{id: x, wait: 1s}]}]
          otherwise: [{id: y, wait: 1s, when: steps.x.status}]
        """,
    "in another branch of 'p'": """
        - id: p
          parallel:
            - steps: [{id: x, wait: 1s}]
            - steps: [{id: y, wait: 1s, when: steps.x.status}]
        """,
    "inside of the for-each 'f'": """
        - {id: f, for_each: event, steps: [{id: x, wait: 1s}]}
        - {id: y, wait: 1s, when: steps.x.status}
        """,
    "still running round this step": """
        - {id: f, for_each: event, steps: [{id: x, wait: 1s, when: steps.f.status}]}
        """,
    "runs later": """
        - id: x
          action: http.get
          with: {url: x}
          when: steps.late.status
          on_failure: [{id: late, wait: 1s}]
        """,
}


@pytest.mark.parametrize("why", HIDDEN)
def test_a_step_that_cannot_be_seen(why: str) -> None:
    [found] = findings(with_steps(HIDDEN[why]))
    assert found["code"] in ("STEP_NOT_VISIBLE", "OUTSIDE_FOR_EACH")
    assert why in found["message"]


def test_outputs_that_an_action_does_not_have() -> None:
    steps = """
        - {id: q, action: query.run, with: {sql: x}}
        - {id: s, action: set, with: {total: 1}}
        - {id: a, approval: {message: x, expires: 1h}}
        - id: z
          action: set
          with:
            - x
        - id: e
          action: set
          with: {a: "${steps.q.output.row}", b: "${steps.s.output.totl}", c: "${steps.a.output.who}"}
        - id: g
          action: set
          with: {a: "${steps.q.outptu}", b: "${steps.s.output.total}", c: "${steps.q.output.rows[0].x}"}
        """
    found = findings(with_steps(steps))
    assert [(each["path"], each["code"]) for each in found] == [
        ("steps[3].with", "WRONG_TYPE"),
        ("steps[4].with.a", "UNKNOWN_OUTPUT"),
        ("steps[4].with.b", "UNKNOWN_OUTPUT"),
        ("steps[4].with.c", "UNKNOWN_OUTPUT"),
        ("steps[5].with.a", "UNKNOWN_NAME"),
    ]


KINDS = [
    ("sql: '${inputs.n}'", "to_string(inputs.n) makes a text"),
    ("sql: '${steps.q.output.rows}'", "is a list"),
    ("sql: x, max_rows: '${inputs.s}'", "a whole number is expected, and inputs.s is a text"),
    ("sql: x, max_rows: '1${inputs.n}'", "exactly one ${expression} keeps its type"),
    ("sql: x, as_of: '${inputs.n}'", "is an integer"),
    ("sql: x, max_rows: '${inputs.d}'", "is a decimal"),
]
FITTING = [
    "sql: 'SELECT ${inputs.n}', max_rows: '${inputs.n}', as_of: '${inputs.s}'",
    "sql: '${inputs.d}', max_rows: '${inputs.any}', as_of: '${inputs.t}'",
    "sql: '${to_string(inputs.n)}', max_rows: '${steps.q.output.row_count}'",
    "sql: '${inputs.t}', max_rows: '${length(inputs.s)}'",
]


def _kinds(input: str) -> str:
    steps = "- {id: q, action: query.run, with: {sql: x}}\n- {id: r, action: query.run, with: {%s}}"
    return with_steps(
        steps % input,
        top="""
        inputs:
          n: {type: integer}
          s: {type: string}
          d: {type: decimal}
          t: {type: timestamp}
          any: {type: any}
        """,
    )


@pytest.mark.parametrize(("input", "says"), KINDS)
def test_an_input_of_another_kind(input: str, says: str) -> None:
    [found] = findings(_kinds(input))
    assert (found["code"], found["path"].startswith("steps[1].with.")) == ("WRONG_TYPE", True)
    assert says in found["message"]


@pytest.mark.parametrize("input", FITTING)
def test_an_input_that_may_fit(input: str) -> None:
    assert parse(_kinds(input))


def test_one_fault_is_told_once() -> None:
    """What follows of a fault is no finding of its own."""
    text = with_steps(
        "- {id: a, action: http.get, with: 5}\n- {id: b, wait: 1s, when: steps.a.output.status}",
        top="inputs: {a: {type: string, required: true}}\ntriggers: [{name: t, webhook: true, inputs: []}]\n",
    )
    assert [(each["path"], each["code"]) for each in findings(text)] == [
        ("triggers[0].inputs", "WRONG_TYPE"),
        ("steps[0].with", "WRONG_TYPE"),
    ]


def test_limits_of_size() -> None:
    many = "\n".join(f"- {{id: s{n}, wait: 1s}}" for n in range(201))
    assert [each["code"] for each in findings(with_steps(many))] == ["OUT_OF_RANGE"]
    inner = [", ".join(f"{{id: s{half}_{n}, wait: 1s}}" for n in range(100)) for half in range(2)]
    halves = "\n".join(f"- {{id: p{at}, parallel: [{{steps: [{each}]}}]}}" for at, each in enumerate(inner))
    assert [each["code"] for each in findings(with_steps(halves))] == ["TOO_MANY_STEPS"]
    nested = "{id: s0, wait: 1s}"
    for n in range(1, 7):
        nested = f"{{id: s{n}, for_each: event, steps: [{nested}]}}"
    [found] = findings(with_steps(f"- {nested}"))
    assert (found["code"], found["path"]) == ("NESTED_TOO_DEEPLY", "steps[0]" + ".steps[0]" * 6)


def test_all_of_a_file_at_once_in_its_order() -> None:
    found = findings(
        "id: Bad\n"
        "steps:\n"
        "  - {id: a, acton: set}\n"
        "  - {id: b, wait: 5}\n"
        "  - {id: b, action: st}\n"
        "  - {id: c, action: set, with: {x: '${steps.z}', y: '${item}'}}\n"
    )
    assert [(each["line"], each["code"]) for each in found] == [
        (1, "BAD_VALUE"),
        (1, "MISSING_KEY"),
        (3, "MISSING_KEY"),
        (4, "WRONG_TYPE"),
        (5, "DUPLICATE_STEP"),
        (5, "UNKNOWN_ACTION"),
        (6, "UNKNOWN_STEP"),
        (6, "OUTSIDE_FOR_EACH"),
    ]


def test_a_flood_of_findings_ends() -> None:
    text = with_steps("\n".join(f"- {{id: s{n}, wait: {n}}}" for n in range(100)))
    assert len(findings(text)) == MAX_FINDINGS


def test_the_first_is_in_the_sentence() -> None:
    with pytest.raises(DefinitionInvalid, match=r"line 4, column 13: wait: a duration .*\(and 1 more\)"):
        parse(with_steps("- {id: a, wait: 5}\n- {id: b, wait: 5}"))


def test_a_large_right_text_stays_right_when_a_key_is_renamed() -> None:
    """Every key of the language is missed, or known to be unknown, by its place."""
    lines = EVERYTHING.splitlines()
    for number, line in enumerate(lines, 1):
        key = line.strip(" -").split(":")[0]
        if key.isidentifier() and not line.lstrip(" -").startswith("{") and line.endswith(("1d", "4h", "2d")):
            text = "\n".join([*lines[: number - 1], line.replace(key, f"{key}_"), *lines[number:]])
            assert [(each["line"], each["code"]) for each in findings(text)] == [(number, "UNKNOWN_KEY")]


@pytest.mark.parametrize(
    "text", ["", "[]", "5", "null", "workflow", "steps:", f"steps:\n{STEP}", "{}", "id: [a]"]
)
def test_what_is_no_workflow_at_all(text: str) -> None:
    assert findings(text)
