"""The matcher over many triggers says what each pattern says alone."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.workflow.domain.matcher import Candidate, Matcher
from services.workflow.domain.pattern_checks import check
from services.workflow.domain.patterns import matches
from tests.fakes.workflow_patterns import DATA, NAMES, PATTERNS

TYPES = st.sampled_from(["A.v1", "B.v1"])


@settings(max_examples=300)
@given(st.lists(st.tuples(TYPES, PATTERNS), max_size=8), TYPES, st.dictionaries(NAMES, DATA, max_size=3))
def test_as_a_bare_loop(triggers: list[tuple[str, Any]], type: str, data: Any) -> None:
    fine = [(each, pattern) for each, pattern in triggers if check(pattern) == []]
    matcher = Matcher(Candidate(each, pattern, at) for at, (each, pattern) in enumerate(fine))
    expected = [at for at, (each, p) in enumerate(fine) if each == type and matches(p, data)]
    assert matcher.match(type, data) == expected


def test_a_trigger_is_asked_only_of_values_that_it_may_match() -> None:
    asked: list[str] = []

    class Data(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            asked.append(name)
            return super().__getitem__(name)

    patterns = [{"kind": ["bill"], "account": [str(at)]} for at in range(100)]
    matcher = Matcher(Candidate("A.v1", pattern, at) for at, pattern in enumerate(patterns))
    assert matcher.match("A.v1", Data(kind="bill", account="7")) == [7]
    assert len(asked) < 10


def test_a_trigger_without_a_pattern_fires_on_all_of_its_type_and_no_other() -> None:
    matcher = Matcher([Candidate("A.v1", {}, "all"), Candidate("A.v1", {"a": [1]}, "one")])
    assert matcher.match("A.v1", {"a": 2}) == ["all"]
    assert matcher.match("A.v1", {"a": [2, 1, 1]}) == ["all", "one"]
    assert matcher.match("B.v1", {"a": 1}) == []
