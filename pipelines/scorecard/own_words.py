"""What a province, or the country, says where the words of the site speak of a city: 'toàn tỉnh' for 'toàn thành phố'.

Only words of sources/wording are changed, never what a plan or an officer wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipelines.office.wording import wording

Own = Callable[[Any], Any]


def own_words(place_name: str) -> Own:
    """Makes a text, or the texts of a list or a mapping, those of a place; a place of no kind of its own has them as
    they are."""
    kinds = wording("site.own_words")
    kind = next((one for one in kinds if place_name.startswith(one["named"])), None)
    pairs = kind["says"].items() if kind else ()

    def own(said: Any) -> Any:
        if isinstance(said, dict):
            return {name: own(one) for name, one in said.items()}
        if isinstance(said, list | tuple):
            return [own(one) for one in said]
        for general, special in pairs if isinstance(said, str) else ():
            said = said.replace(general, special)
        return said

    return own
