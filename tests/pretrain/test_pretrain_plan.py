"""What a step reads is a function of config and step: shares, passes, stages that follow."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import yaml

from skypile.errors import UsageError
from skypile.pretrain.plan import Plan
from skypile.pretrain.run_config import RunConfig, config_names, load_config, parse_config
from skypile.pretrain.token_set import TokenSet, open_token_set


@pytest.fixture(scope="module")
def tokens(token_folder) -> TokenSet:
    return open_token_set(token_folder)


@pytest.fixture
def config(config_text) -> RunConfig:
    return parse_config(config_text, "config")


def rows_of(plan: Plan, steps: range) -> list[tuple[str, int]]:
    return [(row.stream.name, row.number) for step in steps for row in plan.rows(step)]


def test_a_batch_is_the_same_in_pieces_and_from_any_step_on(config, tokens):
    whole = [rows_of(Plan(config, tokens), range(step, step + 1)) for step in range(12)]
    for step in (11, 3, 8, 7):
        plan = Plan(config, tokens)
        pieces = [plan.rows(step, start, 2) for start in range(0, 8, 2)]
        assert [(r.stream.name, r.number) for piece in pieces for r in piece] == whole[step]


def test_stages_go_on_where_sources_were_and_repeat_no_row_of_a_pass(config, tokens):
    plan = Plan(config, tokens)
    seen = Counter(rows_of(plan, range(plan.step_count)))
    assert max(plan.passes().values()) < 1
    assert max(seen.values()) == 1
    shares = Counter(name for name, _ in rows_of(plan, range(7)))
    assert abs(shares["en/main"] - 56 * 522 / 998) < 1
    assert abs(shares["code/main"] - 56 * 80 / 998) < 1
    stem = [name for name, _ in rows_of(plan, range(7, 12))].count("en/stem")
    assert abs(stem - 0.2 * 40) < 1


def test_each_pass_has_every_row_once_in_an_order_of_its_own(config, tokens):
    source = Plan(config, tokens).stages[1].sources[2]
    count = int(source.row_counts.sum())
    orders = []
    for one in range(2):
        places = np.arange(one * count, (one + 1) * count)
        orders.append([row.number for row in source.rows(places, seed=0)])
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(count))
    assert orders[0] != orders[1]


def test_backing_off_halves_subsets_from_there_on_and_changes_nothing_before(config, tokens):
    data = config.model_dump(by_alias=True)
    data["stages"][1]["tokens"] = 40 * 512
    data["stages"][1]["mixture"]["*/stem"] = {"share": 0.4}
    longer = RunConfig.model_validate(data)
    plain, backed = Plan(longer, tokens), Plan(longer, tokens, back_offs=[17, 27])
    assert rows_of(plain, range(17)) == rows_of(backed, range(17))
    for steps, share in ((range(7, 17), 0.4), (range(17, 27), 0.2), (range(27, 47), 0.1)):
        names = Counter(name for name, _ in rows_of(backed, steps))
        assert abs(names["en/stem"] - share * 8 * len(steps)) < 1
        assert abs(names["en/main"] - names["zh/main"]) < 2


def test_rates_follow_the_stages(config, tokens):
    plan = Plan(config, tokens)
    rates = [plan.learning_rate(step) for step in range(12)]
    assert rates[:3] == pytest.approx([3e-3, 6e-3, 6e-3])
    assert rates[6:] == pytest.approx([1e-3] * 6)


def test_sources_are_named_by_domain_by_subset_or_both(config, tokens):
    data = config.model_dump(by_alias=True)
    data["stages"] = data["stages"][:1]
    data["stages"][0]["mixture"] = {"en": 1, "*/main": 1}
    stage = Plan(RunConfig.model_validate(data), tokens).stages[0]
    names = [sorted(source.name.split("+")) for source in stage.sources]
    assert names == [["en/stem"], ["code/main", "en/main", "zh/main"]]


def test_bundled_configs_hold_and_follow_skywork():
    assert config_names() == ["125m", "1b", "ablate", "tiny"]
    assert len(load_config("ablate").stages) == 1
    for name in ("125m", "1b", "tiny"):
        config = load_config(name)
        main, refreshed, stem = config.stages
        assert main.lr.schedule == "cosine" and main.lr.first == pytest.approx(10 * main.lr.end)
        assert refreshed.lr.first == stem.lr.first == main.lr.end
        assert stem.guard is not None and stem.guard.budget_nats == 0.02
        share = stem.shares()[list(stem.mixture).index("*/stem")]
        assert share.constant + share.square / 3 == pytest.approx(0.2)
    assert load_config("1b").stages[0].lr.first == 6e-4


@pytest.mark.parametrize(
    ("mixture", "sentence"),
    [
        ({"en": {"share": 0.7}, "zh": {"from": 0.2, "to": 0.4}, "code": 1}, "exceed the whole"),
        ({"en": {"share": 0.7}, "zh": {"share": 0.2}}, "are not the whole"),
        ({"en": {"share": 0.7, "from": 0.1, "to": 0.2}, "zh": 1}, "give share, or from and to"),
        ({"en": 0}, "greater than 0"),
    ],
)
def test_mixtures_that_cannot_be_are_refused(config, mixture, sentence):
    data = config.model_dump(mode="json", by_alias=True)
    data["stages"][0]["mixture"] = mixture
    with pytest.raises(UsageError, match=sentence):
        parse_config(yaml.safe_dump(data), "config")
