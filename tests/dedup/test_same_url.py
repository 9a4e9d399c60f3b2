"""Documents of one URL, and documents compared within something only."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from skypile.dedup import exact, same_url
from skypile.dedup.cluster import EXACT, NEAR, URL, Drops, cluster
from skypile.dedup.find import find_duplicates
from skypile.dedup.formats import COPY, EDGE
from skypile.dedup.same_url import drops_by_page
from skypile.dedup.settings import Dedup
from skypile.dedup.signatures import SignatureIndex, SignatureSet
from skypile.errors import RecipeError
from skypile.recipe import Recipe
from skypile.urls import hosts, page_hashes

EVERY = Dedup(levels=("url", "exact", "near"))
PAGE = [
    "http://www.Example.com/", "https://example.com", "example.com", "HTTP://me@example.com:80#top",
    "http://example.com./",
]  # fmt: skip
OTHERS = [
    "http://example.com:8080/", "http://example.com/a", "http://example.com/A",
    "http://example.com/?", "http://example.com/a?b=1", "http://m.example.com/",
    "https://例子.中国/路径", "ftp://f.example.com", "line\nbreak", "http://[::1]/a",
]  # fmt: skip


def rows_of(drops: Drops) -> list[tuple]:
    columns = (drops.address, drops.kept, drops.reason, drops.jaccard, drops.exact_checked)
    return [tuple(map(str, row)) for row in zip(*(c.tolist() for c in columns), strict=True)]


def test_urls_of_one_page():
    found = page_hashes(pa.array([*PAGE, *OTHERS, None, "", "  "])).tolist()
    assert len(set(map(tuple, found[: len(PAGE)]))) == 1
    assert len(set(map(tuple, found))) == 1 + len(OTHERS) + 1
    assert found[-3:] == [[0, 0]] * 3
    octets = pa.array(["http://a.b/%e4%b8%ad/%zz", "http://a.b/%E4%B8%AD/%zz", "http://a.b/%e4%"])
    first, second, third = page_hashes(octets).tolist()
    assert first == second != third
    assert page_hashes(octets.slice(1, 1)).tolist() == [second]
    assert page_hashes(pa.array([], pa.string())).shape == (0, 2)
    assert hosts(pa.array([PAGE[0], PAGE[3], None])).to_pylist() == ["example.com"] * 2 + [""]


def test_the_preferred_document_of_a_url_stays_and_each_names_one_that_stands(sign):
    texts = ["old text", "a newer text", "the newest text of all", "the newest text of all", "b c"]
    urls = ["u.v/1", "http://u.v/1", "https://U.v/1#x", "w.x/2", "w.x/2"]
    drops = find_duplicates(*sign(texts, settings=EVERY, url=urls), levels=EVERY.levels)
    # 3 is a copy of 2 and dropped for it; so 4, of the same URL as 3, is the only one of it.
    assert drops.address.tolist() == [0, 1, 3] and drops.kept.tolist() == [2, 2, 2]
    assert drops.reason.tolist() == [URL, URL, EXACT]
    assert np.isnan(drops.jaccard[:2]).all() and drops.jaccard[2] == 1
    only = find_duplicates(*sign(texts, settings=EVERY, url=urls), levels=["url"])
    assert only.address.tolist() == [0, 1, 4] and only.kept.tolist() == [2, 2, 3]


def test_documents_are_compared_within_what_they_share(sign):
    texts = ["the same words in all of these"] * 4 + ["other words and nothing else"] * 2
    settings = Dedup(within="source", levels=("url", "exact", "near"))
    sources = ["a", "b", "a", None, None, None]
    urls = ["u/1", "u/2", None, "u/1", "u/3", "u/4"]
    drops = find_duplicates(
        *sign(texts, settings=settings, sources=sources, url=urls), levels=settings.levels
    )
    assert drops.address.tolist() == [2, 5] and drops.kept.tolist() == [0, 4]
    site = Dedup(within="site")
    drops = find_duplicates(*sign(texts, settings=site, url=["u.v/1", "w/1", "www.u.v", *"xyz"]))
    assert drops.address.tolist() == [2] and drops.kept.tolist() == [0]


def generated(rng: random.Random, size: int) -> tuple[SignatureIndex, np.ndarray, np.ndarray]:
    """Documents with copies and edges at random: what `cluster` takes."""
    zeros = np.zeros((size, 2), np.uint64)
    addresses = np.arange(size, dtype=np.uint64) * np.uint64(3)
    ranks = np.array([[rng.randrange(6)] for _ in range(size)], np.uint64)
    texts = np.array([rng.randrange(size) for _ in range(size)])
    index = SignatureIndex(
        [
            SignatureSet(
                addresses=addresses, exact=zeros, minhash=np.zeros((size, 128), np.uint32),
                shingle_count=np.ones(size, np.int32), length=np.ones(size, np.int64),
                preferences=ranks,
            )
        ]
    )  # fmt: skip
    order = np.lexsort((addresses, ranks[:, 0], texts))
    best = {}
    for at in order.tolist():
        best.setdefault(int(texts[at]), at)
    copies = [(addresses[at], addresses[best[int(texts[at])]]) for at in range(size)]
    copies = np.array([pair for pair in copies if pair[0] != pair[1]], COPY)
    heads = sorted(best.values())
    edges = []
    for _ in range(size):
        one, two = sorted(rng.sample(heads, 2))
        edges.append((addresses[one], addresses[two], rng.random(), rng.random() < 0.5))
    edges = np.array(sorted(set(edges)), EDGE)
    _, first = np.unique(edges[["left", "right"]], return_index=True)
    return index, copies, edges[first]


@pytest.mark.parametrize("seed", range(8))
def test_without_urls_it_is_the_clustering_of_texts(seed):
    index, copies, edges = generated(random.Random(seed), 60)
    nothing = same_url.same_urls(np.empty(0, same_url.URL_ENTRY))
    assert rows_of(drops_by_page(index, copies, edges, nothing)) == rows_of(
        cluster(index, copies, edges)
    )


@pytest.mark.parametrize("seed", range(8))
def test_each_text_and_each_url_stands_once_and_what_is_named_stands(seed):
    rng = random.Random(seed)
    index, copies, edges = generated(rng, 60)
    addresses = np.arange(60, dtype=np.uint64) * np.uint64(3)
    entries = np.zeros(60, same_url.URL_ENTRY)
    entries["low"] = [rng.randrange(25) for _ in range(60)]
    entries["address"] = addresses
    groups = same_url.same_urls(rng.sample(list(entries), 60) and entries)
    drops = drops_by_page(index, copies, edges, groups)
    text_of = dict(zip(addresses.tolist(), addresses.tolist(), strict=True))
    text_of |= dict(copies.tolist())
    url_of = dict(zip(addresses.tolist(), entries["low"].tolist(), strict=True))
    alike = {frozenset(edge) for edge in edges[["left", "right"]].tolist()}
    standing = set(addresses.tolist()) - set(drops.address.tolist())
    assert len({text_of[one] for one in standing}) == len(standing)
    assert len({url_of[one] for one in standing}) == len(standing)
    reasons = set()
    for address, kept, reason in zip(
        drops.address.tolist(), drops.kept.tolist(), drops.reason.tolist(), strict=True
    ):
        assert kept in standing
        reasons.add(reason)
        if reason == EXACT:
            assert text_of[address] == text_of[kept]
        elif reason == URL:
            assert url_of[address] == url_of[kept]
        else:
            assert frozenset((text_of[address], text_of[kept])) in alike
    assert reasons == {EXACT, NEAR, URL}
    earlier = drops_by_page(index, copies, edges, groups, earlier=(0, 90))
    assert earlier.address.min() >= 90 and (earlier.kept < 90).any()


def test_partitions_find_the_same_urls(sign):
    texts = [f"text number {i}" for i in range(200)]
    urls = [None if i % 7 == 0 else f"http://a.b/{i % 60}" for i in range(200)]
    signatures, _ = sign(texts, settings=EVERY, url=urls)
    halves = [signatures.take(np.arange(*ends)) for ends in ((0, 90), (90, 200))]
    groups: dict[int, list[bytes]] = {}
    for half in halves:
        for key, chunk in same_url.pack_url_keys(half):
            groups.setdefault(key, []).append(chunk)
    found = [
        same_url.same_urls(np.frombuffer(b"".join(chunks[::-1]), same_url.URL_ENTRY)).tobytes()
        for chunks in groups.values()
    ]
    whole = same_url.same_urls(same_url.url_entries(signatures))
    assert len(whole) > 150
    assert np.array_equal(same_url.merged_urls(found), whole)


def test_sets_with_urls_and_scopes_are_saved_and_joined(sign, tmp_path):
    settings = Dedup(within="site", levels=("url",))
    signatures, _ = sign(["a", "b", "c"], settings=settings, url=["u/1", None, "v/2"])
    signatures.save(tmp_path / "set.arrow")
    again = SignatureSet.load(tmp_path / "set.arrow")
    parts = [signatures.take(np.array(rows)) for rows in ([0], [1, 2])]
    joined = SignatureSet.joined(parts, words=1)
    for name, values in signatures.columns.items():
        assert np.array_equal(again.columns[name], values), name
        assert np.array_equal(joined.columns[name], values), name
    assert len(exact.exact_entries(again)) == 3


@pytest.mark.parametrize(
    "dedup, told",
    [
        ({"levels": ["near"]}, "name exact beside near"),
        ({"levels": []}, "name one level or more"),
        ({"levels": ["page"]}, "Input should be"),
        ({"within": "domain"}, "add stage language"),
        ({"within": "host"}, "Input should be"),
        ({"after": "score"}, "has no score section"),
        ({"prefer": [{"column": "tokens", "order": "desc"}]}, "no stage of steps writes"),
    ],
)
def test_what_a_recipe_may_not_say(dedup, told):
    with pytest.raises((RecipeError, ValueError), match=told):
        Recipe(name="x", steps=[{"stages": ["counts"]}], dedup=dedup)


def test_a_score_may_decide_which_copy_stays_where_it_is_known():
    prefer = [{"column": "tokens", "order": "desc"}]
    recipe = Recipe(
        name="x", steps=[{"stages": ["counts"]}], score=[{"stages": ["tokens"]}],
        dedup={"after": "score", "prefer": prefer},
    )  # fmt: skip
    with pytest.raises(RecipeError, match="no stage of steps writes"):
        recipe.without_models()
