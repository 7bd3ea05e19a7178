"""The workbook of an extract, ready to read and print: a page for leaders first, then the tables, then the method.

Only the order of the sheets belongs here; what they say is extract.py, how the workbook is sealed bundle.py.
"""

from __future__ import annotations

from openpyxl import Workbook

from pipelines.bundles.extract import CITY, Extract
from pipelines.bundles.workbook.method import add_notes
from pipelines.bundles.workbook.summary import add_communes, add_summary
from pipelines.bundles.workbook.tables import add_tables
from pipelines.office.wording import say


def workbook(extract: Extract) -> Workbook:
    """The extract as a workbook, the summary first."""
    book = Workbook()
    book.worksheets[0].title = say("workbook.summary.title")
    add_summary(book.worksheets[0], extract)
    if extract.scope == CITY:
        add_communes(book.create_sheet(say("workbook.communes.title")), extract)
    add_tables(book, extract)
    add_notes(book.create_sheet(say("workbook.method.title")), extract)
    return book
