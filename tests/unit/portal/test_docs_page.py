"""The page over a document that has one of everything, and means no good."""

from html.parser import HTMLParser

import pytest

from services.portal.application.docs_page import docs_page
from services.portal.application.fields import Field, Schemas
from tests.fakes.openapi_document import DOCUMENT, EVIL


class Outline(HTMLParser):
    """Tags, ids, links and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a":
            self.links.append(values["href"])
        self.loaded += [values[name] for name in ("src", "srcset") if name in values]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


@pytest.fixture(scope="module")
def page() -> str:
    return docs_page(DOCUMENT)


def test_the_page_is_whole_and_fetches_and_runs_nothing(page):
    outline = Outline(page)
    assert outline.open == []
    assert "script" not in outline.tags
    assert "link" not in outline.tags
    assert outline.loaded == []
    assert "@import" not in page
    assert "url(" not in page
    assert all(link.startswith(("#", "/v1/")) for link in outline.links)


def test_every_link_within_the_page_has_its_place(page):
    outline = Outline(page)
    assert len(set(outline.ids)) == len(outline.ids)
    own = {link[1:] for link in outline.links if link.startswith("#")}
    assert own <= set(outline.ids)


def test_a_route_is_shown_with_all_that_is_needed_to_call_it(page):
    words = Outline(page).words
    for part in (
        "/v1/things/{id}",
        "needs the role analyst",
        "no token needed",
        "By what.",
        "Default 100. 1 to 1000.",
        'curl -X POST "$ONYX/v1/things/thing-1?group_by=ServiceName,tag:env"',
        "authorization: Bearer $TOKEN",
        "rows[].cost",
        "string or null",
        "a | b",
        '"cost": "14.66"',
        "Answer 204",
        "THING_GONE",
        "401, 403, 404, 422",
        "Version 1.2.3",
    ):
        assert part in words, part


def test_what_the_document_says_is_text(page):
    assert EVIL not in page
    assert EVIL in Outline(page).words


def test_a_quote_in_an_example_does_not_end_the_shells_string(page):
    assert """'{"name": "it'\\''s <new>"}'""" in Outline(page).words


def test_a_schema_that_holds_itself_comes_to_an_end():
    schemas = Schemas(DOCUMENT)
    assert schemas.example({"$ref": "#/components/schemas/Row"})["cost"] == "14.66"
    assert len(schemas.fields({"$ref": "#/components/schemas/Row"})) == 8


def test_fields_are_flat_and_know_their_type():
    fields = Schemas(DOCUMENT).fields({"$ref": "#/components/schemas/Page"})
    assert fields[0] == Field("rows", "list of object", True, "")
    assert fields[1] == Field("rows[].cost", "string", True, "")
    assert Field("cursor", "string or null", True, "Next.") in fields
