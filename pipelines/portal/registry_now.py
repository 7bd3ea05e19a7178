"""What sources/ says now, read again where it was edited: the portal goes on while plans and forms change."""

from __future__ import annotations

import hashlib
import time
from threading import Lock

from pipelines.home import SOURCES
from pipelines.intake.editions import PARTS
from pipelines.registry.registry import Registry, load

_SECONDS = 2.0  # how long an answer counts before the files are looked at again


class RegistryNow:
    """The registry and the mark of the files it was read from."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._looked = 0.0
        self._mark = ""
        self._registry: Registry | None = None

    def get(self) -> tuple[Registry, str]:
        """The registry and its mark. Where sources/ does not hold together just now, the one from before."""
        with self._lock:
            if self._registry is None or time.monotonic() - self._looked > _SECONDS:
                self._look()
            if self._registry is None:
                raise RuntimeError("sources/ was not read")
            return self._registry, self._mark

    def _look(self) -> None:
        mark = _mark()
        if mark != self._mark:
            try:
                self._registry, self._mark = load(), mark
            except ValueError:  # somebody is editing: 'kpi57 run' names what is wrong
                if self._registry is None:
                    raise
        self._looked = time.monotonic()


def _mark() -> str:
    """Tells one state of sources/ from another by its files' names, sizes and times."""
    files = sorted(path for part in PARTS for path in (SOURCES / part).rglob("*") if path.is_file())
    seen = "".join(f"{path.relative_to(SOURCES)}:{(at := path.stat()).st_size}:{at.st_mtime_ns}\n" for path in files)
    return hashlib.sha256(seen.encode()).hexdigest()[:16]


_now = RegistryNow()


def registry_now() -> Registry:
    return _now.get()[0]


def registry_mark() -> str:
    return _now.get()[1]
