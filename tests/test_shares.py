"""Shares within a domain, by hand and against a plain search."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skypile.errors import RecipeError, RunError
from skypile.mix import Tally, kept_mask
from skypile.phases.cuts import _capped_cuts, _check_caps
from skypile.recipe import parse_recipe
from skypile.shares import Within, allocate, largest_target, pool_indices, pool_names

LANGS = ("c", "go", "json", "xml")
TOKENS = st.integers(0, 400)


def within(shares: dict[str, float], caps: dict[str, float]) -> Within:
    return Within(column="code_lang", shares=shares, caps=caps)


def holding(rest: int, **tokens: int) -> dict[str, int]:
    return {"code": rest} | {f"code:{name}": number for name, number in tokens.items()}


def test_pools_go_by_domain_and_value():
    entry = {"code": within({"c": 0.5}, {"json": 0.1})}
    batch = pa.RecordBatch.from_pydict({
        "domain": ["code", "en", "code", "code", None, "code"],
        "code_lang": ["json", "json", None, "c", "c", "go"],
    })  # fmt: skip
    names = [*pool_names(entry), None]
    found = [names[index] for index in pool_indices(batch, entry)]
    assert found == ["code:json", "en", "code", "code:c", None, "code"]
    assert pool_indices(batch.select(["domain"]), entry).tolist() == [2, 0, 2, 2, -1, 2]


def test_what_a_language_lacks_goes_to_the_others_by_their_shares():
    entry = within({"c": 0.5, "go": 0.2}, {})
    plenty = allocate(1000, holding(10_000, c=10_000, go=10_000), "code", entry)
    assert plenty.targets == {"code": 300, "code:c": 500, "code:go": 200}
    # C lacks 400, of which go gets two fifths and the rest three.
    short = allocate(1000, holding(10_000, c=100, go=10_000), "code", entry)
    assert short.targets == {"code": 540, "code:c": 100, "code:go": 360}
    # Then go lacks as well, in a second round.
    both = allocate(1000, holding(10_000, c=100, go=210), "code", entry)
    assert both.targets == {"code": 690, "code:c": 100, "code:go": 210}


def test_a_rest_without_a_share_fills_what_no_language_can():
    entry = within({"c": 0.5, "go": 0.5}, {"json": 0.1})
    have = holding(500, c=100, go=100, json=900)
    assert allocate(150, have, "code", entry).targets == {"code": 0, "code:c": 75, "code:go": 75}
    full = allocate(600, have, "code", entry)
    assert full.targets == {"code": 400, "code:c": 100, "code:go": 100}
    assert full.caps == {"code:json": 60}


def test_caps_bound_what_a_domain_can_hold():
    entry = within({}, {"json": 0.02, "xml": 0.25})
    assert largest_target(holding(980, json=10**6, xml=0), "code", entry) == 1000
    assert largest_target(holding(730, json=10**6, xml=10**6), "code", entry) == 1000
    assert largest_target(holding(1000, json=5, xml=7), "code", entry) == 1012
    assert largest_target(holding(0, json=10**6, xml=1), "code", entry) == 0
    assert largest_target(holding(7, json=3, xml=3), "code", None) == 13


@settings(max_examples=150, deadline=None)
@given(TOKENS, TOKENS, TOKENS, st.integers(1, 100), st.integers(1, 100))
def test_no_larger_target_could_be_filled(rest, json, xml, first, second):
    caps = {"json": first / 100, "xml": second / 100}
    found = largest_target(holding(rest, json=json, xml=xml), "code", within({}, caps))

    def fills(target: int) -> bool:
        capped = zip((json, xml), caps.values(), strict=True)
        held = rest + sum(min(n, Fraction(str(cap)) * target) for n, cap in capped)
        return bool(held >= target)

    assert found == max(target for target in range(rest + json + xml + 1) if fills(target))


@settings(max_examples=150, deadline=None)
@given(TOKENS, st.lists(TOKENS, min_size=4, max_size=4), st.integers(1, 50), st.integers(0, 50))
def test_a_target_is_given_out_to_a_few_tokens_and_nobody_gets_more_than_it_has(
    rest, have, first, second
):
    shares = {"c": first / 100, **({"go": second / 100} if second else {})}
    entry = within(shares, {"json": 0.1, "xml": 0.05})
    names = dict(zip(LANGS, have, strict=True))
    if not second:
        rest += names.pop("go")
    held = holding(rest, **names)
    target = largest_target(held, "code", entry)
    for asked in (target, target // 2, target // 7):
        told = allocate(asked, held, "code", entry)
        # Each pool is rounded down once.
        assert asked - 6 <= sum(told.targets.values()) <= asked
        for name, tokens in told.targets.items():
            assert tokens <= held[name] + (sum(told.caps.values()) if name == "code" else 0)


ROWS = st.lists(
    st.tuples(st.sampled_from(("en", "code", "code:c", "code:json", "code:xml")),
              st.integers(0, 2), st.sampled_from([0, 1, 2**48, 2**63]), st.integers(0, 40)),
    min_size=1, max_size=50,
)  # fmt: skip


def plainly_kept(rows, shares) -> set[int]:
    """What the cuts ought to keep, by walking through the whole order."""
    order = sorted(range(len(rows)), key=lambda i: (rows[i][1], rows[i][2], i))
    kept: set[int] = set()

    def take(pools, goal, allowed):
        total = 0
        for row in order:
            if rows[row][0] in pools and row in allowed:
                if total + rows[row][3] > goal:
                    return
                total += rows[row][3]
                kept.add(row)

    every = set(range(len(rows)))
    for name, cap in shares["code"].caps.items():
        take({name}, cap, every)
    allowed = {row for row in every if rows[row][0] not in shares["code"].caps} | kept
    kept.clear()
    for domain in shares:
        for name, goal in shares[domain].targets.items():
            capped = shares[domain].caps if name == domain else {}
            take({name, *capped}, goal, allowed)
    return kept


@settings(max_examples=25, deadline=None)
@given(ROWS, st.integers(0, 600), st.integers(1, 30))
def test_cuts_keep_what_a_walk_through_the_order_keeps(rows, target, cut):
    entry = within({"c": 0.3}, {"json": 0.1, "xml": 0.2})
    names = pool_names({"code": entry})
    available = {n: sum(row[3] for row in rows if row[0] == n) for n in names}
    shares = {"code": allocate(target, available, "code", entry),
              "en": allocate(target, available, "en", None)}  # fmt: skip
    band, key, tokens = (np.array([row[at] for row in rows]) for at in (1, 2, 3))
    place = np.arange(len(rows), dtype=np.uint64)
    whole = Tally(place, key.astype(np.uint64), band, tokens)
    pool = np.array([row[0] for row in rows])

    def read():
        for unit in (place < cut, place >= cut):
            for name in names:
                yield name, whole.take((pool == name) & unit)

    found = _capped_cuts(read, shares)
    kept = {int(at) for name, cut in found.items()
            for at in whole.address[(pool == name) & kept_mask(whole, cut)]}  # fmt: skip
    assert kept == plainly_kept(rows, shares)


def test_a_domain_of_nothing_but_capped_values_is_told():
    with pytest.raises(RunError, match="code that passed have values"):
        _check_caps({"code": 1.0}, {"code": 9}, {"code": 0})


RECIPE = """
name: small
steps: [{stages: [counts]}]
mix: {within: {code: ENTRY}}
"""


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{column: code_lung, caps: {json: 0.1}}", "mix.within.code reads column 'code_lung'"),
        ("{column: han_frac, caps: {json: 0.1}}", "holds double; shares go by"),
        ("{column: prog_lang}", "one is needed"),
        ("{column: prog_lang, caps: {json: 1.1}}", "lie above 0 and up to 1"),
        ("{column: prog_lang, caps: {c: 0.1}, shares: {c: 0.1}}", "a share or a cap, not both"),
        ("{column: prog_lang, shares: {c: 0.7, go: 0.4}}", "sum to 1.1, which is more than 1"),
    ],
)
def test_what_cannot_be_shared_is_refused(entry, problem):
    with pytest.raises(RecipeError, match=problem):
        parse_recipe(RECIPE.replace("ENTRY", entry), "small.yaml")


def test_the_fingerprint_holds_the_shares_and_not_the_weights():
    one, two = (
        parse_recipe(
            RECIPE.replace("ENTRY", f"{{column: prog_lang, caps: {{c: {cap}}}}}"), "s.yaml"
        )
        for cap in (0.1, 0.2)
    )
    assert one.fingerprint() != two.fingerprint()
    assert one.steps_fingerprint() == two.steps_fingerprint()
