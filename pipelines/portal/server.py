"""The portal's process: on loopback, behind the office's web server, one for a home."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Sequence
from threading import Thread
from typing import Any

from filelock import FileLock, Timeout

from pipelines.files import make_folder
from pipelines.home import Home
from pipelines.portal.settings import configure, secret_key

THREADS = 12
_TIDY_SECONDS = 3600
_log = logging.getLogger("kpi57.portal")
checker: Any = None  # the one of this process


class InUseError(RuntimeError):
    """Another portal serves this home."""


def serve(home: Home, port: int, names: Sequence[str], ready: Callable[[int], None]) -> None:
    """Serve a home until stopped. ready: called with the port once it is listened on. Raises InUseError."""
    from waitress.server import create_server

    make_folder(home.portal)
    lock = FileLock(home.portal / "portal.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InUseError(f"another kpi57 portal serves {home.root}") from None
    _log_to_stderr()
    application = make_application(home, names)
    from pipelines.portal.gate import UPLOAD_BYTES

    most = 2 * UPLOAD_BYTES  # what is a little too large gets a page that says so
    server = create_server(
        application, host="127.0.0.1", port=port, threads=THREADS, ident=None, max_request_body_size=most,
        trusted_proxy="127.0.0.1", trusted_proxy_count=1, clear_untrusted_proxy_headers=True,
        trusted_proxy_headers={"x-forwarded-for", "x-forwarded-proto"},
        channel_timeout=60, connection_limit=500,
    )  # fmt: skip
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped by a service manager as by Ctrl+C
    try:
        ready(server.effective_port)
        server.run()
    finally:
        checker.close()
        server.close()
        lock.release()


def make_application(home: Home, names: Sequence[str] = ()) -> Any:
    """The application with everything it needs beside it: what a killed one had begun is finished, the checker runs."""
    global checker
    configure(home, names, secret_key(home))
    from django.core.handlers.wsgi import WSGIHandler

    from pipelines.portal import acts, handing_in
    from pipelines.portal.checker import Checker

    application = WSGIHandler()
    if finished := handing_in.finish(home) + acts.finish(home):
        _log.info("finished %d that were begun", finished)
    checker = Checker(home)
    checker.start()
    Thread(target=_keep_tidy, args=[home], name="tidy", daemon=True).start()
    return application


def _keep_tidy(home: Home) -> None:
    from django.contrib.sessions.models import Session
    from django.db import close_old_connections
    from django.utils.timezone import now

    from pipelines.portal import uploads

    while True:
        try:
            close_old_connections()
            uploads.tidy(home)
            Session.objects.filter(expire_date__lt=now()).delete()
        except Exception:  # noqa: BLE001 - tried again in an hour
            _log.exception("tidying failed")
        time.sleep(_TIDY_SECONDS)


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    for name in ("django.security", "axes", "waitress.queue"):  # they name what was typed, or say what is no trouble
        logging.getLogger(name).setLevel(logging.CRITICAL)
