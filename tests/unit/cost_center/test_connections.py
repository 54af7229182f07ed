"""Connecting an account: what is made, what is tried, and what is refused."""

from dataclasses import replace

import pytest

from services.cost_center.domain.connection import Connection, Kind, Place, Status
from shared.errors import BadRequest, Conflict, NotFound
from shared.tenancy import TenantId
from tests.fakes.connections import ACCOUNT, ACME, OTHER, START, FakeAccount, World


@pytest.fixture
def world() -> World:
    return World()


def test_a_connection_is_made_once(world: World) -> None:
    made, new = world.manage.create(ACME, "aws", ACCOUNT, Kind.CUR2, "ada")
    again, newer = world.manage.create(ACME, "aws", ACCOUNT, Kind.CUR2, "bob")

    assert (new, newer) == (True, False)
    assert again == made
    assert (made.status, made.created_by, made.version) == (Status.PENDING, "ada", 1)
    assert made.place.prefix == "acme/aws"
    assert world.told == ["ConnectionCreated.v1"]
    with pytest.raises(Conflict) as caught:
        world.manage.create(ACME, "aws", "210987654321", Kind.CUR2, "ada")
    assert caught.value.code == "CONNECTION_EXISTS"


def test_an_export_that_is_there_already_can_be_connected(world: World) -> None:
    def ours(place: Place) -> Place:
        return replace(place, bucket="our-billing", prefix="daily", export_name="report")

    made, new = world.manage.create(ACME, "aws", ACCOUNT, Kind.CUR, "ada", ours)
    assert (new, made.makes_export, made.place.folder) == (True, False, "daily/report/")
    assert made.place.role_arn.endswith(made.nonce)
    assert world.manage.create(ACME, "aws", ACCOUNT, Kind.CUR, "ada", ours) == (made, False)
    with pytest.raises(Conflict):
        world.manage.create(ACME, "aws", ACCOUNT, Kind.CUR, "ada", lambda p: replace(p, bucket="other-one"))


def test_who_connects_at_the_same_moment_finds_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = world.connect()
    known = world.connections.get
    late = iter([lambda *_: None])

    def get(*asked: TenantId | str) -> Connection | None:
        return next(late, known)(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(world.connections, "get", get)
    assert world.manage.create(ACME, "aws", ACCOUNT, Kind.CUR2, "bob") == (first, False)


def test_one_external_id_per_tenant_and_no_tenants_the_same(world: World) -> None:
    ids = {
        tenant: {
            world.manage.template(tenant, source)["Resources"]["Role"]["Properties"][
                "AssumeRolePolicyDocument"
            ]["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"]
            for source in ("a", "b")
            if world.connect(source, tenant)
        }
        for tenant in (ACME, OTHER)
    }
    assert len(ids[ACME]) == len(ids[OTHER]) == 1
    assert ids[ACME] != ids[OTHER]


def test_names_in_the_account_cannot_be_foreseen(world: World) -> None:
    one, two = world.connect("a"), world.connect("b")
    assert one.nonce != two.nonce
    for each in (one, two):
        assert each.place.bucket.endswith(each.nonce)
        assert each.place.role_arn.endswith(f"role/onyx-bills-{each.nonce}")


@pytest.mark.parametrize(("source", "account"), [("Aws", ACCOUNT), ("a/b", ACCOUNT), ("aws", "12345678901")])
def test_a_bad_name_or_account_is_refused(world: World, source: str, account: str) -> None:
    with pytest.raises(BadRequest):
        world.manage.create(ACME, source, account, Kind.CUR2, "ada")


def test_a_role_that_wants_the_external_id_is_verified(world: World) -> None:
    world.deploy(world.connect())
    found = world.verify()

    assert (found.status, found.reason, found.verified_at) == (Status.VERIFIED, None, START)
    assert world.told == ["ConnectionCreated.v1", "ConnectionVerified.v1"]
    tried = world.account.opened
    assert None in tried
    assert len(set(tried)) == 3, "without, with a wrong one, with the right one"


def test_before_the_template_is_deployed_it_stays_pending_and_says_why(world: World) -> None:
    world.connect()
    found = world.verify()
    assert found.status is Status.PENDING
    assert "cannot be assumed" in str(found.reason)
    assert world.told == ["ConnectionCreated.v1"]


def test_a_role_that_opens_without_the_external_id_is_refused(world: World) -> None:
    world.deploy(world.connect())
    world.account.demands = None
    found = world.verify()
    assert (found.status, found.reason) == (
        Status.REFUSED,
        "the role can be assumed without the external id",
    )
    assert world.told[-1] == "ConnectionRefused.v1"
    world.deploy(found)
    assert world.verify().status is Status.VERIFIED, "mended, and tried again"


def test_a_role_that_opens_with_any_external_id_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deploy(world.connect())
    strict = FakeAccount.open

    def lax(self: FakeAccount, tenant: TenantId, connection: Connection, external_id: str | None) -> object:
        return strict(self, tenant, connection, external_id and self.demands)

    monkeypatch.setattr(FakeAccount, "open", lax)
    found = world.verify()
    assert (found.status, found.reason) == (
        Status.REFUSED,
        "the role can be assumed with a wrong external id",
    )


def test_a_bucket_that_cannot_be_read_is_no_connection(world: World) -> None:
    world.deploy(world.connect())
    world.account.readable = False
    assert world.verify().status is Status.PENDING
    world.account.readable = True
    assert world.verify().status is Status.VERIFIED
    world.account.readable = False
    found = world.verify()
    assert found.status is Status.FAILING
    assert "cannot be read" in str(found.reason)


def test_another_place_of_the_same_account_may_be_named(world: World) -> None:
    made = world.connect()
    role = f"arn:aws:iam::{ACCOUNT}:role/onyx-bills-mine"
    world.deploy(replace(made, place=replace(made.place, role_arn=role)))
    found = world.verify(role_arn=role, bucket="our-billing", prefix="", export_name="daily")
    assert found.status is Status.VERIFIED
    assert found.place == Place(role, "our-billing", "", "daily")
    assert found.place.folder == "daily/"


@pytest.mark.parametrize(
    "given",
    [
        {"role_arn": "arn:aws:iam::210987654321:role/onyx-bills-x"},
        {"role_arn": f"arn:aws:iam::{ACCOUNT}:role/admin"},
        {"role_arn": f"arn:aws:iam::{ACCOUNT}:role/path/onyx-bills-x"},
        {"role_arn": f"arn:aws:iam::{ACCOUNT}:user/onyx-bills-x"},
        {"bucket": "a/../b"},
        {"prefix": "a//b"},
        {"prefix": "../b"},
        {"prefix": "/a"},
        {"export_name": "a/b"},
        {"region": "http://evil"},
    ],
)
def test_no_other_account_and_no_odd_place(world: World, given: dict[str, str]) -> None:
    world.deploy(world.connect())
    with pytest.raises(BadRequest) as caught:
        world.verify(**given)
    assert caught.value.code == "INVALID_PLACE"
    assert world.account.opened == []


def test_what_was_proven_of_one_role_is_not_proven_of_another(world: World) -> None:
    world.deploy(world.connect())
    assert world.verify().status is Status.VERIFIED
    moved = world.verify(role_arn=f"arn:aws:iam::{ACCOUNT}:role/onyx-bills-other")
    assert (moved.status, moved.verified_at) == (Status.PENDING, None)


def test_another_tenant_sees_and_changes_nothing(world: World) -> None:
    world.deploy(world.connect())
    for act in (
        lambda: world.manage.get(OTHER, "aws"),
        lambda: world.manage.template(OTHER, "aws"),
        lambda: world.verify(tenant=OTHER),
        lambda: world.manage.remove(OTHER, "aws", "eve"),
    ):
        with pytest.raises(NotFound):
            act()
    assert world.manage.page(OTHER, limit=10, cursor=None).connections == []
    # Nor does a connection of theirs to the same account open our role.
    theirs = world.connect("theirs", OTHER)
    ours = world.manage.get(ACME, "aws").place.role_arn
    world.account.opened.clear()
    stolen = world.verify("theirs", OTHER, role_arn=ours)
    assert (theirs.status, stolen.status) == (Status.PENDING, Status.PENDING)
    assert world.connections.external_id(ACME) not in world.account.opened


def test_a_removed_connection_is_gone_and_can_be_made_anew(world: World) -> None:
    made = world.connect()
    assert world.manage.remove(ACME, "aws", "ada") == made
    with pytest.raises(NotFound):
        world.manage.get(ACME, "aws")
    assert world.told[-1] == "ConnectionRemoved.v1"
    assert world.connect(kind=Kind.FOCUS).nonce != made.nonce
