"""Comments and black-market offers, written for this project: what weak talk is composed of.

Frames of comments serve insults and harmless words alike: `{t}` is either. `{w}` is whom or what it
is about, `{n}` a number. Offers are of goods and services that are illegal or grey in China; `{t}`
is one of them. Words only, no sentence of a story.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "ABOUT_EN", "ABOUT_ZH", "CONTACTS_ZH", "EUPHEMISMS_ZH", "FRAUD_ZH", "GAMBLING_ZH", "GAMES_ZH",
    "INSULTS_EN", "INSULTS_ZH", "LURES_ZH", "MILD_EN", "MILD_ZH", "OFFERS_ZH", "OFFER_FRAMES_ZH",
    "TALK_EN", "TALK_ZH",
]  # fmt: skip


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


INSULTS_ZH: Final = _words(
    "傻逼,煞笔,沙比,傻叉,脑残,智障,弱智,白痴,蠢货,蠢猪,废物,垃圾,人渣,败类,畜生,狗东西,狗杂种,杂种"
    ",王八蛋,混蛋,贱人,贱货,婊子,臭婊,绿茶婊,不要脸,死不要脸,恶心,恶臭,猪脑子,没脑子,脑子进水,脑瘫"
    ",神经病,有病吧,滚蛋,滚粗,滚出去,去死,死全家,你妈死了,尼玛,草泥马,操你,cnm,nmsl,sb,2b,tmd"
    ",他妈的,狗屁,放屁,放狗屁,喷子,键盘侠,水军狗,舔狗,狗腿子,走狗,汉奸,卖国贼,洋奴,美狗,五毛狗"
    ",孙子,龟孙,缩头乌龟,土鳖,屌丝,乡巴佬,穷鬼,丑逼,肥猪,死胖子,丑八怪,变态,下贱,下三滥,无耻,缺德"
    ",活该,欠揍,欠骂,找死,骗子,老赖,流氓,无赖,泼妇,死太监,娘炮,奇葩,极品,辣鸡,菜狗,坑货,猪队友"
    ",煞笔玩意"
)
MILD_ZH: Final = _words(
    "厉害,不错,真好,好看,好听,有意思,辛苦了,谢谢,加油,佩服,可爱,善良,聪明,认真,努力,优秀,幸福,开心"
    ",感动,漂亮,大方,热情,实在,靠谱,好人,老师,专业,合理,一般,普通,难过,可惜,着急,累了,困了,饿了"
    ",想家,下雨,堵车,加班,放假,考试,看书,跑步,做饭,喝茶,早点睡,注意身体,生日快乐,恭喜,支持,赞同"
    ",不太懂,看不明白,同意,有道理,说得对,说得不对,不一定,随缘,算了,没关系,没问题,不客气,慢慢来"
    ",祝福"
)
ABOUT_ZH: Final = _words(
    "你,你们,他,她,他们,这人,楼主,楼上,这种人,这帮人,小编,主播,老板,队友,客服,司机,邻居,导演,演员"
    ",球员,裁判,这个队,这公司,这游戏,这店,记者,网友,粉丝,专家,领导,同事,那家伙,这货,对面,男的,女的"
    ",外地人,本地人,南方人,北方人,老人,年轻人,医生,作者,博主,评论区"
)
TALK_ZH: Final = (
    "{w}真是{t}", "{w}就是个{t}", "{w}{t}", "{t}，{w}", "{w}也太{t}了吧", "我看{w}{t}", "{t}{t}",
    "{t}", "{w}这么{t}，{t}", "说{w}{t}都是轻的", "{w}能不能{t}", "一群{t}", "{w}还好意思说，{t}",
    "哈哈{w}{t}", "我觉得{w}{t}，你觉得呢", "{w}{t}[微笑]", "回复@用户{n}：{t}",
    "{w}除了{t}还会什么", "见过{t}的，没见过{w}这么{t}的", "今天又遇到{w}，{t}", "{t}！{t}！",
    "劝{w}一句，{t}", "{w}{t}啊{t}", "不是我说，{w}{t}", "{w}一天到晚{t}", "{t}才会这样",
    "{w}说什么都{t}", "真{t}", "又来一个{t}", "别理{w}，{t}", "{w}祝你{t}", "看到{w}就{t}",
    "{w}家里人也{t}", "{t}。。。", "呵呵{t}", "{w}凭什么{t}",
)  # fmt: skip

INSULTS_EN: Final = _words(
    "idiot,moron,stupid,dumbass,asshole,bitch,scumbag,loser,trash,garbage human,retard,jackass"
    ",piece of shit,dickhead,bastard,fucking clown,pathetic,disgusting pig,worthless"
    ",dumb as a rock,imbecile,degenerate,vermin,parasite,cunt,motherfucker,braindead"
    ",shut the fuck up,go to hell,kill yourself,nobody likes you,fat slob,ugly freak,lying snake"
    ",coward,trailer trash,fuck off,waste of oxygen,twat,wanker,douchebag,creep,psycho,crybaby"
    ",sick in the head,brainless sheep"
)
MILD_EN: Final = _words(
    "great,kind,a good friend,very helpful,right,funny,smart,tired,busy,my favourite"
    ",wrong about this,so talented,welcome,a nice surprise,hard to hear,too loud,late again"
    ",new here,sorry to hear it,happy for you,a bit confused,not sure,proud of this,on holiday"
    ",lost,hungry,a fan,curious,old,so sweet,adorable,boring,better last year,worth a look,brave"
    ",calm,honest,quiet today,amazing"
)
ABOUT_EN: Final = _words(
    "you,he,she,they,this guy,the coach,these people,my boss,the author,everyone here,the driver"
    ",that actor,this player,the mods,my neighbour,the band,this channel,the whole team,women,men"
    ",old people,tourists,immigrants,fans,the landlord,the dev,your kind,OP,whoever wrote this"
)
TALK_EN: Final = (
    "{w} is {t}", "{w} are {t}", "{t}", "what a {t}", "lol {w}, {t}", "{w} was always {t}, {t}",
    "can {w} be more {t}?", "i swear {w} is {t}", "honestly {w}... {t}", "{t} {t}", "@user{n} {t}",
    "imagine being this {t}", "{w} should know: {t}", "omg {t}!!", "not gonna lie, {w} seems {t}",
    "{w}? {t}.", "i think {w} is {t} and {t}", "today {w} again. {t}", "only {t} would say that",
    "{w} and {w}, {t}", "tell {w} {t}", "everyone knows {w} is {t}", "so {t}", "u r {t}",
)  # fmt: skip

OFFERS_ZH: Final = _words(
    "代开发票,增值税专票,普票代开,办理各类证件,刻章,驾照代办,学历认证,毕业证,资格证挂靠,四六级答案"
    ",代考,论文代写,改分,银行卡四件套,收卡,出售银行卡,跑分,洗钱通道,代收代付,套现,花呗套现"
    ",信用卡代还,黑户贷款,无视征信,私人借款,过桥垫资,高利贷,网贷撸口子,微信号出售,企业号,实名号"
    ",老号批发,接码,养号,加粉,刷单,刷赞,刷流量,代刷,投票,水军,删帖,负面处理,查开房,查通话记录"
    ",手机定位,监听软件,复制卡,窃听器,数据出售,股民资源,网贷数据,精准客源,拦截短信,群发短信"
    ",群发软件,外挂,辅助,透视,作弊器,私服,破解版,翻墙软件,梯子,加速器,假币,高仿鞋,A货包,精仿表"
    ",走私烟,免税烟,香烟批发,茅台低价,水货手机,翻新机,迷药,催情水,听话水,安眠药,枪配件,气枪,电棍"
    ",弩,违禁品,代孕,包性别,供卵,卖肾,血清鉴定,博彩代理,彩票带计划,百家乐破解,麻将机遥控器"
    ",扑克透视眼镜,棋牌上下分,电玩城,菠菜推广,包赢,ETC代办,车牌代办,消分,年检代过,改装油表,偷电器"
    ",电表倒转,解锁ID,刷机,换脸,人脸认证,过人脸,股票配资,荐股,原油直播,外汇跟单,数字货币搬砖,矿机"
    ",资金盘,拉人头,兼职打字,手工活外发,日结,足浴"
)
CONTACTS_ZH: Final = (
    "加微信{n}", "加V：{n}", "薇信{n}", "➕VX{n}", "Q{n}", "扣扣{n}", "电话1{n}", "TG@abc{n}",
    "私聊", "私信我", "看主页", "点头像", "滴滴我", "有意联系", "非诚勿扰", "电报群{n}", "进群{n}",
    "评论区留号", "飞机：{n}", "扫码进", "威信同号", "咨询客服", "24小时在线", "留下联系方式",
)  # fmt: skip
OFFER_FRAMES_ZH: Final = (
    "{t}，{k}", "专业{t}{k}", "需要{t}的{k}", "{t}、{t}、{t}，{k}", "长期{t}，价格好商量，{k}",
    "{t}当天出，先办后付款，{k}", "有做{t}的吗，{k}", "大量收{t}，高价，{k}",
    "{t}渠道稳定，量大从优", "本地{t}，安全保密，{k}", "诚信{t}，不成功不收费{k}",
    "出{t}，秒到账{k}", "{t}一手资源，{k}", "招{t}代理，日入{n}，{k}", "{t}教学，包教包会，{k}",
    "{k}，{t}", "{t}{t}{k}", "想{t}找我，{k}", "承接{t}，{t}业务", "内部渠道{t}，名额有限",
    "{t}，全国可做，{k}", "靠谱{t}，老客户推荐", "{t}怎么弄？{k}教你", "缺钱的看过来，{t}，{k}",
    "在家就能做的{t}，{k}", "{t}保真，支持验货，{k}", "出{t}", "收{t}", "{t}有要的吗",
    "急需{t}，{k}",
)  # fmt: skip
EUPHEMISMS_ZH: Final = _words(
    "约炮,裸聊,文爱,磕炮,一夜情,大保健,全套服务,上门服务,特殊服务,楼凤,外围,外围女,会所,莞式,技师"
    ",按摩推油,丝足,桑拿,站街,包夜,快餐,兼职妹,陪玩,陪睡,裸照,裸体,露点,走光,偷拍,自慰,打飞机,撸管"
    ",开车,老司机,车牌号,资源群,福利,福利姬,小视频,无码,有码,步兵,骑兵,番号,种子,磁力,AV,成人片"
    ",黄片,色情,情色,激情,床上,床戏,啪啪,啪啪啪,爱爱,做爱,性爱,性交,口活,69,后入,潮吹,高潮,呻吟"
    ",浪叫,骚,骚货,淫荡,巨乳,大胸,大波,大屌,鸡巴,鸡儿,屁股,翘臀,湿了,硬了,射了,内射,颜射,3P,换妻"
    ",绿帽,SM,捆绑,调教,丝袜,黑丝,情趣内衣,情趣用品,飞机杯,跳蛋,避孕套,伟哥,壮阳,延时,黄网"
    ",成人直播,撩骚"
)

# Messages of frauds and betting sites, as any phone gets them; `{t}` is a name of `LURES_ZH`.
LURES_ZH: Final = _words(
    "银行,建设银行,工商银行,支付宝,微信支付,京东白条,花呗,借呗,医保局,社保中心,公积金中心,税务局"
    ",法院,公安局,交警大队,快递公司,顺丰,邮政,移动公司,联通,电信,淘宝客服,拼多多,抖音,快手,携程"
    ",航空公司,12306,物业,房东,领导,老同学,抽奖中心,活动组委会,基金会,民政局,ETC中心,车管所"
    ",保险公司,证券公司"
)
FRAUD_ZH: Final = (
    "【{t}】您的账户存在异常，请尽快登录处理",
    "您好，我是{t}的，您有一笔款项需要核实",
    "恭喜您被{t}抽中为幸运用户，奖金{n}元，请填写资料领取",
    "【{t}】您的积分{n}即将过期，请点击兑换",
    "您的快递丢失，{t}将为您三倍理赔，请加客服",
    "【{t}】您的额度已提升至{n}元，点击领取",
    "{t}提醒：您名下的卡涉嫌洗钱，请配合调查",
    "我是{t}，换号了，方便的话先转我{n}",
    "您的航班已取消，请联系{t}办理退款改签",
    "内部消息，{t}新股稳赚，跟着老师买就行",
    "下载{t}APP完成任务，每单返{n}元，当天提现",
    "{t}：您的信用卡年费{n}元已扣，退订回T",
    "{t}补贴发放，请于今日内扫码登记，逾期作废",
    "不查征信，{t}放款{n}万，十分钟到账",
    "把验证码告诉我，我帮你在{t}办",
    "投资{n}元，每天返利百分之三，{t}担保",
    "【{t}】订单异常，请添加专员取消，否则每月扣费{n}元",
    "爸，我手机坏了，用{t}这个号，先转{n}",
    "{t}升级，需重新认证身份信息，点此链接",
    "老师带单，昨天又中了，跟{t}的同学都赚了{n}",
)
GAMES_ZH: Final = _words(
    "百家乐,龙虎,牛牛,炸金花,斗地主,麻将,捕鱼,老虎机,轮盘,骰宝,时时彩,六合彩,快三,赛车,幸运飞艇"
    ",PC蛋蛋,足球投注,滚球,串关,竞彩,真人视讯,电子游艺,棋牌,德州,二八杠,三公,番摊,北京28,11选5"
    ",福彩3D,AG,PT"
)
GAMBLING_ZH: Final = (
    "{t}首存{n}送{n}，无需流水",
    "最新{t}网址，老品牌信誉好",
    "{t}平台招代理，佣金{n}%",
    "今晚{t}带你飞，跟计划稳中",
    "注册就送{n}彩金，{t}返水{n}%",
    "{t} {t} {t} 澳门官方直营",
    "葡京{t}，大额无忧，提款秒到",
    "有玩{t}的吗，拉你进群",
    "{t}技巧：倍投不倒，日赚{n}",
    "{t}破解软件，包赢不封号",
    "开元{t}，新手{n}元起玩",
    "{t}输了怎么回本，老玩家教你",
    "上分下分找我，{t}房卡低价",
    "世界杯买球就上{t}，赔率高",
    "{t}开奖结果，一码中特",
    "内部{t}资料，四肖中特，免费公开",
    "玩{t}，上澳门新葡京{n}",
    "{t}五分钟一期，稳定计划群{n}",
    "信誉{t}，开户即送{n}",
    "{t}赚的钱比上班多，进群看看",
)
