"""Typed settings: a process with a bad environment fails at its start and names the variable."""

import os
import threading
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.errors import ConfigurationError


class Settings(BaseModel):
    """Base of each process's settings: one frozen model, one field per environment variable.

    The variable is the field's name in upper case, without a prefix; its value is text, so a field is a
    text, a number or what else pydantic makes of one. An empty variable counts as missing: a template that
    resolves to nothing must not pass for a value.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")


S = TypeVar("S", bound=Settings)


class _Loader:
    """Reads the environment once per settings class (callable, with `cache_clear()` for tests)."""

    def __init__(self) -> None:
        self._cache: dict[type[Any], Any] = {}
        self._lock = threading.Lock()

    def __call__(self, cls: type[S]) -> S:
        """The settings of `cls`. Raises ConfigurationError that names every missing or bad variable."""
        with self._lock:
            if cls not in self._cache:
                self._cache[cls] = _read(cls)
            settings: S = self._cache[cls]
            return settings

    def cache_clear(self) -> None:
        with self._lock:
            self._cache.clear()


def _read(cls: type[S]) -> S:
    # By hand: pydantic-settings costs a cold start a fifth of its imports and reads no more than this here.
    given = {name: value for name in cls.model_fields if (value := os.environ.get(name.upper()))}
    try:
        return cls.model_validate(given)
    except ValidationError as error:
        findings = [
            {"variable": str(each["loc"][0]).upper() if each["loc"] else cls.__name__, "message": each["msg"]}
            # Inputs are left out: a variable may hold a secret.
            for each in error.errors(include_input=False, include_url=False)
        ]
    listed = "; ".join(f"{each['variable']}: {each['message']}" for each in findings)
    raise ConfigurationError(f"bad environment for {cls.__name__}: {listed}", errors=findings)


load_settings = _Loader()
