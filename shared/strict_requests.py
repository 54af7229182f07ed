"""What a route does not know is refused, before anything is read.

A misspelt filter that is passed over answers with another sum than was asked for.
"""

import difflib
from collections.abc import Collection
from urllib.parse import unquote

from aws_lambda_powertools.event_handler.api_gateway import Route
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from shared.errors import NotFound, Unprocessable

LONGEST_ID = 512
"""Bytes of one part of a path. No id of Onyx is longer, and DynamoDB takes no key that is."""


def check_request(route: Route, event: APIGatewayProxyEventV2) -> None:
    """Raises Unprocessable for a query parameter that `route` does not take, and NotFound where a part of the
    path is longer than any id."""
    known = {parameter.alias for parameter in route.dependant.query_params}
    strange = [name for name in event.resolved_query_string_parameters if name not in known]
    if strange:
        raise Unprocessable(
            "the request is not valid", errors=[_finding(name, known) for name in sorted(strange)]
        )
    if any(len(unquote(part).encode()) > LONGEST_ID for part in event.path.split("/")):
        raise NotFound(f"there is nothing with an id of more than {LONGEST_ID} bytes")


def _finding(name: str, known: Collection[str]) -> dict[str, str]:
    near = difflib.get_close_matches(name, sorted(known), 1)
    meant = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known)) or 'none'}"
    return {"field": f"query.{name}", "code": "extra_forbidden", "message": f"no such parameter; {meant}"}
