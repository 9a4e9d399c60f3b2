"""What elements of HTML are, and what words in their class, id and role say of them.

Names are looked up by a hash in open-addressed tables: (hash, value) pairs of int64.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from skypile.kernels.cache import njit

__all__ = ["BASIS", "KINDS", "TAGS", "TAG_TABLE", "WORD_TABLE", "name_hash", "value_of"]

# What an element is, as bits.
VOID, BLOCK, RAW, SCOPE, CELL, DROP, HEADING = (1 << bit for bit in range(7))
# What its attributes say, as bits behind those of the kinds: chrome by its sort, and main text.
NAV, SIDE, SOCIAL, COMMENT, RELATED, AD, BYLINE, POPUP = (1 << bit for bit in range(8, 16))
ARTICLE, BODY, ARTICLE_BODY, HIDDEN, CAPTION = (1 << bit for bit in range(16, 21))

_KINDS = {
    VOID: "area base basefont bgsound br col embed frame hr img input link meta param source track "
    "wbr",
    BLOCK: "address article blockquote body caption center dd details dir div dl dt fieldset "
    "figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li "
    "listing main nav ol optgroup option p pre section summary table tbody tfoot thead tr ul aside "
    "dialog menu search td th noscript select template",
    RAW: "iframe noembed noframes plaintext script style textarea title xmp",
    SCOPE: "caption html object table td template th",
    CELL: "td th",
    DROP: "aside audio button canvas datalist dialog figcaption footer map math menu nav noscript "
    "object search select svg template video",
    HEADING: "h1 h2 h3 h4 h5 h6",
}
_INLINE = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark meter nobr "
    "output picture progress q rb rp rt ruby s samp small span strike strong sub sup time tt u var"
)

# Words as they stand in class names, split where letters end or an upper case one begins, with the
# names that Chinese sites write in pinyin.
_WORDS = {
    NAV: "nav navbar navi navigation navigator menu submenu breadcrumb breadcrumbs crumb crumbs "
    "pagination pager paging pagebar pages toolbar topbar masthead footer foot bottombar copyright "
    "sitemap skip daohang caidan mianbaoxie banquan dibu fenye jump pagenav subnav topnav "
    "contentinfo navigationlist toc",
    SIDE: "sidebar sidebars aside rail widget widgets complementary cebian sidecol rightcol "
    "leftcol rightbar leftbar",
    SOCIAL: "share shares sharing shared sharer sharebar sharethis sharedaddy social socials "
    "socialmedia addthis addtoany jiathis bshare bdsharebuttonbox bdshare fenxiang follow "
    "followus shareaholic jssocials dianzan qrcode erweima weixin shang dashang sharetools "
    "socialbar sns",
    COMMENT: "comment comments commentary commentlist disqus respond reply replies livefyre "
    "pinglun liuyan commentform commenting discussion feedback huifu",
    RELATED: "related relateds recommend recommended recommendation recommendations recirc "
    "recirculation popular trending similar outbrain taboola zergnet teaser teasers promo promos "
    "promotion readmore mostread mostpopular youmaylike xiangguan tuijian remen paihang rank "
    "ranking hotnews relate upnext nextprev prevnext carousel slideshow gallery "
    "revcontent mgid nativo morestories seealso guess",
    AD: "ad ads adv advert adverts advertisement advertisements advertising adsense adbox adslot "
    "adunit adwrap adwrapper sponsor sponsored sponsors guanggao dfp doubleclick gpt banner",
    BYLINE: "byline author authors dateline timestamp tags taglist tagcloud keywords postmeta meta "
    "credit credits bio vcard authorbox zuozhe laiyuan biaoqian bianji",
    CAPTION: "caption captions figcaption imgcaption photocaption piccaption tuzhu tushuo "
    "imagecaption mediacaption",
    POPUP: "cookie cookies gdpr consent modal popup overlay newsletter newsletters subscribe "
    "subscription signup signin login register paywall lightbox toast tooltip dialog alert "
    "optin denglu zhuce tanchuang mask",
    ARTICLE: "article story post entry news blog wenzhang xinwen wz arti artical page",
    BODY: "body content text main copy detail details zhengwen neirong con txt cont contents zw",
    ARTICLE_BODY: "articlebody articlecontent articletext articlecopy postcontent postbody "
    "entrycontent storybody storycontent newscontent newstext maintext mainbody contenttext "
    "contentbody richtext articledetail newsdetail arttext",
}
SLOTS = 2048


def _hash(name: str) -> int:
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def _table(values: Mapping[str, int]) -> npt.NDArray[np.uint64]:
    """Return (hash, value) by slot; a hash of 0 is a free slot."""
    table = np.zeros((SLOTS, 2), np.uint64)
    for name, value in values.items():
        key = _hash(name)
        slot = key % SLOTS
        while table[slot, 0] not in (0, key):
            slot = (slot + 1) % SLOTS
        table[slot] = key, int(table[slot, 1]) | value
    return table


def _bits(words: Mapping[int, str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for bit, names in words.items():
        for name in names.split():
            found[name] = found.get(name, 0) | bit
    return found


_ELEMENTS = _bits(_KINDS)
# Element 0 is none that is known.
TAGS = {name: place for place, name in enumerate(sorted({*_ELEMENTS, *_INLINE.split()}), start=1)}
KINDS = np.array([0, *(_ELEMENTS.get(name, 0) for name in TAGS)], np.int64)
TAG_TABLE = _table(TAGS)
WORD_TABLE = _table(_bits(_WORDS))
BASIS, PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


@njit
def name_hash(state: Any, byte: Any) -> Any:
    """Return the hash of a name (FNV-1a, 64 bits) that goes on with `byte`."""
    return (state ^ np.uint64(byte)) * PRIME


@njit
def value_of(table: Any, key: Any) -> Any:
    """Return the value of the name that hashes to `key`, 0 where it is unknown."""
    slot = np.int64(key % np.uint64(SLOTS))
    while table[slot, 0] != np.uint64(0):
        if table[slot, 0] == key:
            return np.int64(table[slot, 1])
        slot = (slot + 1) % SLOTS
    return np.int64(0)
