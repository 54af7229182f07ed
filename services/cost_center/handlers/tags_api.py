"""HTTP API of promoted tags: routes of the cost center's function."""

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import BaseModel, ConfigDict, Field

from services.cost_center.domain.promoted_tags import LONGEST, MOST, Promoted
from services.cost_center.handlers.tags_wiring import tag_services
from shared.http import principal, requires
from shared.tenancy import Role

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]

PATH = "/v1/cost-center/settings/tags"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class TagsGiven(_Model):
    model_config = ConfigDict(extra="forbid")

    promoted: list[str] = Field(
        max_length=MOST,
        description=f"Keys of tags in any of their forms, of at most {LONGEST} characters; none to end it.",
        examples=[["env", "CostCenter"]],
    )


class TagView(_Model):
    key: str = Field(description="The key in `Tags`.", examples=["cost_center"])
    column: str = Field(description="Its column of `charges`.", examples=["x_Tag_cost_center"])


class TagList(_Model):
    promoted: list[TagView]


@router.get(PATH, summary="The tags that have a column of their own")
@requires(Role.VIEWER)
def promoted_tags() -> TagList:
    return tag_list(tag_services().chosen(principal(router).tenant))


@router.put(
    PATH,
    summary="Choose the tags that have a column of their own",
    description="Exactly these from now on. Bills that are published from now on have the columns; what was "
    "published before is NULL there until the bill is delivered again.",
    openapi_extensions={"x-onyx-errors": ["INVALID_TAG_KEY", "VERSION_CONFLICT"]},
)
@requires(Role.ADMIN)
def promote_tags(body: TagsGiven) -> TagList:
    caller = principal(router)
    return tag_list(tag_services().choose(caller.tenant, body.promoted, caller.subject))


def tag_list(tags: Promoted) -> TagList:
    return TagList(promoted=[TagView(key=tag.key, column=tag.column.name) for tag in tags])
