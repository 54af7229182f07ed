"""The emulator's process: MiniStack with our few patches, behind the front door.

Started by the supervisor as `python -m infra.local.emulator`, with the environment that
`emulator_environment` makes. Written for exactly the pinned version: it uses private names.
"""

import asyncio
import os
import signal
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from infra.local import snapshots
from infra.local.aws import ACCOUNT, REGION
from infra.local.processes import machine_environment
from infra.local.state import LocalState

PINNED = "1.5.33"


def emulator_environment(state: LocalState, api_name: str, *, enforce_iam: bool) -> dict[str, str]:
    """All that the emulator, and the function workers it starts, see of the machine."""
    return {
        **machine_environment(),
        "ONYX_API_NAME": api_name,
        "ONYX_STATE_HOME": str(state.home),
        "ONYX_STATE_PORT": str(state.port),
        # Where it listens, and the name under which it writes its own address (queue URLs).
        "GATEWAY_PORT": str(state.port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        # No second port: with `cryptography` installed it would listen on 0.0.0.0:8883 and for SFTP.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # IAM: functions run under their own role, and what its policies do not allow is refused.
        "AUTH": "true" if enforce_iam else "false",
        # No docker, even where there is one: the same behaviour on every machine.
        "DOCKER_HOST": "unix:///nonexistent/docker.sock",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state.emulator),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(state.objects),
        "TMPDIR": str(state.tmp),
        "MINISTACK_COGNITO_PRETOKEN_STRICT": "1",  # a failing trigger refuses the login, as on AWS
        "ONYX_RECORD_CALLS": os.environ.get("ONYX_RECORD_CALLS", ""),
        "LOG_LEVEL": os.environ.get("ONYX_EMULATOR_LOG_LEVEL", "WARNING"),
        # What functions see: the endpoint, and no daemon to send traces to.
        "AWS_ENDPOINT_URL": state.url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_XRAY_SDK_ENABLED": "false",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


async def _serve(application: Any, port: int) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1.0  # long polls would hold a stop for their 20 seconds
    config.loglevel = os.environ["LOG_LEVEL"]
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await serve(application, config, shutdown_trigger=stopping.wait)


def _snapshotter(app: Any, state: LocalState) -> snapshots.Snapshotter:
    from ministack.core import persistence
    from ministack.services import cloudformation

    def version(service: str) -> int:
        return int(persistence._state_format_version(service))

    def settled() -> bool:
        stacks = cloudformation._stacks.all_items()
        return not any(str(stack.get("StackStatus", "")).endswith("_IN_PROGRESS") for _, stack in stacks)

    return snapshots.Snapshotter(
        state.generations,
        states=app._build_persistence_save_dict,
        encode=lambda service, payload: snapshots.wrap(version(service), payload, persistence._json_default),
        decode=lambda service, text: snapshots.unwrap(text, version(service), persistence._json_object_hook),
        settled=settled,
        interval=float(os.environ.get("ONYX_SNAPSHOT_SECONDS", "2")),
    )


def main() -> None:
    found = metadata.version("ministack")
    if found != PINNED:
        sys.exit(f"ministack {found} is installed; the patches are written for {PINNED}")
    state = LocalState.of(int(os.environ["ONYX_STATE_PORT"]), Path(os.environ["ONYX_STATE_HOME"]))
    snapshots.clear_drafts(state.generations)
    snapshots.prune_code(state.generations, state.emulator / "lambda-blobs")

    import ministack.app as app
    from ministack.services import sts

    from infra.local import patches
    from infra.local.calls import Calls, record_calls
    from infra.local.front_door import FrontDoor
    from infra.local.private_integrations import PrivateProxy, Targets
    from infra.local.task_roles import TaskRoles

    api_name = os.environ["ONYX_API_NAME"]
    kept = _snapshotter(app, state)
    proxy = PrivateProxy(Targets(state.targets_file))
    roles = TaskRoles(state.roles_file, sts.register_session)
    patches.apply(proxy, front_url=state.url, api_name=api_name)
    if recording := os.environ.get("ONYX_RECORD_CALLS"):
        record_calls(Calls(Path(recording)))
    # Its own loading and its save on a graceful stop, from and to generations.
    app.load_state = kept.load
    app.save_all = lambda _services: kept.write()
    door = FrontDoor(
        app.app, lambda: patches.api_id(api_name), kept, refresh=roles.refresh, close=proxy.close
    )
    asyncio.run(_serve(door, state.port))


if __name__ == "__main__":
    main()
