"""Windows laid end to end give what transformers gives for each window alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    CamembertConfig,
    DebertaV2Config,
    ElectraConfig,
    ModernBertConfig,
    PreTrainedConfig,
    RobertaConfig,
    XLMRobertaConfig,
)

from classifiers.engine import CpuPackedEngine, Engine, PaddedEngine, _halved, engine_for
from classifiers.packed import PackedEncoder, is_packable
from classifiers.windows import Frame, pack_rows, packs

_VOCABULARY = 90
# None of these ids is a padding id, which RoBERTa would skip in counting positions.
_FRAME = Frame((4,), (2,))
_SHAPE = {
    "vocab_size": _VOCABULARY, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4,
    "intermediate_size": 48, "num_labels": 3, "initializer_range": 0.3,
}  # fmt: skip
_CONFIGS = {
    "bert": BertConfig(**_SHAPE, max_position_embeddings=20, pad_token_id=0),
    "bert with relu": BertConfig(
        **_SHAPE, max_position_embeddings=20, hidden_act="relu", layer_norm_eps=1e-3
    ),
    # Their positions count from the padding id plus one.
    "roberta": RobertaConfig(**_SHAPE, max_position_embeddings=22, pad_token_id=1),
    "xlm-roberta": XLMRobertaConfig(**_SHAPE, max_position_embeddings=24, pad_token_id=3),
    "camembert": CamembertConfig(**_SHAPE, max_position_embeddings=22, pad_token_id=1),
    "electra": ElectraConfig(**_SHAPE, embedding_size=16, max_position_embeddings=20),
    "electra of one width": ElectraConfig(**_SHAPE, embedding_size=32, max_position_embeddings=20),
}


def _model(config: PreTrainedConfig) -> torch.nn.Module:
    torch.manual_seed(5)
    model = AutoModelForSequenceClassification.from_config(config).eval()
    # Biases and norms start at 0 and 1, which would hide that one was left out.
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


def _windows(*lengths: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    ids = rng.integers(5, _VOCABULARY, 500).astype(np.uint32)
    starts = rng.integers(0, 500 - max(lengths), len(lengths)).astype(np.int64)
    return ids, starts, np.array(lengths, dtype=np.int64)


def _alone(model: torch.nn.Module, window: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        found = model(input_ids=torch.tensor([[4, *window.tolist(), 2]])).logits[0]
    logits: np.ndarray = found.numpy()
    return logits


@pytest.mark.parametrize("name", _CONFIGS)
@pytest.mark.parametrize("spare", [0, 37])
def test_packed_windows_equal_transformers_on_each_alone(name: str, spare: int) -> None:
    model = _model(_CONFIGS[name])
    ids, starts, lengths = _windows(7, 0, 18, 1, 18, 5, 12)
    slots = int((lengths + 2).sum()) + spare
    pack = pack_rows(ids, starts, lengths, _FRAME, slots)
    with torch.inference_mode():
        found = PackedEncoder(model)(
            torch.from_numpy(pack.ids),
            torch.from_numpy(pack.positions),
            torch.from_numpy(pack.borders),
            20,
        )[: pack.window_count]
    expected = np.stack(
        [_alone(model, ids[at : at + size]) for at, size in zip(starts, lengths, strict=True)]
    )
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("name", ["bert", "roberta", "electra"])
def test_packed_windows_in_bfloat16_stay_near_transformers(name: str) -> None:
    config = _CONFIGS[name].to_dict() | {"initializer_range": 0.05}
    model = _model(type(_CONFIGS[name])(**config)).to(torch.bfloat16)
    ids, starts, lengths = _windows(7, 18, 1, 12)
    pack = pack_rows(ids, starts, lengths, _FRAME, 60)
    with torch.inference_mode():
        found = PackedEncoder(model)(
            torch.from_numpy(pack.ids),
            torch.from_numpy(pack.positions),
            torch.from_numpy(pack.borders),
            20,
        )[: pack.window_count].float()
        expected = torch.stack(
            [
                model.float()(
                    input_ids=torch.tensor([[4, *ids[at : at + size].tolist(), 2]])
                ).logits[0]
                for at, size in zip(starts, lengths, strict=True)
            ]
        )
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=2e-2)


_OTHERS = [
    ModernBertConfig(**_SHAPE, pad_token_id=0, max_position_embeddings=32),
    DebertaV2Config(
        **_SHAPE, max_position_embeddings=32, relative_attention=True,
        position_biased_input=False, pos_att_type=["p2c", "c2p"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("config", "kind"),
    [(config, PaddedEngine) for config in _OTHERS]
    + [(_CONFIGS[name], CpuPackedEngine) for name in _CONFIGS],
    ids=lambda value: getattr(value, "model_type", None),
)
@pytest.mark.parametrize("lengths", [(7, 0, 18, 1, 18, 5, 12), (9, 9, 9)], ids=str)
def test_engines_on_the_cpu_equal_each_window_alone(
    config: PreTrainedConfig, kind: type[Engine], lengths: tuple[int, ...]
) -> None:
    model = _model(config)
    ids, starts, sizes = _windows(*lengths)
    engine = engine_for(model, _FRAME, pad_id=int(config.pad_token_id or 0), max_tokens=20)
    assert isinstance(engine, kind)
    padded = PaddedEngine(model, _FRAME, pad_id=int(config.pad_token_id or 0))
    with torch.inference_mode():
        found, by_rectangles = (one.start(ids, starts, sizes)() for one in (engine, padded))
    expected = np.stack(
        [_alone(model, ids[at : at + size]) for at, size in zip(starts, sizes, strict=True)]
    )
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(by_rectangles, expected, atol=1e-4)


def test_the_engine_on_the_cpu_fills_many_packs_and_takes_no_window_at_all() -> None:
    model = _model(_CONFIGS["bert"])
    ids, starts, lengths = _windows(*np.random.default_rng(1).integers(0, 19, 700).tolist())
    engine = engine_for(model, _FRAME, pad_id=0, max_tokens=20)
    assert int((lengths + 2).sum()) > 3 * 2_048
    found = engine.start(ids, starts, lengths)()
    for at in (0, 350, 699):
        window = ids[starts[at] : starts[at] + lengths[at]]
        np.testing.assert_allclose(found[at], _alone(model, window), atol=1e-4)
    assert engine.start(ids, starts[:0], lengths[:0])().shape == (0, 3)


def test_only_encoders_of_absolute_positions_are_packed() -> None:
    assert all(is_packable(config) for config in _CONFIGS.values())
    assert not is_packable(ModernBertConfig())
    assert not is_packable(DebertaV2Config())
    assert not is_packable(BertConfig(is_decoder=True))


def test_a_pack_holds_frames_positions_and_repeated_last_borders() -> None:
    ids = np.arange(10, 30, dtype=np.uint32)
    frame = Frame((1, 3), (2,))
    pack = pack_rows(ids, np.array([4, 0, 19]), np.array([3, 0, 1]), frame, 16)
    assert pack.ids[: pack.token_count].tolist() == [1, 3, 14, 15, 16, 2, 1, 3, 2, 1, 3, 29, 2]
    assert pack.positions[: pack.token_count].tolist() == [0, 1, 2, 3, 4, 5, 0, 1, 2, 0, 1, 2, 3]
    assert pack.borders[:4].tolist() == [0, 6, 9, 13]
    assert set(pack.borders[4:].tolist()) == {13}
    assert (len(pack.ids), len(pack.borders), pack.window_count) == (16, 1025, 3)
    assert {array.dtype for array in (pack.ids, pack.positions, pack.borders)} == {
        np.dtype(np.int32)
    }


def test_a_pack_of_empty_documents_needs_no_ids() -> None:
    pack = pack_rows(
        np.empty(0, np.uint32), np.zeros(2, np.int64), np.zeros(2, np.int64), _FRAME, 4
    )
    assert pack.ids.tolist() == [4, 2, 4, 2]


def test_packs_cover_all_windows_in_order_and_are_full() -> None:
    rng = np.random.default_rng(4)
    lengths = np.sort(rng.integers(0, 510, 3000))
    found = list(packs(lengths, 2, 65_536))
    assert [x.start for x in found] == [0, *(x.stop for x in found[:-1])]
    assert found[-1].stop == len(lengths)
    for one, after in pairwise(found):
        tokens = int((lengths[one] + 2).sum())
        assert tokens <= 65_536 < tokens + int(lengths[after.start]) + 2


def test_packs_of_tiny_windows_end_at_the_most_borders() -> None:
    found = list(packs(np.zeros(10_000, dtype=np.int64), 2, 65_536))
    assert [x.stop - x.start for x in found] == [4096, 4096, 1808]


def test_windows_that_do_not_fit_the_memory_are_halved_and_keep_their_order() -> None:
    met: list[list[int]] = []

    def forward(part: np.ndarray) -> None:
        if len(part) > 3:
            raise torch.OutOfMemoryError("out of memory")
        met.append(part.tolist())

    _halved(forward, np.arange(11))
    assert [number for part in met for number in part] == list(range(11))

    def never(part: np.ndarray) -> None:
        raise torch.OutOfMemoryError("out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        _halved(never, np.arange(2))


# The compiler says that float32 products could be faster, of which there are none.
@pytest.mark.filterwarnings("ignore:TensorFloat32 tensor cores")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("compiled", [False, True])
def test_the_packed_engine_equals_transformers_on_the_gpu(compiled: bool) -> None:
    from classifiers.engine import PackedEngine

    config = BertConfig(
        **_SHAPE | {"hidden_size": 128, "num_attention_heads": 2, "initializer_range": 0.05},
        max_position_embeddings=64,
    )
    model = _model(config).cuda().to(torch.bfloat16)
    ids, starts, lengths = _windows(*np.random.default_rng(1).integers(0, 62, 400).tolist())
    engine = PackedEngine(model, _FRAME, max_tokens=64, slot_count=2048, compiled=compiled)
    with torch.inference_mode():
        found = engine.start(ids, starts, lengths)()
    plain = model.float().cpu()
    expected = np.stack(
        [_alone(plain, ids[at : at + size]) for at, size in zip(starts, lengths, strict=True)]
    )
    np.testing.assert_allclose(found, expected, atol=2e-2)
