"""Portal: what needs no token: health, the published contract and its readable page."""

from aws_cdk import Environment
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from constructs import Construct

from infra.constructs.domain_stack import DomainStack
from infra.constructs.foundation import Foundation
from infra.constructs.http_api_routes import HttpApiRoutes

PUBLIC_PATHS = ("/v1/health", "/v1/openapi.json", "/v1/docs")


class PortalStack(DomainStack):
    """One function behind the only routes without the authorizer."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        foundation: Foundation,
        api: apigateway.IHttpApi,
        env: Environment | None = None,
    ) -> None:
        super().__init__(scope, id, foundation=foundation, domain="portal", route="", env=env)
        http = self.function("Api", "api")
        HttpApiRoutes(
            self,
            "Routes",
            api=api,
            integration=integrations.HttpLambdaIntegration("Api", http.function),
            authorizer=None,
            paths=PUBLIC_PATHS,
            method=apigateway.HttpMethod.GET,
            public=True,
        )
