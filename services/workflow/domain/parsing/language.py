"""The language of workflows: every key, with its shape, bounds and meaning. The parser and the published JSON
Schema are made of this table; what a table cannot say (names, order, actions) is in the `check_*` modules."""

from services.workflow.domain.definition import Missed, OnLimit
from services.workflow.domain.durations import YEAR
from services.workflow.domain.parsing.language_steps import NAME, PROSE, TEMPLATES, steps_of
from services.workflow.domain.parsing.records import Key, ListOf, MapOf, OneOf, Record
from services.workflow.domain.parsing.shapes import Anything, Choice, Duration, Expr, Flag, Text, Whole
from shared.actions import Kind

MAX_TRIGGERS = 20
TAKEN = (
    "actions",
    "approvals",
    "channels",
    "check",
    "credentials",
    "dry-run",
    "hooks",
    "runs",
    "templates",
)
"""What stands in the API where a workflow's id would."""

_TITLE = Text(200, r"\S", "a text")
_WHEN = Key("when", Expr(), "An expression: where it does not hold, this is passed over.")
_TRIGGER = Key(
    "name",
    Text(
        40, r"^[a-z][a-z0-9_-]{0,39}\Z", "a name (lower case letters, digits, - and _, at most 40 characters)"
    ),
    "The trigger's name, unique in the workflow.",
    required=True,
)
_INPUTS = Key("inputs", MapOf(TEMPLATES, 50), "The run's inputs; texts may hold ${expressions} over `event`.")
TRIGGER = OneOf(
    "trigger",
    {
        "event": Record(
            "event trigger",
            (
                _TRIGGER,
                Key(
                    "event",
                    Text(
                        128,
                        r"^[A-Z][A-Za-z0-9]*\.v[1-9][0-9]*\Z",
                        "an event's type with its version, such as BillIngested.v1",
                    ),
                    "The event's type.",
                    required=True,
                ),
                Key("pattern", MapOf(Anything(), 50), "What its data must be, in EventBridge's syntax."),
                _WHEN,
                _INPUTS,
            ),
        ),
        "cron": Record(
            "cron trigger",
            (
                _TRIGGER,
                Key(
                    "cron",
                    Text(100),
                    "Six fields: minutes hours day-of-month month day-of-week year.",
                    required=True,
                ),
                Key("timezone", Text(64), "An IANA time zone, such as Europe/Lisbon. Default UTC."),
                Key(
                    "missed",
                    Choice([each.value for each in Missed]),
                    "What becomes of times at which it could not run. Default run_once.",
                ),
                _INPUTS,
            ),
        ),
        "webhook": Record(
            "webhook trigger",
            (
                _TRIGGER,
                Key("webhook", Flag(only=True), "Signed posts to its own address.", required=True),
                _WHEN,
                _INPUTS,
            ),
        ),
        "manual": Record(
            "manual trigger",
            (_TRIGGER, Key("manual", Flag(only=True), "A person, or a program with a token.", required=True)),
        ),
    },
)

INPUT = Record(
    "input",
    (
        Key(
            "type", Choice([each.value for each in Kind]), "Decimals and timestamps are texts.", required=True
        ),
        Key("description", PROSE, "What it is for."),
        Key("required", Flag(), "Whether a run needs it. Default false."),
        Key("default", Anything(), "Its value where none is given."),
        Key("one_of", ListOf(Text(200), 100, 1), "The only texts that are allowed."),
    ),
)
LIMITS = Record(
    "set of limits",
    (
        Key("concurrency", Whole(1, 1_000), "Runs at once."),
        Key("per_minute", Whole(1, 10_000), "Starts per minute."),
        Key(
            "on_limit",
            Choice([each.value for each in OnLimit]),
            "What becomes of a run above them. Default delay.",
        ),
    ),
)
WORKFLOW = Record(
    "workflow",
    (
        Key(
            "id",
            Text(
                32,
                rf"^(?!(?:{'|'.join(TAKEN)})\Z)[a-z][a-z0-9-]{{1,30}}[a-z0-9]\Z",
                f"an id (3 to 32 lower case letters, digits and hyphens; not {', '.join(TAKEN)})",
            ),
            "The workflow's name in the API.",
            required=True,
        ),
        Key("title", _TITLE, "For people.", required=True),
        Key("description", PROSE, "What it is for."),
        Key("inputs", MapOf(INPUT, 50, NAME), "What a run is given; expressions see `inputs.<name>`."),
        Key("triggers", ListOf(TRIGGER, MAX_TRIGGERS), "What starts it. None: only the API does."),
        Key("limits", LIMITS, "How many runs at once and per minute."),
        Key("timeout", Duration(60, YEAR), "Of a whole run. Default 1d."),
        Key("steps", steps_of(1), "What it does, in order.", required=True),
        Key("outputs", MapOf(TEMPLATES, 50, NAME), "What a run gives; texts may hold ${expressions}."),
        Key("on_failure", steps_of(), "Steps that run when the run failed or was cancelled."),
    ),
)
