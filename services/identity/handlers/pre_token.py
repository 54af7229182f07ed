"""Cognito's pre token generation trigger, version V3_0: tenant and roles go into the access token.

An exception means that Cognito issues no token. Of the event only what Cognito itself vouches for is read;
`clientMetadata` is the caller's own text and is never looked at.
Shape: https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html
"""

import json
from typing import Any

from services.identity.domain.logins import ClientLogin, Login, UserLogin
from services.identity.domain.mappings import pool_issuer
from services.identity.handlers import wiring
from shared.errors import Forbidden
from shared.observability import bind_context, clear_context, logger

MACHINE = "TokenGeneration_ClientCredentials"


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """The event with `claimsAndScopeOverrideDetails` filled in. Raises Forbidden to refuse the token."""
    clear_context()
    login = parse(event)
    try:
        grant = wiring.grants().grant(login)
    except Forbidden as refused:
        logger.warning("token refused", extra={"code": refused.code, "login": repr(login)})
        raise
    bind_context(tenant=grant.tenant, correlation_id=None)
    event["response"] = {
        "claimsAndScopeOverrideDetails": {
            "accessTokenGeneration": {
                "claimsToAddOrOverride": grant.claims,
                "scopesToAdd": grant.scopes,
            }
        }
    }
    return event


def parse(event: dict[str, Any]) -> Login:
    """Who is asking. Forbidden for an event that does not say so in Cognito's own terms."""
    try:
        trigger = str(event["triggerSource"])
        client_id = str(event["callerContext"]["clientId"])
        attributes = dict(event["request"].get("userAttributes") or {})
        if not trigger.startswith("TokenGeneration_") or not client_id:
            raise ValueError(trigger)
        if trigger == MACHINE:
            issuer = pool_issuer(str(event["userPoolId"]))
            return ClientLogin(issuer=issuer, client_id=client_id, federated=False)
        provider = _provider(attributes)
        if provider is not None:
            return ClientLogin(issuer=provider, client_id=client_id, federated=True)
        return UserLogin(username=str(event["userName"]), tenant=str(attributes.get("custom:tenant", "")))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Forbidden("this is no token request that can be answered", code="TOKEN_EVENT") from error


def _provider(attributes: dict[str, Any]) -> str | None:
    """The identity provider of a federated user: its issuer (SAML), or its name in the pool (OIDC, social).

    A user that is linked to a provider counts as federated: its own attributes may come from there.
    """
    text = attributes.get("identities")
    if not text:
        return None
    first = json.loads(text)[0]
    return str(first.get("issuer") or first["providerName"])
