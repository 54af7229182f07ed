"""What the stacks of the domains have in common."""

from aws_cdk import Duration, Environment, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from constructs import Construct

from infra.constructs.control_function import ControlFunction
from infra.constructs.domain_table import DomainTable, outbox_index, time_index
from infra.constructs.foundation import Foundation
from infra.constructs.http_api_routes import HttpApiRoutes
from infra.constructs.outbox_relay import OutboxRelay


class DomainStack(Stack):
    """A domain's tables, functions and routes. `domain` is its package, `route` its name in paths.

    `variables` are the environment of the domain's functions and tasks; a stack fills it with its tables
    before it makes them.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        foundation: Foundation,
        domain: str,
        route: str,
        env: Environment | None = None,
    ) -> None:
        super().__init__(scope, id, stack_name=id, env=env)
        self.foundation = foundation
        self.domain = domain
        self.route = route
        self.variables: dict[str, str] = {}

    def inbox(self) -> DomainTable:
        """The domain's inbox: what its consumers have seen, and what they failed on."""
        table = DomainTable(self, "Inbox", foundation=self.foundation)
        self.variables["INBOX_TABLE"] = table.name
        return table

    def outbox(self) -> DomainTable:
        """The domain's outbox with its relay to the bus."""
        table = DomainTable(
            self, "Outbox", foundation=self.foundation, stream=True, indexes=[outbox_index(), time_index()]
        )
        OutboxRelay(self, "Relay", foundation=self.foundation, domain=self.domain, outbox=table)
        self.variables["OUTBOX_TABLE"] = table.name
        return table

    def function(self, id: str, handler: str, *, timeout: Duration | None = None) -> ControlFunction:
        """A function of this domain: `handler` is its module in `handlers`."""
        return ControlFunction(
            self,
            id,
            foundation=self.foundation,
            domain=self.domain,
            handler=f"services.{self.domain}.handlers.{handler}.handler",
            environment=self.variables,
            timeout=timeout,
        )

    def routes(
        self,
        api: apigateway.IHttpApi,
        function: ControlFunction,
        *,
        authorizer: apigateway.IHttpRouteAuthorizer,
    ) -> HttpApiRoutes:
        """`ANY /v1/<route>/{proxy+}` to `function`."""
        return HttpApiRoutes(
            self,
            "Routes",
            api=api,
            integration=integrations.HttpLambdaIntegration("Api", function.function),
            authorizer=authorizer,
            paths=[f"/v1/{self.route}/{{proxy+}}"],
        )
