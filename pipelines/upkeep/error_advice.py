"""Which errors may be temporary, and what the operator does about the others.

What is wrong in an agency's file is no error of a run and does not belong here (checking/).
"""

from __future__ import annotations

import errno
import sys

import duckdb

# A share that answers slowly or is cut off for a moment.
_PASSING = {
    getattr(errno, name)
    for name in (
        "EAGAIN", "EBUSY", "EINTR", "EIO", "ETIMEDOUT", "ESTALE", "ENETDOWN", "ENETUNREACH", "ENETRESET",
        "EHOSTDOWN", "EHOSTUNREACH", "ECONNABORTED", "ECONNRESET", "ETXTBSY",
    )
    if hasattr(errno, name)
}  # fmt: skip
# Windows: access denied, sharing violation, lock violation, network name gone. A reader holds the file open.
_PASSING_ON_WINDOWS = {5, 32, 33, 59, 64}

# What to do, by the first word found in the error as Dagster tells it: its class, then its message.
_WHAT_TO_DO = (
    ("BusyError", "another run was at work; nothing to do, the next run takes the waiting files"),
    ("RegistryError", "fix the place named under sources/, see 'kpi57 plans check', and run again"),
    ("SiteError", "set KPI57_SITE to what it was in this home, or unset it, and run again"),
    ("ForkedError", "another machine works at the same place: stop one of the two, and run again"),
    ("UnreachableError", "start PostgreSQL or restore the network, and run again: nothing is lost"),
    ("AlteredError", "somebody changed the published copy: run again, which publishes it again"),
    ("LedgerError", "the ledger was altered or is damaged: 'kpi57 doctor' names the line; restore the last backup"),
    ("BundleDamagedError", "look at the bundle named, move it away, and run again: it is made again"),
    ("[Errno 28]", "the disk is full: free space (see 'kpi57 doctor') and run again"),
    ("No space left", "the disk is full: free space (see 'kpi57 doctor') and run again"),
    ("[Errno 30]", "the folder named is read-only: mount it writable and run again"),
    ("PermissionError", "give the account of the run write access to the folder named ('kpi57 doctor') and run again"),
    ("NoWorkerError", "the machine cannot start processes: end other programs, see 'kpi57 doctor', and run again"),
    ("database or disk is full", "the disk is full: free space (see 'kpi57 doctor') and run again"),
    ("MemoryError", "the machine ran out of memory: end other programs and run again"),
    ("OutOfMemoryException", "the machine ran out of memory: end other programs and run again"),
    ("SerializationException", "the build database is damaged: 'kpi57 rebuild' makes it again from the archive"),
    ("IOException", "something else has the database open, or its disk failed: see 'kpi57 doctor' and run again"),
    ("OSError", "a disk or share failed: see 'kpi57 doctor' and run again"),
    (
        "CheckFailedError",
        "figures contradict each other: see the failed check in 'kpi57 serve'",
    ),
)
_ELSE = "see 'kpi57 doctor'; if it finds nothing, 'kpi57 rebuild'; if that fails too, report it with the error above"


def may_pass(error: BaseException) -> bool:
    """Whether trying again in a while may help: a share gone for a moment, a file that a reader holds open.

    A full disk, missing rights, wrong data and a failed check stay as they are until a person does something.
    """
    if isinstance(error, duckdb.IOException):
        return "lock" in str(error)
    if not isinstance(error, OSError):
        return False
    if sys.platform == "win32":
        return error.winerror in _PASSING_ON_WINDOWS or error.errno in _PASSING
    return error.errno in _PASSING or isinstance(error, TimeoutError | ConnectionError)


def what_to_do(error: str) -> str:
    """What the operator does about an error ('PermissionError: ...')."""
    return next((advice for word, advice in _WHAT_TO_DO if word in error), _ELSE)
