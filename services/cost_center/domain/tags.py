"""Keys of tags in one form: see `shared.tag_keys`, which the query engine's row policies use as well."""

from shared.tag_keys import AWS, FOCUS, Prefixes, normal_key, original_key

__all__ = ["AWS", "FOCUS", "Prefixes", "normal_key", "original_key"]
