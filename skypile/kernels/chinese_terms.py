"""Terms that bad Chinese pages are full of, by category, and words that only look like them.

None of them is bad in itself: a newspaper writes about bookmakers, a manual about invoices. What
tells is how many different ones stand in a page, and how densely. They are the words of the trades
themselves, as anyone meets them in search results; no list of others was copied. Lower case.
"""

from __future__ import annotations

__all__ = ["CATEGORIES", "LEAST_TERMS", "NEUTRAL"]

# Longer words that hold a term and are none: the longest match counts.
_NEUTRAL = """
    主办证券 办证券 举办证 开办证明 承办证 高性价比 性能 性别 性格 百家乐器 买彩票中奖 不得投注
    禁止投注 发票数据 发票管理办法 微信公众平台 微信开发 微信支付 下一章节 上一章节 下一页面
    上一页面 无码率 编码表 有码头 人体艺术史 贷款利率 贷款余额 不良贷款 助学贷款 住房贷款 国际贷款
"""

_TERMS = {
    # Bookmakers, casinos and lotteries of the web: their names and their offers. No newspaper, no
    # statute and no history of games has these words.
    "betting": """
    现金网 娱乐城 贵宾会 威尼斯人 真人娱乐 真人视讯 真人荷官 真人发牌 开户送 注册送
    注册即送 送彩金 送彩 彩金 体验金 首存 首充送 存送 充送 返水 返点高 救援金 晋级礼金 大额无忧
    提款秒到 提现秒到 秒到账 秒提现 包赔 倍投 跟单群 上下分 上分下分 房卡 银商 bt365 bet365 betway
    manbetx 188bet fun88 opebet ope体育 yabo 365体育 新葡京 葡京娱乐 太阳城娱乐 太阳城集团
    太阳城网 太阳集团 永利娱乐 永利国际 皇冠体育 皇冠国际 时时彩 秒速赛车 北京赛车 幸运飞艇 幸运28
    幸运8 分分彩 二八杠 电子游艺 彩票平台 彩票游戏 亚博 万博体育 华体会 欧宝体育 海德体育 爱游戏
    乐鱼体育 开云体育 半岛体育 米兰体育 星空体育 九游会 雷火电竞 必威 必赢 金沙网 金沙线路
    金沙娱乐 金沙国际 银河娱乐 申博 明升体育 凯时 尊龙 威廉希尔 伟德国际 沙巴体育 凤凰彩票 博天堂
    博彩网 博彩平台 赌博网 网赌 网投 串关 滚球 欧洲盘 亚盘 亚洲指数 大小单双 杀号 开奖结果网
    开奖网 精准计划 人工计划 计划群 计划软件 体育官方 体育官网 体育app 体育平台 官网登录
    手机版登录 娱乐注册 娱乐网址 娱乐手机版 备用网址 最高返水 实体台 占成 包网 电竞竞猜 国际娱乐
    棋牌官网 棋牌平台 棋牌代理 娱乐代理 电玩城 优乐国际 乐虎国际 币游国际 sportsbook
    """,
    # Words of games of chance, which reports on them use as well.
    "gaming": """
    贵宾厅 博彩 投注 下注 棋牌 百家乐 老虎机 赌场 澳门赌 赌球 赔率 盘口 六合彩 快三 炸金花 斗牛牛
    骰宝 龙虎斗 牛牛 捕鱼 德州扑克 轮盘 电子游戏厅 走势图 开奖结果 玩家 上分 下分 赢钱 输赢 庄家
    闲家 体育投注 平台注册 娱乐平台 棋牌网 信誉平台 正规平台 代理加盟 老台 新台 佣金高 麻将 德州
    彩票 扑克
    """,
    # Hospitals and cures that advertise.
    "medical": """
    哪家医院好 医院哪家好 医院排名 专科医院 专家会诊 专家坐诊 专家咨询 在线医生 在线咨询 预约挂号
    网上预约 预约热线 健康热线 免挂号费 一对一解答 为您解答 专家指出 专家提醒 患者信赖 患者好评
    定点医院 男科医院 妇科医院 皮肤病医院 白癜风医院 癫痫医院 牛皮癣医院 整形医院 不孕不育医院
    肛肠医院 治愈率 根治 根除 疗程 个疗程 不复发 不反弹 无副作用 无毒副作用 纯中药 祖传 秘方 偏方
    家传 靶向疗法 生物疗法 免疫疗法 独家疗法 国药准字 货到付款 无效退款 签约治疗 签订治疗协议
    先治病后付款 专治 奇迹出现 来院路线 无痕 微创 吸脂 隆鼻 双眼皮 植发 面诊 美容顾问 壮阳 丰胸
    减肥药 灰指甲 狐臭 前列腺炎 白斑患者 白癜风患者 病友 治疗费用 怎么治疗 诊疗设备 特色疗法
    皮肤病 医院专家 详细的解答 立即治疗 正规医院 正规的医院 患者朋友 权威医疗 治疗效果好 效果好
    诊疗技术 特效药 用药
    """,
    # Forged papers, invoices, loans, ghost writers, detectives, fakes, work that is a fraud.
    "trade": """
    办证 代办 开发票 代开发票 发票代开 各类发票 可上网查询 先办后付款 验证后付款 无抵押 当天放款
    秒批 信用贷款 小额贷款 私人放款 借贷 套现 养卡 提额 黑户 下款 刷单 刷信誉 返现 日结 一单一结
    当天结算 小时结 月入过万 月入 日入 日赚 躺赚 兼职 宝妈 打字员 点赞员 代刷 代写 代考 论文代写
    查重 期刊发表 快速发表 加急出刊 考前答案 私家侦探 私家调查 侦探公司 婚外情 婚姻调查 找人查址
    行踪定位 要账 讨债 高仿 原单 一比一 一手货源 一件代发 货源 微商 招代理 零门槛 包教包会 空包
    涨粉 推广员 佣金 高额回报 高价回收 上门回收 长期回收 回收烟酒 购物卡 抵押车 二手车收购
    账号购买 账号交易 实名号 抖音号 蝴蝶号 资质转让 公司转让 代理记账 公司注册 工商代办 商标注册
    加盟费 免费加盟 加盟热线 不收费用 不收任何费用 没有任何费用 零撸 挂机 吸粉 手赚 赚米 分红 代发
    代发视频 抖音代发 dy代发 立结 秒结 刷粉 刷赞 刷评论 补单 抄小说 免费带 带你赚 赚钱的 缺钱 搞钱
    快钱 副业 零投 0投 无前期 不封号 纯绿 有手就会 手把手教 想赚 轻松月 一小时结 有卡就行 全程无
    诚招 实力中介 收账 名片赞 空间访客 涨赞
    """,
    # The chrome of pornographic sites: terms only.
    "adult": """
    成人网站 成人视频 成人电影 成人影院 黄色网站 色情网站 色情视频 无码 有码 一区二区 三区四区
    免费黄 偷拍 自拍偷拍 国产精品 日韩精品 欧美精品 日本精品 在线视频免费 高清无码 中文字幕在线
    激情视频 激情网 情色 av在线 av片 裸聊 约炮 一夜情 援交 楼凤 全套服务 同城交友 空降 福利视频
    大尺度
    """,
    # What stands around the text on sites for novels.
    "novel": """
    最新章节 章节列表 章节目录 返回目录 全文阅读 全文免费阅读 无弹窗 加入书签 加入书架 放入书架
    投推荐票 推荐票 投月票 月票 打赏 催更 上一章 下一章 本章未完 请记住本站 请记住本书 记住本站
    首发域名 一秒记住 天才一秒 手机用户请 手机阅读 手机版阅读 更新最快 更新速度 txt下载 无广告
    小说免费 书友 总点击 总推荐 总收藏 连载中 已完结 完本 新书榜 点击榜 收藏榜 推荐本书 章节错误
    点此举报 护眼 关灯 直达底部 喜欢请收藏 大家收藏 玄幻小说 都市小说 言情小说 书名 点击下载app
    无删减 番外 阅读记录
    """,
    # What forums and comments put around each post, and posts that say nothing.
    "forum": """
    发表于 只看该作者 只看楼主 显示全部楼层 楼主 沙发 板凳 顶一下 帮顶 支持楼主 路过 飘过 围观
    占个位置 前排 留名 插眼 同问 学习了 谢谢分享 收藏了 已收藏 楼上 回帖 发新帖 原帖由 使用道具
    举报 来自手机 威望 听众 注册时间 最后登录 在线时间 当前离线 该用户已被 禁言 签到 连续签到
    登录后才可以 立即注册 本版积分规则 全部评论 发表评论 查看更多评论 赞( 发信人 发信站 信区
    的大作中提到 来源:· 还可以输入 给楼主 赞一个 蹲一个 求链接 坐等
    """,
    # What pages that were made for search engines repeat.
    "seo": """
    哪家好 哪里好 哪家强 多少钱 价格表 价格是多少 厂家直销 厂家批发 生产厂家 批发价格 报价 供应商
    批发市场 图片大全 效果图 相关图片 十大品牌 品牌排行 排行榜 哪里买 上门服务 24小时 随叫随到
    欢迎来电 来电咨询 咨询热线 咨询电话 服务热线 欢迎咨询 新老客户 一致好评 客户至上 质量第一
    诚信经营 技术力量雄厚 竭诚为您 为您服务 一站式服务 一站式的服务 专业团队 经验丰富 价格合理
    规格齐全 远销全国 实地考察 免费报价 相关标签 热门城市 相关产品 产品名称 产品编号 产品中心
    本文关键词 猜您喜欢 猜你喜欢 小编 给大家介绍 培训班 培训学校 学费 报名热线 推荐就业 包教会
    随到随学 起步价 服务区域 规格型号 联系方式 费用 洽询 有限公司 厂家 批发 直销 带你了解 告诉你
    分享一下 下面由 来给大家 跟大家 产品特点 产品概述 产品展示 产品型号 详细资料 简要说明 技术参数
    主要参数 质优价廉 畅销 欢迎新老
    """,
    # Words in front of a telephone number or an account.
    "contact": """
    加微信 微信号 微信同号 加我微信 薇信 威信号 微信 v信 加薇 扣扣 qq群 电话 手机号 热线 致电 拨打
    联系电话 联系人 联系我 联系客服 手机 私聊 私信 私我 滴滴 扫码 扫一扫 二维码 加我 找我 有意的
    感兴趣 有需要的 需要的 有兴趣的 ➕我 十v 丝我 斯我
    """,
    # The chrome of sites: menus, footers, links to elsewhere.
    "portal": """
    首页 网站首页 返回首页 设为首页 加入收藏 收藏本站 网站地图 友情链接 关于我们 联系我们 新闻中心
    通知公告 政务公开 机构设置 领导信箱 办事指南 下载专区 专题专栏 招标信息 人才招聘 人事信息
    意见反馈 在线访谈 在线留言 版权所有 版权声明 免责声明 备案号 icp备 公网安备 网安备 主办单位
    承办单位 技术支持 网站标识码 您当前的位置 当前位置 您的位置 购物车 我的订单 我的收藏 客服中心
    网站导航 手机版 客户端下载 上一篇 下一篇 上一条 下一条 上一页 下一页 尾页 返回顶部 返回列表
    返回旧版 责任编辑 编辑： 来源： 作者： 浏览次数 点击量 点击次数 阅读( 评论( 发布时间 分享到
    相关阅读 相关推荐 热门推荐 相关文章 最新文章 标签： 查看更多 阅读全文 继续阅读 展开全文
    点击查看 点击进入 点击阅读 加载更多 查看详情 更多>> 学校概况 院系设置 师资队伍 招生就业
    校园文化 教务系统 邮箱登录 现任领导 党建园地 常用链接 院长信箱 软件分类 下载排行 装机必备
    最近更新 地址： 邮编 营业时间 转载请注明 未经授权 暂无评论 次浏览 次播放 个回答 最佳答案
    """,
}

NEUTRAL: tuple[str, ...] = tuple(_NEUTRAL.split())
CATEGORIES: dict[str, tuple[str, ...]] = {
    name: tuple(text.split()) for name, text in _TERMS.items()
}

# So many different terms of a category must stand in a page before any of them counts: one or two
# words of a trade stand in any report on it. Chosen on the tuning halves (docs/chinese.md).
LEAST_TERMS: dict[str, int] = {
    "betting": 1, "gaming": 3, "medical": 3, "trade": 2, "adult": 2, "novel": 3, "forum": 3,
    "seo": 3, "contact": 4, "portal": 3,
}  # fmt: skip
