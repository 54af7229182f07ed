"""State machines and schedules that are made at run time: their roles, and who may make and run them."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from infra.constructs.control_function import ControlFunction
from infra.constructs.foundation import Foundation
from infra.constructs.nag import acknowledge, wildcard_resource

_AT_RUN_TIME = "Made at run time, one per tenant and workflow, below this environment's prefix."


class StateMachines(Construct):
    """Every state machine is named `<prefix><tenant>_<workflow>` and may invoke the one `task` function.

    That a role may make machines of its tenant only cannot be said in a policy: the names are made from the
    verified token's tenant (tests hold it), and a machine can do nothing but invoke `task`, in which its
    tenant is a literal.
    """

    def __init__(self, scope: Construct, id: str, *, foundation: Foundation, task: ControlFunction) -> None:
        super().__init__(scope, id)
        self.prefix = f"onyx-{foundation.environment.name}-"
        stack = Stack.of(self)
        states = f"arn:{stack.partition}:states:{stack.region}:{stack.account}"
        self._machines = f"{states}:stateMachine:{self.prefix}*"
        self._executions = f"{states}:execution:{self.prefix}*"
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "states.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": self._machines},
                },
            ),
            description="Workflows: invokes the dispatcher, and nothing else",
        )
        self.role.add_to_principal_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[task.function.function_arn])
        )

    def allow_publish(self, role: iam.Role) -> None:
        """Make, change and remove machines and their versions, and hand them their role."""
        self._allow(
            role,
            self._machines,
            "CreateStateMachine",
            "UpdateStateMachine",
            "PublishStateMachineVersion",
            "DescribeStateMachine",
            "ListStateMachineVersions",
            "TagResource",
        )
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self.role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "states.amazonaws.com"}},
            )
        )

    def allow_collect(self, role: iam.Role) -> None:
        """Remove machines and versions that nothing runs, and count what there is."""
        self._allow(
            role,
            self._machines,
            "ListStateMachineVersions",
            "DeleteStateMachineVersion",
            "DeleteStateMachine",
        )
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["states:ListStateMachines"], resources=["*"])
        )
        acknowledge(
            role, {"AwsSolutions-IAM5[Resource::*]": "Listing machines, and tracing, know no resource."}
        )

    def allow_start(self, role: iam.Role) -> None:
        """Start executions."""
        self._allow(role, self._machines, "StartExecution")

    def allow_look(self, role: iam.Role) -> None:
        """See how an execution stands."""
        self._allow(role, self._executions, "DescribeExecution")

    def allow_stop(self, role: iam.Role) -> None:
        """Stop executions."""
        self._allow(role, self._executions, "StopExecution")

    def allow_answer(self, role: iam.Role) -> None:
        """Tell a waiting state its task's outcome, by the token that only it was given."""
        self._allow_token(role, "SendTaskSuccess")

    def allow_heartbeat(self, role: iam.Role) -> None:
        """Tell a waiting state that its task is still at work."""
        self._allow_token(role, "SendTaskHeartbeat")

    def _allow_token(self, role: iam.Role, action: str) -> None:
        role.add_to_principal_policy(iam.PolicyStatement(actions=[f"states:{action}"], resources=["*"]))
        acknowledge(role, {"AwsSolutions-IAM5[Resource::*]": "A token names its task: there is no resource."})

    def _allow(self, role: iam.Role, resource: str, *actions: str) -> None:
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=[f"states:{action}" for action in actions], resources=[resource])
        )
        acknowledge(role, {wildcard_resource(role, resource): _AT_RUN_TIME})


class Schedules(Construct):
    """A group of schedules that put events on the platform's bus."""

    def __init__(self, scope: Construct, id: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id)
        stack = Stack.of(self)
        self.name = f"onyx-{foundation.environment.name}"
        self._arn = f"arn:{stack.partition}:scheduler:{stack.region}:{stack.account}:schedule/{self.name}/*"
        scheduler.CfnScheduleGroup(self, "Group", name=self.name)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
            ),
            description="Workflows: puts what is due on the bus",
        )
        self.role.add_to_principal_policy(
            iam.PolicyStatement(actions=["events:PutEvents"], resources=[foundation.bus.event_bus_arn])
        )

    def allow_change(self, role: iam.Role) -> None:
        """Make and remove schedules of the group (none ever changes), and hand them their role."""
        verbs = ("CreateSchedule", "DeleteSchedule")
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=[f"scheduler:{verb}" for verb in verbs], resources=[self._arn])
        )
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self.role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
            )
        )
        acknowledge(role, {wildcard_resource(role, self._arn): _AT_RUN_TIME})

    def allow_list(self, role: iam.Role) -> None:
        """See which schedules there are."""
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=["scheduler:ListSchedules"], resources=["*"])
        )
        acknowledge(role, {"AwsSolutions-IAM5[Resource::*]": "A list is of the whole account."})
