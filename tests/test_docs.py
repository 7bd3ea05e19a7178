"""What the documents claim runs."""

import re

import duckdb
import pytest

from pipelines.home import PROJECT

DOCUMENTS = [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").glob("*.md"))]
QUERIES = [
    pytest.param(query, id=f"{path.name}-{number}")
    for path in DOCUMENTS
    for number, query in enumerate(re.findall(r"```sql\n(.*?)```", path.read_text(encoding="utf-8"), re.S), 1)
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_in_the_documents_answers(demo_home, query):
    with duckdb.connect(demo_home.published, read_only=True) as con:
        assert con.execute(query).fetchall()


def test_the_readme_shows_five_queries():
    assert sum("README" in param.id for param in QUERIES) == 5


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (path.parent / target).exists(), target


def test_the_readme_shows_what_a_run_really_prints(demo_home):
    """The figures shown after 'make run' are those of the illustrative files."""
    from pipelines.upkeep.status_report import run_report

    said = run_report(demo_home).splitlines()
    shown = (PROJECT / "README.md").read_text(encoding="utf-8")
    for line in said:
        if line.startswith(("As of", "Submissions", "Lines", "Facts", "  10903 Xã Cẩm Giàng · CA")):
            assert line.strip() in shown
    places = [line.replace(str(demo_home.root), "...") for line in said[-5:]]
    assert [line.split()[0] for line in places] == ["Published", "Scorecard", "Extracts", "Feedback", "Archive"]
    assert "".join(f"    {line}\n" for line in places[:4]) in shown
