"""What the HTTP API takes and gives, as its OpenAPI document shows it."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Moment = Annotated[str, Field(description="UTC, ISO 8601.", examples=["2026-11-20T09:00:00Z"])]
WorkflowId = Annotated[str, Field(description="The workflow's id.", examples=["cost-report"])]
RunId = Annotated[str, Field(description="The run's id.", examples=["r-0f3c5b1d2e4a69788796a5b4c3d2e1f0"])]
VersionNumber = Annotated[int, Field(description="Counts publications from 1.", examples=[3])]
Source = Annotated[
    str,
    Field(
        max_length=262_144, description="A definition: YAML or JSON.", examples=["workflow: cost-report\n"]
    ),
]
NextCursor = Annotated[
    str | None, Field(description="Pass it on as `cursor` for the next page; null on the last.")
]
Values = Annotated[dict[str, Any], Field(description="By name. Decimals and timestamps are text.")]


class Body(BaseModel):
    """A request body: a field that is not known is a mistake, and is told."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceGiven(Body):
    source: Source


class DryRunAsked(Body):
    source: Source
    inputs: Values = Field(default_factory=dict)
    event: Annotated[dict[str, Any] | None, Field(description="What expressions see as `event`.")] = None
    stubs: Annotated[dict[str, Any], Field(description="What an action gives, by step id.")] = Field(
        default_factory=dict
    )


class RunAsked(Body):
    inputs: Values = Field(default_factory=dict)
    key: Annotated[
        str | None,
        Field(min_length=1, max_length=128, description="The same key again is the same run."),
    ] = None


class RetryAsked(Body):
    from_step: Annotated[
        str | None,
        Field(description="Do this step and what follows again; default: from where the run failed."),
    ] = None


class Resolution(Body):
    done: Annotated[bool, Field(description="Whether the effect happened.")]
    at: Annotated[str, Field(max_length=512, description="In which iteration, as the steps say it.")] = ""
    output: Annotated[dict[str, Any] | None, Field(description="What it gave, where it happened.")] = None


class DecisionGiven(Body):
    approve: bool
    comment: Annotated[str, Field(max_length=1000)] = ""


class ChannelGiven(Body):
    """`webhook` has a `url` or a `credential` that holds it; `email` has addresses."""

    kind: Annotated[str, Field(pattern="^(webhook|email)$", examples=["webhook"])]
    url: Annotated[str | None, Field(max_length=2048)] = None
    credential: Annotated[str | None, Field(max_length=64)] = None
    addresses: Annotated[list[str] | None, Field(max_length=50)] = None


class CredentialGiven(Body):
    """Written, and never read back. Either `headers` or `url`."""

    host: Annotated[str, Field(max_length=253, description="The only host that may see it.")]
    headers: Annotated[dict[str, str] | None, Field(max_length=10)] = None
    url: Annotated[str | None, Field(max_length=2048)] = None


class FindingView(BaseModel):
    """One fault of a definition, and where it is (lines and columns from 1)."""

    line: int
    column: int
    path: Annotated[str, Field(examples=["steps[2].retry.attempts"])]
    code: str
    message: str


class EstimateView(BaseModel):
    """What a run takes of Step Functions: state transitions are what AWS charges for."""

    transitions: Annotated[int, Field(description="Of a run in which nothing is retried.")]
    transitions_at_most: int
    history_events_at_most: Annotated[int, Field(description="Step Functions ends a run at 25,000.")]
    usd_per_1000_runs: Annotated[str, Field(description="At $0.025 per 1,000 transitions.")]


class CheckView(BaseModel):
    """`findings` is empty where the definition can be published."""

    workflow: str | None
    findings: list[FindingView]
    estimate: EstimateView | None


class RunFailure(BaseModel):
    code: str
    message: str
    step: str | None = None
    at: str = ""


class TraceStep(BaseModel):
    """A step of a dry run; `at` says in which iteration, `seconds` when it began."""

    step: str
    at: str
    kind: str
    outcome: str
    seconds: int
    input: Any = None
    output: Any = None
    failure: RunFailure | None = None


class DryRunView(BaseModel):
    """Actions take no time, so `seconds` is what waits, retries and approvals take."""

    status: str
    steps: list[TraceStep]
    outputs: dict[str, Any] | None
    failure: RunFailure | None
    not_reached: Annotated[list[str], Field(description="Steps that this run would not come to.")]
    seconds: int
    transitions: int


class HookView(BaseModel):
    """A webhook's address. `secret` is shown once: when it was made."""

    trigger: str
    path: str
    secret: str | None = None


class PublishedView(BaseModel):
    workflow: WorkflowId
    version: VersionNumber
    status: Annotated[str, Field(description="`published`, or `unchanged`: it was the current one.")]
    hooks: list[HookView]


class WorkflowView(BaseModel):
    workflow: WorkflowId
    title: str
    version: Annotated[int | None, Field(description="The current one; null while the first is made.")]
    state: Annotated[str, Field(description="`active`, `paused` or `publishing`.")]
    triggers: list[str]
    updated_at: Moment
    updated_by: str


class WorkflowPage(BaseModel):
    rows: list[WorkflowView]
    cursor: NextCursor


class VersionView(BaseModel):
    """A version with its source, as it was applied."""

    workflow: WorkflowId
    version: VersionNumber
    source: Source
    published_by: str
    published_at: Moment
    hooks: list[HookView]


class VersionRow(BaseModel):
    version: VersionNumber
    published_at: Moment
    runnable: Annotated[bool, Field(description="Whether Step Functions still holds it.")]


class VersionList(BaseModel):
    rows: list[VersionRow]


class AslView(BaseModel):
    workflow: WorkflowId
    version: VersionNumber
    asl: Annotated[dict[str, Any], Field(description="Amazon States Language.")]


class RunView(BaseModel):
    run: RunId
    workflow: WorkflowId
    version: VersionNumber
    status: Annotated[
        str,
        Field(
            description="queued, starting, running, cancelling; then succeeded, failed, cancelled, timed_out "
            "or refused."
        ),
    ]
    trigger: str
    started_by: str
    created_at: Moment
    started_at: Moment | None
    ended_at: Moment | None
    inputs: Values
    outputs: Values | None
    failure: RunFailure | None
    retry_of: RunId | None
    retried_by: RunId | None
    cancelled_by: str | None
    artifacts: Annotated[
        str | None, Field(description="Where its history and large outputs lie, once it has ended.")
    ]


class RunPage(BaseModel):
    rows: list[RunView]
    cursor: NextCursor


class RunStarted(BaseModel):
    run: RunId
    workflow: WorkflowId
    version: VersionNumber
    status: Annotated[str, Field(description="`requested`; a run of the same key as it stands.")]


class StepView(BaseModel):
    step: str
    at: Annotated[str, Field(description="In which iteration: `each[3]`.")]
    status: str
    attempt: int
    effect_key: Annotated[str, Field(description="What others see as the idempotency key.")]
    started_at: Moment
    ended_at: Moment | None
    input: Any
    output: Any
    output_location: Annotated[str | None, Field(description="Where an output lies that is too large.")]
    failure: RunFailure | None
    carried_from: Annotated[RunId | None, Field(description="The run in which it was done.")]


class StepList(BaseModel):
    rows: list[StepView]


class AuditEntry(BaseModel):
    """`hash` is over the entry and the hash before it."""

    seq: int
    at: Moment
    act: str
    by: str
    facts: dict[str, Any]
    hash: str


class AuditView(BaseModel):
    rows: list[AuditEntry]
    verified: bool
    broken_at: Annotated[int | None, Field(description="The first entry that does not hold.")]


class ApprovalView(BaseModel):
    approval: str
    run: RunId
    workflow: WorkflowId
    step: str
    message: str
    status: str
    roles: list[str]
    subjects: list[str]
    count: Annotated[int, Field(description="How many have to approve.")]
    decided: Annotated[int, Field(description="How many have.")]
    created_at: Moment
    expires_at: Moment


class ApprovalPage(BaseModel):
    rows: list[ApprovalView]
    cursor: NextCursor


class ActionView(BaseModel):
    action: str
    title: str
    description: str
    idempotency: str
    role: str
    inputs: list[str]
    outputs: list[str]


class ActionList(BaseModel):
    rows: list[ActionView]


class TemplateView(BaseModel):
    template: str
    title: str
    description: str


class TemplateList(BaseModel):
    rows: list[TemplateView]


class TemplateSource(BaseModel):
    template: str
    source: Source


class ChannelView(BaseModel):
    channel: str
    kind: str
    url: str | None = None
    credential: str | None = None
    addresses: list[str] = Field(default_factory=list)


class ChannelList(BaseModel):
    rows: list[ChannelView]


class SecretView(BaseModel):
    trigger: str
    path: str
    secret: Annotated[str, Field(description="Shown once; the one before works for a day.")]
