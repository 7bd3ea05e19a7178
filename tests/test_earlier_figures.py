"""Figures next to those accepted before: jumps and falls are asked about, whatever files come together."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pipelines import judging
from pipelines.checking.earlier_figures import History, Past
from pipelines.checking.expectations import unexpected
from pipelines.checking.validate import validate
from pipelines.intake.receive import receipts
from pipelines.reading.form import Form
from pipelines.reading.layout import lay_out
from pipelines.reading.sheet import Cell, Sheet
from pipelines.warehouse.database import in_memory
from pipelines.warehouse.rows import dicts, insert
from pipelines.warehouse.rows import replace as fill

CA, PVHCC = "11164-vinh-lai/CA", "11164-vinh-lai/PVHCC"


class Post:
    """Files of figures, in the order they come: (folder, period, {code: (numerator, denominator, result)})."""

    def __init__(self, registry, files):
        self.registry = registry
        self.form = Form(registry.form)
        entries = [{"sequence": number, "submission_id": f"file{number}", "sha256": str(number), "size": 0,
                    "folder": folder, "name": "a.xlsx", "received_at": f"2027-02-{number:02}T09:00:00"}
                   for number, (folder, _, _) in enumerate(files, 1)]  # fmt: skip
        self.receipts = receipts(entries, registry.city_communes, registry.agency_folders)
        self.readings = {f"file{n}": self._reading(period, lines) for n, (_, period, lines) in enumerate(files, 1)}

    def _reading(self, period, lines):
        rows = [["Kỳ báo cáo", period], ["Mã chỉ tiêu", "Tử số", "Mẫu số", "Kết quả", "Ghi chú"]]
        rows += [[code, *figures] for code, figures in lines.items()]
        cells = {(r, c): Cell("t" if isinstance(value, str) else "n", str(value))
                 for r, row in enumerate(rows, 1) for c, value in enumerate(row, 1) if value is not None}  # fmt: skip
        return lay_out([Sheet("Bảng", cells)], self.form)

    def at_once(self, history=None):
        return validate(self.registry, self.receipts, self.readings, unexpected, history)

    def one_by_one(self):
        """Each file validated with what the warehouse held when it came: the findings of all."""
        findings = []
        with in_memory() as con:
            fill(con, "raw.period", self.registry.rows()["raw.period"])
            insert(con, "raw.receipt", self.receipts)
            for number in range(1, len(self.receipts) + 1):
                [pending] = dicts(con, f"SELECT * FROM raw.receipt WHERE submission_id = 'file{number}'")
                checked = validate(
                    self.registry, [pending], self.readings, unexpected, judging._history(con, [pending], self.registry)
                )
                insert(con, "checked.submission", checked.submissions)
                insert(con, "checked.actual", checked.actuals)
                findings += checked.findings
        return findings


def looked_back(findings):
    return [(f["submission_id"], f["rule_code"], f["source_cell"]) for f in findings
            if f["rule_code"] in ("C29", "C30", "C31", "C43", "C45", "C46", "C47", "C48")]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "found"),
    [
        (("2026-09", {"XHS-02": (40, 100)}), ("2026-10", {"XHS-02": (70, 100)}), []),
        (("2026-09", {"XHS-02": (40, 100)}), ("2026-10", {"XHS-02": (71, 100)}), [("C29", "D3")]),
        (("2026-09", {"XHS-02": (80, 100)}), ("2026-10", {"XHS-02": (None, None, "49,9")}), [("C29", "D3")]),
        (("2026-10", {"XHS-02": (80, 100)}), ("2026-09", {"XHS-02": (10, 100)}), []),  # later says nothing of earlier
        (("2026-10", {"XHS-02": (80, 100)}), ("2026-10", {"XHS-02": (10, 100)}), [("C43", "D3")]),  # a correction
        (("2026-09", {"XHS-02": (40, 100)}), ("2026-10", {"XHS-02": (400, 1000)}), [("C46", "C3")]),  # both ten times
        (("2026-09", {"XHS-02": (4, 10)}), ("2026-10", {"XHS-02": (11, 29)}), []),  # too few to say anything
        (("2026-09", {"XHS-02": (400, 1000)}), ("2026-10", {"XHS-02": (40, 100)}), [("C46", "C3")]),  # a rate as counts
        (("2026-09", {"XHS-02": (80, 70)}), ("2026-10", {"XHS-02": (10, 100)}), []),  # the first was refused
        (("2023", {"XHS-02": (80, 100)}), ("2026-10", {"XHS-02": (10, 100)}), []),  # no such period
    ],
)
def test_a_jump_is_asked_about(registry, first, second, found):
    post = Post(registry, [(CA, *first), (CA, *second)])
    assert [one[1:] for one in looked_back(post.at_once().findings)] == found


def test_a_jump_says_against_what(registry):
    post = Post(registry, [(CA, "2026-09", {"XHS-02": (1, 3)}), (CA, "2026-10", {"XHS-02": (9, 10)})])
    [finding] = [f for f in post.at_once().findings if f["rule_code"] == "C29"]
    assert finding["message"] == "Kết quả 90% chênh 56,67 điểm phần trăm so với Tháng 09/2026 (33,33%)."
    assert finding["severity"] == "confirm"


@pytest.mark.parametrize(
    ("periods", "found"),
    [
        ([("2026-08", 50), ("2026-09", 60)], []),
        ([("2026-08", 50), ("2026-09", 49)], [("file2", "C31", "B3")]),
        ([("2026-08", 50), ("2026-07", 40), ("2026-09", 45)], [("file3", "C31", "B3")]),  # the newest period counts
        ([("2026-12", 50), ("2027-01", 25)], []),  # a new year begins anew
        ([("2026-Q3", 50), ("2026-10", 49)], [("file2", "C31", "B3")]),
    ],
)
def test_a_sum_since_january_that_falls_is_asked_about(registry, periods, found):
    post = Post(registry, [(PVHCC, period, {"DVC-01": (number, 100)}) for period, number in periods])
    assert looked_back(post.at_once().findings) == found


def test_an_amount_may_not_grow_threefold_unasked(registry):
    amount = registry.indicators["XHS-02"] | {"kind": "amount", "unit_of_measure": "người"}
    counted = replace(registry, indicators=registry.indicators | {"XHS-02": amount})
    results = {"2026-08": 100, "2026-09": 300, "2026-10": 99}
    post = Post(counted, [(CA, period, {"XHS-02": (None, None, result)}) for period, result in results.items()])
    assert looked_back(post.at_once().findings) == [("file3", "C30", "D3")]


@pytest.mark.parametrize(("result", "found"), [(19, []), (-1, ["C08"]), (21, ["C08"])])
def test_a_result_stays_within_the_range_of_its_unit(registry, result, found):
    amount = registry.indicators["XHS-02"] | {"kind": "amount", "unit_of_measure": "điểm"}
    form = registry.form | {"units": {"điểm": {"low": 0, "high": 20}}}
    graded = replace(registry, form=form, indicators=registry.indicators | {"XHS-02": amount})
    findings = Post(graded, [(CA, "2026-10", {"XHS-02": (None, None, result)})]).at_once().findings
    assert [f["rule_code"] for f in findings if f["severity"] == "fail"] == found
    assert all("điểm" in f["message"] for f in findings if f["rule_code"] == "C08")


@pytest.mark.parametrize(("result", "found"), [(5, []), ("-5", ["C11"]), ("5%", ["C20"]), ("nhiều", ["C06"])])
def test_an_amount_of_any_other_unit_is_not_negative(registry, result, found):
    amount = registry.indicators["XHS-02"] | {"kind": "amount", "unit_of_measure": "người"}
    counted = replace(registry, indicators=registry.indicators | {"XHS-02": amount})
    findings = Post(counted, [(CA, "2026-10", {"XHS-02": (None, None, result)})]).at_once().findings
    assert [f["rule_code"] for f in findings if f["severity"] == "fail"] == found
    both = Post(counted, [(CA, "2026-10", {"XHS-02": (1, 2, 5)})]).at_once().findings
    assert [f["source_cell"] for f in both if f["rule_code"] == "C23"] == ["B3", "C3"]


def test_a_history_given_is_looked_back_at(registry):
    def past(period, number):
        return Past(period, Decimal(number), Decimal(100), Decimal(number), date(2026, 10, 1))

    history = History({("11164", "CA", "XHS-02"): [past("2026-08", 90), past("2026-09", 10)]})
    post = Post(registry, [(CA, "2026-10", {"XHS-02": (45, 100)})])
    assert looked_back(post.at_once(history).findings) == [("file1", "C29", "D3")]


@pytest.mark.parametrize(
    ("came", "next_month", "found"),
    [
        (date(2026, 10, 18), True, [("file1", "C43", "D3")]),  # said, and taken
        (date(2026, 10, 18), False, [("file1", "C45", "D3")]),  # its form may have been used again for November
        (date(2027, 1, 31), False, [("file1", "C43", "D3")]),  # it came late itself, and yesterday
        (date(2026, 12, 1), False, [("file1", "C45", "D3")]),  # late, but long ago
    ],
)
def test_a_figure_of_a_period_past_its_due_day_is_not_changed_without_a_word(registry, came, next_month, found):
    key = ("11164", "CA", "XHS-02")
    known = [Past("2026-10", Decimal(40), Decimal(100), Decimal(40), came)]
    known += [Past("2026-11", Decimal(42), Decimal(100), Decimal(42), came)] if next_month else []
    post = Post(registry, [(CA, "2026-10", {"XHS-02": (45, 100)})])
    checked = post.at_once(History({key: known}))
    assert looked_back(checked.findings) == found
    [finding] = [f for f in checked.findings if f["rule_code"] == found[0][1]]
    assert "40/100 (40%)" in finding["message"]
    assert "45/100 (45%)" in finding["message"]
    assert [one["is_held"] for one in checked.actuals] == [finding["severity"] == "confirm"]


def test_what_is_held_comes_into_force_when_it_is_sent_again_with_a_reason(registry):
    """The same without a reason stays held, another figure is asked for itself."""
    jump = {"XHS-02": (90, 100)}
    files = [(CA, "2026-09", {"XHS-02": (40, 100)}), (CA, "2026-10", jump), (CA, "2026-10", jump | {"XHS-01": (1, 2)}),
             (CA, "2026-10", {"XHS-02": (90, 100, None, "Đã rà soát, có đợt cấp lưu động")})]  # fmt: skip
    post = Post(registry, files)
    checked = post.at_once()
    dispositions = [(one["submission_id"], one["disposition"], one["confirms"], one["confirmed_reason"])
                    for one in checked.lines if one["code"] == "XHS-02"]  # fmt: skip
    assert dispositions == [
        ("file1", "accepted", None, None),
        ("file2", "held", None, None),
        ("file3", "held", None, None),
        ("file4", "accepted", "file3", "Đã rà soát, có đợt cấp lưu động"),
    ]
    assert [f["submission_id"] for f in checked.findings if f["severity"] == "confirm"] == ["file2", "file3"]
    assert sorted(map(repr, map(without_order, post.one_by_one()))) == sorted(
        map(repr, map(without_order, checked.findings))
    )


def test_a_figure_held_is_none_to_compare_with(registry):
    files = [(CA, "2026-08", {"XHS-02": (40, 100)}), (CA, "2026-09", {"XHS-02": (90, 100)}),
             (CA, "2026-10", {"XHS-02": (45, 100)})]  # fmt: skip
    assert looked_back(Post(registry, files).at_once().findings) == [("file2", "C29", "D3")]


FIGURES = st.tuples(st.integers(0, 100), st.sampled_from([100, 100, 100, 60]))
FILES = st.lists(
    st.one_of(
        st.tuples(
            st.just(folder),
            st.sampled_from(["2026-08", "2026-09", "2026-Q3", "2026-10", "2026-12", "2026", "2027-01"]),
            st.dictionaries(st.sampled_from(codes), FIGURES, min_size=1),
        )
        for folder, codes in ((CA, ["XHS-01", "XHS-02"]), (PVHCC, ["DVC-01", "DVC-02"]))
    ),
    min_size=2,
    max_size=7,
)


def test_files_one_by_one_and_all_at_once_give_the_same_findings(registry):
    @given(files=FILES)
    @settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
    def hold(files):
        post = Post(registry, files)
        at_once, one_by_one = post.at_once().findings, post.one_by_one()
        assert sorted(map(repr, map(without_order, one_by_one))) == sorted(map(repr, map(without_order, at_once)))

    hold()


def without_order(finding):
    """Levels are checked one after the other, so the order of files is not that of findings."""
    return {key: value for key, value in sorted(finding.items()) if key != "finding_order"}
