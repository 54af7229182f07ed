"""The audit chain of a run: each entry holds the hash of the one before, so that none can be changed, left
out or put in unseen. The last hash is kept elsewhere too when the run has ended (its anchor).

    hash = SHA-256 of the JSON list [seq, prev, run, at, act, by, facts, key]
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.clock import iso
from shared.json_text import plain

FIRST = "0" * 64
"""What the first entry has as the hash before it."""


@dataclass(frozen=True)
class Entry:
    """`seq` counts from 1; `facts` is canonical JSON; `key` is of the act: nothing is entered twice."""

    seq: int
    prev: str
    run: str
    at: str
    act: str
    by: str
    facts: str
    key: str
    hash: str


@dataclass(frozen=True)
class Broken:
    """The first entry that does not hold, and what is wrong with it."""

    seq: int
    reason: str


def chained(
    last: Entry | None, *, run: str, act: str, by: str, facts: Mapping[str, Any], key: str, at: datetime
) -> Entry:
    """The entry after `last`. Raises TypeError for facts that are not JSON."""
    seq, prev = (1, FIRST) if last is None else (last.seq + 1, last.hash)
    text = canonical(facts)
    moment = iso(at)
    return Entry(
        seq, prev, run, moment, act, by, text, key, _hash(seq, prev, run, moment, act, by, text, key)
    )


def first_broken(entries: Sequence[Entry], run: str, anchor: str | None = None) -> Broken | None:
    """What is wrong with a chain, as its entries are read in order; None where it holds. `anchor` must be the
    hash of one of them: entries may follow it, none of those up to it may be missing."""
    prev = FIRST
    for seq, entry in enumerate(entries, start=1):
        if entry.seq != seq:
            return Broken(seq, f"entry {seq} is missing")
        if entry.prev != prev:
            return Broken(seq, "it does not follow the entry before it")
        if entry.run != run:
            return Broken(seq, f"it is of run {entry.run}")
        if entry.hash != _hash_of(entry):
            return Broken(seq, "its content is not what was hashed")
        prev = entry.hash
    if anchor is not None and all(entry.hash != anchor for entry in entries):
        return Broken(len(entries) + 1, "the entry that the end of the run was anchored to is missing")
    return None


def canonical(facts: Mapping[str, Any]) -> str:
    """JSON with sorted keys and no spaces: the same facts are the same bytes."""
    return json.dumps(
        plain(facts), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def _hash_of(entry: Entry) -> str:
    parts = (entry.seq, entry.prev, entry.run, entry.at, entry.act, entry.by, entry.facts, entry.key)
    return _hash(*parts)


def _hash(seq: int, prev: str, run: str, at: str, act: str, by: str, facts: str, key: str) -> str:
    # A list keeps the parts apart, whatever they hold.
    text = json.dumps([seq, prev, run, at, act, by, facts, key], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
