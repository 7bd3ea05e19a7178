"""What the officers' guide says is what officers find: forms, messages, days, commands, pictures."""

import csv
import re
import shlex
import unicodedata
from datetime import date, datetime

import click
import docx
import openpyxl
import pytest
import yaml
from click.testing import CliRunner

from pipelines.agencies.feedback import column_titles
from pipelines.agencies.form import write_template
from pipelines.agencies.form_lines import sentences
from pipelines.check import check_files
from pipelines.cli import main
from pipelines.home import PROJECT, SOURCES
from pipelines.vietnamese import clean, parse_number

GUIDE = PROJECT / "docs" / "huong-dan.md"
PICTURES = PROJECT / "docs" / "img" / "huong-dan"
TEXT = GUIDE.read_text(encoding="utf-8")
FORM = yaml.safe_load((SOURCES / "forms" / "periodic-report.yml").read_text(encoding="utf-8"))
RULES = {rule["code"]: rule for rule in yaml.safe_load((SOURCES / "forms" / "rules.yml").read_text(encoding="utf-8"))}
SHEETS = {sheet["kind"]: sheet for sheet in FORM["sheets"]}
# an error in the guide: its code, severity, what is wrong, how to fix it
MISTAKES = re.findall(
    r"^\*\*\d+\. Mã ([TCN]\d\d) \((Lỗi|Lưu ý)\)[^>]*> \*\*Sai ở đâu:\*\* (.+)\n>\n> \*\*Cách sửa:\*\* (.+)$", TEXT, re.M
)
VOWELS = "aăâeêioôơuưy"
LETTERS = set("abcdefghijklmnopqrstuvwxyzđ") | {
    unicodedata.normalize("NFC", vowel + tone) for vowel in VOWELS for tone in ("", *"\u0300\u0301\u0303\u0309\u0323")
}

OCTOBER = date(2026, 10, 14)


def prose():
    """The guide without what is no Vietnamese: commands, file names, where links lead."""
    text = re.sub(r"^ {4,}(?:kpi57|Lỗi|[\w-]+\.xlsx).*$", "", TEXT, flags=re.M)
    text = re.sub(r"`[^`]*`", "", text)
    return re.sub(r"\]\([^)]*\)", "]", text)


def section(title):
    """The text below a heading, up to the next."""
    [found] = re.findall(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", TEXT, re.S | re.M)
    return found


def tables(text):
    """The tables of a text, each a list of rows without the heading, a row a list of cells."""
    found = [[]]
    for line in text.splitlines():
        if line.strip().startswith("|"):
            found[-1].append([cell.strip() for cell in line.strip().strip("|").split("|")])
        elif found[-1]:
            found.append([])
    return [rows[2:] for rows in found if rows]


def labels(answer):
    """The Vietnamese words for the statuses of one answer."""
    with (SOURCES / "reference" / "statuses.csv").open(encoding="utf-8") as handle:
        return {row["label"] for row in csv.DictReader(handle) if row["answer"] == answer}


def anchor(heading):
    """A heading's link target as GitHub makes it."""
    kept = "".join(c for c in heading.casefold() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")


def anchors(path):
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)}


# ---------------------------------------------------------------- the language


def test_the_guide_is_in_composed_vietnamese_letters():
    assert unicodedata.is_normalized("NFC", TEXT)
    assert {c for c in TEXT.casefold() if c.isalpha()} - LETTERS == set()


@pytest.mark.parametrize(
    "bare",
    ["khong", "duoc", "nguoi", "lieu", "tieu", "nhiem", "huong", "kiem", "gui", "dong", "ket", "tep", "truoc", "phuong",
     "bao cao", "ghi chu", "mau so", "tu so", "van ban", "co quan", "don vi", "ke hoach", "trang thai", "ty le"],
)  # fmt: skip
def test_no_word_has_lost_its_accents(bare):
    assert re.findall(rf"(?i)\b{bare}\b", prose()) == []


def test_tones_stand_where_the_administration_puts_them():
    assert re.findall(r"\w*(?:o[áàảãạ]|(?<![qQ])u[ýỳỷỹỵ])\b", prose()) == []


def test_no_english_is_left_but_commands_file_names_and_what_excel_says():
    english = {"the", "and", "of", "file", "form", "feedback", "sheet", "report", "check", "run", "upload", "download",
               "folder", "template", "email", "link", "status", "data", "period", "late", "click", "next"}  # fmt: skip
    assert english & set(re.findall(r"[a-z]+", prose().casefold())) == set()


# ---------------------------------------------------------------- what the system says


@pytest.fixture(scope="module")
def said(registry, tmp_path_factory):
    """The findings of files with just the mistakes the guide tells of, by rule: severity, message, fix."""
    folder = tmp_path_factory.mktemp("guide")
    right = {"numerator": 160, "denominator": 200}
    figures = {f"DVC-{n:02}": right for n in (1, 7, 8, 9)} | {
        "DVC-02": {"numerator": 160},
        "DVC-03": {"numerator": 8425, "denominator": 7210},
        "DVC-04": {"numerator": 150, "denominator": 200, "value": 80},
        "DVC-05": {"numerator": "1.234 hồ sơ", "denominator": 2000},
        "DVC-06": {"numerator": "1234\n1250", "denominator": 2000},
    }
    first, second, *_ = (task["task_id"] for task in registry.tasks_of("11164", "CA", OCTOBER))
    done = {"state": "Đã hoàn thành", "percent_done": 100}
    police = {"XHS-01": right, "XHS-02": right, first: done,
              second: {**done, "document_number": "15/BC-CAX", "document_date": "20/12/25"}}  # fmt: skip
    services = write_template(registry, "11164", "PVHCC", "2026-11", folder / "dich-vu.xlsx", answers=figures)
    renamed = write_template(registry, "11164", "CA", "2026-11", folder / "vinh-lai-CA-2026-10.xlsx", answers=police)
    sent = [(services, "PVHCC"), (services, "KT"), (renamed, "CA")]
    findings = [f for path, agency in sent for f in check_files(registry, [path], "11164", agency)[0]["findings"]]
    words = {"fail": "Lỗi", "confirm": "Cần xác nhận", "warn": "Lưu ý"}
    return {f["rule"]: (words[f["severity"]], f["message"], f["fix"]) for f in findings}


def test_the_guide_quotes_ten_mistakes_word_for_word_as_officers_get_them(said):
    assert len(MISTAKES) == 10
    assert {code: tuple(words) for code, *words in MISTAKES} == said


def test_every_rule_named_exists():
    named = set(re.findall(r"\b[TCN]\d\d\b", TEXT))
    assert {code for code, *_ in MISTAKES} < named <= RULES.keys()


def test_the_check_before_sending_prints_what_the_guide_shows(registry, tmp_path, home):
    tasks = {
        t["task_id"]: {"state": "Đang thực hiện", "percent_done": 90} for t in registry.tasks_of("11164", "CA", OCTOBER)
    }
    answers = {"XHS-01": {"numerator": 4120, "denominator": 6580}, "XHS-02": {"numerator": 8425, "denominator": 7210}}
    path = tmp_path / "vinh-lai-CA-2026-11.xlsx"
    write_template(registry, "11164", "CA", "2026-11", path, answers=answers | tasks)
    answer = CliRunner().invoke(main, ["check", str(path)])
    assert answer.exit_code == 1
    assert "".join(f"    {line}\n" for line in answer.output.splitlines()) in TEXT


def test_excels_own_messages_are_those_of_the_form():
    [rows] = tables(section("Excel báo ngay khi gõ"))
    assert len(rows) == 6
    messages = {(take["title"], take["error"]) for take in FORM["takes"].values() if "error" in take}
    assert {(title, message) for _, title, message in rows} <= messages


@pytest.mark.parametrize(("written", "understood"), [row[:2] for row in tables(section("3. Viết số thế nào"))[0]])
def test_numbers_are_understood_as_the_guide_says(written, understood):
    number = parse_number(written.strip("`"))
    problems = {"hỏi lại": "ambiguous", "trả lại": "not_a_number", "không có số liệu": ""}
    if understood in problems:
        assert (number.value, number.problem) == (None, problems[understood])
    else:
        assert number.value == parse_number(understood).value is not None


# ---------------------------------------------------------------- names on forms and pages


def test_columns_and_sheets_named_are_those_of_the_forms(demo_home):
    [path] = demo_home.exports.glob("*/11164/*/kpi57-*.xlsx")
    book = openpyxl.load_workbook(path, read_only=True)
    summary = book.sheetnames
    book.close()
    plan, drafted = (
        yaml.safe_load((SOURCES / "forms" / f"plan-{name}.yml").read_text(encoding="utf-8"))
        for name in ("workbook", "documents")
    )
    columns = {column["header"] for sheet in FORM["sheets"] for column in sheet["columns"]}
    columns |= {*column_titles(), *re.findall(r"header: (.+)$", _dump(plan), re.M)}
    columns |= {name for column in FORM["line_columns"] for name in (column["header"], *column["aliases"])}
    sheets = {sentences()["guide"]["title"], "Kết quả kiểm tra", *summary}
    sheets |= {sheet["title"] for sheet in FORM["sheets"]}
    sheets |= set(re.findall(r"^  title: (.+)$", _dump(plan) + _dump(drafted), re.M))
    named = {word: set(re.findall(rf"(?i)\b{word} “([^”]+)”", TEXT)) for word in ("cột", "trang tính")}
    assert {"Tử số", "Mẫu số", "Kết quả", "Ghi chú", "Cách sửa"} <= named["cột"] <= columns
    assert {"Chỉ tiêu", "Nhiệm vụ", "Kết quả kiểm tra", "Kế hoạch"} <= named["trang tính"] <= sheets
    assert [row[0] for row in tables(section("15. Bảng tổng hợp Excel"))[0]] == summary


def _dump(plan):
    return yaml.safe_dump(plan, allow_unicode=True, width=1000)


def test_the_columns_to_fill_in_for_a_task_are_told_in_their_order():
    [rows] = tables(section("4. Điền tình hình nhiệm vụ"))
    assert [row[0] for row in rows] == [c["header"] for c in SHEETS["task"]["columns"] if c.get("answer")]
    assert re.findall("“([^”]+)”", rows[0][1]) == list(FORM["answers"]["state"].values())


def test_every_rule_is_listed_with_what_becomes_of_the_line():
    [rows] = tables(section("19. Hệ thống kiểm tra gì"))
    of_file = {"fail": FORM["check_outcomes"]["file"]}
    assert rows == [
        [code, FORM["check_levels"][rule["level"]], FORM["checks"][code],
         (of_file if rule["level"] == "file" else {}).get(rule["severity"], FORM["check_outcomes"][rule["severity"]])]
        for code, rule in RULES.items()
    ]  # fmt: skip


def test_the_words_at_the_end_of_a_line_are_the_form_s():
    [rows] = tables(section("Cột “Cần xem lại” và dòng đếm phía trên bảng"))
    words = {word.rstrip(": ") for word in sentences()["words"].values()}
    assert {word for row in rows for word in row[0].split(", ")} == words - {"Đã ghi lý do"}


def test_statuses_are_called_as_in_the_answers():
    [results] = tables(section("7. Đọc kết quả kiểm tra"))
    assert {row[0] for row in results} == labels("submission")
    [reports] = tables(section("13. Xem ai chưa gửi"))
    assert {row[0] for row in reports} == labels("reporting")


def test_every_label_in_quotation_marks_stands_in_the_product():
    kept = [*SOURCES.glob("forms/*.yml"), *SOURCES.glob("wording/*.yml"), *SOURCES.glob("reference/*.csv")]
    kept += [p for p in (PROJECT / "pipelines").rglob("*") if p.suffix in (".py", ".html", ".js")]
    product = re.sub(r"\s+", " ", "\n".join(path.read_text(encoding="utf-8") for path in kept))  # a text may be folded
    quoted = {clean(text) for text in re.findall("“([^”]+)”", re.sub(r"^>.*$", "", TEXT, flags=re.M))}
    forbidden = {"không", "chưa có"}  # what an officer should not type
    assert len(quoted) > 50
    assert {text for text in quoted - forbidden if text not in product} == set()


def test_the_note_that_takes_a_figure_back_is_the_one_understood():
    assert f"`{FORM['answers']['withdrawn']['withdrawn']}`" in section("9. Rút số liệu đã gửi nhầm")


def test_communes_agencies_and_folders_are_those_of_the_registry(registry):
    communes, agencies = tables(section("18. Mã xã, mã cơ quan"))
    assert communes == [
        [code, registry.communes[code]["commune_name"], f"`{registry.folder_of(code)}`",
         ", ".join(registry.agencies_of(code, OCTOBER))]
        for code in sorted(registry.commune_codes_with_plans)
    ]  # fmt: skip
    reporting = sorted(
        {agency for code in registry.commune_codes_with_plans for agency in registry.agencies_of(code, OCTOBER)}
    )
    assert agencies == [[code, registry.agencies[code]["agency_name"]] for code in reporting]


# ---------------------------------------------------------------- days


def test_the_days_named_are_those_of_form_and_plans(registry):
    [rows] = tables(section("6. Gửi vào đâu, hạn nào"))
    short = {registry.communes[code]["short_name"]: code for code in registry.commune_codes_with_plans}
    told = set()
    for title, *days in rows:
        period_code = re.search("`(.+)`", title)[1]
        named = {code for name, code in short.items() if name in title} or set(short.values())
        told |= {(code, period_code) for code in named}
        for code in named:
            period = registry.period_of(code, period_code)
            assert [datetime.strptime(day, "%d/%m/%Y").date() for day in days] == [
                period.starts_on, period.ends_on, period.due_on
            ], (title, code)  # fmt: skip
    assert told == {(code, period) for code in short.values() for period in ("2026-11", "2026-12", "2026")}


def test_the_summary_names_the_same_days():
    periods = yaml.safe_load((SOURCES / "reference" / "periods.yml").read_text(encoding="utf-8"))
    form = periods["forms"]["KPI57-BC"]
    closes = periods["calendars"][form["calendar"]]["closes_on_day"]
    [month] = [owed for owed in form["owed"] if owed["kind"] == "month"]
    summary = section("Tóm tắt")
    assert f"chốt ngày **{closes}**, hạn gửi ngày **{closes + month['due_days']}**" in summary
    plans = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in SOURCES.glob("plans/*/plan.yml")]
    written = {f"**{due[3:]}/{due[:2]}**" for plan in plans if (due := plan["annual_report_due"])}
    [unwritten] = [owed["due_days"] for owed in form["owed"] if owed["kind"] == "year"]
    assert set(re.findall(r"\*\*\d\d/\d\d\*\*", summary)) == written | {f"**{closes + unwritten}/12**"}


# ---------------------------------------------------------------- pictures, links, commands


def test_pictures_are_there_light_described_and_said_to_be_illustrative():
    shown = dict(re.findall(r"!\[([^\]]*)\]\(img/huong-dan/([^)]+)\)", TEXT))
    assert sorted(shown.values()) == sorted(path.name for path in PICTURES.iterdir())
    assert 5 <= len(shown) <= 8
    for described, name in shown.items():
        assert "số liệu minh họa" in described, name
        assert len(described) > 40, name
        assert (PICTURES / name).stat().st_size < 150_000, name
        head = (PICTURES / name).read_bytes()[:24]
        assert head.startswith(b"\x89PNG"), name
        assert int.from_bytes(head[16:20], "big") >= 700, name


def test_every_link_leads_to_a_page_and_its_heading():
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert links
    for link in links:
        name, _, heading = link.partition("#")
        target = (GUIDE.parent / name) if name else GUIDE
        assert target.exists(), link
        assert not heading or heading in anchors(target), link


def test_the_contents_list_every_section_in_order():
    numbered = re.findall(r"^## (\d+)\. (.+)$", TEXT, re.M)
    listed = re.findall(r"^(\d+)\. \[(.+)\]\(#", section("Mục lục"), re.M)
    assert listed == numbered
    assert [int(number) for number, _ in numbered] == list(range(1, len(numbered) + 1))


COMMANDS = sorted({c.strip() for c in re.findall(r"(?:`|^ +)(kpi57 [a-z][^`\n]*)", TEXT, re.M)})


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_named_exists_with_these_options(line):
    command, words = main, shlex.split(line)[1:]
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert command is not main, line
    given, left, _ = command.make_parser(click.Context(command)).parse_args(words)  # raises on an unknown option
    assert left == []
    assert {param.name for param in command.params if param.required} <= {name for name in given if given[name]}


def test_commands_are_shown():
    assert len(COMMANDS) > 10


# ---------------------------------------------------------------- the yearly report


def test_the_report_has_its_blanks_where_the_guide_says(demo_home):
    [path] = demo_home.exports.glob("*/11164/*/bao-cao-*.docx")
    part, point, blanks = "", "", set()
    for text in (paragraph.text for paragraph in docx.Document(path).paragraphs):
        if found := re.match(r"([IVX]+)\. ", text):
            part, point = found[1], ""
        elif found := re.match(r"(\d)\. ", text):
            point = found[1]
        if "[...]" in text:
            blanks.add(f"Mục {part}.{point}")
    [rows] = tables(section("16. Báo cáo năm"))
    assert blanks
    assert {place for _, place in rows if place.startswith("Mục")} == blanks
