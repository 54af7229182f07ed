"""The HTTP API: who may call what, and how it is watched."""

import json

from tests.infra.assembly import Environment

PUBLIC = {
    "GET /v1/health",
    "GET /v1/openapi.json",
    "GET /v1/docs",
    "POST /v1/workflows/hooks/{hook}",  # known by its signature
}
PROTECTED = {
    "ANY /v1/identity/{proxy+}",
    "ANY /v1/cost-center/{proxy+}",
    "ANY /v1/query/{proxy+}",
    "POST /v1/query",
    "ANY /v1/workflows",
    "ANY /v1/workflows/{proxy+}",
}


def test_every_route_but_the_public_ones_needs_a_token_with_the_scope(environment: Environment) -> None:
    (authorizer,) = environment.resources("AWS::ApiGatewayV2::Authorizer")
    seen = set()
    for route in environment.resources("AWS::ApiGatewayV2::Route"):
        key = route.properties["RouteKey"]
        seen.add(key)
        if key in PUBLIC:
            assert route.properties["AuthorizationType"] == "NONE"
            continue
        assert route.properties["AuthorizationType"] == "JWT", key
        assert environment.text(route.stack, route.properties["AuthorizerId"]) == authorizer.name
        assert route.properties["AuthorizationScopes"] == ["onyx/api"]
    assert seen == PUBLIC | PROTECTED


def test_the_authorizer_trusts_this_pool_and_its_clients_only(environment: Environment) -> None:
    (authorizer,) = environment.resources("AWS::ApiGatewayV2::Authorizer")
    (pool,) = environment.resources("AWS::Cognito::UserPool")
    clients = {client.name for client in environment.resources("AWS::Cognito::UserPoolClient")}
    jwt = environment.plain(authorizer.stack, authorizer.properties["JwtConfiguration"])
    assert authorizer.properties["AuthorizerType"] == "JWT"
    assert jwt["Issuer"] == f"https://cognito-idp.us-east-1.amazonaws.com/{pool.name}"
    assert set(jwt["Audience"]) == clients
    assert len(clients) == 2


def test_the_query_engine_is_told_the_same_issuer_and_clients(environment: Environment) -> None:
    (authorizer,) = environment.resources("AWS::ApiGatewayV2::Authorizer")
    jwt = environment.plain(authorizer.stack, authorizer.properties["JwtConfiguration"])
    (task,) = environment.resources("AWS::ECS::TaskDefinition", part="query-engine")
    (container,) = task.properties["ContainerDefinitions"]
    told = {each["Name"]: environment.text(task.stack, each["Value"]) for each in container["Environment"]}
    assert told["TOKEN_ISSUER"] == jwt["Issuer"]
    assert told["TOKEN_CLIENT_IDS"].split() == jwt["Audience"]


def test_every_integration_ends_in_its_own_domain(environment: Environment) -> None:
    integrations = {i.name: i for i in environment.resources("AWS::ApiGatewayV2::Integration")}
    for route in environment.resources("AWS::ApiGatewayV2::Route"):
        target = environment.text(route.stack, route.properties["Target"]).removeprefix("integrations/")
        integration = integrations[target]
        uri = environment.text(integration.stack, integration.properties["IntegrationUri"])
        assert uri.startswith(f"{route.stack}.")
        if route.stack == "query-engine":
            assert integration.properties["ConnectionType"] == "VPC_LINK"
        else:
            assert integration.properties["PayloadFormatVersion"] == "2.0"


def test_the_stage_is_throttled_and_logged(environment: Environment) -> None:
    (api,) = environment.resources("AWS::ApiGatewayV2::Api")
    (stage,) = environment.resources("AWS::ApiGatewayV2::Stage")
    assert api.properties["Name"] == f"onyx-{environment.name}"
    assert stage.properties["StageName"] == "$default"
    limits = stage.properties["DefaultRouteSettings"]
    assert 0 < limits["ThrottlingRateLimit"] <= limits["ThrottlingBurstLimit"]
    log = json.loads(stage.properties["AccessLogSettings"]["Format"])
    assert {"requestId", "route", "status", "tenant", "latency"} <= set(log)
    assert "authorization" not in json.dumps(log).lower().replace("authorizer", "")


def test_browsers_may_call_from_named_origins_only(environment: Environment) -> None:
    (api,) = environment.resources("AWS::ApiGatewayV2::Api")
    cors = api.properties.get("CorsConfiguration")
    if environment.name in ("staging", "prod"):
        assert cors is None
    else:
        assert cors["AllowOrigins"]
        assert "*" not in cors["AllowOrigins"]
        assert "AllowCredentials" not in cors


def test_users_are_made_by_administrators_and_cannot_move_to_another_tenant(environment: Environment) -> None:
    (pool,) = environment.resources("AWS::Cognito::UserPool")
    assert pool.properties["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    (tenant,) = [a for a in pool.properties["Schema"] if a["Name"] == "tenant"]
    assert tenant["Mutable"] is False
    for client in environment.resources("AWS::Cognito::UserPoolClient"):
        assert client.properties["WriteAttributes"]
        assert "custom:tenant" not in client.properties["WriteAttributes"]
    trigger = pool.properties["LambdaConfig"]["PreTokenGenerationConfig"]
    assert trigger["LambdaVersion"] == "V3_0"


def test_clients(environment: Environment) -> None:
    by_flow = {
        tuple(sorted(c.properties.get("AllowedOAuthFlows", []))): c
        for c in environment.resources("AWS::Cognito::UserPoolClient")
    }
    machine = by_flow[("client_credentials",)]
    assert machine.properties["GenerateSecret"] is True
    scopes = [environment.text(machine.stack, each) for each in machine.properties["AllowedOAuthScopes"]]
    assert [scope.rsplit("/", 1)[1] for scope in scopes] == ["api"]
    web = by_flow[()]
    assert web.properties["GenerateSecret"] is False
    assert set(web.properties["ExplicitAuthFlows"]) == {
        "ALLOW_ADMIN_USER_PASSWORD_AUTH",
        "ALLOW_USER_SRP_AUTH",
        "ALLOW_REFRESH_TOKEN_AUTH",
    }
