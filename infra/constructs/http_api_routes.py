"""A domain's routes on the platform's HTTP API."""

from collections.abc import Sequence

from aws_cdk import aws_apigatewayv2 as apigateway
from constructs import Construct

from infra.constructs.nag import acknowledge
from shared.tenancy import API_SCOPE


class HttpApiRoutes(Construct):
    """Routes of one integration, in the stack of the domain that answers them.

    Each needs a token that the authorizer accepts and that carries the scope `onyx/api`; what a role may do
    is the domain's own decision, route by route. `public` routes need no token, for the `reason`: they say
    nothing about anyone (health, the published contract), or know their caller by other means.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        api: apigateway.IHttpApi,
        integration: apigateway.HttpRouteIntegration,
        authorizer: apigateway.IHttpRouteAuthorizer | None,
        paths: Sequence[str],
        method: apigateway.HttpMethod = apigateway.HttpMethod.ANY,
        public: bool = False,
        reason: str = "Public by design: it tells nothing of a tenant.",
    ) -> None:
        super().__init__(scope, id)
        if public == (authorizer is not None):
            raise ValueError(f"{id}: a route is public or has an authorizer, not both and not neither")
        for path in paths:
            name = "".join(part.strip("{+}").title() for part in path.replace(".", "/").split("/"))
            route = apigateway.HttpRoute(
                self,
                name,
                http_api=api,
                route_key=apigateway.HttpRouteKey.with_(path, method),
                integration=integration,
                authorizer=authorizer,
                authorization_scopes=None if public else [API_SCOPE],
            )
            if public:
                acknowledge(route, {"AwsSolutions-APIG4": reason})
