"""Cognito: who may change which attribute of a user."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import cognito

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[dict[str, Any]], Answer]

_UNAUTHORIZED = "A client attempted to write unauthorized attribute"


def refuse_attributes_that_the_pool_protects() -> None:
    """Immutable attributes can be changed, and a client's list of writable ones is not looked at.

    A user could move to another tenant by its own token.
    """
    by_user: Handler = cognito._update_user_attributes
    by_admin: Handler = cognito._admin_update_user_attributes

    def update(data: dict[str, Any]) -> Answer:
        user, pool = cognito._user_pool_for_access_token(data.get("AccessToken", ""))
        if user:
            names = _names(data)
            writable = _writable(pool, cognito._decode_id_token_unverified(data["AccessToken"])["client_id"])
            if names & _immutable(pool) or (writable and not names <= writable):
                return _refused("NotAuthorizedException", _UNAUTHORIZED)
        return by_user(data)

    def admin_update(data: dict[str, Any]) -> Answer:
        pool, error = cognito._resolve_pool(data.get("UserPoolId"))
        if not error and (fixed := _names(data) & _immutable(pool)):
            text = f"{sorted(fixed)[0]}: Attribute cannot be updated."
            return _refused("InvalidParameterException", f"user.{text}")
        return by_admin(data)

    cognito._update_user_attributes = update
    cognito._admin_update_user_attributes = admin_update


def _names(data: Mapping[str, Any]) -> set[str]:
    attributes: Iterable[Mapping[str, str]] = data.get("UserAttributes", [])
    return {attribute["Name"] for attribute in attributes}


def _immutable(pool: Mapping[str, Any]) -> set[str]:
    schema = pool.get("SchemaAttributes", [])
    return {attribute["Name"] for attribute in schema if not attribute.get("Mutable", True)}


def _writable(pool: Mapping[str, Any], client_id: str) -> set[str]:
    client = pool.get("_clients", {}).get(client_id, {})
    return set(client.get("WriteAttributes") or [])


def _refused(code: str, message: str) -> Answer:
    answer: Answer = error_response_json(code, message, 400)
    return answer
