"""skypile.tokens: the ids are those of Hugging Face tokenizers, whatever the text holds."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_ids import (
    TEXTS,
    ids_of,
    qwen_pre_tokenizer,
    reference,
    reference_ids,
    shortening_encoder,
)
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)

from classifiers.train_tokenizer import PATTERN, SPECIAL_TOKENS, VOCAB_SIZE
from skypile import tokens
from skypile.errors import TokenizerError
from skypile.tokens import DEFAULT_TOKENIZER, Encoder, load_encoder

SHARED = os.environ.get("SKYPILE_SHARED")
# Runs of Chinese, of letters, of white space and of signs, which any text at all seldom holds.
MIXED = st.lists(
    st.one_of(
        st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), max_size=12),
        st.text("的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年", max_size=20),
        st.text(" \n\r\t\u3000\u00a0，。！0123456789abcXYZ'", max_size=8),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        st.sampled_from([*SPECIAL_TOKENS.values(), "\x01", "7", "'s", "'LL", "\r\n"]),
    ),
    max_size=12,
).map("".join)


def save(path: Path, pre_tokenizer: pre_tokenizers.PreTokenizer) -> Path:
    """Write a small byte-level BPE tokenizer trained on TEXTS."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS * 4, trainer)
    tokenizer.save(str(path))
    return path


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(DEFAULT_TOKENIZER)


@pytest.fixture(scope="module")
def shortening() -> Encoder:
    return shortening_encoder(DEFAULT_TOKENIZER)


def test_the_shipped_tokenizer_runs_on_the_fast_engine(encoder):
    assert encoder.engine == "gigatoken"
    assert encoder.vocab_size == VOCAB_SIZE
    assert len(encoder.fingerprint) == 64


def test_special_tokens_have_the_first_ids():
    tokenizer = Tokenizer.from_file(str(DEFAULT_TOKENIZER))
    assert [tokenizer.token_to_id(text) for text in SPECIAL_TOKENS.values()] == list(range(7))
    assert tokenizer.get_vocab_size() == VOCAB_SIZE


def test_the_pattern_is_the_one_that_is_trained_with():
    assert tokens._QWEN_PATTERN == PATTERN


def test_probes_and_samples_have_the_reference_ids(encoder, shortening):
    texts = [*tokens._PROBES, *TEXTS, *(f"{text}我们{text}我们的。" for text in tokens._PROBES)]
    expected = reference_ids(DEFAULT_TOKENIZER, texts)
    assert ids_of(encoder, texts) == expected
    assert ids_of(shortening, texts) == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.text(), MIXED), max_size=4))
def test_any_unicode_has_the_reference_ids(encoder, shortening, texts):
    expected = reference_ids(DEFAULT_TOKENIZER, texts)
    assert ids_of(encoder, texts) == expected
    assert ids_of(shortening, texts) == expected


def test_chinese_is_shortened_once_there_is_enough_of_it(monkeypatch):
    encoder = Encoder(DEFAULT_TOKENIZER.read_bytes(), DEFAULT_TOKENIZER)
    batch = pa.array(TEXTS * 3)
    monkeypatch.setattr(tokens, "_SHORTENING_BYTES", 10_000)
    expected = encoder.encode(batch).ids.tolist()
    for _ in range(100):
        assert encoder.encode(batch).ids.tolist() == expected
    assert encoder._fast._entries is None


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.none(), MIXED), max_size=6), st.integers(0, 6))
def test_splitting_a_batch_changes_nothing(texts, border):
    encoder = load_encoder(DEFAULT_TOKENIZER)
    whole = pa.array(texts, pa.string())
    left, right = encoder.encode(whole[:border]), encoder.encode(whole[border:])
    found = encoder.encode(whole)
    assert np.array_equal(found.ids, np.concatenate([left.ids, right.ids]))
    assert encoder.count(whole).tolist() == np.diff(found.offsets).tolist()


@settings(max_examples=100, deadline=None)
@given(MIXED)
def test_decoding_gives_the_text_back(text):
    ids = ids_of(load_encoder(DEFAULT_TOKENIZER), [text])[0]
    tokenizer = reference(DEFAULT_TOKENIZER)
    assert tokenizer.decode(ids, skip_special_tokens=False) == text


@pytest.mark.parametrize("literal", SPECIAL_TOKENS.values())
def test_a_special_literal_in_a_text_is_text(encoder, literal):
    texts = [literal, f"a {literal} b", f"中{literal}{literal}文", literal[:-1]]
    found = ids_of(encoder, texts)
    assert found == reference_ids(DEFAULT_TOKENIZER, texts)
    assert min(min(ids) for ids in found) >= len(SPECIAL_TOKENS)


def test_null_and_empty_texts_have_no_tokens(encoder):
    found = encoder.encode(pa.array([None, "", "a", None], pa.large_string()))
    assert found.offsets.tolist() == [0, 0, 0, 1, 1]
    assert encoder.count(pa.array([None, "", "a", None])).tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize("array", [pa.array([], pa.string()), pa.array(["a", "b"])[2:]])
def test_an_empty_batch_has_no_tokens(encoder, array):
    found = encoder.encode(array)
    assert (found.ids.dtype, found.offsets.dtype) == (np.uint32, np.int64)
    assert (len(found.ids), found.offsets.tolist()) == (0, [0])
    assert encoder.count(array).tolist() == []


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_every_string_type_and_slice_is_read(encoder, kind):
    array = pa.array(["x", None, *TEXTS, "y"], kind)[1:5]
    assert ids_of(encoder, array.to_pylist()) == [[], *reference_ids(DEFAULT_TOKENIZER, TEXTS)]


def test_a_batch_beyond_the_slice_and_the_renewal_size_changes_nothing(encoder, monkeypatch):
    texts = [*TEXTS, "", None, "长" * 500] * 5
    expected = ids_of(encoder, texts)
    monkeypatch.setattr(tokens, "_SLICE_BYTES", 200)
    monkeypatch.setattr(tokens, "_RENEWAL_BYTES", 700)
    assert ids_of(encoder, texts) == expected


def test_the_same_bytes_are_loaded_once(encoder, tmp_path):
    copy = tmp_path / "other.json"
    copy.write_bytes(DEFAULT_TOKENIZER.read_bytes())
    assert load_encoder(str(copy)) is encoder


def test_an_encoder_is_not_pickled(encoder):
    with pytest.raises(TypeError, match="load_encoder"):
        pickle.dumps(encoder)


def test_another_pre_tokenizer_falls_to_tokenizers(tmp_path):
    words = pre_tokenizers.Split(Regex(r"\p{Han}{1,4}|\p{L}+|\s|."), behavior="isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    path = save(tmp_path / "t.json", pre_tokenizers.Sequence([words, byte_level]))
    other = load_encoder(path)
    assert other.engine == "tokenizers"
    texts = [*TEXTS, "<s>a<s>"]
    assert ids_of(other, texts) == reference_ids(path, texts)


def test_a_canonical_normalizer_is_kept(tmp_path):
    path = save(tmp_path / "t.json", qwen_pre_tokenizer())
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.save(str(path))
    texts = ["我们e\u0301我们Å我们\u0301", *TEXTS, *tokens._PROBES]
    assert ids_of(shortening_encoder(path), texts) == reference_ids(path, texts)


def test_truncation_and_padding_of_the_file_are_off(tmp_path):
    path = save(tmp_path / "t.json", qwen_pre_tokenizer())
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=6)
    tokenizer.save(str(path))
    assert ids_of(load_encoder(path), TEXTS) == reference_ids(path, TEXTS)
    assert load_encoder(path).count(pa.array(["a"])).tolist() == [1]


def test_tokens_added_without_being_special_keep_their_ids(tmp_path):
    path = save(tmp_path / "t.json", qwen_pre_tokenizer())
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.add_tokens([AddedToken("自然语言", normalized=False)])
    tokenizer.add_special_tokens(["<tool>"])
    tokenizer.save(str(path))
    texts = ["我们喜欢自然语言处理<tool>", *TEXTS]
    encoder = load_encoder(path)
    assert encoder._fast._entries is None
    assert ids_of(encoder, texts) == reference_ids(path, texts)
    assert encoder.vocab_size == tokenizer.get_vocab_size()
    assert tokenizer.token_to_id("<tool>") not in ids_of(encoder, texts)[0]


def test_a_difference_of_the_engines_is_an_error(encoder, tmp_path):
    path = save(tmp_path / "t.json", qwen_pre_tokenizer())
    texts = tokens._probes(path.read_bytes())
    with pytest.raises(TokenizerError, match="different ids for ' '"):
        tokens._check_equal(
            load_encoder(path)._encode(*texts), encoder._encode(*texts), texts, path
        )


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"model": {"type": "x"}}'])
def test_a_malformed_file_is_named(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(TokenizerError, match=r"tokenizer\.json: is not a Hugging Face"):
        load_encoder(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TokenizerError, match=r"none\.json: cannot be read \(No such file"):
        load_encoder(tmp_path / "none.json")


def test_importing_the_module_loads_no_engine():
    code = (
        "import sys, skypile.tokens; print([m for m in ('tokenizers', 'gigatoken', 'awkward',"
        " 'numba', 'torch', 'transformers', 'classifiers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_forked_worker_encodes(encoder):
    child = os.fork()
    if child == 0:
        ok = ids_of(encoder, TEXTS) == reference_ids(DEFAULT_TOKENIZER, TEXTS)
        os._exit(0 if ok else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.slow
def test_transformers_loads_the_shipped_folder(encoder):
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    texts = [*TEXTS, "a <|skypile_pad|> b"]
    for loader in (AutoTokenizer, PreTrainedTokenizerFast):
        tokenizer = loader.from_pretrained(DEFAULT_TOKENIZER.parent)
        assert len(tokenizer) == VOCAB_SIZE
        assert {name: getattr(tokenizer, name) for name in SPECIAL_TOKENS} == SPECIAL_TOKENS
        found = tokenizer(texts)["input_ids"]
        assert found == [[2, *ids, 3] for ids in ids_of(encoder, texts)]
        assert tokenizer(texts[0], texts[1])["token_type_ids"].count(1) > 5


@pytest.mark.skipif(SHARED is None, reason="SKYPILE_SHARED is not set")
@pytest.mark.parametrize(
    ("file", "step"),
    [
        ("en_books", 15),
        ("en_docs", 17),
        ("zh_tech_lctt", 25),
        ("zh_news", 3),
        ("zh_classical", 19),
        ("zh_hant", 11),
        ("code", 14),
        ("other_langs", 30),
    ],
)
def test_real_documents_have_the_reference_ids(encoder, shortening, file, step):
    path = Path(SHARED) / "data/corpus" / f"{file}.jsonl.zst"
    with pa.input_stream(path, compression="zstd") as stream:
        lines = stream.read().split(b"\n")[:-1]
    texts = [json.loads(line)["text"][:20_000] for line in lines[::step]]
    assert len(texts) >= 300
    expected = reference_ids(DEFAULT_TOKENIZER, texts)
    assert ids_of(encoder, texts) == expected
    assert ids_of(shortening, texts) == expected
