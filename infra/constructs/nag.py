"""Answers to cdk-nag, each beside the construct that it is about."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accepts findings on `construct` and what is inside it: finding id -> why it is right as it is.

    An id is a rule's (`AwsSolutions-L1`) or, where a rule reports several findings, one finding's
    (`AwsSolutions-IAM5[Resource::*]`): there is no way to accept a whole rule at once, and none is wanted.
    """
    validations = Validations.of(construct)
    for finding, reason in reasons.items():
        validations.acknowledge(Acknowledgment(id=finding, reason=reason))


def wildcard_resource(scope: IConstruct, arn: str) -> str:
    """The finding's id for a policy of `scope`'s stack that names `arn`, which holds a `*`."""
    return f"AwsSolutions-IAM5[Resource::{_flat(Stack.of(scope).resolve(arn))}]"


def as_seen_from(scope: IConstruct, owner: IConstruct, value: str) -> str:
    """`value` (an attribute of `owner`) as the template of `scope` will name it: an import, if from another
    stack.

    For ids of findings only: a policy takes the value itself, from which the CDK knows that the stacks
    depend on each other.
    """
    if Stack.of(scope) is Stack.of(owner):
        return value
    return str(Stack.of(owner).export_value(value))


def _flat(value: Any) -> str:
    """How cdk-nag writes a resolved value: `<LogicalId.Attribute>`, `<AWS::Region>`, an export's name."""
    if isinstance(value, str):
        return value
    ((function, argument),) = value.items()
    if function == "Fn::Join":
        separator, parts = argument
        return str(separator).join(_flat(part) for part in parts)
    if function == "Ref":
        return f"<{argument}>"
    if function == "Fn::GetAtt":
        return f"<{'.'.join(argument)}>"
    if function == "Fn::ImportValue":
        return _flat(argument)
    raise ValueError(f"cdk-nag's spelling of {function} is not known here")
