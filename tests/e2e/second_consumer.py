"""The platform's stacks and one more, as a later domain adds it: a second subscription to published bills.

Run as a program, it writes the cloud assembly to CDK_OUTDIR.
"""

import os

import aws_cdk as cdk

from app import CONTEXT
from infra.constructs.event_channel import EventChannel, pattern_of
from infra.environments import LOCAL
from infra.stacks import build
from services.cost_center.events import BillIngested, BillRestated

STACK = "onyx-local-second-consumer"

if __name__ == "__main__":
    app = cdk.App(outdir=os.environ["CDK_OUTDIR"], analytics_reporting=False, context=CONTEXT)
    foundation = build(app, LOCAL)
    stack = cdk.Stack(app, STACK, env=cdk.Environment(account="000000000000", region="us-east-1"))
    EventChannel(
        stack,
        "SecondConsumer",
        foundation=foundation,
        pattern=pattern_of(BillIngested, BillRestated),
        consumer_timeout=cdk.Duration.seconds(10),
    )
    app.synth()
