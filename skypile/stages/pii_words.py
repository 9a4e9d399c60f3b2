"""Words for telephones and for numbers of things, and what tells that a number is one of these."""

from __future__ import annotations

import re

from skypile.stages.pii_near import Near, Words, pattern

__all__ = ["PHONE", "THING", "UNIT", "digits_of", "glued", "of_a_thing", "said"]

PHONE = Words(
    "tel telephone phone phones mobile cell cellphone call fax hotline whatsapp sms dial contact "
    "text ring reach verification otp mob phoneno phonenumber telephoneno mobileno voicemail "
    "reserve reservation reservations booking bookings appointment appointments helpline "
    "enquiries inquiries",
    "电话 電話 手机 手機 手机号 手機號 联系 聯繫 联络 聯絡 致电 致電 拨打 撥打 热线 熱線 传真 "
    "傳真 座机 总机 總機 前台 直线 直線 分机 號碼 号码 短信 微信 支付宝 Tel TEL Fax FAX 打我 打给 "
    "来电 請打 请打 请拨 请致 服务台 服務台 负责人 订房 订票 举报 投诉 咨询 總台 总台 值班 客服 "
    "手机号码 手機號碼",
)  # fmt: skip
# Numbers of things.
THING = Words(
    "order orders invoice serial part model sku isbn issn doi id ids uid uuid hash commit build "
    "timestamp ticket tracking product item ref reference batch lot version seed bytes ean upc "
    "oid imei transaction qty total population inode pid case document documents doc patent "
    "standard pn sn barcode docket epoch trace size count length amount price sum balance "
    "capacity quantity rowcount usd rmb cny hkd eur gbp jpy",
    "订单 訂單 单号 單號 編號 编号 流水 序列 型号 型號 货号 貨號 条码 條碼 条形码 批号 批號 校验 "
    "时间戳 快递 物流 运单 案号 文号 进程 句柄 偏移 大小 编码 編碼 书号 刊号 合同 发票 凭证 交易 "
    "成交 金额 合计 数量 证书 准字 注册证 学号 學號 学籍 工号 准考证 专利 标准 群号 档案 会员卡 "
    "房间 楼栋 料号 P/N S/N p/n s/n GB/T 发票号码 發票號碼 订单号码 票号码 中奖号码 开奖号码 "
    "序列号码 档案号码 注册号码 登记号码 许可证号码 证书号码 流水号码 提单号码 单号码 图号 册号 "
    "证号 照号 票号 款号 件号 期号 税号 房号 箱号 柜号 表号 户号 标号 序号 卷号 床号 炉号 车架号 "
    "识别号 注册号 信用代码 工单",
)  # fmt: skip
_GLUED_BEFORE = re.compile(
    rb"(?:[=#&?%$@\\<-]|(?:\A|[\x00-\x7f])/|\xc2[\xa3\xa5]|\xef\xbf\xa5|\xe2\x82\xac|[eE][+-]?"
    rb"|[=+] |[0-9)\]] [*/-] |\w \* |\w[(\[])\Z"
)
# Any number with a name that ends in 号, but for those of telephones: 考生号：…, 登记号码…
_NUMBERED = pattern(
    "(?!机|機|话|話|信|的|个|個|小|新|老|靓|本|这|那|此|大|同|宝|短|副|系|絡|络|挂|掛|整|全|该)"
    "[\\xe4-\\xe9][\\x80-\\xff]{2}"
    "(?P<name>(?:号|號)(?:码|碼)?)(?:为|為|是)?(?:[ :=#]|：)*\\Z"
)
_CLAUSE = re.compile("，|。|；|、|[,;] ".encode())
_GLUED_BEHIND = re.compile(rb"[-_/\\][A-Za-z0-9]|[.,:][0-9]|%|=|\.[a-z]{2,4}\b")
UNIT = pattern(
    "\\s?(?:元|万|萬|亿|億|个|個|人次|人|次|吨|噸|年|股|册|手(?!机)|%|‰|美元|港元|字节|公斤|千克"
    "|千瓦|度|立方|平方|公里|千米|米|条|台|辆|桶|升|克|亩|件|头|户(?!主)"
    "|(?i:bytes|byte|kb|mb|gb|ms|ns|usd|rmb|cny|hz|km|kg|kwh|rows|records|items|times|views"
    "|entries|lines|words|characters|units|shares|people|users|tons|barrels|seconds)\\b"
    "|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\\b)"
)


def digits_of(value: bytes) -> str:
    """Return the ASCII digits of `value`."""
    return re.sub(rb"[^0-9]", b"", value).decode()


def said(near: Near, words: Words, size: int = 48) -> bool:
    """Tell whether one of the words stands before it, and no number of things is nearer."""
    before = near.before(size)
    clause = _CLAUSE.split(before)[-1]
    last, thing = words.last(before), (_thing if words is PHONE else THING.last)(clause)
    return last >= 0 and (thing < 0 or last > len(before) - len(clause) + thing)


def _thing(clause: bytes) -> int:
    """Return where the last word for numbers of things ends, -1 where there is none."""
    found, numbered = THING.last(clause), _NUMBERED.search(clause)
    if numbered and PHONE.last(clause[: numbered.start("name")]) < numbered.start("name"):
        return numbered.end("name")
    return found


def glued(near: Near) -> bool:
    """Tell whether it is a part of something longer, an amount or the number of a thing."""
    before, behind = near.before(48), near.behind(12)
    return bool(
        _GLUED_BEFORE.search(before[-4:])
        or _GLUED_BEHIND.match(behind)
        or UNIT.match(behind)
        or of_a_thing(before)
    )


def of_a_thing(before: bytes) -> bool:
    """Tell whether the clause before it speaks of numbers of things, and of telephones no later."""
    clause = _CLAUSE.split(before)[-1]
    thing = _thing(clause)
    return thing >= 0 and thing >= PHONE.last(clause)
