"""Providers are found by themselves, and no header is of two, in whatever order they are asked."""

import csv
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cost_center.domain import charges, providers
from services.cost_center.domain.charges import nulls_beside
from services.cost_center.domain.findings import Rejected
from services.cost_center.domain.providers.provider import Provider
from services.cost_center.domain.providers.registry import PROVIDERS, discover, provider_of, recognise
from services.cost_center.domain.tables import Container

HERE = Path(__file__).parent


def headers_of(name: str) -> list[list[str]]:
    with (HERE / name / "headers.csv").open(newline="") as stream:
        return list(csv.reader(stream))


KNOWN = {provider.name: headers_of(provider.name) for provider in PROVIDERS}
EVERY = [(name, header) for name, headers in KNOWN.items() for header in headers]
WORDS = sorted({word for _, header in EVERY for word in header})


def claiming(headers: Sequence[str]) -> list[str]:
    return [provider.name for provider in PROVIDERS if provider.kind(headers) is not None]


def test_every_folder_is_a_provider_but_those_with_an_underscore() -> None:
    root = Path(providers.__file__).parent
    folders = {path.parent.name for path in root.glob("[!_]*/__init__.py")}

    assert {provider.name for provider in PROVIDERS} == folders
    assert [provider.name for provider in PROVIDERS] == sorted(folders)
    assert (root / "_aws").is_dir()


@pytest.mark.parametrize(("name", "header"), EVERY)
def test_a_header_is_of_its_provider_and_of_no_other_in_any_order(name: str, header: list[str]) -> None:
    assert claiming(header) == [name]
    for order in permutations(PROVIDERS):
        layout = recognise("bill", header, Container.CSV, among=order)
        assert layout.table == provider_of(layout.table).table
        assert provider_of(layout.table).name == name


@given(st.sampled_from(EVERY), st.data())
def test_no_part_of_a_header_is_of_two(known: tuple[str, list[str]], data: st.DataObject) -> None:
    _, header = known
    part = data.draw(st.lists(st.sampled_from(header), unique=True))

    assert len(claiming(part)) <= 1


@given(st.lists(st.sampled_from(WORDS), unique=True, max_size=40))
def test_a_header_made_of_several_is_never_read_as_one_of_them(words: list[str]) -> None:
    claims = claiming(words)

    outcomes = set()
    for order in (PROVIDERS, PROVIDERS[::-1]):
        try:
            outcomes.add(recognise("bill", words, Container.CSV, among=order).format)
        except Rejected as rejection:
            outcomes.add(str(rejection))
    assert len(outcomes) == 1
    [outcome] = outcomes
    if len(claims) > 1:
        assert f"of more than one kind of bill: {', '.join(sorted(claims))}" in outcome


def test_a_header_of_nothing_known_is_refused_with_what_is_known() -> None:
    with pytest.raises(Rejected, match="the header is of no known bill") as refused:
        recognise("bill", ["a", "b"], Container.CSV)

    assert all(provider.sign in (refused.value.findings[0].expected or "") for provider in PROVIDERS)


def test_a_header_with_a_nul_is_refused() -> None:
    [header, *_] = KNOWN["focus"]

    with pytest.raises(Rejected, match="NUL"):
        recognise("bill", [*header, "x_\0"], Container.CSV)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_every_column_of_charges_has_one_rule_with_a_source(provider: Provider) -> None:
    rules = provider.mapping.rules

    assert sorted(rule.target for rule in rules) == sorted(column.name for column in charges.COLUMNS)
    assert all(rule.source and rule.sql for rule in rules)


def test_the_recipe_is_of_the_rules_and_the_helpers() -> None:
    recipes = [provider.mapping.recipe for provider in PROVIDERS]
    assert len(set(recipes)) == len(recipes)

    mapping = PROVIDERS[0].mapping
    [first, *rest] = mapping.rules
    assert mapping.recipe == replace(mapping).recipe
    assert mapping.recipe != replace(mapping, helpers=mapping.helpers[1:]).recipe
    assert mapping.recipe != replace(mapping, rules=[replace(first, sql="NULL"), *rest]).recipe


def test_what_a_mapping_leaves_out_is_null() -> None:
    [rule, *_] = provider_of("focus").mapping.rules

    made = nulls_beside([rule], "not said")

    assert [each.target for each in made if each.sql != "NULL"] == [rule.target]
    assert sorted(each.target for each in made) == sorted(column.name for column in charges.COLUMNS)


GOOD = """
from dataclasses import replace
from services.cost_center.domain.charges import ChargeMapping
from services.cost_center.domain.providers.focus import PROVIDER as FOCUS
PROVIDER = replace(FOCUS, {})
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], None]:
    """Makes a package of those packages and looks for providers in it."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def look(codes: dict[str, str]) -> None:
        for name, code in codes.items():
            (tmp_path / "some" / name).mkdir(parents=True)
            (tmp_path / "some" / name / "__init__.py").write_text(code)
        (tmp_path / "some" / "__init__.py").touch()
        try:
            discover(import_module("some"))
        finally:
            for name in set(sys.modules) - before:
                del sys.modules[name]

    return look


@pytest.mark.parametrize(
    ("codes", "why"),
    [
        ({"one": ""}, "the package one has no PROVIDER"),
        ({"one": GOOD.format("name='two'")}, "the package one is called two"),
        (
            {"one": GOOD.format("name='one'"), "two": GOOD.format("name='two'")},
            "more than one writer of the table focus",
        ),
        ({"one": GOOD.format("name='one', table='charges'")}, "more than one writer of the table charges"),
        (
            {"one": GOOD.format("name='one', mapping=ChargeMapping(FOCUS.mapping.rules[1:])")},
            "one: not one rule for each column of charges: AvailabilityZone",
        ),
        (
            {"one": GOOD.format("name='one', mapping=ChargeMapping([*FOCUS.mapping.rules] * 2)")},
            "one: not one rule for each column of charges: AllocatedMethodDetails",
        ),
        (
            {"one": GOOD.format("name='one', required=FOCUS.required[2:]")},
            "one: money needs required columns: BillingAccountId",
        ),
    ],
)
def test_a_provider_that_cannot_work_stops_the_start(
    package: Callable[[dict[str, str]], None], codes: dict[str, str], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        package(codes)


def test_what_begins_with_an_underscore_needs_no_provider(
    package: Callable[[dict[str, str]], None],
) -> None:
    package({"_shared": "", "one": GOOD.format("name='one'")})
