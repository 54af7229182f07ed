"""Which tenant a token belongs to when no user of ours stands behind it.

A machine client (client credentials) or a federated user is known by its issuer and the app client.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from shared.errors import BadRequest
from shared.tenancy import Role, TenantId

_ISSUER = re.compile(r"[!-~]{1,512}")
_CLIENT = re.compile(r"[\w+.:-]{1,256}", re.ASCII)


@dataclass(frozen=True)
class SsoMapping:
    issuer: str
    client_id: str
    tenant: TenantId
    roles: frozenset[Role]
    created_at: datetime


def pool_issuer(pool_id: str) -> str:
    """How tokens name a Cognito user pool, whose id starts with its region."""
    return f"https://cognito-idp.{pool_id.split('_')[0]}.amazonaws.com/{pool_id}"


def parse_issuer(text: str) -> str:
    """An issuer as tokens carry it: compared letter by letter. A '#' would make two keys read alike."""
    if not _ISSUER.fullmatch(text) or "#" in text:
        raise BadRequest("An issuer is 1 to 512 visible ASCII characters without '#'.", code="ISSUER")
    return text


def parse_client_id(text: str) -> str:
    if not _CLIENT.fullmatch(text):
        raise BadRequest("A client id is 1 to 256 letters, digits or any of _ + . : -", code="CLIENT_ID")
    return text
