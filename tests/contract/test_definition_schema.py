"""The published schema of workflows is what the language's table says."""

from infra.definition_schema import TARGET, text


def test_the_published_schema_is_the_current_one() -> None:
    assert TARGET.read_text(encoding="utf-8") == text(), "run make schemas"
