"""What MiniStack 1.5.33 lacks for our templates: small named patches, each with its reason.

Every patch names what it replaces. A test per patch shows the behaviour it restores, so that a new
version of the emulator tells which of them can go.
"""

from infra.local.patches import (
    cloudformation,
    cognito,
    http_api,
    iam,
    lambda_runtime,
    s3_events,
    scheduler,
    step_functions,
)
from infra.local.patches.http_api import api_id
from infra.local.private_integrations import PrivateProxy

__all__ = ["api_id", "apply"]


def apply(proxy: PrivateProxy, *, front_url: str, api_name: str) -> None:
    """Apply all of them, once, before the server starts."""
    cloudformation.accept_types_without_local_meaning()
    cloudformation.give_vpc_its_address_attributes()
    cloudformation.refer_to_secrets_by_arn()
    cloudformation.keep_table_ttl_and_recovery()
    cloudformation.spell_task_definitions_as_the_api_does()
    cognito.refuse_attributes_that_the_pool_protects()
    iam.take_the_loopback_for_tls()
    iam.name_glue_databases_as_such()
    iam.name_the_role_of_a_session()
    iam.name_schedules_by_their_group()
    http_api.keep_cors()
    http_api.answer_at_the_front_door(api_name, front_url)
    http_api.forward_private_integrations(proxy)
    lambda_runtime.shorten_the_wait_for_stderr()
    lambda_runtime.end_workers_with_the_emulator()
    lambda_runtime.keep_code_of_older_generations()
    lambda_runtime.read_streams_from_their_beginning()
    s3_events.tell_the_version_of_an_object()
    scheduler.keep_schedules_as_declared()
    step_functions.run_the_version_that_was_started()
    step_functions.end_at_once()
    step_functions.time_out_executions()
    step_functions.fail_the_task_when_its_call_fails()
    step_functions.wait_before_a_retry_as_declared()
