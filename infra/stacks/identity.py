"""Identity: tenants, users, and the tokens that carry a tenant.

The user pool lives here and not in the platform stack: its pre-token trigger is this domain's function and
reads this domain's tables, and those stand on the platform's key. With the pool in the platform stack the
two stacks would need each other. So identity owns pool, clients and authorizer, and every stack with
protected routes depends on it. The trigger's function in turn must not know the pool, which would be a
cycle within the stack: it gets the pool's id with each event.
"""

from aws_cdk import Aws, CfnOutput, Duration, Environment
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs.control_function import ControlFunction
from infra.constructs.domain_stack import DomainStack
from infra.constructs.domain_table import APPEND, DELETE, GET, READ, WRITE, DomainTable, names
from infra.constructs.foundation import Foundation
from infra.constructs.nag import acknowledge
from shared.tenancy import API_SCOPE

_CREATE = ("AdminCreateUser", "AdminGetUser")
_DISABLE = ("AdminDisableUser", "AdminUserGlobalSignOut")
_LOG_IN = ("AdminInitiateAuth", "AdminSetUserPassword")
"""Only the operator gets tokens for others: it is invoked by IAM, the API by anyone with a token."""
_RESOURCE_SERVER, _SCOPE = API_SCOPE.split("/")


class IdentityStack(DomainStack):
    """Outputs: UserPoolId, UserPoolClientId, MachineClientId, Issuer, OperatorFunction, and the tables."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        foundation: Foundation,
        api: apigateway.IHttpApi,
        env: Environment | None = None,
    ) -> None:
        super().__init__(scope, id, foundation=foundation, domain="identity", route="identity", env=env)
        self.tables = {
            "TENANT_TABLE": DomainTable(self, "Tenant", foundation=foundation),
            "USER_TABLE": DomainTable(self, "User", foundation=foundation),
            "SSO_TENANT_MAPPING_TABLE": DomainTable(self, "SsoTenantMapping", foundation=foundation),
        }
        self.variables |= names(self.tables)
        pre_token = self.function("PreToken", "pre_token", timeout=Duration.seconds(5))
        tenants, users, mappings = self.tables.values()
        for table in self.tables.values():
            table.allow(pre_token.role, *GET)
        self.pool = self._pool(pre_token)
        self.web_client, self.machine_client = self._clients()
        self.issuer = f"https://cognito-idp.{self.region}.amazonaws.com/{self.pool.user_pool_id}"
        self.client_ids = [self.web_client.user_pool_client_id, self.machine_client.user_pool_client_id]
        self.authorizer = self._authorizer(api)

        self.variables |= {
            "USER_POOL_ID": self.pool.user_pool_id,
            "USER_POOL_CLIENT_ID": self.web_client.user_pool_client_id,
        }
        outbox = self.outbox()
        http = self.function("Api", "api")
        operator = self.function("Operator", "operator", timeout=Duration.seconds(30))
        # A tenant's administrator runs its users, and may take a mapping back.
        tenants.allow(http.role, *GET)
        users.allow(http.role, *READ, *WRITE)
        mappings.allow(http.role, *READ, *DELETE)
        self._allow_users(http, *_CREATE, *_DISABLE)
        # The operator makes tenants, with their first users and mappings.
        tenants.allow(operator.role, *READ, *WRITE)
        users.allow(operator.role, *GET, *WRITE)
        mappings.allow(operator.role, *WRITE)
        self._allow_users(operator, *_CREATE, *_LOG_IN)
        for function in (http, operator):
            outbox.allow(function.role, *APPEND)
        self.foundation.allow_page_tokens(http.role)
        self.routes(api, http, authorizer=self.authorizer)

        CfnOutput(self, "UserPoolId", value=self.pool.user_pool_id)
        CfnOutput(self, "UserPoolClientId", value=self.web_client.user_pool_client_id)
        CfnOutput(self, "MachineClientId", value=self.machine_client.user_pool_client_id)
        CfnOutput(self, "Issuer", value=self.issuer)
        CfnOutput(self, "OperatorFunction", value=operator.function.function_name)

    def _pool(self, pre_token: ControlFunction) -> cognito.UserPool:
        environment = self.foundation.environment
        pool = cognito.UserPool(
            self,
            "Users",
            user_pool_name=f"onyx-{environment.name}",
            self_sign_up_enabled=False,
            sign_in_case_sensitive=False,
            custom_attributes={"tenant": cognito.StringAttribute(mutable=False, min_len=3, max_len=32)},
            password_policy=cognito.PasswordPolicy(
                min_length=14,
                require_digits=True,
                require_lowercase=True,
                require_uppercase=True,
                require_symbols=True,
                temp_password_validity=Duration.days(3),
            ),
            mfa=cognito.Mfa.OPTIONAL,
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            # Access tokens with claims of ours need at least this plan.
            feature_plan=cognito.FeaturePlan.ESSENTIALS,
            deletion_protection=environment.deletion_protection,
            removal_policy=self.foundation.removal_policy,
        )
        acknowledge(
            pool,
            {
                "AwsSolutions-COG2": "A second factor is each user's choice; machines have none.",
                "AwsSolutions-COG8": "No public page to attack: administrators make the users, who "
                "log in by SRP. The Plus plan is paid for per user.",
            },
        )
        pool.add_trigger(
            cognito.UserPoolOperation.PRE_TOKEN_GENERATION_CONFIG,
            pre_token.function,
            # V3 runs for client credentials too, so that machines get their tenant.
            cognito.LambdaVersion.V3_0,
        )
        pool.add_domain(
            "Domain",
            cognito_domain=cognito.CognitoDomainOptions(
                domain_prefix=f"onyx-{environment.name}-{Aws.ACCOUNT_ID}"
            ),
        )
        return pool

    def _clients(self) -> tuple[cognito.UserPoolClient, cognito.UserPoolClient]:
        scope = cognito.ResourceServerScope(scope_name=_SCOPE, scope_description="Calls the Onyx API")
        server = self.pool.add_resource_server("Api", identifier=_RESOURCE_SERVER, scopes=[scope])
        # What a client may write is named, and the tenant is not among it.
        writable = cognito.ClientAttributes().with_standard_attributes(fullname=True, email=True)
        web = self.pool.add_client(
            "Web",
            auth_flows=cognito.AuthFlow(admin_user_password=True, user_srp=True),
            disable_o_auth=True,
            generate_secret=False,
            prevent_user_existence_errors=True,
            access_token_validity=Duration.hours(1),
            id_token_validity=Duration.hours(1),
            refresh_token_validity=Duration.days(1),
            write_attributes=writable,
        )
        machine = self.pool.add_client(
            "Machine",
            generate_secret=True,
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(client_credentials=True),
                scopes=[cognito.OAuthScope.resource_server(server, scope)],
            ),
            access_token_validity=Duration.hours(1),
            write_attributes=writable,
        )
        return web, machine

    def _authorizer(self, api: apigateway.IHttpApi) -> apigateway.IHttpRouteAuthorizer:
        authorizer = apigateway.HttpAuthorizer(
            self,
            "Authorizer",
            http_api=api,
            authorizer_name="tokens",
            type=apigateway.HttpAuthorizerType.JWT,
            identity_source=["$request.header.Authorization"],
            jwt_issuer=self.issuer,
            jwt_audience=self.client_ids,
        )
        return apigateway.HttpAuthorizer.from_http_authorizer_attributes(
            self,
            "AuthorizerByRef",
            authorizer_id=authorizer.authorizer_id,
            authorizer_type="JWT",
        )

    def _allow_users(self, function: ControlFunction, *actions: str) -> None:
        function.role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=[f"cognito-idp:{action}" for action in actions], resources=[self.pool.user_pool_arn]
            )
        )
