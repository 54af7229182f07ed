"""The routes of row policies: parse, call one use case, map the result."""

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.query_engine.application.manage_policies import ManagePolicies
from services.query_engine.domain.policies import ME, RowPolicy, SetPolicy, row_policy
from services.query_engine.handlers.policy_models import (
    OwnRowPolicy,
    PolicySettingsBody,
    RowPolicies,
    RowPolicyBody,
    SetRowPolicy,
)
from services.query_engine.handlers.request import model_of
from shared.errors import BadRequest
from shared.json_text import dumps
from shared.tenancy import Principal

PATH = "/v1/query/policies"
PAGE, LARGEST_PAGE = 100, 1000
Handler = Callable[[Request], Awaitable[Response]]


def policy_routes(
    manage: ManagePolicies, caller_of: Callable[[Request], Awaitable[Principal]]
) -> list[tuple[str, str, Handler]]:
    """Path, method and handler of each; those of /v1/query/{query_id} come after them."""

    async def page(request: Request) -> Response:
        caller, asked = await caller_of(request), request.query_params
        limit = asked.get("limit", str(PAGE))
        if not limit.isdecimal() or not 1 <= int(limit) <= LARGEST_PAGE:
            raise BadRequest(f"limit is 1 to {LARGEST_PAGE}", code="INVALID_LIMIT")
        found, settings = await run_in_threadpool(manage.page, caller, int(limit), asked.get("cursor"))
        return _json(
            RowPolicies(
                rows=[_set(each) for each in found.policies],
                cursor=found.cursor,
                default="deny" if settings.deny_unnamed else "allow",
                cost_center_tag=settings.cost_center_tag,
            )
        )

    async def configure(request: Request) -> Response:
        caller, given = await caller_of(request), await model_of(request, PolicySettingsBody)
        await run_in_threadpool(
            lambda: manage.configure(
                caller, deny_unnamed=given.default == "deny", cost_center_tag=given.cost_center_tag
            )
        )
        return _json(given)

    async def own(request: Request) -> Response:
        caller = await caller_of(request)
        found = await run_in_threadpool(manage.own, caller)
        policy = RowPolicy(everything=True) if found is None else found.policy
        tag = None if found is None else found.cost_center_tag
        return _json(OwnRowPolicy(**_rows(policy), subject=caller.subject, cost_center_tag=tag))

    async def show(request: Request) -> Response:
        return _json(_set(await run_in_threadpool(manage.show, await caller_of(request), _subject(request))))

    async def choose(request: Request) -> Response:
        caller, given = await caller_of(request), await model_of(request, RowPolicyBody)
        policy = row_policy(
            given.match, given.sub_accounts, given.tags, given.cost_centers, everything=given.everything
        )
        return _json(_set(await run_in_threadpool(manage.choose, caller, _subject(request), policy)))

    async def remove(request: Request) -> Response:
        caller = await caller_of(request)
        return _json(_set(await run_in_threadpool(manage.remove, caller, _subject(request))))

    one = f"{PATH}/{{subject}}"
    return [
        (PATH, "GET", page),
        (PATH, "PUT", configure),
        (f"{PATH}/{ME}", "GET", own),
        (one, "GET", show),
        (one, "PUT", choose),
        (one, "DELETE", remove),
    ]


def _subject(request: Request) -> str:
    found: str = request.path_params["subject"]
    return found


def _rows(policy: RowPolicy) -> dict[str, Any]:
    return {
        "match": policy.match.value,
        "sub_accounts": list(policy.sub_accounts),
        "tags": {key: list(values) for key, values in policy.tags},
        "cost_centers": list(policy.cost_centers),
        "everything": policy.everything,
    }


def _set(found: SetPolicy) -> SetRowPolicy:
    return SetRowPolicy(
        **_rows(found.policy),
        subject=found.subject,
        version=found.version,
        set_by=found.set_by,
        set_at=found.set_at,
    )


def _json(body: BaseModel) -> Response:
    return Response(dumps(body), media_type="application/json")
