"""The templates of the site as Jinja2 runs them: what stands on every page, what they may call, everything escaped."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pipelines.made_with import digest_of_code, digest_of_files
from pipelines.office.colours import FINDINGS
from pipelines.office.figures import FORM, answers, in_words, parts_told, printed_at, sent
from pipelines.office.statuses import Status
from pipelines.office.wording import files as wording_files
from pipelines.office.wording import filled, joined, say, wording
from pipelines.scorecard import filters
from pipelines.scorecard.own_words import own_words
from pipelines.scorecard.series import is_forecast
from pipelines.vietnamese import in_sentence

HERE = Path(__file__).parent
ASSETS = ("early.js", "site.css", "site.js", "uPlot.iife.min.js", "uPlot.min.css", "uPlot-LICENSE.txt")


class Shown(Protocol):
    """What every page says of where its figures are from."""

    @property
    def as_of_on(self) -> date: ...
    @property
    def is_illustrative(self) -> bool: ...
    @property
    def statuses(self) -> dict[tuple[str, str], Status]: ...
    @property
    def city_name(self) -> str: ...


@dataclass(frozen=True)
class Frame:
    """What stands around the pages of a site: menu (which page it is, its file, its title), what the search finds,
    whether it is one of several below the pages of the country."""

    menu: Sequence[tuple[str, str, str]]
    find: str
    with_ranking: bool
    in_country: bool = False


def words_file(site: Shown) -> str:
    """What the script says."""
    own = own_words(site.city_name)
    words = wording("site.script") | {"whole_city": say("site.whole_city")}
    yes_no = [answers()["yes_no"][code] for code in ("0", "1")]
    return f"window.WORDS = {filters.embedded(own(words))};\nwindow.YES_NO = {filters.embedded(yes_no)};\n"


def places_file(found: Sequence[Sequence[str]]) -> str:
    """What the search at the top of every page finds: name, what it is, page."""
    return f"window.PLACES = {filters.embedded(found)};\n"


def assets_mark() -> str:
    """What a browser that keeps the site's files knows new ones by."""
    made_with = digest_of_code("assets of the scorecard") + digest_of_files([FORM, *wording_files("labels", "site")])
    return mark(made_with)


def mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def environment(board: Shown, frame: Frame) -> Environment:
    """The templates, with everything from outside escaped and a misspelt name an error."""
    own = own_words(board.city_name)

    def worded(key: str) -> Any:
        return own(wording(key))

    def said(key: str, **values: Any) -> Markup:
        """A sentence for a page. What it says and its values are escaped, but for values that are markup (bold)."""
        return Markup(filled(key, escape(worded(key)), values))

    env = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
                      trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)  # fmt: skip
    env.filters |= {one.__name__: one for one in filters.FILTERS}
    env.globals |= {"board": board, "status": board.statuses, "printed_at": printed_at, "parts_told": parts_told,
                    "is_forecast": is_forecast,
                    "in_words": in_words, "sent": sent, "in_sentence": in_sentence, "findings": FINDINGS,
                    "assets_mark": assets_mark(), "frame": frame,
                    "with_ranking": frame.with_ranking, "wording": worded, "say": said,
                    "column": _column, "joined": _joined,
                    "bold": Markup("<b>{}</b>").format, "strong": Markup("<strong>{}</strong>").format}  # fmt: skip
    return env


def _column(name: str) -> str:
    return say(f"labels.columns.{name}")


def _joined(parts: Iterable[str]) -> Markup:
    return Markup(joined([escape(part) for part in parts]))
