"""What is made of sheets given as rows, without a file: read, and held against the rules."""

from pipelines.checking.expectations import unexpected
from pipelines.checking.validate import validate
from pipelines.intake.receive import receipts
from pipelines.reading.form import Form
from pipelines.reading.layout import lay_out
from pipelines.reading.sheet import Cell, Sheet


def sheet_of(title, rows):
    places = [(r, c, value) for r, row in enumerate(rows, 1) for c, value in enumerate(row, 1) if value is not None]
    return Sheet(title, {(r, c): Cell("t" if isinstance(value, str) else "n", str(value)) for r, c, value in places})


def judged(registry, sheets, folder="CA", *, name="a.xlsx", history=None,
           received="2026-10-20T09:00:00"):  # fmt: skip
    """The verdict (validate.Checked) on sheets, as {title: rows}, sent by an agency of Vĩnh Lại."""
    book = [sheet_of(title, rows) for title, rows in sheets.items()]
    entry = {"sequence": 1, "submission_id": "x", "sha256": "x", "size": 0, "folder": f"11164-vinh-lai/{folder}",
             "name": name, "received_at": received}  # fmt: skip
    rows = receipts([entry], registry.city_communes, registry.agency_folders)
    return validate(registry, rows, {"x": lay_out(book, Form(registry.form))}, unexpected, history)
