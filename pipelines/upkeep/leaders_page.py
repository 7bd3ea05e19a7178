"""The first page of the scorecard as one file that can be attached: its style inside, no script, no link elsewhere."""

from __future__ import annotations

import re

from pipelines.home import Home

NAME = "trang-dau.html"
# Of pages that this project wrote: what is taken out, and what a browser may then use.
_SCRIPT = re.compile(r"<script\b.*?</script>\s*|<form class=\"(?:find|filters)\".*?</form>\s*", re.DOTALL)
_STYLE = re.compile(r"<link rel=\"stylesheet\"[^>]*>\s*")
_ELSEWHERE = re.compile(r"<a\b[^>]*\bhref=\"(?!#)[^\"]*\"[^>]*>")
_POLICY = re.compile(r"content=\"default-src 'none';[^\"]*\"")


def leaders_page(home: Home) -> str | None:
    """The page, alone; None where the site was not written yet."""
    try:
        page = (home.site / "index.html").read_text("utf-8")
        style = (home.site / "assets" / "site.css").read_text("utf-8")
    except FileNotFoundError:
        return None
    page = _ELSEWHERE.sub("<a>", _SCRIPT.sub("", page)).replace('<tr class="later"', "<tr")
    page = _POLICY.sub("content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\"", page)
    return _STYLE.sub("", page).replace("</head>", f"<style>\n{style}</style>\n</head>")
