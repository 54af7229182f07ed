"""Bodies of the routes of row policies, as they are validated and published. Imports nothing but pydantic."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class RowPolicyBody(BaseModel):
    """Which rows are seen: those that meet any (or all) of what is given, each by one of its values. At most
    1,000 values of 256 characters, and 20 tags."""

    model_config = ConfigDict(extra="forbid")

    match: Literal["any", "all"] = "any"
    sub_accounts: list[str] = Field(
        default=[], description="Values of SubAccountId (of CUR: line_item_usage_account_id)."
    )
    tags: dict[str, list[str]] = Field(
        default={},
        description="Values by key, the key as its owner writes it or as `charges` does.",
        examples=[{"team": ["checkout", "search"]}],
    )
    cost_centers: list[str] = Field(default=[], description="Values of the tag that is the cost center.")
    everything: bool = Field(default=False, strict=True, description="All rows, where others see none.")


class PolicySettingsBody(BaseModel):
    """Of the tenant: what those see for whom there is no policy, and which tag is the cost center."""

    model_config = ConfigDict(extra="forbid")

    default: Literal["allow", "deny"] = "allow"
    cost_center_tag: str = "cost_center"


class SetRowPolicy(RowPolicyBody):
    """The policy of one subject (the `sub` of their token), who set it and when."""

    subject: str
    version: int
    set_by: str
    set_at: AwareDatetime


class OwnRowPolicy(RowPolicyBody):
    """What binds the caller; without a condition and without `everything`, no row is seen."""

    subject: str
    cost_center_tag: str | None = None


class RowPolicies(PolicySettingsBody):
    """A page of the tenant's policies, by subject, and its settings."""

    rows: list[SetRowPolicy]
    cursor: str | None = None
