"""Walks a compiled state machine in memory: Step Functions for dry runs, for replay and for property tests.

    walker = Walker(asl.machine, dispatch, name=run, input={"run": run, "mode": "run", "at": ""})
    walker.run()

It knows what the compiler writes, and raises KeyError for the rest. Time is virtual, and nothing happens at
the same time: of branches and iterations that are ready, `pick` says whose turn it is, so that a test can
have every order; `fault` breaks calls as the world does.
"""

from services.workflow.domain.asl_walker.paths import StatesError
from services.workflow.domain.asl_walker.walker import EPOCH, Call, Dispatch, Fault, Status, Visit, Walker

__all__ = ["EPOCH", "Call", "Dispatch", "Fault", "StatesError", "Status", "Visit", "Walker"]
