"""Which indicator a printed name may mean, by the likeness of words, rare ones counting more: proposed, never taken."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable

from pipelines.vietnamese import without_marks

_ENOUGH = 0.55  # of 47 names without a code one was given one at this likeness, of 26 with a code none a wrong one


class CodeFinder:
    """names: (indicator code, name) of the catalogue and of the plans that are there."""

    def __init__(self, names: Iterable[tuple[str, str]]) -> None:
        self._known = [(code, Counter(_terms(name))) for code, name in dict.fromkeys(names)]
        found = Counter(term for _, terms in self._known for term in terms)
        self._weight = {term: math.log(1 + len(self._known) / times) for term, times in found.items()}
        self._rare = math.log(1 + len(self._known))

    def best(self, name: str, count: int = 3) -> list[tuple[str, float]]:
        """The nearest codes with their likeness from 0 to 1, the nearest first."""
        asked = Counter(_terms(name))
        scores: dict[str, float] = {}
        for code, terms in self._known:
            scores[code] = max(scores.get(code, 0.0), self._cosine(asked, terms))
        return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[:count]

    def proposed(self, name: str) -> str:
        """The nearest code, '' where none is near enough or two are as near."""
        best = self.best(name, 2)
        if not best or best[0][1] < _ENOUGH or (len(best) > 1 and best[0][1] - best[1][1] < 0.02):
            return ""
        return best[0][0]

    def _cosine(self, one: Counter[str], other: Counter[str]) -> float:
        both = sum(self._weight.get(term, self._rare) ** 2 * min(one[term], other[term]) for term in one)
        return both / (self._length(one) * self._length(other)) if both else 0.0

    def _length(self, terms: Counter[str]) -> float:
        return math.sqrt(sum((self._weight.get(term, self._rare) * times) ** 2 for term, times in terms.items()))


def _terms(name: str) -> list[str]:
    """Words and pairs of words, small and without accents."""
    words = re.findall(r"[a-z0-9]+", without_marks(name.casefold()))
    return words + [f"{a} {b}" for a, b in itertools.pairwise(words)]
