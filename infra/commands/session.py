"""What a command works with: the platform it was pointed to, tokens for it, and its API."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from infra.commands.api import Api
from infra.commands.context import PlatformContext, not_running
from infra.commands.errors import usage
from infra.commands.operator_function import Platform, operate
from infra.commands.tokens import TokenCache
from infra.environments import NAMES
from infra.local.state import LocalState, default_home
from shared.clock import SystemClock

LOCAL = "local"


def state_folder(env: str, port: int) -> Path:
    """Where this machine keeps what belongs to one platform: by port for a local one, else by environment."""
    return LocalState.of(port).root if env == LOCAL else default_home() / env


def unreachable(env: str, port: int) -> str:
    if env == LOCAL:
        return not_running(port)
    return f"Onyx {env} does not answer: check the AWS profile, the region and the network."


@dataclass(frozen=True)
class Session:
    platform: Platform
    env: str
    port: int
    tokens: TokenCache
    transport: httpx.BaseTransport | None = None

    @property
    def unreachable(self) -> str:
        return unreachable(self.env, self.port)

    def operate(self, command: str, *, part: str = "identity", **fields: object) -> dict[str, Any]:
        """One command of an operator function; see `operate`."""
        return operate(self.platform, command, unreachable=self.unreachable, part=part, **fields)

    def token(self, tenant: str | None, *, role: str | None = None, fresh: bool = False) -> str:
        """ONYX_TOKEN where set; else the cached token of the tenant, or a new one from the operator."""
        given = os.environ.get("ONYX_TOKEN")
        if given:
            return given
        if not tenant:
            raise usage("--tenant is needed (or ONYX_TENANT, or a token in ONYX_TOKEN).")
        key = f"{tenant}/{role}" if role else tenant
        cached = None if fresh else self.tokens.get(key)
        if cached is not None:
            return cached
        answer = self.operate("issue_token", tenant=tenant, role=role)
        token = str(answer["access_token"])
        self.tokens.put(key, token, int(str(answer["expires_in"])))
        return token

    def api(self, tenant: str | None) -> Api:
        return Api(
            self.platform.url,
            lambda fresh: self.token(tenant, fresh=fresh),
            unreachable=self.unreachable,
            transport=self.transport,
        )


def connect(env: str, port: int) -> Session:
    """The session of a command. CommandError when the platform is not there."""
    if env not in NAMES:
        raise usage(f"--env is one of {', '.join(NAMES)}, not {env}.")
    platform = PlatformContext.load(env, port)
    cache = TokenCache(state_folder(env, port) / "tokens.json", SystemClock())
    return Session(platform=platform, env=env, port=port, tokens=cache)
