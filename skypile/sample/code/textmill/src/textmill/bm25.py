"""A search index in memory, ranked by Okapi BM25.

Meant for a few hundred thousand short texts: postings are plain lists, and a query touches only
the postings of its own terms.
"""

from __future__ import annotations

import heapq
import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

TERM = re.compile(r"[a-z0-9]+|[\u4e00-\u9fff]")


def terms(text: str) -> list[str]:
    """Return lower-case words, and Chinese characters one by one."""
    return TERM.findall(text.lower())


@dataclass
class Index:
    """`k1` bounds what repeating a term can earn; `b` is how much long texts are held back."""

    k1: float = 1.2
    b: float = 0.75
    names: list[str] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    postings: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, text: str) -> None:
        """Append a text; postings stay sorted because numbers only grow."""
        number = len(self.names)
        counts = Counter(terms(text))
        self.names.append(name)
        self.lengths.append(sum(counts.values()))
        for term, count in counts.items():
            self.postings[term].append((number, count))

    def rarity(self, term: str) -> float:
        """Return the inverse document frequency, shifted so that it is never negative."""
        holding = len(self.postings.get(term, ()))
        return math.log(1.0 + (len(self.names) - holding + 0.5) / (holding + 0.5))

    def search(self, query: str, limit: int = 10) -> list[tuple[str, float]]:
        """Return the best texts with their scores, best first, ties in order of addition."""
        if not self.names:
            return []
        mean_length = sum(self.lengths) / len(self.lengths) or 1.0
        scores: dict[int, float] = defaultdict(float)
        for term, wanted in Counter(terms(query)).items():
            weight = self.rarity(term) * wanted
            for number, count in self.postings.get(term, ()):
                penalty = 1.0 - self.b + self.b * self.lengths[number] / mean_length
                scores[number] += weight * count * (self.k1 + 1.0) / (count + self.k1 * penalty)
        best = heapq.nsmallest(limit, scores.items(), key=lambda item: (-item[1], item[0]))
        return [(self.names[number], score) for number, score in best]


def snippet(text: str, query: str, width: int = 80) -> str:
    """Return the window of `text` that holds the most different terms of the query."""
    wanted = set(terms(query))
    hits = [(m.start(), m.group()) for m in TERM.finditer(text.lower()) if m.group() in wanted]
    if not hits:
        return text[:width]
    best_start, best_count = 0, 0
    for start, _ in hits:
        inside = {term for place, term in hits if start <= place < start + width}
        if len(inside) > best_count:
            best_start, best_count = start, len(inside)
    left = max(0, best_start - width // 8)
    cut = text[left : left + width].strip()
    return ("..." if left else "") + cut + ("..." if left + width < len(text) else "")


if __name__ == "__main__":
    index = Index()
    index.add("kiln", "A wood kiln needs two days of firing and a week of cooling.")
    index.add("glaze", "Ash glaze runs when the kiln gets too hot; wood ash melts at 1240 degrees.")
    index.add("clay", "Stoneware clay shrinks by twelve percent between throwing and firing.")
    for title, value in index.search("wood ash kiln"):
        print(f"{value:6.3f}  {title}")
