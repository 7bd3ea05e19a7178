"""A reading is the same whether it is taken from its file or has been through workers and warehouse."""

import pytest

from pipelines import flow, judging
from pipelines.home import Home
from pipelines.intake.ledger import Ledger, archived
from pipelines.reading.form import Form
from pipelines.reading.read import known_headers, read_file, restored, written
from pipelines.warehouse.database import building, in_memory
from pipelines.warehouse.rows import dicts, insert

ANSWERS = {"XHS-02": {"numerator": 20, "denominator": 40}}


def merged_and_hidden(book):
    sheet = book["Chỉ tiêu"]
    sheet.merge_cells("G11:G13")
    sheet.row_dimensions[12].hidden = True
    sheet["K14"] = "ghi chú “dài”\nhai dòng \\ \t"


def torn(book):
    book["Chỉ tiêu"]["L11"] = "nửa chữ _xD83D_ và \u2028 cùng _x0000_"


def without_tables(book):
    for sheet in book:
        sheet.delete_rows(1, 60)


@pytest.mark.parametrize("edit", [None, merged_and_hidden, torn, without_tables])
def test_the_warehouse_gives_back_what_the_reader_found(office, home, registry, edit):
    office.send("CA", "2026-10", ANSWERS, edit=edit)
    (office.folder("11164", "CA") / "hỏng.xlsx").write_bytes(b"PK\x03\x04 no zip")
    flow.load_registry(home)
    flow.receive_files(home)
    counted = flow.read_files(home)
    form, headers = Form(registry.form), known_headers(registry.form)
    with building(home) as con:
        found = judging._readings(con)
        shas = {row["submission_id"]: row["sha256"] for row in dicts(con, "SELECT * FROM raw.receipt")}
        [lines] = con.execute("SELECT sum(json_array_length(lines))::BIGINT FROM raw.reading").fetchone()
    for submission_id, reading in found.items():
        direct = read_file(archived(home, shas[submission_id]), form, headers)
        got = written(direct)
        assert restored(got.layout, got.lines) == reading
        if edit is not torn:
            assert reading == {"tables": [], **direct}
    assert counted == {"raw.reading": 2}
    assert lines == sum(len(table["lines"]) for reading in found.values() for table in reading["tables"])


def test_half_a_character_and_a_zero_cost_a_file_nothing(office, home, ask):
    office.send("CA", "2026-10", ANSWERS, edit=torn)
    flow.run_steps(home)
    assert ask("SELECT status, rows_rejected FROM core.fct_submission") == [("accepted", 0)]
    assert ask.one("SELECT note FROM core.fct_line WHERE note IS NOT NULL").startswith("nửa chữ")


def test_rows_of_every_type_are_entered_as_they_are():
    """Lists, truth, dates, decimals as text, JSON, quotes, nothing, and a column only the first row has."""
    with in_memory() as con:
        con.execute(
            "CREATE TABLE raw.t (a VARCHAR, b BOOLEAN, c DATE, d DECIMAL(18, 4), e VARCHAR[], f JSON, g BIGINT)"
        )
        first = {
            "a": "'\"\\ ệ",
            "b": True,
            "c": "2026-10-31",
            "d": "0.1234",
            "e": ["x", "y"],
            "f": '{"k": [1]}',
            "g": 1,
        }
        assert insert(con, "raw.t", [first, dict.fromkeys("abcdef")]) == 2
        [one, other] = con.execute("SELECT a, b, c::VARCHAR, d::VARCHAR, e, f ->> 'k', g FROM raw.t").fetchall()
    assert one == ("'\"\\ ệ", True, "2026-10-31", "0.1234", ["x", "y"], "[1]", 1)
    assert other == (None,) * 7


def test_nothing_new_enters_nothing(home: Home):
    flow.load_registry(home)
    assert Ledger(home).of("received") == []
    flow.receive_files(home)
    assert flow.read_files(home) == {"raw.reading": 0}
