"""Who may go into customers' accounts, and as whom they are known there."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from infra.constructs.foundation import Foundation
from infra.constructs.nag import acknowledge, wildcard_resource

ROLE_PATTERN = "onyx-bills-*"
"""Names of the roles in customers' accounts (`ROLE_PREFIX` of the domain; a test compares the two)."""


def trusted_roles(scope: IConstruct, foundation: Foundation, part: str) -> str:
    """The ARN pattern of the roles of one stack, as customers' roles name it in their condition.

    CloudFormation begins a role's name with its stack's.
    """
    stack = Stack.of(scope)
    return f"arn:{stack.partition}:iam::{stack.account}:role/{foundation.environment.stack_name(part)}-*"


def allow_customers_roles(role: iam.Role) -> None:
    """Lets `role` assume the roles that customers made for Onyx, in any account.

    Each such role demands the external id of its tenant; none of Onyx's own roles has a name like these.
    """
    pattern = f"arn:{Stack.of(role).partition}:iam::*:role/{ROLE_PATTERN}"
    role.add_to_principal_policy(iam.PolicyStatement(actions=["sts:AssumeRole"], resources=[pattern]))
    acknowledge(
        role,
        {
            wildcard_resource(role, pattern): "Accounts are connected at run time; each one's role names "
            "Onyx and the tenant's external id in its trust policy, and reads bills only."
        },
    )
