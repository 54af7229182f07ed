"""Runs that a person starts, and those that a webhook does."""

import base64
import json
from typing import Any

import pytest

from services.workflow.application.webhooks import LARGEST, Post, sign, verified
from services.workflow.domain.naming import hook_id
from services.workflow.events import RunRequested
from shared.errors import (
    BadRequest,
    Conflict,
    NotFound,
    OnyxError,
    PayloadTooLarge,
    Unauthenticated,
    Unprocessable,
)
from tests.fakes.workflow_start import ACME, OTHER, Site, person, workflow_text

INPUTS = "inputs:\n  bill: {type: string, required: true}\n  size: {type: string, default: big}"
BY_HAND = workflow_text(triggers="  - name: hand\n    manual: true", more=INPUTS)
BY_HOOK = workflow_text(
    triggers="""  - name: hook
    webhook: true
    when: event.kind == 'paid'
    inputs: {bill: "${event.bill}"}""",
    more=INPUTS,
)


def test_a_run_is_there_at_once() -> None:
    site = Site()
    site.publish(person(), BY_HAND)
    run = site.start(person(), "report", {"bill": "b"}, "key")
    assert (run.status.value, run.started_by, run.inputs) == ("queued", "ann", {"bill": "b", "size": "big"})
    (asked,) = site.bus.of(RunRequested)
    site.queue.accept(ACME, asked, site.clock.now())
    assert site.executions.started == [run.id]


def test_the_same_key_is_the_same_run_and_another_persons_key_is_not() -> None:
    site = Site()
    site.publish(person(), BY_HAND)
    first = site.start(person(), "report", {"bill": "b"}, "key")
    site.publish(person(), BY_HAND.replace("big", "small"))
    assert site.start(person(), "report", {"bill": "b"}, "key").id == first.id
    assert site.start(person(subject="bob"), "report", {"bill": "b"}, "key").id != first.id
    with pytest.raises(Conflict) as refused:
        site.start(person(), "report", {"bill": "other"}, "key")
    assert refused.value.code == "KEY_REUSED"


@pytest.mark.parametrize(
    ("inputs", "field"),
    [({}, "inputs.bill"), ({"bill": 1}, "inputs.bill"), ({"bill": "b", "more": 1}, "inputs.more")],
)
def test_inputs_are_checked(inputs: dict[str, Any], field: str) -> None:
    site = Site()
    site.publish(person(), BY_HAND)
    with pytest.raises(Unprocessable) as refused:
        site.start(person(), "report", inputs, "key")
    assert refused.value.code == "INPUTS_INVALID"
    assert [each["field"] for each in refused.value.errors] == [field]
    assert site.all_runs() == []


def test_what_cannot_be_started_by_hand() -> None:
    site = Site()
    site.publish(person(), BY_HAND)
    site.publish(person(), workflow_text("other"))
    site.lifecycle.pause(person(), "report")
    for tenant, workflow, code in (
        (ACME, "report", "WORKFLOW_PAUSED"),
        (ACME, "other", "NO_MANUAL_TRIGGER"),
        (ACME, "gone", "NOT_FOUND"),
        (OTHER, "report", "NOT_FOUND"),
    ):
        with pytest.raises(OnyxError) as refused:
            site.start(person(tenant), workflow, {"bill": "b"}, "key")
        assert refused.value.code == code


class Sender:
    """Somebody who posts to the webhook."""

    def __init__(self) -> None:
        self.site = Site()
        self.site.publish(person(), BY_HOOK)
        self.hook, self.secret = self.site.webhooks.rotate(person(), "report", "hook")

    def post(self, id: str = "msg_1", secret: str | None = None, late: int = 0, **change: Any) -> list[str]:
        said = {"kind": "paid", "bill": "b", **change.pop("data", {})}
        body = change.pop("body", json.dumps(said).encode())
        sent = str(int(self.site.clock.now().timestamp()) - late)
        headers = {
            "webhook-id": id,
            "webhook-timestamp": sent,
            "webhook-signature": sign(secret or self.secret, id, sent, body),
        }
        post = Post(change.pop("hook", self.hook), headers | change.pop("headers", {}), body)
        return self.site.webhooks.receive(post)


def test_the_example_of_the_specification() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signed = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert verified(
        secret,
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b'{"test": 2432232314}',
        f"v1,eA== v2,x {signed}",
    )


def test_a_deleted_workflows_secret_is_good_for_none_of_its_name() -> None:
    sender = Sender()
    site = sender.site
    assert sender.post()
    site.lifecycle.delete(person(), "report")
    assert site.hooks.rows == {}
    site.publish(person(), BY_HOOK)
    with pytest.raises(Unauthenticated):
        sender.post("msg_2")


def test_a_post_asks_for_a_run_once() -> None:
    sender = Sender()
    (run,) = sender.post()
    sender.post()
    (env,) = sender.site.requests.sent.values()
    asked = RunRequested.model_validate(env.data)
    assert (asked.run_id, asked.cause, asked.requested_by) == (run, "webhook:msg_1", "ann")
    assert asked.inputs == {"bill": "b", "size": "big"}
    assert asked.event == {"kind": "paid", "bill": "b"}
    assert sender.post("msg_2", data={"kind": "open"}) == []
    assert len(sender.post("msg_3")) == 1


def test_whoever_has_no_good_signature_learns_nothing() -> None:
    sender = Sender()
    site, answers = sender.site, []
    other = "whsec_" + base64.b64encode(bytes(32)).decode()
    site.publish(person(), workflow_text("silent", triggers="  - name: hook\n    webhook: true"))
    for change in (
        {"secret": other},
        {"hook": hook_id(ACME, "silent", "hook"), "secret": other},
        {"hook": hook_id(ACME, "gone", "hook")},
        {"hook": hook_id(OTHER, "report", "hook")},
        {"hook": "nonsense", "secret": other},
        {"hook": "../x.y"},
        {"late": 301},
        {"late": -301},
        {"headers": {"webhook-signature": ""}},
        {"headers": {"webhook-signature": "v1,é"}},
        {"headers": {"webhook-timestamp": "soon"}},
        {"headers": {"webhook-timestamp": "99999999999"}},
        {"headers": {"webhook-id": ""}},
        {"id": "x" * 101},
    ):
        with pytest.raises(Unauthenticated) as refused:
            sender.post(**change)
        answers.append((refused.value.code, refused.value.detail))
    site.lifecycle.pause(person(), "report")
    with pytest.raises(Unauthenticated) as refused:
        sender.post()
    answers.append((refused.value.code, refused.value.detail))
    assert len(set(answers)) == 1
    assert site.requests.sent == {}


def test_a_secret_is_rotated_with_an_overlap() -> None:
    sender = Sender()
    old = sender.secret
    _, new = sender.site.webhooks.rotate(person(), "report", "hook")
    assert new != old
    assert sender.post("m-1", old)
    assert sender.post("m-2", new)
    sender.site.wait(24 * 3600)
    assert sender.post("m-3", new)
    with pytest.raises(Unauthenticated):
        sender.post("m-4", old)
    for _ in range(3):
        _, new = sender.site.webhooks.rotate(person(), "report", "hook")
    hook = sender.site.hooks.get(ACME, sender.hook)
    assert hook is not None
    assert len(hook.secrets) == 2


def test_a_new_version_keeps_the_address_and_the_secret() -> None:
    sender = Sender()
    sender.site.publish(person(), BY_HOOK.replace("big", "small"))
    assert len(sender.post()) == 1
    sender.site.publish(person(), BY_HAND)
    with pytest.raises(Unauthenticated):
        sender.post("m-2")


def test_bodies() -> None:
    sender = Sender()
    for body in (b"", b"[]", b"no", b"\xff", b'{"a": NaN}', b"[" * 100_000):
        with pytest.raises(BadRequest) as refused:
            sender.post(body=body)
        assert refused.value.code == "WEBHOOK_BODY"
    with pytest.raises(PayloadTooLarge):
        sender.post(body=b" " * (LARGEST + 1))
    assert len(sender.post("m-2", body=b'{"kind": "paid", "bill": "b", "x": 0.1}')) == 1


def test_only_a_workflow_with_the_webhook_has_a_secret() -> None:
    sender = Sender()
    for tenant, workflow, trigger in (
        (ACME, "report", "no"),
        (ACME, "gone", "hook"),
        (OTHER, "report", "hook"),
    ):
        with pytest.raises(NotFound):
            sender.site.webhooks.rotate(person(tenant), workflow, trigger)
