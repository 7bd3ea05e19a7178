"""The Vietnamese that people read is data: whole, in one form of Unicode, used, and true to the models."""

import re
import string
import unicodedata

import pytest
import yaml

from pipelines.files import read_csv
from pipelines.home import MODELS, PROJECT, SOURCES
from pipelines.office import wording as words
from pipelines.office.wording import method_sections, say, wording

CODE = [*(PROJECT / "pipelines").rglob("*.py"), *(PROJECT / "pipelines").rglob("*.html")]
KEY = re.compile(rf"""["']((?:{"|".join(path.stem for path in words.files())})\.[a-z][^\s"']*)""")


def texts(found, key):
    """Every text below a key, with its own key."""
    if isinstance(found, dict):
        for name, one in found.items():
            yield from texts(one, f"{key}.{name}")
    elif isinstance(found, list):
        for place, one in enumerate(found):
            yield from texts(one, f"{key}.{place}")
    else:
        yield key, found


ALL = [pair for path in words.files() for pair in texts(yaml.safe_load(path.read_text("utf-8")), path.stem)]


def test_every_text_is_composed_unicode_without_stray_spaces():
    assert len(ALL) > 50
    for path in [*words.files(), SOURCES / "reference" / "statuses.csv"]:
        text = path.read_text("utf-8")
        assert unicodedata.is_normalized("NFC", text), path.name
    for key, text in ALL:
        if isinstance(text, str):
            assert text == text.strip() and not re.search(r"[^\n]  ", text), key


def test_every_place_of_a_sentence_has_a_name():
    for key, text in ALL:
        if isinstance(text, str):
            named = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
            assert all(name.isidentifier() for name in named), key


def keys_of_the_code():
    """The keys the code names; of one it puts together, what stands before its first {place}."""
    found = {key.partition(".{")[0] for path in CODE for key in KEY.findall(path.read_text("utf-8"))}
    return {key for key in found if not re.search(r"\.(yml|py|html|docx|xlsx|json)\b", key)}


def test_every_key_the_code_names_is_there():
    assert len(keys_of_the_code()) > 30
    for key in keys_of_the_code():
        wording(key)


def test_every_text_is_used_by_the_code():
    keys = keys_of_the_code()
    unused = [key for key, _ in ALL if not any(key == used or key.startswith(f"{used}.") for used in keys)]
    assert unused == []


def test_a_key_that_is_not_there_is_named():
    with pytest.raises(KeyError, match=r"labels\.yml has no nothing"):
        say("labels.nothing")


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
