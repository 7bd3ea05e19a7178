"""Every operation of a process on a folder, told before it happens, so that it can be let through, made to fail, or be
the moment the process is killed.

Linux offers this without touching the program (seccomp user notification): the kernel holds each call that changes a
disk until the watcher has answered, in the process, its threads and its workers, in Python, DuckDB and SQLite alike.
What is killed when, and what must hold afterwards, is faults.py.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, NamedTuple

KILL = -1  # an answer of Decide: end the process with SIGKILL before the operation happens
GO_ON = 0

# x86-64: number of the call -> its name and which arguments say where. 'fd': an open file; 'path': a text; 'at': a
# folder and a text. A call that moves something is known by where it moves it to.
_CALLS: dict[int, tuple[str, str, int]] = {
    1: ("write", "fd", 0), 18: ("write", "fd", 0), 20: ("write", "fd", 0), 296: ("write", "fd", 0),
    328: ("write", "fd", 0), 40: ("write", "fd", 0), 326: ("write", "fd", 2), 285: ("allocate", "fd", 0),
    74: ("fsync", "fd", 0), 75: ("fsync", "fd", 0), 77: ("truncate", "fd", 0), 76: ("truncate", "path", 0),
    82: ("rename", "path", 1), 264: ("rename", "at", 2), 316: ("rename", "at", 2),
    86: ("link", "path", 1), 265: ("link", "at", 2), 88: ("link", "path", 1), 266: ("link", "at", 1),
    87: ("remove", "path", 0), 263: ("remove", "at", 0), 84: ("remove", "path", 0),
    83: ("mkdir", "path", 0), 258: ("mkdir", "at", 0), 2: ("open", "path", 0), 257: ("open", "at", 0),
    85: ("open", "path", 0),
}  # fmt: skip
_OPENS = {2: 1, 257: 2}  # calls that open: which argument holds the flags
_FOR_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_X86_64 = 0xC000003E
_RECEIVE, _ANSWER = 0xC0502100, 0xC0182101
_NOTICE = struct.Struct("=QIIiIQ6Q")  # id, pid, flags, call, machine, instruction, arguments
_libc = ctypes.CDLL(None, use_errno=True)


class Operation(NamedTuple):
    """One operation on the watched folder: its number in the run, what, and where (below the folder)."""

    number: int
    name: str
    place: str


Decide = Callable[[Operation], int]  # GO_ON, KILL, or an errno the operation fails with


class Outcome(NamedTuple):
    """How a watched process ended: its exit code (-9 where it was killed), what it did, and what it left running."""

    exit_code: int | None
    operations: list[Operation]
    orphans: int


def watch(
    context: ForkServerContext, run: Callable[..., None], arguments: tuple[Any, ...], folder: Path, decide: Decide
) -> Outcome:
    """Start run(*arguments) in a process of its own and answer each of its operations below the folder.

    After a kill the other processes it started are waited for; what still lives 20 seconds later counts as orphans.
    """
    ours, theirs = socket.socketpair()
    process = context.Process(target=_watched, args=(theirs, run, arguments))
    process.start()
    theirs.close()
    with ours:
        _, [listener], _, _ = socket.recv_fds(ours, 1, 1)
    try:
        operations, orphans = _answer(listener, process, folder, decide)
    finally:
        os.close(listener)
    process.join()
    return Outcome(process.exitcode, operations, orphans)


def _answer(listener: int, process: Any, folder: Path, decide: Decide) -> tuple[list[Operation], int]:
    operations: list[Operation] = []
    killed_at = None
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while True:
        events = poll.poll(1000)
        if any(event & select.POLLHUP for _, event in events):  # nobody is left
            return operations, 0
        if killed_at and time.monotonic() - killed_at > 20:
            return operations, 1
        if not events:
            continue
        notice = bytearray(_NOTICE.size)
        with suppress(FileNotFoundError):  # the process died while it waited
            fcntl.ioctl(listener, _RECEIVE, notice)
            ident, pid, _, call, _, _, *numbers = _NOTICE.unpack(notice)
            verdict = GO_ON
            if killed_at is None and (found := _where(pid, call, numbers, folder)):
                operation = Operation(len(operations) + 1, *found)
                operations.append(operation)
                verdict = decide(operation)
                if verdict == KILL:
                    os.kill(process.pid, signal.SIGKILL)
                    killed_at, verdict = time.monotonic(), GO_ON
            fcntl.ioctl(listener, _ANSWER, struct.pack("=QqiI", ident, 0, -verdict, 0 if verdict else 1))


def _where(pid: int, call: int, numbers: list[int], folder: Path) -> tuple[str, str] | None:
    """What the call does and where below the folder; None for what happens elsewhere or changes nothing."""
    name, kind, first = _CALLS[call]
    try:
        if kind == "fd":
            place = Path(f"/proc/{pid}/fd/{numbers[first]}").readlink()
        elif kind == "path":
            place = Path(f"/proc/{pid}/cwd").readlink() / _text(pid, numbers[first])
        else:
            at = ctypes.c_int(numbers[first]).value
            place = Path(f"/proc/{pid}/{'cwd' if at == -100 else f'fd/{at}'}").readlink()
            place /= _text(pid, numbers[first + 1])
    except (FileNotFoundError, ProcessLookupError):
        return None
    if not place.is_relative_to(folder):
        return None
    if name == "open":
        flags = os.O_CREAT | os.O_TRUNC if call == 85 else numbers[_OPENS[call]]
        if flags & os.O_CREAT and not place.exists():
            name = "create"
        elif flags & os.O_TRUNC:
            name = "truncate"
    return name, place.relative_to(folder).as_posix()


def _text(pid: int, address: int) -> str:
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        memory.seek(address)
        found = b""
        while b"\0" not in found and len(found) < 4096:
            found += memory.read(256 - (address + len(found)) % 256)
    return os.fsdecode(found.partition(b"\0")[0])


# ---------------------------------------------------------------- in the watched process


def _watched(theirs: socket.socket, run: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    program = b"".join(_filter())
    buffer = ctypes.create_string_buffer(program, len(program))
    pointer = struct.pack("=HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    _libc.prctl(38, 1, 0, 0, 0)  # no new privileges: what the kernel asks for before it takes a filter
    listener = _libc.syscall(317, 1, 8, ctypes.create_string_buffer(pointer, len(pointer)))
    if listener < 0:
        raise OSError(ctypes.get_errno(), "the kernel takes no seccomp filter with a listener")
    socket.send_fds(theirs, [b"x"], [listener])
    os.close(listener)
    theirs.close()
    run(*arguments)


def _filter() -> Iterator[bytes]:
    """The kernel's filter as BPF: the calls above ask the watcher, all others go on."""
    load, equal, any_of, end = 0x20, 0x15, 0x45, 0x06
    ask, allow = 0x7FC00000, 0x7FFF0000

    def line(code: int, k: int, if_true: int = 0, if_false: int = 0) -> bytes:
        return struct.pack("=HBBI", code, if_true, if_false, k)

    yield line(load, 4)
    yield line(equal, _X86_64, 1, 0)
    yield line(end, allow)
    yield line(load, 0)
    for call in _CALLS:
        if call in _OPENS:
            yield line(equal, call, 0, 4)
            yield line(load, 16 + 8 * _OPENS[call])
            yield line(any_of, _FOR_WRITING, 0, 1)
            yield line(end, ask)
            yield line(end, allow)
        else:
            yield line(equal, call, 0, 1)
            yield line(end, ask)
    yield line(end, allow)
