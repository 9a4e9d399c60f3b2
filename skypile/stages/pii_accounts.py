"""Accounts of WeChat and QQ, which a word beside them makes recognisable."""

from __future__ import annotations

import re

from skypile.stages.pii_near import Find, Near, pattern

__all__ = ["qq", "wechat"]

_MOBILE = re.compile(rb"1[3-9][0-9]{9}")
_SPACE = "(?:[ \\t]|　)*"
_ASIDE = "(?:\\([^()\\n]{1,16}\\)(?=:)|（[^()\\n]{1,36}?）(?=：|:))"
_CLOSES = f"(?:{_ASIDE}|{_SPACE}(?:[)\\]\"'>]|）|】|」))?"
_SIGN = "[:=([\"']|：|为|為|是|→|（|【|「|(?i:is)(?![a-z])"
_TO_COLON = f"{_CLOSES}{_SPACE}(?:(?:{_SIGN}){_SPACE}){{0,3}}"
_AND = f"{_SPACE}(?:/|／|、|和|及|或|&|(?i:or|and)\\b){_SPACE}"
_CONTACTS = (
    "(?i:微信|wechat|wx|vx|qq|line|whatsapp|telegram|phone|tel|e-?mail|电话|電話|手机|手機|邮箱"
    "|短信)(?:号码?|號碼?)?"
)
# Other words of up to six Chinese characters before a colon, none of them a part of the product.
_PRODUCT = (
    "公众|公眾|视频|直播|频道|小程序|支付|版|开发|昵称|名|用户|接口|网页|钱包|空间|等级|人数|在线|币|图|音乐|值"
    "|邮箱|红包|流量|年|第"
)
_ANY_NOUN = f"(?:(?!{_PRODUCT})[\\xe3-\\xe9][\\x80-\\xff]{{2}}){{1,6}}(?=[ \\t]*(?:[:]|：))"
_QQ = pattern(
    f"(?P<noun>{_AND}{_CONTACTS}|{_ANY_NOUN}"
    "|[ \\t]*(?:客服|联系|聯繫|咨询|号码|在线|帐号|账号|帳號|賬號)"
    "|[ \\t]*(?:号码?|號碼?|(?:[\\x80-\\xff]{3}){0,3}群(?:号码?|號碼?|组)?)"
    "|(?i:[ _]?id| ?no\\.?|[ _]?number| ?group| ?account| ?contact)(?![a-z]))?"
    f"(?P<sign>{_TO_COLON})(?P<value>[1-9][0-9]{{4,10}})(?![0-9A-Za-z_@]|\\.[0-9]|-[0-9])"
)
_MORE_QQ = pattern(
    "(?:\\([^()\\n]{0,16}\\)|（[^()\\n]{0,36}?）)?[ \\t]*(?:、|，|,|/|／|或|和)[ \\t]*"
    "([1-9][0-9]{4,10})(?![0-9A-Za-z_@.])"
)
_COUNTED = pattern(
    "\\s?(?:万|萬|亿|个|人|名|年|元|用户|版|%|只|公里|米|天|次|首|金币|块|分钟|吨|kWh|J\\b"
    "|(?i:users|people|members)\\b)"
)
_ENDS = pattern(
    "\\s*(?:\\Z|[,;|/)\\]\"'<.&}!~]|，|。|；|、|）|】|！|～|」|』|》|”|…|★|—|–|\\(|（"
    "|[ \\t\\r]+(?:(?:and|or|for|if|to|with|please|thanks)\\b|(?![A-Za-z]|是|的|和|与|乘|能))"
    "|(?:微信|电话|手机|加|备注|密码|验证|咨询|进群|聊|领))"
)
_OWN_NOUN = pattern("号|號|群|账|帐|賬|帳")
# Words before a short cue that make it a part of something else.
_DEDUCTED = pattern("(?:折|罚|抵|回|代|克|被|应|需|共|每|钮|纽|皮|丝|环|只|流量)\\Z")
_CAR = pattern("奇瑞\\Z")
_AFTER_WORD = pattern("(?:[\\w.'\"-]|[\\w)\\]] |,|, )\\Z")


def qq(near: Near) -> list[Find]:
    """Return the numbers behind the word QQ; behind a lone Q, 扣 or 企鹅 they end a clause."""
    rest = near.text[near.stop :].partition(b"\n")[0]
    match = _QQ.match(rest)
    if not match or near.in_placeholder():
        return []
    if _COUNTED.match(rest[match.end() :]) or _MOBILE.fullmatch(match["value"]):
        return []
    named = bool(match["noun"] or match["sign"].strip() or near.value[-1:] in b":\x9a")
    if not named and len(match["value"]) < 6 and not _ENDS.match(rest[match.end() :]):
        return []
    whole = near.value.lower().startswith((b"qq", "扣扣".encode()))
    other = (_CAR if whole else _DEDUCTED).search(near.before(24))
    if other or (not whole and not _short_qq(near, match, rest)):
        return []
    found = [_part(near, "qq", match, "value")]
    more = _MORE_QQ.match(rest, match.end())
    while more:
        found.append(_part(near, "qq", more, 1))
        more = _MORE_QQ.match(rest, more.end())
    return found


def _short_qq(near: Near, match: re.Match[bytes], rest: bytes) -> bool:
    """Tell whether a cue shorter than QQ speaks of an account."""
    cue, sign = near.value.lower(), match["sign"].strip()
    if not _ENDS.match(rest[match.end() :]):
        return False
    if cue in (b"q:", b"+q"):
        return not _AFTER_WORD.search(near.before(8)) and b" " not in match["sign"]
    if cue.startswith(("扣".encode(), "企鹅".encode())):
        return bool(_OWN_NOUN.search(match["noun"] or b"") or (sign and not match["noun"]))
    return sign != b"="


def _part(near: Near, kind: str, match: re.Match[bytes], group: str | int) -> Find:
    return Find(kind, near.stop + match.start(group), near.stop + match.end(group))


_WECHAT = pattern(
    "(?P<noun>[ \\t]*(?:(?:个人|客服|私人|联系)?(?:账号|帐号|帳號|賬號|号码?|號碼?)|(?i:[ _]?id)"
    "|同号|同步)"
    "|(?i: ?(?:account|contact|handle|user ?name|number|no\\.?)(?![a-z]))"
    f"|{_AND}{_CONTACTS}|{_ANY_NOUN}"
    f"|{_SPACE}(?:信(?:号码?)?|联系|搜索?|添加|加))?(?P<noun2>[ \\t]?(?i:id))?"
    f"(?P<sign>{_TO_COLON})(?P<value>[A-Za-z][A-Za-z0-9_-]{{5,19}}|[1-9][0-9]{{5,10}})"
    "(?![A-Za-z0-9_@=-]|\\([A-Za-z0-9'\"]|\\(\\)|://|[.:][A-Za-z0-9/]|\\.[0-9])"
)
_ADD = pattern(
    "(?:(?i:add(?: me on| my)?|my|contact|on)|加|私信|搜|搜索|客服|联系|聯繫|联系方式|扫|咨询|我"
    "|代购)"
    "(?:我?的?|个)?(?:[ :]|：)*\\Z"
)
_WE_ADD = pattern("(?i:我的?|加|添加|加我|my|id) ?\\Z")
_COLON = pattern(":|：")
_PLUS = pattern("(?:加|➕|[+])\\Z")
_DATE = re.compile(rb"(?:19|20)[0-9]{2}(?:[01][0-9])?(?:[0-3][0-9])?\Z")
# Words of programs and of the product itself, no accounts.
_TERM = re.compile(
    rb"(?:api|sdk|h5|float|double|u?int|string|vec|js|app|web|pay|open|mini|for|html|xml|http|union"
    rb"|java|official|download|version|android|windows|moments|scan|follow|payment|program|account"
    rb"|platform|group|public|mp-|business|enterprise|marketing|article|channel|bot\b|robot|server"
    rb"|client|plugin)",
    re.IGNORECASE,
)


def wechat(near: Near) -> list[Find]:
    """Return the account behind the word WeChat (微信, weixin, wx, vx) or one of its disguises.

    A noun (号, ID) or a colon stands between, and the short words need a colon; where the account
    has letters only, Chinese ones do. Without either, ``加微信`` and a digit do, or three digits
    at its end where it follows at once.
    """
    rest = near.text[near.stop :].partition(b"\n")[0]
    match = _WECHAT.match(rest)
    if not match or near.in_placeholder() or _MOBILE.fullmatch(match["value"]):
        return []
    cue = near.value.lower()
    tests = _LONG_CUES.get(cue)
    good = (tests or _disguised)(near, match, rest[match.end() :])
    return [_part(near, "wechat", match, "value")] if good else []


def _plain(near: Near, match: re.Match[bytes], behind: bytes) -> bool:
    """Of the word WeChat itself: see `wechat`."""
    value, before, number = match["value"], near.before(24), _has_number(match)
    noun = match["noun"] or match["noun2"]
    if noun or match["sign"].strip():
        return number or (not _TERM.match(value) and _letters(near, match, behind))
    if _TERM.match(value) or before.endswith("企业".encode()):
        return False
    if _ADD.search(before):
        return number or bool(_ENDS.match(behind) or not behind.isascii())
    if not match["sign"]:
        return bool(re.search(rb"_|[0-9]{3}", value) or len(re.findall(rb"[0-9]", value)) > 3)
    return number and bool(_ENDS.match(behind)) and not _DATE.match(value)


def _has_number(match: re.Match[bytes]) -> bool:
    return bool(re.search(rb"[0-9_-]", match["value"]))


def _letters(near: Near, match: re.Match[bytes], behind: bytes) -> bool:
    """Tell whether letters behind a noun or a sign are an account; behind ``WeChat is`` few are."""
    sign, lower = match["sign"].strip(), match["value"].islower()
    if not near.value.isascii() or (match["noun"] and sign):
        return bool(sign) and lower
    asked = _WE_ADD.search(near.before(24)) or (_COLON.search(sign) and lower)
    return bool(asked and _ENDS.match(behind))


def _initials(near: Near, match: re.Match[bytes], behind: bytes) -> bool:
    """Of wx and vx: a colon or a noun must follow, and a digit be in the account.

    Letters do behind a full-width colon, or capitals and a colon.
    """
    value, sign = match["value"], match["sign"].strip()
    colon = sign == "：".encode() or (near.value.isupper() and match["sign"] == b":")
    if colon and value.islower() and _ENDS.match(behind) and not _TERM.match(value):
        return True
    named = (bool(sign) and sign != b"=") or _WE_ADD.search(near.before(8))
    noun = match["noun"] or match["noun2"]
    return bool(named or noun) and _has_number(match) and not _TERM.match(value)


def _disguised(near: Near, match: re.Match[bytes], behind: bytes) -> bool:
    """Of what people write so that no program finds it: 加v, 薇, V：, 威信, 卫星."""
    value, sign, cue = match["value"], match["sign"].strip(), near.value.lower()
    before = near.before(24)
    named = bool(re.match(rb"[A-Za-z].*[0-9]", value))
    ends = named or _ENDS.match(behind)
    if not ends or _COUNTED.match(behind) or _TERM.match(value):
        return False
    asked = cue.startswith(("加".encode(), b"+")) or _PLUS.search(before)
    if cue == b"+v" and re.search(rb"[\w)\]] ?\Z", before):
        return False
    if asked:
        return True
    if cue == b"v:":
        chinese = not (before + behind[:24]).isascii()
        account = re.search(rb"[A-Za-z]", value) and re.search(rb"[0-9_]", value)
        return bool(chinese and account and not _AFTER_WORD.search(before))
    if cue.endswith("：".encode()) or sign:
        return True
    noun = match["noun"] or cue.endswith(("信".encode(), "号".encode()))
    return bool(noun) and _has_number(match)


_LONG_CUES = dict.fromkeys(
    ("微信".encode(), b"wechat", b"wechatid", b"weixin"), _plain
) | dict.fromkeys((b"wx", b"vx"), _initials)
