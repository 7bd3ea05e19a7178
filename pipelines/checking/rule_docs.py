"""Great Expectations' own pages of the rules: the suites, and what came of them on given files ('kpi57 rules docs').

Static HTML that asks for nothing outside its folder. What the rules are is sources/forms/rules.yml; how they are run is
validate.py.
"""

from __future__ import annotations

import re
import shutil
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import great_expectations as gx
from great_expectations.core.run_identifier import RunIdentifier
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)

# Great Expectations takes styles, scripts and its logo from the network; without them a page is whole, if plain.
_FROM_ELSEWHERE = re.compile(
    r"""background: url\(["']https?:[^)]*\)[^;]*;|<p>Stay current[^\n]*</p>|"""
    r"""<script[^>]*\bsrc=["']https?:[^>]*>\s*</script>|<link[^>]*\bhref=["']https?:[^>]*>|<img[^>]*\bsrc=["']https?:[^>]*>"""
)
_STYLE = """<style>
body {font: 15px/1.5 sans-serif; margin: 1.5rem auto; max-width: 75rem; padding: 0 1rem}
table {border-collapse: collapse; margin: .5rem 0 1.5rem} td, th {border: 1px solid #ccc; padding: .3rem .6rem;
vertical-align: top; text-align: left} .modal, .ge-walkthrough-modal, script, .btn-secondary {display: none}
</style>"""


class RuleDocs:
    """Collects suites and their results; write makes the pages. Given to validate as watch."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[Any, Any]] = {}

    def __call__(self, suite: Any, outcome: Any) -> None:
        """A level has a second suite where its rules look at earlier figures, and one an edition of the rules."""
        again = sum(name.split()[0] == suite.name for name in self.found)
        name = f"{suite.name} {again + 1}" if again else suite.name
        suite.name = outcome.suite_name = name
        self.found[name] = suite, outcome

    def write(self, folder: Path, at: datetime) -> Path:
        """Make the pages again in the folder. Returns the first of them."""
        with TemporaryDirectory() as workshop:
            context = gx.get_context(mode="file", project_root_dir=workshop)
            context.variables.progress_bars = ProgressBarsConfig(globally=False)
            pages = Path(workshop, "pages")
            site: Any = {"class_name": "SiteBuilder", "show_how_to_buttons": False,
                    "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(pages)},
                    "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"}}  # fmt: skip
            context.add_data_docs_site("kpi57", site)
            run = RunIdentifier(run_name="kpi57", run_time=at)
            for name, (suite, outcome) in self.found.items():
                context.suites.add(suite)
                key = ValidationResultIdentifier(ExpectationSuiteIdentifier(name), run, "files")
                context.validation_results_store.set(key, outcome)
            context.build_data_docs(["kpi57"])
            for page in pages.rglob("*.html"):
                alone = _FROM_ELSEWHERE.sub("", page.read_text(encoding="utf-8"))
                page.write_text(alone.replace("</head>", f"{_STYLE}</head>", 1), encoding="utf-8", newline="\n")
            shutil.rmtree(folder, ignore_errors=True)
            folder.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(pages, folder)
        return folder / "index.html"
