"""Token ids and counts of documents, exactly those of Hugging Face tokenizers.

The ids are never those of a special token: a document that holds the literal of one is encoded as
the characters that it consists of, so that no text can inject a control token. Nothing is added
before or after a document, and a tokenizer's own truncation and padding are off.

Two engines do the work. gigatoken encodes about 100 times as fast as tokenizers, and refuses a
pre-tokenizer that it does not know; tokenizers encodes the rest. A silent difference of ids would
be the worst outcome, so gigatoken's are compared with those of tokenizers at each load.

gigatoken lives on meeting pieces of text again, which long runs of Chinese seldom are: they are
shortened first (`skypile.kernels.han`), once a process has encoded enough to make it worth while.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from skypile.errors import TokenizerError

__all__ = ["DEFAULT_TOKENIZER", "Encoder", "EngineName", "TokenIds", "load_encoder"]

# Found by place, not by import: the package `classifiers` may load torch.
DEFAULT_TOKENIZER = Path(__file__).parents[1] / "classifiers/weights/default/tokenizer.json"

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]
EngineName = Literal["gigatoken", "tokenizers"]

# Takes documents as UTF-8 bytes and their borders; returns all ids and each document's count.
_Engine = Callable[[U8, I64], tuple[U32, I64]]

_SLICE_BYTES = 1 << 20

# gigatoken keeps every distinct piece of text that it met, without a bound: 4.7 bytes of memory
# for each byte of Chinese without repeats (2.2 GB after 363 MB). A new instance takes 0.03 s.
_RENEWAL_BYTES = 64 << 20

# Chinese is shortened once so many bytes of it have come: what that needs takes up to 1 s to load.
_SHORTENING_BYTES = 8 << 20

# The pattern of Qwen2, for which the shortening of Chinese is known to change nothing.
_QWEN_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

_PROBES = (
    "",
    " ",
    "The quick brown fox can't jump; he'LL try, they'Re sure. I'm 'S not 's",
    "Pi is 3.14159265, 1,000,000 items in 2024-05-06T07:08:09Z cost $12.50 (≈ 11 €).",
    "https://example.org/a_b/c-d?e=f&g=%20#h mailto:someone@example.org",
    "人工智能正在改变世界，我们需要更多的数据。“引号”《书名》——破折号……",
    "繁體中文與簡體中文的差異：龍、龜、體、國、學。",
    "學而時習之，不亦說乎？有朋自遠方來，不亦樂乎？",
    "中英mixed文本with空格 和 spaces，2024年5月6日，共３５％，Ｆｕｌｌｗｉｄｔｈ　ＡＢＣ！",
    "生僻字：㐀㒨𠀀𪚥𰻝龘靐齉；兼容：豈更車；部首：⼀⼁⿰⿱",
    "日本語のテキスト、カタカナ、ｶﾀｶﾅ。한국어 텍스트, 한글",
    "Ünïcödé naïve café Å Å é ǅ ß ſ ﬁ Ⅷ ½ ² ٣ ೩ İı",
    "Русский текст. Ελληνικά. עברית. العربية ١٢٣. हिन्दी ४५. ไทย ภาษา",
    "😀😃👍🏽👨‍👩‍👧‍👦🇨🇳🏳️‍🌈 ✓ → ∑∫√ ①②③",
    "def f(x: int) -> str:\n\treturn f'{x:>{10}}'  # 注释\n\n\nclass A(B):\n    pass\n",
    '#include <stdio.h>\r\nint main(void) {\r\n  printf("%d\\n", 0x7F);\r\n}\r\n',
    '{"a": [1, 2.5e-10, null, true], "b": {"c": "\\u4f60"}}</div><!-- x -->',
    "   leading, trailing   ",
    "tabs\t\t\tand\u00a0no-break\u2003em\u3000ideographic\u200bzero\ufeffwidth",
    "\n\n\n \n \t\n  x\r\r\n\n\u2028\u2029\u0085\x0b\x0c\x1c\x1d\x1e\x1f y",
    "a \n b  \n  c   \r\n   d\n",
    "NUL \x00 in \x00\x00 text\x01\x02\x7f",
    "!!!???...---===___***///\\\\\\|||~~~```$$$%%%^^^&&&((([[[{{{",
    "'s't're've'm'll'd'S'T'RE'VE'M'LL'D ’s ’t don’t 'ſ",
    "a" * 3000,
    "的" * 1000,
    "人工智能" * 500,
    " " * 3000,
    "\n" * 3000,
    "=-" * 1500,
    "7" * 1000,
    "7七7，中7文77。 中7\n7国 7我们7的7\r\n我们，我们'我们's我们-我们  我们\t\t我们\u3000我们“我”",
    "中文English中文 English 中文１２中文①中文é中文々〇中文の中文가中文\u0301中文😀中文<|x|>中/文",
    "\U0010ffff\ufffd\ufffe\u0000",
    "x\u0301\u0323y\u0344 \u1100\u1161\u11a8 \u0958",
    "<|endoftext|><|im_start|>user<|im_end|> <s></s> [CLS] [SEP] [MASK] <unk> <pad> ▁ Ġ Ċ",
)


@dataclass(frozen=True)
class TokenIds:
    """The ids of a batch: document ``i`` has ``ids[offsets[i] : offsets[i + 1]]``.

    ``ids`` is flat uint32; ``offsets`` is int64 and one longer than the batch.
    """

    ids: U32
    offsets: I64


class Encoder:
    """One tokenizer.json, ready to encode on the calling thread; made by `load_encoder`."""

    fingerprint: str
    """The sha256 of the file, in hexadecimal."""
    vocab_size: int
    """One more than the largest id, special tokens included."""
    engine: EngineName
    """What encodes: "gigatoken", or "tokenizers" where the former does not know the pattern."""

    def __init__(self, content: bytes, path: Path) -> None:
        self.fingerprint = hashlib.sha256(content).hexdigest()
        self._path = path
        self._encode, self.vocab_size = _tokenizers_engine(content, path)
        self.engine = "tokenizers"
        self._fast = _Gigatoken.of(content)
        if self._fast is not None:
            self._probes = _probes(content)
            self._expected = self._encode(*self._probes)
            self._take(self._fast.encode)
            self.engine = "gigatoken"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an Encoder is not pickled: call load_encoder in each process")

    def _take(self, engine: _Engine) -> None:
        """Encode by the engine from now on; raise TokenizerError where its ids are not exact."""
        _check_equal(engine(*self._probes), self._expected, self._probes, self._path)
        self._encode = engine

    def _encoded(self, texts: pa.Array) -> Iterator[tuple[U32, I64]]:
        """Yield the ids and counts of one slice after another."""
        shortening = self._fast.shortening_when_due(texts) if self._fast else None
        if shortening is not None:
            self._take(shortening)
        for data, offsets in _slices(texts):
            yield self._encode(data, offsets)

    def encode(self, texts: pa.Array) -> TokenIds:
        """Return the ids of each text of a string array; a null text has none."""
        encoded = list(self._encoded(texts))
        offsets = np.zeros(len(texts) + 1, np.int64)
        if not encoded:
            return TokenIds(np.zeros(0, np.uint32), offsets)
        np.cumsum(np.concatenate([counts for _, counts in encoded]), out=offsets[1:])
        return TokenIds(np.concatenate([ids for ids, _ in encoded]), offsets)

    def count(self, texts: pa.Array) -> I64:
        """Return the number of tokens of each text as int64; a null text has none."""
        counts = [counts for _, counts in self._encoded(texts)]
        return np.concatenate(counts) if counts else np.zeros(0, np.int64)


_encoders: dict[str, Encoder] = {}


def load_encoder(path: Path | str) -> Encoder:
    """Return the encoder of a tokenizer.json; a process loads the same bytes once.

    Raises TokenizerError where the file cannot be read or is no tokenizer.json, and where
    gigatoken accepts it but its ids differ from those of tokenizers.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TokenizerError(
            f"{path}: cannot be read ({error.strerror}); expected a Hugging Face tokenizer.json"
        ) from error
    key = hashlib.sha256(content).hexdigest()
    if key not in _encoders:
        _encoders[key] = Encoder(content, path)
    return _encoders[key]


def _slices(texts: pa.Array) -> Iterator[tuple[U8, I64]]:
    """Yield runs of texts of up to 1 MB or of one text: bytes and borders, of a null no bytes."""
    if len(texts) == 0:
        return
    texts = texts.cast(pa.large_string())
    if texts.null_count:
        texts = pc.fill_null(texts, "")
    _, offset_buffer, values = texts.buffers()
    offsets = np.frombuffer(offset_buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(values if values is not None else b"", np.uint8)
    data.flags.writeable = False  # else kernels are compiled for either kind of array
    start = 0
    while start < len(texts):
        limit = offsets[start] + _SLICE_BYTES
        stop = max(start + 1, int(np.searchsorted(offsets, limit, side="right")) - 1)
        borders = offsets[start : stop + 1]
        yield data[borders[0] : borders[-1]], borders - borders[0]
        start = stop


def _documents(data: U8, offsets: I64) -> list[bytes]:
    view = data.data
    return [bytes(view[a:b]) for a, b in itertools.pairwise(offsets.tolist())]


def _joined(encoded: list[U32]) -> tuple[U32, I64]:
    counts = np.array([len(ids) for ids in encoded], np.int64)
    return np.concatenate(encoded), counts


def _tokenizers_engine(content: bytes, path: Path) -> tuple[_Engine, int]:
    """Return the reference engine and its vocabulary's size."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_buffer(content)
    except ValueError as error:
        raise TokenizerError(
            f"{path}: is not a Hugging Face tokenizer.json ({error}); "
            "save one with tokenizers.Tokenizer.save or download the model's own"
        ) from error
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def encode(data: U8, offsets: I64) -> tuple[U32, I64]:
        # One by one: a batch would start a thread pool, which does not survive a fork.
        texts = [text.decode() for text in _documents(data, offsets)]
        encoded = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
        return _joined([np.array(ids, np.uint32) for ids in encoded])

    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    return encode, max(vocabulary.values(), default=-1) + 1


class _Gigatoken:
    """The fast engine, and its variant that has Chinese shortened by `skypile.kernels.han`."""

    def __init__(self, source: bytes, entries: list[bytes] | None) -> None:
        self._source = source
        self._entries = entries
        self._byte_count = self._han_bytes = 0
        self._renew()

    @classmethod
    def of(cls, content: bytes) -> _Gigatoken | None:
        """Return the engine of a tokenizer.json, or None where gigatoken does not know its kind.

        It gets the file without the special tokens, so that their literals are text to it.
        """
        description = json.loads(content)
        added = description.get("added_tokens") or []
        description["added_tokens"] = [token for token in added if not token.get("special")]
        try:
            return cls(json.dumps(description).encode(), _entries_to_shorten_by(description))
        except (RuntimeError, ValueError):
            return None

    def _renew(self) -> None:
        from gigatoken import Tokenizer

        self._tokenizer = Tokenizer.from_json(self._source)
        self._renewed_bytes = self._byte_count

    def _encoded(self, documents: list[bytes]) -> tuple[U32, I64]:
        # One by one needs neither awkward (0.2 s to import) nor the thread pool, which does not
        # survive a fork; a call costs 2 µs.
        self._byte_count += sum(map(len, documents))
        if self._byte_count > self._renewed_bytes + _RENEWAL_BYTES:
            self._renew()
        encode = self._tokenizer.encode
        return _joined([encode(text) for text in documents])

    def encode(self, data: U8, offsets: I64) -> tuple[U32, I64]:
        """Encode documents as they are."""
        return self._encoded(_documents(data, offsets))

    def shortening_when_due(self, texts: pa.Array) -> _Engine | None:
        """Return, once, the engine that shortens Chinese, when with `texts` enough of it came."""
        entries = self._entries  # of two threads that come here at once both make an engine
        if entries is None:
            return None
        for data, _ in _slices(texts):
            sample = data[::64]
            leads = np.count_nonzero((sample >= 0xE4) & (sample <= 0xE9))
            self._han_bytes += 3 * 64 * int(leads)
        if self._han_bytes < _SHORTENING_BYTES:
            return None
        from skypile.kernels.han_table import Borders, Shortener

        self._entries = None
        # By `self`: the tokenizer is renewed.
        shortener = Shortener(
            Borders.of(entries),
            lambda text: self._tokenizer.encode(text),
            self._encoded,
            _SLICE_BYTES,
        )
        return shortener.encode


def _entries_to_shorten_by(description: dict[str, Any]) -> list[bytes] | None:
    """Return the vocabulary of a byte-level BPE with the Qwen pattern, None of any other kind."""
    model, steps = description["model"], description.get("pre_tokenizer") or {}
    split = {"Regex": _QWEN_PATTERN}
    expected = [
        {"type": "Split", "pattern": split, "behavior": "Isolated", "invert": False},
        {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
    ]
    found = [
        {key: value for key, value in step.items() if key != "trim_offsets"}
        for step in steps.get("pretokenizers", [])
    ]
    options = ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback")
    if (
        found != expected
        or description.get("normalizer") not in (None, {"type": "NFC"})
        or description["added_tokens"]
        or any(model.get(option) for option in options)
    ):
        return None
    # The alphabet of byte-level BPE: printable Latin-1 as itself, other bytes from U+0100 on.
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    alphabet = {chr(byte): byte for byte in printable}
    alphabet |= {chr(256 + i): byte for i, byte in enumerate(others)}
    known = alphabet.keys()
    return [bytes(alphabet[c] for c in entry) for entry in model["vocab"] if known >= set(entry)]


def _probes(content: bytes) -> tuple[U8, I64]:
    """Return the texts on which engines are compared, the file's own added tokens included."""
    added = json.loads(content).get("added_tokens") or []
    literals = [token["content"] for token in added[:64]]
    texts = [*_PROBES, *(f"a {text}b{text}{text} 中{text}\n{text}" for text in literals)]
    documents = [text.encode() for text in texts]
    data = np.frombuffer(b"".join(documents), np.uint8)
    return data, np.cumsum([0, *map(len, documents)], dtype=np.int64)


def _check_equal(
    found: tuple[U32, I64], expected: tuple[U32, I64], texts: tuple[U8, I64], path: Path
) -> None:
    """Raise TokenizerError where an engine's ids are not those expected."""
    pairs = zip(_split(found), _split(expected), _documents(*texts), strict=True)
    for ids, right, text in pairs:
        if not np.array_equal(ids, right):
            raise TokenizerError(
                f"{path}: gigatoken and tokenizers give different ids for {text.decode()[:60]!r} "
                f"({ids[:8].tolist()}… and {right[:8].tolist()}…); counts would be wrong. "
                "Use another tokenizer.json and report this one"
            )


def _split(encoded: tuple[U32, I64]) -> list[U32]:
    ids, counts = encoded
    return np.split(ids, np.cumsum(counts)[:-1])
