"""Names of the answer's columns, as any engine takes them."""

from sqlglot import exp

from services.query_engine.domain.binding import RESERVED
from services.query_engine.domain.query import outermost


def name_apart(statement: exp.Query) -> None:
    """Two columns of the answer may have one name; for the engine the later ones get names of ours."""
    seen: set[str] = set()
    for at, each in enumerate(outermost(statement).selects):
        if isinstance(each, exp.Alias):
            if each.alias in seen:
                each.set("alias", exp.to_identifier(f"{RESERVED}a{at}", quoted=True))
            seen.add(each.alias)
