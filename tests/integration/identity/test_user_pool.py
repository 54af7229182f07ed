"""What Cognito answers and moto does not: refusals of the trigger, races, challenges."""

from collections.abc import Iterator

import boto3
import pytest
from botocore.stub import ANY, Stubber

from services.identity.adapters.user_pool import LOGIN_ATTEMPTS, CognitoDirectory, random_password
from shared.errors import Forbidden, Unavailable

ADA = "ada@example.com"


@pytest.fixture
def pool() -> Iterator[tuple[Stubber, CognitoDirectory]]:
    client = boto3.client(
        "cognito-idp", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    passwords = (f"Password-{number}!" for number in range(100))
    with Stubber(client) as stub:
        yield stub, CognitoDirectory("pool", "client", client, lambda: next(passwords))
        stub.assert_no_pending_responses()


def sets_password(stub: Stubber, password: object = ANY) -> None:
    expected = {"UserPoolId": "pool", "Username": ADA, "Password": password, "Permanent": True}
    stub.add_response("admin_set_user_password", {}, expected)


def test_a_password_that_was_overtaken_is_set_anew(pool):
    stub, directory = pool
    sets_password(stub, "Password-0!")
    stub.add_client_error("admin_initiate_auth", "NotAuthorizedException", "Incorrect username or password.")
    sets_password(stub, "Password-1!")
    stub.add_response(
        "admin_initiate_auth",
        {"AuthenticationResult": {"AccessToken": "token", "ExpiresIn": 3600}},
        {
            "UserPoolId": "pool",
            "ClientId": "client",
            "AuthFlow": "ADMIN_USER_PASSWORD_AUTH",
            "AuthParameters": {"USERNAME": ADA, "PASSWORD": "Password-1!"},
        },
    )
    assert directory.issue(ADA).value == "token"


def test_it_does_not_try_for_ever(pool):
    stub, directory = pool
    for _ in range(LOGIN_ATTEMPTS):
        sets_password(stub)
        stub.add_client_error(
            "admin_initiate_auth", "NotAuthorizedException", "Incorrect username or password."
        )
    with pytest.raises(Unavailable):
        directory.issue(ADA)


def test_a_refusal_of_the_trigger_is_told_with_its_reason(pool):
    stub, directory = pool
    sets_password(stub)
    reason = "PreTokenGeneration failed with error The tenant is unknown or suspended."
    stub.add_client_error("admin_initiate_auth", "UserLambdaValidationException", reason)
    with pytest.raises(Forbidden, match="suspended"):
        directory.issue(ADA)


def test_a_challenge_is_no_token(pool):
    stub, directory = pool
    sets_password(stub)
    stub.add_response("admin_initiate_auth", {"ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "s" * 20})
    with pytest.raises(Forbidden, match="SOFTWARE_TOKEN_MFA"):
        directory.issue(ADA)


def test_a_user_that_is_disabled_is_not_tried_again(pool):
    stub, directory = pool
    sets_password(stub)
    stub.add_client_error("admin_initiate_auth", "NotAuthorizedException", "User is disabled.")
    with pytest.raises(Forbidden, match="disabled"):
        directory.issue(ADA)


def test_a_random_password_meets_every_policy_and_never_repeats():
    passwords = {random_password() for _ in range(100)}
    assert len(passwords) == 100
    for password in passwords:
        assert 40 <= len(password) <= 256
        for needed in (str.islower, str.isupper, str.isdigit):
            assert any(map(needed, password))
        assert "!" in password
