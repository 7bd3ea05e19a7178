"""What is published cannot be altered unseen."""

import duckdb
import pytest
from conftest import VINH_LAI
from test_cli import kpi57, quick  # noqa: F401 - fixtures

from pipelines import flow
from pipelines.upkeep import doctor
from pipelines.warehouse.published_copy import AlteredError, digest, proven


@pytest.fixture
def published(office, home):
    office.send("CA", "2026-10", {"XHS-02": {"numerator": 20, "denominator": 40}})
    flow.run_steps(home)
    return home


def alter(home):
    home.published.chmod(0o644)
    with duckdb.connect(home.published) as con:
        con.execute("UPDATE core.fct_actual SET numerator = 39, value = 97.5")


def said_of(home):
    [finding] = [f for f in doctor.examine(home) if f.about == "published"]
    return finding


def test_it_is_read_only_and_its_digest_is_kept_beside_it(published):
    assert published.published.stat().st_mode & 0o777 == 0o444
    assert proven(published) == [digest(published.published)]
    assert said_of(published).level == doctor.OK


def test_an_altered_copy_is_named_nothing_is_made_from_it_and_the_next_run_publishes_anew(published, ask):
    alter(published)
    found = said_of(published)
    assert found.level == doctor.FAIL
    assert "core.fct_actual: 1 rows not as built" in found.words
    for make in (lambda: flow.make_bundles(published, "2026-10", [VINH_LAI]), lambda: flow.write_site(published)):
        with pytest.raises(AlteredError, match="not as it was published"):
            make()
    flow.run_steps(published)
    assert ask("SELECT numerator, value FROM core.fct_actual") == [(20, 50)]
    assert said_of(published).level == doctor.OK
    assert flow.make_bundles(published, "2026-10", [VINH_LAI])
    assert said_of(published).level == doctor.OK


def test_rebuild_publishes_whatever_stands_there(kpi57, quick, published, ask):  # noqa: F811
    alter(published)
    stolen = digest(published.published)
    (published.warehouse / "kpi.duckdb.sha256").write_text(f"{stolen}  kpi.duckdb\n")  # who can write can lie
    assert kpi57("rebuild").exit_code == 0
    assert ask("SELECT numerator FROM core.fct_actual") == [(20,)]
