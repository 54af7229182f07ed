"""Pulling: manifest first and last, what it names and nothing else, from where the last run ended."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cost_center.application.pull import PullBills
from services.cost_center.domain.connection import Connection, Kind, LastPull, Place, PullFailed, Status
from services.cost_center.domain.providers.registry import manifest_forms
from services.cost_center.domain.pull import (
    SourceObject,
    landing_key,
    named_files,
    newest_by_period,
    period_of,
)
from services.cost_center.events import ConnectionFailed
from shared.clock import FixedClock
from shared.errors import Unavailable
from shared.tenancy import TenantId
from tests.fakes.connections import ACME, OTHER, START, Died, FakeAccount, FakeBucket, World

FOLDER = "acme/aws/onyx-aws"
MANIFEST = f"{FOLDER}/metadata/BILLING_PERIOD=2026-09/onyx-aws-Manifest.json"


class Pulling(World):
    def __init__(self) -> None:
        super().__init__()
        self.clock = FixedClock(START)
        self.connection = self.connected()

    def connected(self, source: str = "aws", tenant: TenantId = ACME) -> Connection:
        made = self.connect(source, tenant)
        self.deploy(made, tenant)
        return self.verify(source, tenant)

    def deliver(self, *files: str, run: str = "1", month: str = "2026-09") -> None:
        keys = [f"{FOLDER}/data/BILLING_PERIOD={month}/{run}/{name}" for name in files]
        for key in keys:
            self.account.put(key, f"{run} {key}".encode())
        named = {"dataFiles": [f"s3://{self.connection.place.bucket}/{key}" for key in keys], "run": run}
        self.account.put(MANIFEST.replace("2026-09", month), json.dumps(named).encode())

    def pull(self, over: Callable[[], bool] = lambda: False, tenant: TenantId = ACME) -> int:
        return PullBills(
            self.connections, self.account, self.clock, lambda: "another random text", time_is_up=over
        )(tenant)

    @property
    def landed(self) -> list[str]:
        return [key for key, _ in self.account.landed]

    @property
    def now(self) -> Connection:
        return self.manage.get(ACME, "aws")


@pytest.fixture
def world() -> Pulling:
    return Pulling()


def files(run: str, *names: str, month: str = "2026-09") -> list[str]:
    return [f"{FOLDER}/data/BILLING_PERIOD={month}/{run}/{name}" for name in names]


def test_data_lands_first_and_the_manifest_last(world: Pulling) -> None:
    world.deliver("1.csv.gz", "2.csv.gz")
    world.account.put(f"{FOLDER}/data/BILLING_PERIOD=2026-09/1/not-named.csv.gz", b"x")

    assert world.pull() == 3
    assert world.landed == [*files("1", "1.csv.gz", "2.csv.gz"), MANIFEST]
    assert world.now.last_pull == LastPull(START, 3, sum(len(body) for _, body in world.account.landed))


def test_an_unchanged_manifest_is_not_pulled_again_and_a_new_one_is(world: Pulling) -> None:
    world.deliver("1.csv.gz")
    world.pull()
    brought = world.now.last_pull
    world.clock.advance(timedelta(minutes=15))
    assert world.pull() == 0
    assert (world.now.last_pull, world.now.verified_at) == (brought, START + timedelta(minutes=15))
    world.deliver("1.csv.gz", run="2")
    assert world.pull() == 2
    assert world.landed[2:] == [*files("2", "1.csv.gz"), MANIFEST]


def test_every_period_is_pulled_in_its_order(world: Pulling) -> None:
    world.deliver("1.csv.gz", month="2026-10")
    world.deliver("1.csv.gz", month="2026-08")
    assert world.pull() == 4
    assert [period_of(key) for key in world.landed] == ["2026-08"] * 2 + ["2026-10"] * 2


@pytest.mark.parametrize("allowed", range(1, 6))
def test_a_run_that_ends_goes_on_with_the_next_file(world: Pulling, allowed: int) -> None:
    names = [f"{number}.csv.gz" for number in range(4)]
    world.deliver(*names)

    def over() -> bool:
        return len(world.account.landed) >= allowed * runs

    runs = 0
    while MANIFEST not in world.landed:
        runs += 1
        assert runs <= 5
        world.pull(over)
        assert world.now.status is Status.VERIFIED
    assert world.landed == [*files("1", *names), MANIFEST], "each once, in order"


@pytest.mark.parametrize("at", range(4))
def test_killed_before_any_object_all_of_it_lands_and_the_manifest_last(world: Pulling, at: int) -> None:
    names = ("1.csv.gz", "2.csv.gz", "3.csv.gz")
    world.deliver(*names)
    expected = [*files("1", *names), MANIFEST]
    world.account.crash_before = expected[at]
    with pytest.raises(Died):
        world.pull()
    assert world.landed == expected[:at]
    world.account.crash_before = None
    world.pull()
    assert world.landed == expected


def test_killed_before_the_note_a_file_is_copied_once_more(
    world: Pulling, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deliver("1.csv.gz", "2.csv.gz")
    with monkeypatch.context() as patched:

        def die(*_: object) -> None:
            raise Died

        patched.setattr(world.connections, "save_progress", die)
        with pytest.raises(Died):
            world.pull()
    world.pull()
    first, second = files("1", "1.csv.gz", "2.csv.gz")
    assert world.landed == [first, first, second, MANIFEST]
    assert world.account.landed[0] == world.account.landed[1], "the same bytes: an unchanged delivery"


def test_a_new_delivery_meanwhile_begins_anew_and_its_manifest_alone_lands(world: Pulling) -> None:
    world.deliver("1.csv.gz", "2.csv.gz")
    world.pull(lambda: len(world.landed) == 1)
    world.deliver("1.csv.gz", "2.csv.gz", run="2")
    world.pull()
    assert world.landed == [*files("1", "1.csv.gz"), *files("2", "1.csv.gz", "2.csv.gz"), MANIFEST]


def test_a_manifest_replaced_while_its_files_are_copied_does_not_land(
    world: Pulling, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deliver("1.csv.gz")
    land = FakeBucket.land

    def and_replace(
        self: FakeBucket, key: str, landing_key: str, time_is_up: Callable[[], bool]
    ) -> int | None:
        done = land(self, key, landing_key, time_is_up)
        if "/1/" in key:
            world.deliver("1.csv.gz", run="2")
        return done

    monkeypatch.setattr(FakeBucket, "land", and_replace)
    world.pull()
    assert MANIFEST not in world.landed
    assert (world.now.status, world.now.reason) == (Status.VERIFIED, None), "that is no failure"
    world.pull()
    assert world.landed[1:] == [*files("2", "1.csv.gz"), MANIFEST]


def test_two_runs_at_once_do_not_write_over_each_other(
    world: Pulling, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deliver("1.csv.gz", "2.csv.gz")
    land = FakeBucket.land
    nested = []

    def and_another_run(
        self: FakeBucket, key: str, landing_key: str, time_is_up: Callable[[], bool]
    ) -> int | None:
        if not nested:
            nested.append(True)
            world.pull()
        return land(self, key, landing_key, time_is_up)

    monkeypatch.setattr(FakeBucket, "land", and_another_run)
    world.pull()
    assert world.landed == [*files("1", "1.csv.gz", "2.csv.gz"), MANIFEST, *files("1", "1.csv.gz")]
    assert world.pull() == 0


def test_a_failing_connection_holds_up_no_other_and_is_told_once(world: Pulling) -> None:
    world.deliver("1.csv.gz")
    closed = replace(
        world.connect("closed"),
        status=Status.VERIFIED,
        verified_at=START,
    )
    world.connections.stored[ACME, "closed"] = closed
    world.account.role = world.connection.place.role_arn
    for _ in range(2):
        world.pull()
    assert world.landed[-1] == MANIFEST
    failed = world.manage.get(ACME, "closed")
    assert failed.status is Status.FAILING
    assert "cannot be assumed" in str(failed.reason)
    [told] = [event for event in world.connections.told if isinstance(event, ConnectionFailed)]
    assert (told.connection, told.code, told.by) == ("closed", "ROLE_REFUSED", "pull")


def test_a_file_with_other_bytes_than_announced_fails_and_is_tried_again(world: Pulling) -> None:
    world.deliver("1.csv.gz", "2.csv.gz")
    bad = files("1", "2.csv.gz")[0]
    world.account.broken.add(bad)
    world.pull()
    assert world.landed == files("1", "1.csv.gz"), "no part of it, and no manifest"
    assert world.now.status is Status.FAILING
    assert bad in str(world.now.reason)
    world.account.broken.clear()
    world.pull()
    assert world.landed == [*files("1", "1.csv.gz", "2.csv.gz"), MANIFEST]
    assert (world.now.status, world.now.reason) == (Status.VERIFIED, None)


def test_a_file_that_is_named_and_absent_fails(world: Pulling) -> None:
    world.deliver("1.csv.gz")
    del world.account.objects[files("1", "1.csv.gz")[0]]
    world.pull()
    assert world.landed == []
    assert "is not there" in str(world.now.reason)


def test_sts_that_does_not_answer_is_a_failure_of_the_connection_only(
    world: Pulling, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> None:
        raise Unavailable("STS did not answer")

    monkeypatch.setattr(FakeAccount, "open", silent)
    assert world.pull() == 0
    assert world.now.status is Status.FAILING


@pytest.mark.parametrize("status", [Status.PENDING, Status.REFUSED])
def test_nothing_is_pulled_through_an_unsafe_role(world: Pulling, status: Status) -> None:
    world.deliver("1.csv.gz")
    world.connections.stored[ACME, "aws"] = replace(world.now, status=status)
    world.account.opened.clear()
    assert world.pull() == 0
    assert world.account.opened == []


def test_a_role_that_is_opened_later_is_found_within_a_day(world: Pulling) -> None:
    world.account.demands = None
    world.pull()
    assert world.now.status is Status.VERIFIED, "tried today"
    world.clock.advance(timedelta(days=1))
    world.pull()
    assert world.now.status is Status.REFUSED
    assert world.told[-1] == "ConnectionRefused.v1"


def test_another_tenants_run_pulls_nothing_of_ours(world: Pulling) -> None:
    world.deliver("1.csv.gz")
    assert world.pull(tenant=OTHER) == 0
    assert world.landed == []


PLACE = Place("arn:aws:iam::123456789012:role/onyx-bills-x", "bills", "acme/aws", "export")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b"[]", "found none"),
        (b'{"reportKeys": ["acme/aws/export/\\ud800"]}', "no plain path"),
        (b'{"dataFiles": "x"}', "found none"),
        (b'{"dataFiles": [1]}', "found none"),
        (b'{"dataFiles": ["s3://theirs/acme/aws/export/a"]}', "another bucket"),
        (b'{"reportKeys": ["acme/other/export/a"]}', "not below acme/aws/export/"),
        (b'{"reportKeys": ["acme/aws/export/../../other"]}', "no plain path"),
        (b'{"reportKeys": ["acme/aws/export//a"]}', "no plain path"),
        (b'{"reportKeys": ["acme/aws/export/a\\n"]}', "no plain path"),
        (b'{"reportKeys": ["acme/aws/export/a", "acme/aws/export/a"]}', "twice"),
        (b'{"reportKeys": ["acme/aws/export/b-Manifest.json"]}', "names a manifest"),
        (json.dumps({"reportKeys": [f"acme/aws/export/{n}" for n in range(10_001)]}).encode(), "10001"),
    ],
)
def test_a_manifest_that_is_none_or_names_others_files_is_refused(text: bytes, found: str) -> None:
    with pytest.raises(PullFailed, match=found) as caught:
        named_files(text, "m-Manifest.json", PLACE)
    assert "m-Manifest.json" in caught.value.detail


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["reportKeys", "dataFiles"]), inner),
)


@given(st.binary() | _JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_a_manifest_holds_it_is_refused_or_stays_in_its_place(text: bytes) -> None:
    try:
        keys = named_files(text, "m", PLACE)
    except PullFailed:
        return
    assert all(key.startswith(PLACE.folder) for key in keys)
    assert all(landing_key(ACME, "aws", PLACE, key).startswith("acme/aws/export/") for key in keys)


def test_both_forms_of_a_manifest_are_read() -> None:
    keys = ["acme/aws/export/2/b.csv.gz", "acme/aws/export/2/a.csv.gz"]
    urls = {"dataFiles": [f"s3://bills/{key}" for key in keys]}
    assert named_files(json.dumps({"reportKeys": keys}).encode(), "m", PLACE) == keys
    assert named_files(json.dumps(urls).encode(), "m", PLACE) == keys
    slashed = {"reportKeys": [f"/{key}" for key in keys]}
    assert named_files(json.dumps(slashed).encode(), "m", PLACE) == keys


@pytest.mark.parametrize(
    ("key", "period"),
    [
        ("p/e/metadata/BILLING_PERIOD=2026-09/e-Manifest.json", "2026-09"),
        ("p/e/metadata/billing_period=2026-12/run/e-Manifest.json", "2026-12"),
        ("p/e/20260901-20261001/e-Manifest.json", "2026-09"),
        ("p/e/20260901-20261001/assembly/e-Manifest.json", "2026-09"),
        ("p/e/20261301-20270201/e-Manifest.json", None),
        ("p/e/metadata/e-Manifest.json", None),
    ],
)
def test_the_period_stands_in_the_manifests_key(key: str, period: str | None) -> None:
    assert period_of(key) == period


def test_the_newest_manifest_of_a_period_counts_and_of_two_alike_the_outermost() -> None:
    def at(key: str, seconds: int) -> SourceObject:
        return SourceObject(f"e/20260901-20261001/{key}", "e", 1, START + timedelta(seconds=seconds))

    old, new, outer = at("1/e-Manifest.json", 0), at("2/e-Manifest.json", 5), at("e-Manifest.json", 5)
    assert newest_by_period([old, new, outer]) == {"2026-09": outer}
    assert newest_by_period([outer, new, old]) == {"2026-09": outer}
    assert newest_by_period([at("e.csv.gz", 9), old]) == {"2026-09": old}


def test_the_landing_key_is_the_tenants_own_whatever_the_prefix() -> None:
    tenant = TenantId("acme")
    assert landing_key(tenant, "aws", PLACE, "acme/aws/export/d/1") == "acme/aws/export/d/1"
    theirs = replace(PLACE, prefix="billing/daily")
    assert landing_key(tenant, "aws", theirs, "billing/daily/export/d/1") == "acme/aws/export/d/1"
    none = replace(PLACE, prefix="")
    assert landing_key(tenant, "aws", none, "export/d/1") == "acme/aws/export/d/1"
    with pytest.raises(PullFailed):
        landing_key(tenant, "aws", none, "export/" + "x" * 1024)


@pytest.mark.parametrize(
    ("manifest", "data"),
    [
        (
            "export/metadata/BILLING_PERIOD=2026-09/export-Manifest.json",
            "export/data/BILLING_PERIOD=2026-09/20261001T000000Z-1/export-00001.csv.gz",
        ),
        (
            "export/20260901-20261001/export-Manifest.json",
            "export/20260901-20261001/assembly/export-00001.csv.gz",
        ),
    ],
)
@pytest.mark.parametrize("prefix", ["acme/aws", "billing", ""])
def test_what_lands_is_found_by_who_gathers_deliveries(manifest: str, data: str, prefix: str) -> None:
    """Of a manifest's files the ingest looks where they landed, whatever the prefix was in the account."""
    place = replace(PLACE, prefix=prefix)
    manifest, data = (f"{prefix}/{key}".lstrip("/") for key in (manifest, data))
    landed = {key: landing_key(ACME, "aws", place, key) for key in (manifest, data)}
    places = [form.place(landed[manifest], data) for form in manifest_forms()]
    assert landed[data] in places
    above = [key for form in manifest_forms() for key in form.manifests_of(landed[data])]
    assert landed[manifest] in above


def test_kinds_are_those_of_the_event() -> None:
    assert {each.value for each in Kind} == {"cur", "cur2", "focus"}
