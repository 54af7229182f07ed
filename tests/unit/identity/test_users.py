import pytest

from services.identity.domain.users import UserStatus, parse_username
from services.identity.events import UserCreated, UserDisabled, UserRolesChanged
from shared.errors import BadRequest, Conflict, Forbidden, NotFound
from shared.tenancy import Role
from tests.fakes.identity import Crash

ACME, RIVAL = "acme", "rival"
ADA = "ada@example.com"


def test_a_user_stands_in_pool_and_table_and_is_told_of(world):
    user, created = world.user_service.create(ACME, " Ada@Example.com ", ["analyst"], by="admin-sub")

    assert created
    assert (user.username, user.roles, user.status) == (ADA, {Role.ANALYST}, UserStatus.ACTIVE)
    assert world.directory.pool == {ADA: ACME}
    assert world.directory.invited == [ADA]
    assert world.users.events == [
        UserCreated(
            tenant=ACME, username=ADA, roles=["analyst"], created_at=world.clock.now(), by="admin-sub"
        )
    ]


def test_the_same_call_twice_makes_one_user_and_one_event(world):
    world.user_service.create(ACME, ADA, ["analyst"], by="a")
    user, created = world.user_service.create(ACME, ADA, ["analyst"], by="a")

    assert not created
    assert user.username == ADA
    assert len(world.users.events) == 1


def test_a_crash_between_pool_and_table_is_healed_by_the_same_call(world):
    world.users.crash_before_add = True
    with pytest.raises(Crash):
        world.user_service.create(ACME, ADA, ["analyst"], by="a")
    assert not world.users.crash_before_add, "the failpoint was not hit"
    assert world.directory.pool == {ADA: ACME}
    assert world.users.rows == {}

    user, created = world.user_service.create(ACME, ADA, ["analyst"], by="a")

    assert created
    assert world.users.get(ACME, ADA).roles == user.roles
    assert len(world.users.events) == 1


def test_after_that_crash_the_half_made_user_cannot_be_taken_by_another_tenant(world):
    world.users.crash_before_add = True
    with pytest.raises(Crash):
        world.user_service.create(ACME, ADA, ["analyst"], by="a")

    with pytest.raises(Conflict) as refused:
        world.user_service.create(RIVAL, ADA, ["admin"], by="r")

    assert refused.value.code == "USERNAME_TAKEN"
    assert ACME not in str(refused.value)
    assert world.users.rows == {}


def test_a_pool_user_without_a_tenant_is_never_adopted(world):
    world.directory.pool[ADA] = ""
    with pytest.raises(Conflict, match="cannot be used"):
        world.user_service.create(ACME, ADA, ["viewer"], by="a")


def test_other_roles_for_an_existing_user_are_a_conflict(world):
    world.user_service.create(ACME, ADA, ["analyst"], by="a")
    with pytest.raises(Conflict, match="analyst") as refused:
        world.user_service.create(ACME, ADA, ["admin"], by="a")
    assert refused.value.code == "USER_EXISTS"
    assert world.users.get(ACME, ADA).roles == {Role.ANALYST}


def test_a_user_that_was_disabled_is_not_created_again(world):
    world.user_service.create(ACME, ADA, ["analyst"], by="a")
    world.user_service.disable(ACME, ADA, by="a")
    with pytest.raises(Conflict, match="disabled"):
        world.user_service.create(ACME, ADA, ["analyst"], by="a")


@pytest.mark.parametrize(
    "text", ["", "ada", "ada@", "@x.io", "a b@x.io", "ada@x", "ada@-x.io", "ada@x..io", "a" * 65 + "@x.io"]
)
def test_a_username_is_an_email_address(text):
    with pytest.raises(BadRequest):
        parse_username(text)


@pytest.mark.parametrize("text", ["operator@acme.onyx.internal", "Any@ONYX.internal.onyx.INTERNAL"])
def test_the_platforms_own_addresses_cannot_be_taken(world, text):
    with pytest.raises(Forbidden):
        world.user_service.create(ACME, text, ["viewer"], by="a")
    assert world.directory.pool == {}


@pytest.mark.parametrize("roles", [[], ["root"], ["admin", "ADMIN"]])
def test_roles_are_known_ones_and_at_least_one(world, roles):
    with pytest.raises(BadRequest):
        world.user_service.create(ACME, ADA, roles, by="a")
    assert world.directory.pool == {}


def test_roles_are_replaced_and_told_of(world):
    world.user_service.create(ACME, ADA, ["analyst"], by="a")
    world.user_service.set_roles(ACME, ADA, ["viewer", "approver"], by="boss")

    assert world.users.get(ACME, ADA).roles == {Role.VIEWER, Role.APPROVER}
    assert world.users.events[-1] == UserRolesChanged(
        tenant=ACME,
        username=ADA,
        roles=["approver", "viewer"],
        previous_roles=["analyst"],
        changed_at=world.clock.now(),
        by="boss",
    )


def test_the_same_roles_again_tell_nothing(world):
    world.user_service.create(ACME, ADA, ["analyst"], by="a")
    world.user_service.set_roles(ACME, ADA, ["analyst"], by="boss")
    assert len(world.users.events) == 1


def test_another_tenants_user_is_not_found(world):
    world.user_service.create(ACME, ADA, ["analyst"], by="a")
    with pytest.raises(NotFound):
        world.user_service.set_roles(RIVAL, ADA, ["admin"], by="r")
    with pytest.raises(NotFound):
        world.user_service.disable(RIVAL, ADA, by="r")
    assert world.user_service.list(RIVAL).rows == []
    assert world.directory.disabled == set()


def test_disable_ends_row_and_login_and_is_told_of_once(world):
    world.user_service.create(ACME, ADA, ["analyst"], by="a")
    world.user_service.disable(ACME, ADA, by="boss")
    world.user_service.disable(ACME, ADA, by="boss")

    assert world.users.get(ACME, ADA).status is UserStatus.DISABLED
    assert world.directory.disabled == {ADA}
    assert world.users.events[1:] == [
        UserDisabled(tenant=ACME, username=ADA, disabled_at=world.clock.now(), by="boss")
    ]


def test_a_crash_between_row_and_pool_at_disable_is_healed_by_the_same_call(world):
    world.user_service.create(ACME, ADA, ["analyst"], by="a")
    world.directory.crash_before_disable = True
    with pytest.raises(Crash):
        world.user_service.disable(ACME, ADA, by="boss")
    assert not world.directory.crash_before_disable, "the failpoint was not hit"
    assert world.users.get(ACME, ADA).status is UserStatus.DISABLED

    world.user_service.disable(ACME, ADA, by="boss")
    assert world.directory.disabled == {ADA}


def test_the_platforms_own_users_are_not_a_tenants_to_change(world):
    world.tenant_service.create(ACME)
    world.tokens.issue(ACME)
    with pytest.raises(Forbidden):
        world.user_service.set_roles(ACME, "operator@acme.onyx.internal", ["viewer"], by="a")
    with pytest.raises(Forbidden):
        world.user_service.disable(ACME, "Operator@acme.onyx.internal", by="a")
