"""The providers there are, and what a file is by its header: never by its name."""

import pkgutil
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from services.cost_center.domain import charges, providers
from services.cost_center.domain.findings import reject
from services.cost_center.domain.manifest import ManifestForm
from services.cost_center.domain.providers.provider import Provider
from services.cost_center.domain.tables import CHARGES, Container, Layout


def discover(package: ModuleType) -> tuple[Provider, ...]:
    """The providers in a package, by name: each of its packages that does not begin with an underscore.

    Raises ValueError for a provider that cannot work: nothing then starts.
    """
    names = sorted(
        module.name
        for module in pkgutil.iter_modules(package.__path__)
        if module.ispkg and not module.name.startswith("_")
    )
    found = tuple(_provider(package.__name__, name) for name in names)
    tables = [CHARGES, *(provider.table for provider in found)]
    if twice := sorted({table for table in tables if tables.count(table) > 1}):
        raise ValueError(f"more than one writer of the table {twice[0]}")
    return found


def _provider(package: str, name: str) -> Provider:
    provider = getattr(import_module(f"{package}.{name}"), "PROVIDER", None)
    if not isinstance(provider, Provider):
        raise ValueError(f"the package {name} has no PROVIDER; what is no provider begins with an underscore")
    if provider.name != name:
        raise ValueError(f"the provider in the package {name} is called {provider.name}")
    made = [rule.target for rule in provider.mapping.rules]
    columns = [column.name for column in charges.COLUMNS]
    wrong = sorted(target for target in {*made, *columns} if made.count(target) != columns.count(target))
    if wrong:
        raise ValueError(f"{name}: not one rule for each column of charges: {', '.join(wrong)}")
    money = provider.money
    needed = {money.account, money.currency, money.period_start, money.period_end}
    if missing := needed - dict(provider.required).keys():
        raise ValueError(f"{name}: money needs required columns: {', '.join(sorted(missing))}")
    return provider


PROVIDERS = discover(providers)


def recognise(
    file: str, headers: Sequence[str], container: Container, among: Sequence[Provider] = PROVIDERS
) -> Layout:
    """The layout of a file with these headers. Raises Rejected for what is of no provider, or of several."""
    plain = [header.strip().lstrip("\ufeff") for header in headers]
    for header in plain:
        if "\0" in header:
            raise reject("a header has a NUL character", file=file, column=header, expected="plain text")
    claiming = [provider for provider in among if provider.kind(plain) is not None]
    if len(claiming) > 1:
        names = ", ".join(sorted(provider.name for provider in claiming))
        raise reject(
            f"the header is of more than one kind of bill: {names}",
            file=file,
            expected=_expected(claiming),
        )
    layout = claiming[0].recognise(file, plain, container) if claiming else None
    if layout is None:
        raise reject(
            "the header is of no known bill" if any(plain) else "the file has no header",
            file=file,
            expected=_expected(among),
        )
    return layout


def _expected(among: Sequence[Provider]) -> str:
    return f"the columns of {', or of '.join(sorted(provider.sign for provider in among))}"


def provider_of(table: str) -> Provider:
    """The provider that writes a raw table. Raises KeyError where none does."""
    return {provider.table: provider for provider in PROVIDERS}[table]


def manifest_forms(among: Sequence[Provider] = PROVIDERS) -> tuple[ManifestForm, ...]:
    """Every form of a manifest that any provider's deliveries come with, each once."""
    found: list[ManifestForm] = []
    for form in (form for provider in among for form in provider.manifests):
        if form not in found:
            found.append(form)
    return tuple(found)
