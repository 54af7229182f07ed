"""IAM: what the emulator sees of a request when it evaluates policies."""

import json
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator

_DATABASE_ACTIONS = ("GetDatabase", "UpdateDatabase", "DeleteDatabase", "CreateDatabase")


def take_the_loopback_for_tls() -> None:
    """Our bucket, queue and topic policies refuse plain HTTP, and on one machine there is nothing else."""
    pin = app.pin_request_origin

    def pinning(address: str, secure: bool) -> None:
        pin(address, True)

    app.pin_request_origin = pinning


def name_the_role_of_a_session() -> None:
    """`aws:PrincipalArn` of a role's session is the role's ARN; the emulator gives the session's."""
    resolve = iam_evaluator._resolve_condition_key

    def resolving(key: str, context: Any) -> Any:
        found = resolve(key, context)
        if key.lower() == "aws:principalarn" and ":assumed-role/" in str(found):
            head, _, session = str(found).partition(":assumed-role/")
            partition, account = head.split(":")[1], head.split(":")[4]
            return f"arn:{partition}:iam::{account}:role/{session.split('/')[0]}"
        return found

    iam_evaluator._resolve_condition_key = resolving


def name_glue_databases_as_such() -> None:
    """Calls on a database are checked against a table of its name, so that a right policy refuses them."""
    extract = iam_actions.extract_resource_arn

    def extracting(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes, *rest: Any
    ) -> Any:
        found = extract(service, method, path, headers, body, *rest)
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if service == "glue" and action in _DATABASE_ACTIONS:
            request = json.loads(body)
            name = request.get("Name") or request.get("DatabaseInput", {}).get("Name", "")
            return ":".join([*found.split(":")[:5], f"database/{name}"])
        return found

    iam_actions.extract_resource_arn = extracting


def name_schedules_by_their_group() -> None:
    """Every schedule is checked as one of the group `default`, so that a right policy refuses all others."""
    extract = iam_actions.extract_resource_arn

    def extracting(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query: dict[str, Any],
        *rest: Any,
    ) -> Any:
        found = extract(service, method, path, headers, body, query, *rest)
        if service == "scheduler" and ":schedule/default/" in found:
            asked = query.get("groupName") or json.loads(body or b"{}").get("GroupName") or "default"
            group = asked[0] if isinstance(asked, list) else asked
            return found.replace(":schedule/default/", f":schedule/{group}/")
        return found

    iam_actions.extract_resource_arn = extracting
