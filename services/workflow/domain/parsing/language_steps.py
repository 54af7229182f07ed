"""The language of workflows: its steps. See `language`."""

from services.workflow.domain.definition import Jitter
from services.workflow.domain.durations import YEAR
from services.workflow.domain.parsing.records import Key, ListOf, MapOf, Named, OneOf, Record
from services.workflow.domain.parsing.shapes import Anything, Choice, Duration, Expr, Shape, Text, Whole
from shared.tenancy import Role

MAX_STEPS = 200
MAX_NESTING = 6
MAX_BRANCHES = 20
MAX_ITEMS = 1_000
MAX_CONCURRENT_ITEMS = 40
DAY = 86_400

NAME = r"^[a-z][a-z0-9_]{0,39}\Z"
"""Of steps and inputs: a name that expressions need no quotes for."""

_NAME = Text(40, NAME, "a name (lower case letters, digits and _, a letter first, at most 40 characters)")
PROSE = Text(2_000, r"\S", "a text")
TEMPLATES = Anything("a value, whose texts may hold ${expressions}")
_WHEN = Key("when", Expr(), "An expression: where it does not hold, the step is skipped.")
_ID = Key(
    "id", _NAME, "The step's name, unique in the workflow; expressions see `steps.<id>`.", required=True
)


def steps_of(least: int = 0) -> ListOf:
    return ListOf(STEP, MAX_STEPS, least)


STEP = Named("step", lambda: DEFINITIONS["step"])
RETRY = Record(
    "retry rule",
    (
        Key(
            "attempts",
            Whole(1, 20),
            "How often in all (1: no retry). Default 3; 1 for an action that cannot be repeated.",
        ),
        Key("delay", Duration(1, 3_600), "Before the second attempt. Default 5s."),
        Key("backoff", Whole(1, 10), "What the delay is multiplied by each time. Default 2."),
        Key("max_delay", Duration(1, DAY), "The longest delay. Default 5m."),
        Key(
            "jitter",
            Choice([each.value for each in Jitter]),
            "`full`: a random part of the delay; `none`: all of it. Default full.",
        ),
    ),
)
APPROVAL = Record(
    "approval",
    (
        Key("message", PROSE, "What people are asked; may hold ${expressions}.", required=True),
        Key(
            "roles",
            ListOf(Choice([each.value for each in Role]), 5),
            "Who may decide, by role. Default: approver.",
        ),
        Key("subjects", ListOf(Text(128), 50), "Who may decide, by name."),
        Key("count", Whole(1, 20), "How many must approve. Default 1."),
        Key("expires", Duration(60, YEAR), "How long it may be decided. Default 1d."),
        Key("reminders", Duration(60, YEAR), "A reminder every so often. Default: none."),
        Key(
            "on_expiry", steps_of(), "Steps that run when nobody decided in time; without them the run fails."
        ),
    ),
)
BRANCH = Record("branch", (Key("steps", steps_of(1), "What runs.", required=True),))
CASE = Record(
    "case",
    (
        Key("when", Expr(), "An expression: the first case that holds is taken.", required=True),
        Key("steps", steps_of(1), "What runs then.", required=True),
    ),
)
STEPS = OneOf(
    "step",
    {
        "action": Record(
            "action step",
            (
                _ID,
                Key("action", Text(80), "The action's name, such as http.get.", required=True),
                Key("with", MapOf(TEMPLATES, 100), "The action's input; texts may hold ${expressions}."),
                _WHEN,
                Key(
                    "credential",
                    Text(63, r"^[a-z][a-z0-9_-]{0,62}\Z", "the name of a credential (lower case)"),
                    "The name of the credential that the action uses; never the secret itself.",
                ),
                Key("timeout", Duration(1, YEAR), "Of one attempt. Default: the action's own."),
                Key("heartbeat", Duration(10, DAY), "The longest silence of who does it. Default: none."),
                Key("retry", RETRY, "What happens after an attempt that may succeed next time."),
                Key(
                    "on_failure",
                    steps_of(),
                    "Steps that run when it failed for good; then the workflow goes on.",
                ),
            ),
        ),
        "wait": Record("wait step", (_ID, Key("wait", Duration(1, YEAR), "How long.", required=True), _WHEN)),
        "wait_until": Record(
            "wait step",
            (
                _ID,
                Key("wait_until", Expr(), "An expression that gives a timestamp.", required=True),
                _WHEN,
            ),
        ),
        "approval": Record(
            "approval step",
            (
                _ID,
                Key("approval", APPROVAL, "People decide; who started the run may not.", required=True),
                _WHEN,
            ),
        ),
        "choice": Record(
            "choice step",
            (
                _ID,
                Key("choice", ListOf(CASE, MAX_BRANCHES, 1), "Cases, in order.", required=True),
                Key("otherwise", steps_of(), "What runs where no case holds. Default: nothing."),
                _WHEN,
            ),
        ),
        "parallel": Record(
            "parallel step",
            (
                _ID,
                Key("parallel", ListOf(BRANCH, MAX_BRANCHES, 1), "All at once.", required=True),
                _WHEN,
            ),
        ),
        "for_each": Record(
            "for-each step",
            (
                _ID,
                Key(
                    "for_each",
                    Expr(),
                    "An expression that gives a list; inside, `item` and `index` are known.",
                    required=True,
                ),
                Key("steps", steps_of(1), "What runs for each item.", required=True),
                Key("max_items", Whole(1, MAX_ITEMS), "More items fail the step. Default 100."),
                Key("concurrency", Whole(1, MAX_CONCURRENT_ITEMS), "How many at once. Default 5."),
                _WHEN,
            ),
        ),
    },
)

DEFINITIONS: dict[str, Shape] = {"step": STEPS}
"""What the schema names, because it contains itself."""
