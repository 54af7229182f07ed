"""The user pool in Amazon Cognito. Usernames are the pool's own (no alias), in lower case."""

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from services.identity.domain.ports import AccessToken
from shared import aws
from shared.errors import Conflict, Forbidden, NotFound, Unavailable
from shared.tenancy import TenantId

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

TENANT_ATTRIBUTE = "custom:tenant"
# Two operators at once take each other's password away between setting and using it; each tries again.
LOGIN_ATTEMPTS = 5


def random_password() -> str:
    """256 random bits, and one character of each class that a password policy may ask for."""
    return secrets.token_urlsafe(32) + "aA1!"


class CognitoDirectory:
    def __init__(
        self,
        pool_id: str,
        client_id: str,
        client: "CognitoIdentityProviderClient | None" = None,
        password: Callable[[], str] = random_password,
    ) -> None:
        self._pool = pool_id
        self._client_id = client_id
        self._cognito = client or aws.client("cognito-idp")
        self._password = password

    def tenant_of(self, username: str) -> str | None:
        try:
            user = self._cognito.admin_get_user(UserPoolId=self._pool, Username=username)
        except self._cognito.exceptions.UserNotFoundException:
            return None
        attributes = {item["Name"]: item.get("Value", "") for item in user["UserAttributes"]}
        return attributes.get(TENANT_ATTRIBUTE, "")

    def create(self, tenant: TenantId, username: str, *, invite: bool) -> None:
        try:
            self._cognito.admin_create_user(
                UserPoolId=self._pool,
                Username=username,
                UserAttributes=[
                    {"Name": "email", "Value": username},
                    {"Name": "email_verified", "Value": "true"},
                    {"Name": TENANT_ATTRIBUTE, "Value": tenant},
                ],
                # Ours, and not the pool's own idea of one: it meets the policy wherever this runs.
                TemporaryPassword=self._password(),
                **({"DesiredDeliveryMediums": ["EMAIL"]} if invite else {"MessageAction": "SUPPRESS"}),
            )
        except self._cognito.exceptions.UsernameExistsException:
            raise Conflict(f"The user pool has a user {username}.", code="USERNAME_TAKEN") from None

    def disable(self, username: str) -> None:
        try:
            self._cognito.admin_disable_user(UserPoolId=self._pool, Username=username)
            self._cognito.admin_user_global_sign_out(UserPoolId=self._pool, Username=username)
        except self._cognito.exceptions.UserNotFoundException:
            raise _unknown(username) from None

    def issue(self, username: str) -> AccessToken:
        for _ in range(LOGIN_ATTEMPTS):
            token = self._login(username)
            if token is not None:
                return token
        raise Unavailable(f"The login of {username} was overtaken {LOGIN_ATTEMPTS} times; try again.")

    def _login(self, username: str) -> AccessToken | None:
        password = self._password()
        try:
            self._cognito.admin_set_user_password(
                UserPoolId=self._pool, Username=username, Password=password, Permanent=True
            )
            answer = self._cognito.admin_initiate_auth(
                UserPoolId=self._pool,
                ClientId=self._client_id,
                AuthFlow="ADMIN_USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": username, "PASSWORD": password},
            )
        except self._cognito.exceptions.UserNotFoundException:
            raise _unknown(username) from None
        except self._cognito.exceptions.UserLambdaValidationException as error:
            raise Forbidden(f"No token for {username}: {_message(error)}", code="TOKEN_REFUSED") from None
        except self._cognito.exceptions.NotAuthorizedException as error:
            if "disabled" in _message(error):
                raise Forbidden(f"User {username} is disabled.", code="USER_DISABLED") from None
            return None
        result = answer.get("AuthenticationResult")
        if not result or "AccessToken" not in result:
            challenge = answer.get("ChallengeName", "nothing")
            raise Forbidden(f"The user pool asks {username} for {challenge}.", code="TOKEN_REFUSED")
        return AccessToken(value=result["AccessToken"], expires_in=result["ExpiresIn"])


def _message(error: Exception) -> str:
    response: dict[str, dict[str, str]] = getattr(error, "response", {})
    return response.get("Error", {}).get("Message", str(error))


def _unknown(username: str) -> NotFound:
    return NotFound(f"The user pool has no user {username}.", code="USER_NOT_FOUND")
