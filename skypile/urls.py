"""URLs as columns: the site that one belongs to, and what makes two of them one page."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

__all__ = ["hosts", "page_hashes", "value_hashes"]

U64 = npt.NDArray[np.uint64]

_SCHEME = r"(?:[A-Za-z][A-Za-z0-9+.\-]*:)?"
_BEFORE_HOST = r"(?:[^/?#@]*@)?(?:[wW]{3}\.)?"
_HOST = rf"^{_SCHEME}(?://)?{_BEFORE_HOST}([^/?#:]*).*"
# Path and query are told apart from the fragment, which names a place on the page.
_PAGE = (
    rf"^(?:{_SCHEME}//)?{_BEFORE_HOST}(?P<host>[^/?#:]*?)\.?(?::(?P<port>[0-9]*))?"
    r"(?P<rest>(?:[/?][^#]*)?)(?:#.*)?$"
)
_DEFAULT_PORTS = pa.array(["", "80", "443"])


def hosts(urls: pa.Array) -> pa.Array:
    """Return the host of each URL, string (rows,): lower case, without ``www.``; "" for null."""
    found = pc.replace_substring_regex(urls.fill_null(""), _HOST, r"\1")
    return pc.utf8_lower(found)


def page_hashes(urls: pa.Array) -> U64:
    """Return a 128-bit hash of the page that each URL names, uint64 (rows, 2).

    Zeros where there is none. Of one page are URLs that differ in the scheme, in ``www.`` and user
    before the host, in the host's case, in a default port, in the fragment, in a ``/`` alone behind
    the host, and in the case of percent-encoded octets (RFC 3986, 6.2.2 and 6.2.3). Parameters of
    the query are all kept: which ones mean nothing is known to the site alone.
    """
    trimmed = pc.utf8_trim_whitespace(urls.fill_null(""))
    found = pc.extract_regex(trimmed, _PAGE)
    # Not a line of text: what does not match is compared as it is.
    whole = pc.if_else(found.is_valid(), "", trimmed)
    host, port, rest = (pc.struct_field(found, name) for name in ("host", "port", "rest"))
    port = pc.if_else(pc.is_in(port, _DEFAULT_PORTS), "", port)
    rest = pc.if_else(pc.equal(rest, "/"), "", rest)
    parts = (pc.utf8_lower(host), port, _with_upper_octets(rest), whole)
    pages = pc.binary_join_element_wise(*(part.fill_null("") for part in parts), "\t")
    hashes = b"".join(xxhash.xxh3_128_digest(page.as_buffer()) for page in pages)
    keys = np.frombuffer(hashes, "<u8").reshape(-1, 2).astype(np.uint64)
    keys[np.asarray(pc.equal(trimmed, ""))] = 0
    return keys


def _with_upper_octets(rest: pa.Array) -> pa.Array:
    """Return `rest` with the digits of percent-encoded octets in upper case."""
    if not pc.any(pc.match_substring_regex(rest, "%[0-9A-Fa-f]?[a-f]")).as_py():
        return rest
    pieces = pc.split_pattern_regex(pc.binary_join_element_wise("", rest, ""), "%")
    return pc.binary_join(_upper_starts(pieces), "%")


def _upper_starts(pieces: Any) -> Any:
    """Return lists of strings, the first two letters of all but each first one in upper case."""
    values, offsets = pieces.flatten(), np.asarray(pieces.offsets)
    first = np.zeros(len(values), bool)
    first[offsets[:-1] - offsets[0]] = True
    octet = pc.match_substring_regex(values, "^[0-9A-Fa-f]{2}")
    start = pc.utf8_slice_codeunits(values, 0, 2)
    rest = pc.utf8_slice_codeunits(values, 2)
    upper = pc.binary_join_element_wise(pc.utf8_upper(start), rest, "")
    chosen = pc.if_else(pc.and_(octet, pa.array(~first)), upper, values)
    return pa.ListArray.from_arrays(pa.array(offsets - offsets[0], pa.int32()), chosen)


def value_hashes(values: pa.Array) -> U64:
    """Return the xxh3-64 of each string, uint64 (rows,); a null is as the empty string."""
    coded = values.fill_null("").dictionary_encode()
    named = [xxhash.xxh3_64_intdigest(value.as_buffer()) for value in coded.dictionary]
    found: U64 = np.array(named, np.uint64)[np.asarray(coded.indices)]
    return found
