"""What the first pages and the closing part of a plan say of the plan itself: issuer, number, date, title, duties.

Everything here is a proposal with the text it was read from. Patterns are data (sources/forms/plan-documents.yml).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipelines.files import Row
from pipelines.plans.reading.document import Document, Paragraph
from pipelines.vietnamese import clean, fold, in_sentence


@dataclass(frozen=True)
class Found:
    """A value for a field of the plan's sheet, the text it comes from, and its page."""

    value: Any
    text: str
    page: int | None = None


def read_front_matter(document: Document, words: Row, communes: Mapping[str, Row], city: set[str],
                      names: Any) -> tuple[dict[str, Found], list[Row]]:  # fmt: skip
    """The plan's fields by name, and the documents it is founded on. city: the communes to look among."""
    lines = _lines(document)
    head = [(text, page) for text, page in lines[:60]]
    found: dict[str, Found] = {}
    titled = next((at for at, (text, _) in enumerate(head) if re.match(words["title"], text.casefold())), len(head))
    for text, page in head[:titled]:
        m = re.search(words["document_number"], text.casefold())
        if "document_number" not in found and m and m["number"]:
            found["document_number"] = Found(f"{int(m['number']):02}/KH-UBND", text, page)
    letterhead = " ".join(text for text, _ in head[:titled])
    if (m := re.search(words["issued_on"], letterhead.casefold())) and (day := _date(m)):
        found["issued_on"] = Found(day, letterhead[m.start() : m.end()], head[0][1])
    _issuer(head, clean(" ".join(text for text, _ in lines)), words, communes, city, found)
    _title(document, lines, words, found)
    flow = clean(" ".join(text for text, _ in lines))
    sentences = re.split(r"(?<=[.;])\s", flow)  # a pattern over the whole document would take minutes
    for sentence in sentences:
        has = words["annual_report_if"] in sentence.casefold()
        m = re.search(words["annual_report"], sentence, re.IGNORECASE) if has else None
        if m and (day_of_year := _day_of_year(m)):
            said = clean(m["said"])
            found.setdefault("annual_report_due", Found(day_of_year, said))
            found.setdefault("annual_report_due_as_written", Found(said, said))
    for sentence in sentences:
        rhythms = [one["is"] for one in words["reporting_rhythm"] if re.search(one["has"], sentence.casefold())]
        if rhythms:
            found.setdefault("reporting_rhythm", Found(rhythms[0], clean(sentence)))
    for m in re.finditer(words["focal"], flow, re.IGNORECASE):
        if names.resolve(clean(m["agency"])):
            found.setdefault("focal_agency_as_written", Found(clean(m["agency"]), m[0]))
    for sentence in sentences:
        has = words["supersedes_if"] in sentence.casefold()
        m = re.search(words["supersedes"], sentence, re.IGNORECASE) if has else None
        if m:
            said = clean(m["said"])
            found.setdefault("supersedes.document_number", Found(m["number"], said))
            found.setdefault("supersedes.as_written", Found(said, said))
            if m["day"] and (on := _date(m)):
                found.setdefault("supersedes.issued_on", Found(on, said))
    found["source_file"] = Found(document.path.name, document.path.name)
    return found, _basis(lines, words)


def _lines(document: Document) -> list[tuple[str, int | None]]:
    """Paragraphs line by line, and the letterhead, which is often a table without borders."""
    found: list[tuple[str, int | None]] = []
    for block in document.blocks:
        if isinstance(block, Paragraph):
            found += [(clean(line), block.page) for line in block.text.splitlines() if clean(line)]
        elif len(block.rows) <= 3 and block.width <= 3:
            found += [(clean(line), row.page) for row in block.rows for cell in row.distinct
                      for line in cell.text.splitlines() if clean(line)]  # fmt: skip
    return found


def _issuer(head: list[tuple[str, int | None]], whole: str, words: Row, communes: Mapping[str, Row], city: set[str],
            found: dict[str, Found]) -> None:  # fmt: skip
    """The commune whose committee issues the plan, by the letterhead ('ỦY BAN NHÂN DÂN', 'XÃ VĨNH LẠI') or the body."""
    by_name: dict[str, list[str]] = {}
    for code in sorted(city):
        by_name.setdefault(fold(communes[code]["commune_name"]), []).append(code)
    texts = [text for text, _ in head]
    for at, (text, page) in enumerate([*head, (whole, None)]):
        for said in (text, f"{texts[at - 1]} {text}" if 0 < at < len(head) else text):
            for m in re.finditer(words["issuer"], said.casefold().replace("uỷ", "ủy")):
                tokens = re.split(r"[\s,.;()]+", m["name"])
                for size in range(len(tokens), 0, -1):
                    codes = by_name.get(fold(f"{m['kind']} {' '.join(tokens[:size])}"), [])
                    if len(codes) == 1:
                        name = communes[codes[0]]["commune_name"]
                        found["commune_code"] = Found(codes[0], m[0], page)
                        found["issuer"] = Found(words["named"]["issuer"].format(commune=in_sentence(name)), m[0], page)
                        return


def _title(document: Document, lines: list[tuple[str, int | None]], words: Row, found: dict[str, Found]) -> None:
    for at, (text, page) in enumerate(lines):
        if re.match(words["title"], text.casefold()):
            rest = [lines[at + 1][0]] if at + 1 < len(lines) else []
            for line, _ in lines[at + 2 : at + 8] if document.reader in ("pdf", "scan") else []:
                if re.match(words["basis_begins"], line.casefold()) or not line[:1].islower():
                    break
                rest.append(line)
            if rest:
                title = words["named"]["title"].format(title=in_sentence(" ".join(rest)))
                found["title"] = Found(title, " ".join(rest), page)
            return


def _basis(lines: list[tuple[str, int | None]], words: Row) -> list[Row]:
    """The documents named where the plan names its legal basis."""
    found: dict[str, Row] = {}
    texts = [text for text, _ in lines[:60]]
    begins = next((at for at, text in enumerate(texts) if re.match(words["title"], text.casefold())), 0)
    ends = next((at for at, text in enumerate(texts) if re.match(words["basis_ends"], text.casefold())), len(texts))
    for m in re.finditer(words["basis"], " ".join(texts[begins:ends]), re.IGNORECASE):
        number, issuer = re.sub(r"\s", "", m["number"]), clean(m["issuer"] or "")
        if number not in found and issuer:
            found[number] = {"number": number, "issuer": issuer, "date": _date(m) if m["day"] else None}
    return list(found.values())


def _date(m: re.Match[str]) -> date | None:
    try:
        return date(int(m["year"]), int(m["month"]), int(m["day"]))
    except ValueError:
        return None


def _day_of_year(m: re.Match[str]) -> str:
    try:
        return f"{date(2023, int(m['month']), int(m['day'])):%m-%d}"
    except ValueError:
        return ""
