"""Workflows for tests: a large good one, and small ones around one piece."""

import textwrap

EVERYTHING = """
id: everything
title: All of the language
description: Every key once.
inputs:
  top: {type: integer, default: 10, description: How many.}
  mode: {type: string, default: fast, one_of: [fast, slow]}
  since: {type: timestamp}
triggers:
  - name: anomaly
    event: AnomalyDetected.v1
    pattern: {severity: [high], impact: [{exists: true}]}
    when: decimal(event.impact) > `100.50`
    inputs: {top: "${event.count}", mode: slow}
  - {name: monthly, cron: 0 8 1 * ? *, timezone: Europe/Lisbon, missed: run_all}
  - {name: hook, webhook: true, when: event.ok, inputs: {since: "${event.at}"}}
  - {name: by-hand, manual: true}
limits: {concurrency: 2, per_minute: 10, on_limit: refuse}
timeout: 2d
steps:
  - id: costs
    action: query.run
    with: {sql: SELECT 1 AS one, max_rows: "${inputs.top}"}
    when: inputs.mode == 'slow'
    timeout: 5m
    heartbeat: 30s
    retry: {attempts: 4, delay: 10s, backoff: 3, max_delay: 10m, jitter: none}
    on_failure:
      - {id: excuse, action: set, with: {reason: "${error.message}"}}
  - id: each
    for_each: default(steps.costs.output.rows, `[]`)
    max_items: 50
    concurrency: 3
    steps:
      - id: send
        action: http.send
        credential: jira
        with: {url: "https://x/${index}", body: "${item}", idempotent: true}
      - {id: sent, action: set, with: {status: "${steps.send.output.status}"}}
  - {id: pause, wait: 10m}
  - {id: later, wait_until: "date_add(run.started_at, '1h')"}
  - id: sign
    approval:
      message: Send it for ${inputs.mode}?
      roles: [approver, admin]
      subjects: [ann]
      count: 2
      expires: 1d
      reminders: 4h
      on_expiry:
        - {id: nobody, action: notify, with: {channel: ops, subject: Nobody decided}}
  - id: which
    choice:
      - when: steps.sign.output.status == 'approved'
        steps: [{id: yes_it_is, action: set, with: {by: "${steps.sign.output.decisions}"}}]
    otherwise: [{id: no_it_is_not, action: set, with: {}}]
  - id: both
    parallel:
      - steps: [{id: left, action: http.get, with: {url: "https://x", query: {a: 1}}}]
      - steps: [{id: right, wait: 1s}]
  - id: last
    action: set
    with: {status: "${steps.left.output.status}", excuse: "${steps.excuse.output.reason}"}
outputs:
  rows: ${steps.costs.output.row_count}
  last: {status: "${steps.last.output.status}"}
on_failure:
  - id: tell
    action: notify
    with: {channel: ops, subject: "${error.code} in ${error.step}", facts: {run: "${run.id}"}}
"""

STEP = "  - {id: a, action: set, with: {}}\n"


def with_steps(steps: str, *, top: str = "") -> str:
    """A workflow with these steps, written from the first column; they begin in line 4, or after `top`."""
    inner = textwrap.indent(textwrap.dedent(steps).strip(), "  ")
    return f"id: abc\ntitle: A\n{textwrap.dedent(top)}steps:\n{inner}\n"


def with_top(top: str) -> str:
    """A workflow with these further keys, from line 3 on."""
    return f"id: abc\ntitle: A\n{textwrap.dedent(top).strip()}\nsteps:\n{STEP}"
