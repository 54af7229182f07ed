"""What Step Functions writes into an execution's history, in events; 25,000 end the execution.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html and
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html.
"""

HARD_LIMIT = 25_000

EXECUTION = 2
"""ExecutionStarted, and one of ExecutionSucceeded, -Failed, -TimedOut, -Aborted."""
VISIT = 2
"""<Type>StateEntered, and <Type>StateExited or -Aborted (a Fail state has only the first)."""
ATTEMPT = 3
"""TaskScheduled, TaskStarted, and one of TaskSucceeded, -Failed, -TimedOut."""
SUBMITTED = 1
"""TaskSubmitted, of a task that then waits for its token."""
CONTAINER = 2
"""MapStateStarted or ParallelStateStarted, and -Succeeded, -Failed or -Aborted."""
ITERATION = 2
"""MapIterationStarted, and -Succeeded, -Failed or -Aborted."""
