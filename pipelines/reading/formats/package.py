"""Untrusted zip packages and the XML inside: limits before anything is opened and while reading, no entities.

What the parts mean does not belong here (xlsx.py, xlsb.py, ods.py).
"""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any
from xml.parsers import expat

from pipelines.reading.formats.cell_values import UnreadableError

MAX_INFLATED = 256 * 1024**2  # bytes of a whole package
BOMB_FROM, BOMB_RATIO = 16 * 1024**2, 100  # a part both larger and more compressed than this is made to do harm
PARSED_WHOLE = 1024**2  # bytes of a part below which it is not parsed piece by piece
_ENCRYPTED = 1  # bit of a zip entry's flags
Attributes = dict[str, str]
Start = Callable[[str, Attributes], None]
End = Callable[[str], None]


class Package:
    """A zip file in memory, its parts found whatever their case and slashes.

    Raises UnreadableError damaged (no whole zip, or a part that appears twice: who opens it may see either), protected,
    too_large (unpacks into more than any report).
    """

    def __init__(self, data: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
            raise UnreadableError("damaged") from error
        entries = self._zip.infolist()
        if sum(entry.file_size for entry in entries) > MAX_INFLATED or any(map(_is_bomb, entries)):
            raise UnreadableError("too_large")
        if any(entry.flag_bits & _ENCRYPTED for entry in entries):
            raise UnreadableError("protected")
        self._entries = {plain_name(entry.filename): entry for entry in entries}
        if len(self._entries) < len(entries):
            raise UnreadableError("damaged")

    @property
    def names(self) -> list[str]:
        """The parts' names in lower case, without a leading slash."""
        return list(self._entries)

    def __contains__(self, name: str) -> bool:
        return plain_name(name) in self._entries

    def size(self, name: str) -> int:
        """Bytes of a part as the directory claims; 0 where there is no such part."""
        entry = self._entries.get(plain_name(name))
        return entry.file_size if entry else 0

    def read(self, name: str) -> bytes:
        """A whole part. Headers that lie about its size make it 'damaged': zipfile stops at the size they claim."""
        try:
            return self._zip.read(self._entries[plain_name(name)])
        except (KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
            raise UnreadableError("damaged") from error

    def parse(
        self,
        name: str,
        start: Start,
        end: End | None = None,
        text: Callable[[str], None] | None = None,
        *,
        of: Collection[str] = (),
    ) -> None:
        """Parse a part piece by piece, calling start, end and text with local names, without namespaces.

        of: where given, the namespaces whose elements are meant; any other's have a name that means nothing, '?'.
        Raises UnreadableError unsafe (it declares a document type, so perhaps entities), damaged (it is no XML).
        """
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse

        def local(tag: str) -> str:
            space, _, own = tag.rpartition(" ")
            return own if not of or space in of else "?"

        parser.StartElementHandler = lambda tag, given: start(local(tag), given)
        if end:
            parser.EndElementHandler = lambda tag: end(local(tag))
        if text:
            parser.CharacterDataHandler = text
        try:
            if self.size(name) < PARSED_WHOLE:
                parser.Parse(self.read(name), True)
            else:
                with self._zip.open(self._entries[plain_name(name)]) as part:
                    parser.ParseFile(part)
        except (KeyError, ValueError, expat.ExpatError, zipfile.BadZipFile, zlib.error, NotImplementedError,
                RuntimeError, EOFError) as error:  # fmt: skip
            raise UnreadableError("damaged") from error


def _is_bomb(entry: zipfile.ZipInfo) -> bool:
    return entry.file_size > BOMB_FROM and entry.file_size > BOMB_RATIO * max(entry.compress_size, 1)


def _refuse(*_: Any) -> None:
    raise UnreadableError("unsafe")


@lru_cache(maxsize=256)
def plain_name(name: str) -> str:
    """A part's name as it is looked up: lower case, forward slashes, no leading slash, no '..'."""
    return posixpath.normpath(name.replace("\\", "/")).lstrip("/").lower()


def resolve(base: str, target: str) -> str:
    """A relationship's target, as the part named base gives it."""
    return plain_name(target if target.startswith("/") else posixpath.join(posixpath.dirname(base), target))


def relationships(package: Package, part: str) -> dict[str, tuple[str, str]]:
    """The relationships of a part ('' for the package): {id: (kind, name of the target part)}; kind as 'worksheet'."""
    folder, name = posixpath.split(part)
    found: dict[str, tuple[str, str]] = {}

    def start(tag: str, given: Attributes) -> None:
        if tag == "Relationship" and given.get("TargetMode") != "External":
            kind = given.get("Type", "").rpartition("/")[2]
            found[given.get("Id", "")] = (kind, resolve(part, given.get("Target", "")))

    listing = posixpath.join(folder, "_rels", f"{name}.rels")
    if listing in package:
        package.parse(listing, start)
    return found
