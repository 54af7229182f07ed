"""The CDK application: every environment's stacks, from typed values. Makes no AWS call.

`python app.py` writes the cloud assembly to CDK_OUTDIR, else cdk.out: dev, staging and prod, or the one
environment that ONYX_ENV names. To AWS: `ONYX_ENV=dev npx aws-cdk@<CDK_CLI> deploy --all`.
"""

import os

from infra.local.node import node_environment

CDK_CLI = "2.1147.0"
"""The CDK command line that reads what the lock's aws-cdk-lib writes (it counts versions on its own)."""

# Here and not in cdk.json, which only the CDK's command line reads: `python app.py` must give the same
# templates.
CONTEXT = {
    "@aws-cdk/core:target-partitions": ["aws"],
    "@aws-cdk/core:validateAgainstDefaultRules": True,
    "@aws-cdk/aws-ecs:removeDefaultDesiredCount": True,
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
}


def main() -> None:
    """Builds and synthesizes; the process exits with 1 where cdk-nag finds what nobody answered for."""
    # The CDK starts Node when it is imported, so it must be findable by then.
    os.environ.update(node_environment())
    import aws_cdk as cdk
    from cdk_nag import AwsSolutionsChecks

    from infra.environments import selected
    from infra.stacks import build

    app = cdk.App(
        outdir=os.environ.get("CDK_OUTDIR", "cdk.out"),
        analytics_reporting=False,
        context=CONTEXT,
    )
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    for environment in selected():
        build(app, environment)
    app.synth()


if __name__ == "__main__":
    main()
