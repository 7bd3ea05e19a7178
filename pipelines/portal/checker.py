"""The one process beside the web server that checks what was sent up, all waiting files in one call.

It reads in the limited workers, so no file costs it more than that file's answer. Where it dies all the same, it is
started again and each of its files is checked once more, alone. It ends by itself when the web server is gone.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Condition, Thread
from typing import Any

from pipelines.home import Home
from pipelines.registry.registry import Registry

Answer = dict[str, Any]
_TOGETHER = 24
_PATIENCE = 600.0  # seconds on the clock for one call; each file has its own limit of processor time
_log = logging.getLogger("kpi57.portal")


# ---------------------------------------------------------------- in the process


def work(connection: Connection, home: Home) -> None:
    """Answer lists of staged paths with lists of answers, until the other side is gone."""
    from pipelines.check import check_files
    from pipelines.portal.registry_now import registry_now

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the web server ends this process
    while True:
        try:
            paths = connection.recv()
        except EOFError:
            return
        try:
            answers: list[Answer] | None = check_files(registry_now(), paths, home=home)
        except Exception:  # noqa: BLE001 - whatever it is, the files are checked once more, each alone
            _log.exception("%d files could not be checked", len(paths))
            answers = None
        try:
            connection.send(answers)
        except BrokenPipeError:
            return


# ---------------------------------------------------------------- in the web server


class Checker:
    """Hands tokens to the process, as many as wait, and keeps its answers."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._waiting: list[str] = []
        self._changed = Condition()
        self._done: set[str] = set()
        self._process: Any = None
        self._connection: Connection | None = None
        self._is_closed = False
        self._thread = Thread(target=self._go_on, name="checker", daemon=True)

    def start(self) -> None:
        from pipelines.portal.models import Upload

        self._begin()
        self.submit(*Upload.objects.filter(state=Upload.STAGED).values_list("token", flat=True))
        self._thread.start()

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._end()

    def submit(self, *tokens: str) -> None:
        with self._changed:
            self._done.difference_update(tokens)
            self._waiting += [token for token in tokens if token not in self._waiting]
            self._changed.notify_all()

    def wait(self, token: str, seconds: float) -> bool:
        """Whether the check of an upload ended, waiting for it so long."""
        with self._changed:
            is_done = self._changed.wait_for(lambda: token in self._done, seconds)
            self._done.discard(token)
            return is_done

    def _go_on(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting) or self._is_closed)
                if self._is_closed:
                    return
            try:
                tokens = self._check_waiting()
            except Exception:  # noqa: BLE001 - whatever it is, those who wait are answered and the next ones are checked
                _log.exception("the check of what waits failed")
                tokens = self._waiting[:1]
            with self._changed:
                self._waiting = [token for token in self._waiting if token not in tokens]
                self._done.update(tokens)
                self._changed.notify_all()

    def _check_waiting(self) -> list[str]:
        """Check what waits and may be checked together. Returns the tokens."""
        from django.db import close_old_connections

        from pipelines.portal import published
        from pipelines.portal.models import Upload
        from pipelines.portal.registry_now import registry_mark, registry_now
        from pipelines.portal.uploads import staged

        close_old_connections()
        with self._changed:
            waiting = list(self._waiting)
        found = {one.token: one for one in Upload.objects.filter(token__in=waiting, state=Upload.STAGED)}
        uploads = together([found[token] for token in waiting if token in found], registry_now())
        known = mark(published.mark(self.home), registry_mark())
        answers = self._ask([staged(self.home, one) for one in uploads])
        for upload, answer in zip(uploads, answers, strict=True):
            state = Upload.UNCHECKED if answer is None else Upload.CHECKED
            kept = None if answer is None else {key: part for key, part in answer.items() if key != "file"}
            Upload.objects.filter(token=upload.token, state=Upload.STAGED).update(state=state, answer=kept, known=known)
        gone = [token for token in waiting if token not in found]
        return [*gone, *(one.token for one in uploads)]

    def _ask(self, paths: list[Path]) -> list[Answer | None]:
        """The answers, in the order of the paths; None for a file that twice could not be checked."""
        if not paths:
            return []
        answers = self._ask_once(paths)
        if answers is not None:
            return list(answers)
        return [alone[0] if (alone := self._ask_once([path])) else None for path in paths]

    def _ask_once(self, paths: list[Path]) -> list[Answer] | None:
        if self._process is None or not self._process.is_alive():
            self._begin()
        if self._connection is None:
            return None
        try:
            self._connection.send(paths)
            if self._connection.poll(_PATIENCE):
                answers: list[Answer] | None = self._connection.recv()
                return answers
            _log.error("a check did not end: it is given up")
        except (EOFError, OSError):
            _log.error("the process that checks was lost")
        self._end()
        return None

    def _begin(self) -> None:
        self._end()
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs, self.home), name="kpi57-checker")
        self._process.start()
        theirs.close()  # so that its end is seen here

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.join(2)
            if self._process.is_alive():
                self._process.kill()
                self._process.join()
            self._process = None


def mark(copy: str, sources: str) -> str:
    """What a check goes by: the published copy, and what sources/ says."""
    return f"{copy}/{sources}"


def together(uploads: list[Any], registry: Registry) -> list[Any]:
    """The first ones that may be checked in one call: one a sender, as a call compares its files with each other; a
    focal agency's may have lines of others, so it is the only one of its commune."""
    focal = {(plan["commune_code"], plan["focal_agency_code"]) for plan in registry.plans.values()}
    chosen: list[Any] = []
    taken: dict[str, set[str]] = {}
    for upload in uploads:
        sender = (upload.commune_code, upload.agency_code)
        there = taken.setdefault(upload.commune_code, set())
        is_alone = sender in focal or any((upload.commune_code, agency) in focal for agency in there)
        if upload.agency_code in there or (there and is_alone):
            continue
        there.add(upload.agency_code)
        chosen.append(upload)
        if len(chosen) == _TOGETHER:
            break
    return chosen
