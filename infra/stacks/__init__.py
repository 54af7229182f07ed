"""The stacks of one environment, in the order in which they stand on each other."""

import aws_cdk as cdk
from constructs import Construct

from infra.constructs.foundation import Foundation
from infra.constructs.lake_access import LakeAccess
from infra.environments import Environment
from infra.stacks.cost_center import CostCenterStack
from infra.stacks.identity import IdentityStack
from infra.stacks.lake import LakeStack
from infra.stacks.network import NetworkStack
from infra.stacks.platform import PlatformStack
from infra.stacks.portal import PortalStack
from infra.stacks.query_engine import QueryEngineStack
from infra.stacks.workflow import WorkflowStack


def build(app: Construct, environment: Environment) -> Foundation:
    """Adds an environment's stacks to `app`: onyx-<env>-<part>. Returns what further stacks stand on."""
    env = cdk.Environment(account=environment.account, region=environment.region)
    name = environment.stack_name
    platform = PlatformStack(app, name("platform"), environment=environment, env=env)
    foundation, api = platform.foundation, platform.api
    lake = LakeStack(app, name("lake"), environment=environment, foundation=foundation, env=env)
    access = LakeAccess(foundation=foundation, landing=lake.landing, lake=lake.lake, results=lake.results)
    network = NetworkStack(app, name("network"), environment=environment, foundation=foundation, env=env)
    identity = IdentityStack(app, name("identity"), foundation=foundation, api=api, env=env)
    cost_center = CostCenterStack(
        app,
        name("cost-center"),
        foundation=foundation,
        api=api,
        authorizer=identity.authorizer,
        lake=access,
        place=network.place,
        env=env,
    )
    query_engine = QueryEngineStack(
        app,
        name("query-engine"),
        foundation=foundation,
        api=api,
        authorizer=identity.authorizer,
        issuer=identity.issuer,
        client_ids=identity.client_ids,
        bills=cost_center.bills,
        lake=access,
        place=network.place,
        env=env,
    )
    workflow = WorkflowStack(
        app,
        name("workflow"),
        foundation=foundation,
        api=api,
        authorizer=identity.authorizer,
        access_logs=lake.access_logs,
        env=env,
    )
    portal = PortalStack(app, name("portal"), foundation=foundation, api=api, env=env)
    for stack in (platform, lake, network, identity, cost_center, query_engine, workflow, portal):
        cdk.Tags.of(stack).add("onyx:environment", environment.name)
    return foundation
