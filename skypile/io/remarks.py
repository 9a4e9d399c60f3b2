"""Lines within a page's main text that are no text: advertisements, bylines, links to others."""

from __future__ import annotations

import re

__all__ = ["without_remarks"]

# A longer line is text, whatever it begins with.
MAX_REMARK_CHARS = 120
# Whole lines in English. What could begin a sentence stands with what makes it a remark.
ENGLISH = r"""
advert(?:isement|isment)?s?[ ]?(?:[-–—].*)?
| (?:story|article)[ ]continues[ ](?:below|after).*
| sponsored(?:[ ]content|[ ]links?|[ ]by.*)?
| (?:read|see)[ ](?:more|also|next|related)(?:[ ]?[:|»>].*|[ ](?:here|on|about|at)[ ].*|\.\.\.|…)?
| (?:also[ ]read|related|recommended|explore[ ]further|more[ ]from[ ][^.]*|don[’']t[ ]miss)[ ]?:?
| related[ ](?:articles?|stories|posts?|content|news|topics|links|coverage|video)(?:[ ]?:.*)?
| related[ ]?:.*
| recommended[ ](?:for[ ]you|videos?|reading|articles?|stories)
| you[ ](?:may|might|’ll|'ll)[ ]also[ ](?:like|be[ ]interested).*
| share(?:[ ]this)?(?:[ ](?:article|story|post|page))?(?:[ ](?:on|via|with)[ ][^.]*)?[ ]?:?
| like[ ]this[ ](?:story|article|post)\?.*
| (?:tweet|print|email|e-mail|pin[ ]it|reply|loading\.*|text[ ]size|highlights|key[ ]points)
| (?:\d+[ ])?comments?(?:[ ]\(\d+\))?
| (?:leave|post|write|add)[ ]a[ ](?:comment|reply|review).*
| tell[ ]us[ ]what[ ]you[ ]think.*
| follow[ ](?:us|me|him|her|them|@|[^.]{1,40}[ ]on[ ](?:twitter|facebook|instagram|linkedin)).*
| (?:sign[ ]up|subscribe|register)(?:[ ](?:now|today|here|to|for)[ ]?[^.]*(?:\.|!)?)?
| .*\b(?:sign[ ]up|subscribe)\b.*\bnewsletters?\b.*
| .*\b(?:newsletters?|updates|stories)\b.*\b(?:your|the)[ ]inbox\b.*
| (?:copyright|©|\(c\))[ ]?.*
| .*\ball[ ]rights[ ]reserved\b.*
| (?:photo|image|picture|video|photograph)s?(?:[ ](?:credit|source|by|courtesy))?[ ]?:.*
| .*\((?:photo|image|picture|credit|getty|reuters|ap[ ]photo)\b[^)]*\)
| (?:ap[ ]photo|getty[ ]images|reuters)[ ]?/.*
| (?:published|updated|posted|last[ ](?:updated|modified|edited))\b(?:[ ](?:on|at|by))?[^.]*\d[^.]*
| (?:by|(?:written|edited|(?:additional[ ])?reporting)[ ]by)[ ](?-i:[A-Z])[^.,]{1,50}
| (?:filed[ ]under|tags?|categor(?:y|ies)|topics?|keywords?)[ ]?:.*
| (?:skip|jump|back|return|scroll)[ ]to[ ](?:main[ ]|the[ ])?(?:content|navigation|top|search).*
| (?:previous|next)(?:[ ](?:article|post|story|page|chapter))?(?:[ ]?[:»›].*)?
| this[ ](?:site|website)[ ]uses[ ]cookies.*
"""
CHINESE = r"""
(?:责任编辑|责编|编[ \u3000]*辑|编审|作[ \u3000]*者|来[ \u3000]*源|稿源|校对|审核|审校|原标题|
 文章来源|本文来源|信息来源|
 图片来源|转载自|转自|发布(?:时间|日期|者|人)|发表(?:时间|于)|更新(?:时间|日期|于)|日期|时间|
 浏览(?:次数|量)?|阅读(?:次数|量|数)?|点击(?:次数|量|数)?|访问(?:次数|量)|标签|关键[词字]|分类|
 栏目|上一[篇页条章]|下一[篇页条章]|责任校对|摄影|供图|图源|主编|監製|責任編輯|編輯|來源|發布時間|
 更新時間|標籤|關鍵[字詞]|上一頁|下一頁)[ \u3000]*[:：/|].*
| [\[【(（][ \u3000]*(?:责任编辑|责编|编辑|作者|来源|打印|关闭|責任編輯|編輯)[^\]】)）]*[\]】)）].*
| (?:分享(?:到|至|给)?|分享本文|
 收藏(?:本文|本页)?|打印(?:本页|本文|文章)?|关闭(?:窗口|本页)?|字[号体].*|
 返回(?:顶部|首页|列表|上页)|回到顶部|置顶|纠错|点赞|赞|踩|举报|复制链接|登录|注册|广告|推广|
 上一[篇页章]|下一[篇页章]|目录|评论(?:区)?|发表评论|我要评论|网友评论|全部评论|暂无评论|写评论|
 微信(?:好友)?|微博|新浪微博|朋友圈|QQ(?:空间|好友)?|
 展开(?:全文)?|阅读(?:全文|原文)|查看(?:更多|全部|原文)|
 分享到.*|相關(?:閱讀|新聞|文章)|延伸閱讀|推薦閱讀|猜你喜歡|廣告)[>»\s]*
| (?:相关|推荐|延伸|热门|精彩|更多|猜你|大家都在看|为您推荐|热点)
 (?:阅读|新闻|文章|推荐|链接|专题|内容|资讯|报道|评论|喜欢|话题|产品|下载)?[ \u3000]*[:：>»]*
| (?:扫一扫|扫描|扫码|长按|识别|关注|微信搜索|
 点击(?:右上角|关注|下载|进入|查看|蓝字)|欢迎关注|更多精彩).{0,50}
| (?:版权所有|版权声明|免责声明|著作权|未经.{0,12}(?:授权|许可|允许)|
 本文(?:系|为|仅代表|转载)|转载请|
 声明[:：]|本站(?:所有|部分)|以上内容).*
| .{0,30}(?:ICP备|公网安备|Copyright|All\ Rights\ Reserved).*
| \(?（?[ \u3000]*共?[ \u3000]*\d+[ \u3000]*(?:条评论|人阅读|次浏览|个赞|人评论)[ \u3000]*\)?）?
"""
REMARK = re.compile(
    rf"^(?=[^\n]{{1,{MAX_REMARK_CHARS}}}$)[ \t\xa0\u3000▼▲◎●>»*·|-]{{0,8}}(?:{ENGLISH}|{CHINESE})"
    r"[ \t\xa0\u3000]{0,8}$\n?",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)


def without_remarks(text: str) -> str:
    """Return `text` without the lines that are remarks, in English and Chinese.

    Looks at lines of up to 120 characters, so it takes time linear in the text.
    """
    return REMARK.sub("", text)
