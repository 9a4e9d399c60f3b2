"""What is found, and that every way of cutting the work finds the same."""

from __future__ import annotations

import random

import numpy as np
import pytest

from skypile.dedup import bands, cluster, exact, verify
from skypile.dedup.cluster import EXACT, NEAR, Drops
from skypile.dedup.find import find_duplicates
from skypile.dedup.settings import Dedup
from skypile.dedup.signatures import SignatureIndex, SignatureSet

CODE = "\n".join(
    f"def step_{i}(state, delta):\n    state.value_{i} += delta * {i}\n    return state.total"
    for i in range(30)
)


def as_rows(drops: Drops) -> list[tuple]:
    columns = (drops.address, drops.kept, drops.reason, drops.jaccard, drops.exact_checked)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def subset(signatures: SignatureSet, rows: np.ndarray) -> SignatureSet:
    names = ("addresses", "exact", "minhash", "shingle_count", "length", "preferences")
    return SignatureSet(**{name: getattr(signatures, name)[rows] for name in names})


def family_texts(compose, seed: int) -> list[str]:
    """Originals in both languages, copies exact and near, unrelated, empty and short texts."""
    rng = random.Random(seed)
    texts = ["", "!!!", "。。。", "one", "一", "hello there", "hello there"]
    for _ in range(12):
        zh, en = compose["chinese"](rng, 500), compose["english"](rng, 300)
        texts += [zh, zh, zh.replace("，", " ，\n"), compose["edited"](rng, zh, 0.01)]
        texts += [compose["edited"](rng, zh, 0.02), compose["edited"](rng, zh, 0.025)]
        texts += [en, en.upper(), compose["reworded"](rng, en, 3), compose["reworded"](rng, en, 9)]
        texts += [compose["chinese"](rng, 300), compose["english"](rng, 200)]
    rng.shuffle(texts)
    return texts


@pytest.mark.parametrize("frac, recall", [(0.01, 0.99), (0.02, 0.95)])
def test_chinese_copies_with_changed_characters_are_found(compose, sign, frac, recall):
    rng = random.Random(5)
    originals = [compose["chinese"](rng, 1000) for _ in range(400)]
    copies = [compose["edited"](rng, text, frac) for text in originals]
    signatures, fetch = sign(originals + copies)
    drops = find_duplicates(signatures, fetch)
    # Without a repeated shingle 2 % leave J = .816, which 16 bands of 8 rows propose to .969.
    assert len(drops) >= recall * len(originals)
    assert set((drops.address % 400).tolist()) == set((drops.kept % 400).tolist())
    assert np.all(drops.address % 400 == drops.kept % 400)


def test_english_copies_with_changed_words_are_found(compose, sign):
    rng = random.Random(6)
    originals = [compose["english"](rng, 500) for _ in range(200)]
    copies = [compose["reworded"](rng, text, 5) for text in originals]  # J is about .905
    drops = find_duplicates(*sign(originals + copies))
    assert len(drops) >= 198
    assert np.all(drops.address % 200 == drops.kept % 200)


@pytest.mark.parametrize(
    "first, second, reason",
    [
        ("same words here", "Same  words\nhere", EXACT),
        ("汉字ＡＢＣ", "汉 字abc", EXACT),
        (CODE, CODE.replace("    ", "\t"), EXACT),
        (CODE, CODE.replace("step_7(", "step_seven("), NEAR),
        ("!!!", "! ! !", EXACT),
        ("short text", "short", None),
        ("", "!!!", None),
        ("甲乙丙丁", "甲乙丙丁戊", None),
        ("one two three", "three two one", None),
    ],
)
def test_pairs(sign, first, second, reason):
    drops = find_duplicates(*sign([first, second]))
    assert drops.reason.tolist() == ([] if reason is None else [reason])


def test_unrelated_texts_are_not_touched(compose, sign):
    rng = random.Random(7)
    texts = [compose["chinese"](rng, 300) for _ in range(200)]
    texts += [compose["english"](rng, 200) for _ in range(200)]
    assert len(find_duplicates(*sign(texts))) == 0


def test_no_document_at_all(sign):
    assert len(find_duplicates(*sign([]))) == 0


def test_the_longer_then_the_rather_preferred_then_the_earlier_copy_stays(sign):
    texts = ["a b c d e f", "a  b c d e f", "a b c d e f", "x y z", "x y z", "q r", "q r"]
    settings = Dedup(sources=("a", "b"))
    signatures, fetch = sign(texts, sources=[*"azabazz"], settings=settings)
    drops = find_duplicates(signatures, fetch)
    assert as_rows(drops) == [
        (0, 1, EXACT, 1.0, True),
        (2, 1, EXACT, 1.0, True),
        (3, 4, EXACT, 1.0, True),
        (6, 5, EXACT, 1.0, True),
    ]


def test_a_copy_of_a_near_duplicate_names_the_document_that_stays(compose, sign):
    rng = random.Random(8)
    near = compose["english"](rng, 400)
    longest = compose["reworded"](rng, near, 2) + " with a longer ending"
    signatures, fetch = sign([near, near, longest])
    drops = find_duplicates(signatures, fetch)
    assert drops.address.tolist() == [0, 1] and drops.kept.tolist() == [2, 2]
    assert drops.reason.tolist() == [NEAR, NEAR]
    assert drops.jaccard[0] == drops.jaccard[1] < 1


def test_a_dropped_document_is_similar_to_the_one_it_names_never_by_a_chain(compose, sign):
    rng = random.Random(9)
    words = compose["english"](rng, 900).split(" ")
    # Each window is similar to the next one, and not to those further away.
    texts = [" ".join(words[start : start + 400]) for start in range(0, 480, 24)]
    signatures, fetch = sign(texts)
    drops = find_duplicates(signatures, fetch, threshold=0.8)
    assert 0 < len(drops) < len(texts) - 1
    assert not np.isin(drops.kept, drops.address).any()
    jaccard = verify.exact_jaccard(fetch(drops.address), fetch(drops.kept))
    assert np.all(jaccard >= 0.8)


def test_jaccards_near_the_threshold_are_exact(compose, sign):
    signatures, fetch = sign(family_texts(compose, 2))
    drops = find_duplicates(signatures, fetch)
    near = drops.reason == NEAR
    assert np.all(drops.jaccard >= np.float32(0.8))
    assert np.all(drops.exact_checked | (drops.jaccard > 0.92))
    checked = near & drops.exact_checked & ~np.isin(drops.address, copied(signatures))
    assert checked.any()
    true = verify.exact_jaccard(fetch(drops.address[checked]), fetch(drops.kept[checked]))
    assert np.array_equal(drops.jaccard[checked], true.astype(np.float32))


def copied(signatures: SignatureSet) -> np.ndarray:
    return exact.exact_copies(exact.exact_entries(signatures))["address"]


@pytest.mark.parametrize("seed, words, partitions", [(0, 1, 16), (1, 2, 64)])
def test_the_partitioned_path_equals_the_one_in_memory(compose, sign, seed, words, partitions):
    rng = random.Random(seed)
    texts = family_texts(compose, seed)
    # Copies of equal length among which a second key decides, against the order of addresses.
    prefer = ["length", {"column": "quality", "order": "desc"}][:words]
    signatures, fetch = sign(
        texts,
        units=[rng.randrange(5) * 3 for _ in texts],
        settings=Dedup(prefer=prefer),
        quality=list(range(len(texts))),
    )
    assert signatures.words == words
    whole = find_duplicates(signatures, fetch, max_bucket=4)

    numbers = (signatures.addresses >> np.uint64(32)).astype(int)
    units = [subset(signatures, np.flatnonzero(numbers == each)) for each in set(numbers.tolist())]
    rng.shuffle(units)

    def grouped(keyed):
        groups: dict[int, list[bytes]] = {}
        for key, chunk in keyed:
            groups.setdefault(key, []).append(chunk)
        for chunks in groups.values():
            rng.shuffle(chunks)
        return rng.sample(list(groups.values()), len(groups))

    cut = {"partitions": partitions}
    by_hash = grouped(pair for unit in units for pair in exact.pack_exact_keys(unit, **cut))
    copies = exact.merged_copies(exact.copies_of_group(chunks, words=words) for chunks in by_hash)
    by_band = grouped(
        pair for unit in units for pair in bands.pack_band_keys(unit, skip=copies["address"], **cut)
    )
    pairs = [bands.pairs_of_group(chunks, max_bucket=4, words=words) for chunks in by_band]
    by_unit = grouped(pair for each in pairs for pair in bands.pack_pair_keys(each))
    index = SignatureIndex(units)
    edges = [verify.edges_of_group(chunks, index, fetch) for chunks in by_unit]
    partitioned = cluster.cluster(index, copies, cluster.merged_edges(edges))

    assert len(whole) > 50
    assert as_rows(partitioned) == as_rows(whole)
    assert sum(len(whole.for_unit(unit)) for unit in range(15)) == len(whole)


def test_a_large_family_collapses_onto_its_best_document(compose, sign):
    rng = random.Random(11)
    base = compose["english"](rng, 300)
    texts = [f"{base} {compose['english'](rng, 1)} n{i}" for i in range(500)] + [base + " " * 50]
    drops = find_duplicates(*sign(texts), max_bucket=8)
    assert len(drops) == 500
    assert set(drops.kept.tolist()) == {500}


def test_families_beyond_the_alarm_are_named_largest_first(compose, sign):
    rng = random.Random(12)
    texts = []
    for size in (2, 5, 3, 5):
        texts += [compose["english"](rng, 100)] * size
    drops = find_duplicates(*sign(texts))
    assert cluster.large_families(drops, 2) == [(2, 5), (10, 5), (7, 3)]
    assert cluster.large_families(drops, 5) == []
    notes = cluster.alarm_notes([("x#0", 12_345), ("x#1", 12_000)], 10_000)
    assert "12,345 documents" in notes[0] and "x#0 stays" in notes[0] and len(notes) == 2
    assert cluster.alarm_notes([("x", 3)] * 12, 2)[-1] == "alarm: and 2 more such families"


def test_earlier_documents_stay_and_take_the_new_ones(compose, sign):
    texts = family_texts(compose, 5)
    signatures, fetch = sign(texts)
    half = len(texts) // 2
    first = int(signatures.addresses[half])
    drops = find_duplicates(signatures, fetch, first=first)
    assert len(drops) and int(drops.address.min()) >= first
    # A new document is dropped where it has a duplicate among the earlier ones, or a better one
    # that stays; each names one that is as similar itself.
    alone = {row[0] for row in as_rows(find_duplicates(signatures, fetch)) if row[0] >= first}
    stays = set(signatures.addresses.tolist()) - {row[0] for row in as_rows(drops)}
    assert all(row[1] in stays for row in as_rows(drops))
    found = {row[0] for row in as_rows(drops)}
    assert len(found) >= len(alone)
    texts_of = dict(zip(signatures.addresses.tolist(), texts, strict=True))
    for address, kept, _, jaccard, checked in as_rows(drops):
        if checked:
            pair = ([texts_of[address].encode()], [texts_of[kept].encode()])
            assert (
                verify.exact_jaccard(*pair)[0] == pytest.approx(jaccard, abs=1e-6) or jaccard == 1
            )
    named = [kept for _, kept, *_ in as_rows(drops)]
    assert any(kept < first for kept in named) and any(kept >= first for kept in named)


def test_both_schemes_find_the_same_families(compose, sign):
    texts = family_texts(compose, 11)
    found = []
    for scheme in ("affine32", "fss"):
        signatures, fetch = sign(texts, settings=Dedup(scheme=scheme))
        found.append({row[0] for row in as_rows(find_duplicates(signatures, fetch))})
    assert len(found[0]) > 40
    assert len(found[0] ^ found[1]) <= len(found[0]) // 20
