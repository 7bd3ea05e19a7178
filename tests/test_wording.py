"""The Vietnamese that people read is data: whole, in one form of Unicode, used, said once, and true to the models."""

import ast
import re
import unicodedata
from collections import Counter
from functools import cache

import jinja2
import pytest
import yaml

from pipelines.bundles import bundle
from pipelines.files import read_csv
from pipelines.home import MODELS, PROJECT, SOURCES
from pipelines.made_with import MADE_WITH
from pipelines.office import wording as words
from pipelines.office.wording import PLACE, method_sections, say, texts, wording
from pipelines.scorecard import write

PACKAGE = PROJECT / "pipelines"
TEMPLATES = sorted(PACKAGE.rglob("*.html"))
SAYING = ("say", "say_each", "wording")
# Codes that a key is put together with and that SQL gives, not Python.
CODES = {row["status"] for row in read_csv(SOURCES / "reference" / "statuses.csv")} | {"high", "medium", "low"}
ALL = {key: text for path in words.files() for key, text in texts(yaml.safe_load(path.read_text("utf-8")), path.stem)}


def test_every_text_is_composed_unicode_without_stray_spaces():
    assert len(ALL) > 400
    for path in [*words.files(), SOURCES / "reference" / "statuses.csv"]:
        text = path.read_text("utf-8")
        assert unicodedata.is_normalized("NFC", text), path.name
    for key, text in ALL.items():
        if isinstance(text, str):
            assert text == text.strip() and not re.search(r"[^\n]  ", text), key


@pytest.mark.parametrize("path", words.files(), ids=lambda path: path.stem)
def test_no_key_stands_twice(path):
    """YAML takes the last of two, and says nothing."""
    for node in nodes(yaml.compose(path.read_text("utf-8"))):
        keys = Counter(key.value for key, _ in node.value)
        assert [key for key, times in keys.items() if times > 1] == []


def nodes(node):
    """The mappings of a YAML document."""
    if isinstance(node, yaml.MappingNode):
        yield node
    for one in node.value if isinstance(node, yaml.CollectionNode) else ():
        for part in one if isinstance(one, tuple) else (one,):
            yield from nodes(part)


def test_no_sentence_is_said_in_two_places():
    said = Counter(text for text in ALL.values() if isinstance(text, str) and len(text) > 25)
    assert [text for text, times in said.items() if times > 1] == []


# ---------------------------------------------------------------- what the code says


def pattern(key):
    """The keys that an expression can give, as a pattern; a value put in is a group. A condition gives two."""
    if isinstance(key, ast.IfExp):
        return f"(?:{pattern(key.body)}|{pattern(key.orelse)})"
    if isinstance(key, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.FormattedValue) else part for part in key.values)
        return "".join(pattern(part) for part in parts)
    return re.escape(key.value) if isinstance(key, ast.Constant) else r"([a-z_]+)"


@cache
def parts_of(path):
    return list(ast.walk(ast.parse(path.read_text("utf-8"))))


def calls():
    """Each call that says something: module, function, pattern of its keys, names of the values given (None: any)."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in parts_of(path):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAYING:
                given = {one.arg for one in node.keywords}
                if "." in pattern(node.args[0]) and pattern(node.args[0]) != r"site\.script":  # which the script says
                    yield path, node.func.id, pattern(node.args[0]), None if None in given else given
    script = PACKAGE / "scorecard" / "assets" / "site.js"
    for name, values in re.findall(r'\bsay\("(\w+)"(?:, \{ ([^}]+) \})?\)', script.read_text("utf-8")):
        yield script, "say", rf"site\.(?:script\.)?{name}", set(re.findall(r"(?:^|, )(\w+): ", values))
    for path in TEMPLATES:
        for call in template(path).find_all(jinja2.nodes.Call):
            if (name := getattr(call.node, "name", "")) in SAYING:
                given = None if call.dyn_kwargs else {one.key for one in call.kwargs}
                yield path, name, re.escape(call.args[0].value), given


@cache
def template(path):
    return jinja2.Environment(autoescape=True).parse(path.read_text("utf-8"))


@cache
def strings(folder):
    """The texts that stand in the modules of a folder, which hand them to each other, and the codes that SQL gives."""
    found = (node for path in folder.glob("*.py") for node in parts_of(path))
    return CODES | {node.value for node in found if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def keys_of(path, function, keys):
    """The texts a call can say: of a key put together those whose parts stand in the module."""
    known = strings(path.parent) if "([a-z_]+)" in keys else set()
    below = "" if function == "say" else r"(?:\.[^.]+)*" if function == "wording" else r"\.\d+"
    found = [(key, re.fullmatch(f"{keys}{below}", key)) for key in ALL]
    return [key for key, match in found if match and {part for part in match.groups() if part} <= known]


@cache
def said():
    """The calls, each with the texts it can say."""
    return [(path, function, keys, given, keys_of(path, function, keys)) for path, function, keys, given in calls()]


def columns():
    """Titles of columns are asked for by their names alone."""
    folders = ("agencies", "bundles/report", "bundles/workbook")
    named = {name for folder in folders for name in strings(PACKAGE / folder)}
    named |= {one.value for path in TEMPLATES for one in template(path).find_all(jinja2.nodes.Const)}
    return {f"labels.columns.{name}" for name in named} & ALL.keys()


def test_every_key_the_code_names_is_there():
    assert len(said()) > 150
    assert [(path.name, keys) for path, _, keys, _, found in said() if not found and "labels.columns" not in keys] == []


def test_every_text_is_used_by_the_code():
    used = {key for *_, found in said() for key in found} | columns()
    assert sorted(ALL.keys() - used) == []


def test_every_place_of_a_sentence_has_a_value_and_every_value_a_place():
    for path, function, keys, given, found in said():
        if function != "wording" and given is not None and "labels.columns.(" not in keys:
            filled = [set(PLACE.findall(str(ALL[key]))) for key in found]
            assert [key for key, places in zip(found, filled, strict=True) if not places <= given] == [], path.name
            assert given <= set().union(*filled), (path.name, keys)


def test_every_column_of_a_page_has_its_title():
    """Heads of tables are asked for by name: column('...'), th('...'), thead([...])."""
    heads = [call for path in TEMPLATES for call in template(path).find_all(jinja2.nodes.Call)
             if getattr(call.node, "name", getattr(call.node, "attr", "")) in ("column", "th", "thead")]  # fmt: skip
    named = {one.value for call in heads for arg in call.args for one in [arg, *arg.find_all(jinja2.nodes.Const)]
             if isinstance(one, jinja2.nodes.Const)}  # fmt: skip
    assert len(named) > 40
    assert sorted(name for name in named if f"labels.columns.{name}" not in ALL) == []


# ---------------------------------------------------------------- what the code must not say

VIETNAMESE = re.compile(r"[ăâđêôơưà-ãè-êìíò-õùúýĩũạ-ỹ]", re.IGNORECASE)
# What reads Vietnamese has its words in it; everything else has them from sources/.
READS_VIETNAMESE = (
    "vietnamese/*.py",  # numbers, targets, deadlines, names of periods
    "reading/**/*.py",  # marks around figures, letters of columns, a font of before Unicode
    "registry/name_rules.py", "registry/plan_folders.py",  # names of agencies, documents a plan is founded on
    "plans/*.py",  # numbers and scopes in the documents of a plan
    "checking/lookup.py", "checking/figures.py", "checking/collected.py",  # names and days as officers type them
    "intake/receive.py",  # copies of a file, by their names
    "bundles/report/wording.py", "office/row_height.py",  # names of agencies and communes, letters by their width
)  # fmt: skip
IN_TWO_LANGUAGES = ("analysts/schema_docs.py", "warehouse/database.py")  # docs of tables, for analysts


def said_in_code(path):
    """The Vietnamese in a file that is no comment: texts of Python, literals of SQL, what a page, its style or script
    says."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        documented = {id(node.body[0].value) for node in parts_of(path) if is_documented(node)}
        said = [node.value for node in parts_of(path) if isinstance(node, ast.Constant) and id(node) not in documented]
        return [one for one in said if isinstance(one, str) and VIETNAMESE.search(without_comments(one))]
    return [line for line in without_comments(text).splitlines() if VIETNAMESE.search(line)]


def is_documented(node):
    holds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return isinstance(node, holds) and ast.get_docstring(node) is not None


def without_comments(text):
    for letters in ("/đ/g", "'đ', 'dzz'"):  # by which names are compared and ordered
        text = text.replace(letters, "")
    return re.sub(r"/\*[\s\S]*?\*/|\{#[\s\S]*?#\}|--[^\n]*|(?m:^\s*//[^\n]*)", "", text)


def test_no_code_no_template_and_no_query_says_vietnamese_of_its_own():
    allowed = {path for one in (*READS_VIETNAMESE, *IN_TWO_LANGUAGES) for path in PACKAGE.glob(one)}
    files = [path for kind in ("py", "html", "css", "js") for path in PACKAGE.rglob(f"*.{kind}")]
    files = [path for path in [*files, *MODELS.rglob("*.sql")] if path not in allowed and "min." not in path.name]
    assert len(files) > 150
    found = {path.relative_to(PROJECT).as_posix(): said_in_code(path) for path in files}
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_vietnamese_in_code_would_be_found(tmp_path):
    for name, text in {
        "a.py": '"""Tên xã."""\nX = f"Còn {1} ngày"\n', "a.html": "{# Tên xã. #}\n<p>Nhiệm vụ</p>\n",
        "a.sql": "-- Tên xã.\nSELECT 'Quá hạn' AS label\n", "a.css": "/* xã */\np { content: 'Trang của xã' }\n",
    }.items():  # fmt: skip
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert "Tên xã" not in "".join(found := said_in_code(tmp_path / name)), name
        assert found, name


def test_a_product_is_made_with_the_files_of_wording_it_reads():
    for patterns, worded in ((MADE_WITH["bundles"], bundle.WORDED), (MADE_WITH["scorecard"], write.WORDED)):
        made = {path for one in patterns for path in PACKAGE.glob(one)}
        read = {key.partition(".")[0] for path, *_, found in said() if path in made for key in found}
        if worded is write.WORDED:  # the page of a document is no page of the site
            read -= {"report"}
        assert read == set(worded)


def test_a_key_that_is_not_there_is_named():
    with pytest.raises(KeyError, match=r"labels\.yml has no nothing"):
        say("labels.nothing")
    with pytest.raises(KeyError, match=r"has no nowhere\.yml"):
        say("nowhere.labels")


def test_a_place_that_has_no_value_is_named():
    with pytest.raises(KeyError, match=r"labels\.page: page is none of its places: number"):
        say("labels.page", number=1)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a:\n  b: Còn {0} ngày\n", "made_up.a.b: between { and } stands a name"),
        ("a: Còn {days.year} ngày\n", "made_up.a: between { and } stands a name"),
        ("a: Còn {days ngày\n", "made_up.a: between { and } stands a name"),
        ("a:\n  - Còn\n  -\n", "made_up.a.1: no text"),
    ],
)
def test_a_text_that_is_none_is_named_when_its_file_is_read(tmp_path, monkeypatch, text, fault):
    (tmp_path / "made_up.yml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(words, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=re.escape(fault)):
        wording("made_up.a")


def test_the_thresholds_are_told_as_the_models_have_them():
    thresholds = wording("method.thresholds")
    sql = "\n".join(path.read_text("utf-8") for path in MODELS.glob("marts/*.sql"))
    in_models = {status: round(100 * float(share)) for share, status in
                 re.findall(r"pace >= ([0-9.]+) THEN '(\w+)'", sql)}  # fmt: skip
    assert in_models == thresholds
    meanings = {row["status"]: row["meaning"] for row in read_csv(SOURCES / "reference" / "statuses.csv")
                if row["answer"] == "pace"}  # fmt: skip
    on_track, behind = thresholds["on_track"], thresholds["behind"]
    assert f"từ {on_track}%" in meanings["on_track"]
    assert f"từ {behind}% đến dưới {on_track}%" in meanings["behind"]
    assert f"dưới {behind}%" in meanings["at_risk"]
    english = (PROJECT / "docs" / "method.md").read_text("utf-8")
    assert f"| 0.{on_track} and more | `on_track` |" in english
    assert f"| 0.{behind} to under 0.{on_track} | `behind` |" in english
    for product in ("workbook", "site"):
        said = dict(method_sections(product))["Ngưỡng"]
        assert f"Từ {on_track}% trở lên" in said and f"Từ {behind}% đến dưới {on_track}%" in said
