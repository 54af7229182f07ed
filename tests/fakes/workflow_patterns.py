"""Any event pattern, and any data over the same few fields (Hypothesis)."""

from typing import Any

from hypothesis import strategies as st

NAMES = st.sampled_from("abc")
TEXTS = st.text("ab*/.", max_size=4)
NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, 1.0, 2.5])
SCALARS = TEXTS | NUMBERS | st.booleans() | st.none() | st.sampled_from(["10.0.0.5", "::1", "10.0.1.5"])
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)
)
OPERATED = st.one_of(
    st.builds(lambda x: {"prefix": x}, TEXTS),
    st.builds(lambda x: {"suffix": x}, TEXTS),
    st.builds(lambda x: {"prefix": {"equals-ignore-case": x}}, TEXTS),
    st.builds(lambda x: {"equals-ignore-case": x}, TEXTS),
    st.builds(lambda x: {"wildcard": x}, TEXTS),
    st.builds(lambda x: {"cidr": x}, st.sampled_from(["10.0.0.0/24", "::/64", "10.0.0.5/31"])),
    st.builds(lambda op, x: {"numeric": [op, x]}, st.sampled_from(["=", "<", "<=", ">", ">="]), NUMBERS),
    st.builds(lambda x, y: {"numeric": [">", min(x, y), "<=", max(x, y)]}, NUMBERS, NUMBERS),
    st.builds(lambda x: {"exists": x}, st.booleans()),
    st.builds(lambda x: {"anything-but": x}, TEXTS | NUMBERS | st.lists(TEXTS, min_size=1)),
    st.builds(lambda x: {"anything-but": {"prefix": x}}, st.lists(TEXTS.filter(bool), min_size=1)),
    st.builds(lambda x: {"anything-but": {"suffix": x}}, TEXTS.filter(bool)),
    st.builds(lambda x: {"anything-but": {"wildcard": x}}, st.lists(TEXTS, min_size=1)),
)
FIELDS = st.lists(SCALARS | OPERATED, min_size=1, max_size=3)
PATTERNS: st.SearchStrategy[Any] = st.recursive(
    st.dictionaries(NAMES, FIELDS, min_size=1, max_size=3),
    lambda inner: (
        st.dictionaries(NAMES, FIELDS | inner, min_size=1, max_size=3)
        | st.builds(
            lambda rest, some: {**rest, "$or": some},
            st.dictionaries(NAMES, FIELDS, max_size=1),
            st.lists(inner, min_size=2, max_size=3),
        )
    ),
    max_leaves=6,
)
