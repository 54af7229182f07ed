"""API Gateway v2: CORS, the API's own address, private integrations."""

from collections.abc import Mapping
from typing import Any

from ministack.services import apigateway

from infra.local.patches.cloudformation import after
from infra.local.private_integrations import PrivateProxy, Response


def api_id(name: str) -> str | None:
    """The id of the HTTP API called `name`, or None where there is none."""
    for (_account, _region, identifier), api in apigateway._apis.all_items():
        if api.get("name") == name:
            return str(identifier)
    return None


def keep_cors() -> None:
    """CORS settings from a template are stored under CloudFormation's key names, which nothing reads."""

    def respell(properties: dict[str, Any], name: str, attributes: dict[str, Any]) -> None:
        if settings := properties.get("CorsConfiguration"):
            spelled = {key[:1].lower() + key[1:]: value for key, value in settings.items()}
            apigateway._apis[name]["corsConfiguration"] = spelled

    after("AWS::ApiGatewayV2::Api", respell)


def answer_at_the_front_door(api_name: str, front_url: str) -> None:
    """The API's endpoint attribute is a name without DNS here; tasks and functions need one that answers."""

    def readdress(properties: dict[str, Any], name: str, attributes: dict[str, Any]) -> None:
        api = apigateway._apis[name]
        if api.get("name") == api_name:
            api["apiEndpoint"] = attributes["ApiEndpoint"] = front_url

    after("AWS::ApiGatewayV2::Api", readdress)


def forward_private_integrations(proxy: PrivateProxy) -> None:
    """VPC_LINK integrations reach our processes; the emulator's proxy would also drop response headers."""
    public = apigateway._invoke_http_proxy

    async def invoke(integration: Mapping[str, Any], *request: Any) -> Response:
        if integration.get("connectionType") == "VPC_LINK":
            return await proxy.forward(integration, *request)
        answer: Response = await public(integration, *request)
        return answer

    apigateway._invoke_http_proxy = invoke
