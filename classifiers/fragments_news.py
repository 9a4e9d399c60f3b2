"""Headlines and first sentences of news, written for this project: what weak news is composed of.

Places stand in political and other news alike, so that a country's name by itself tells a model
nothing. Slots: `{c}` a country, `{a}` its adjective (English), `{k}` a city, `{n}` a number; of
political news `{o}` an office, `{g}` a group, `{e}` an event, `{x}` a subject; of other news `{s}`
a subject of its field, `{p}` another one.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "CITIES_EN", "CITIES_ZH", "COUNTRIES_EN", "COUNTRIES_ZH", "OTHER_NEWS_EN", "OTHER_NEWS_ZH",
    "POLITICS_EN", "POLITICS_ZH", "QUESTIONS_ZH", "Field", "Politics",
]  # fmt: skip

# Frames, then the words of their slots.
Field = tuple[tuple[str, ...], tuple[str, ...]]
Politics = tuple[tuple[str, ...], dict[str, tuple[str, ...]]]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


COUNTRIES_EN: Final = tuple(
    tuple(pair.split("/"))
    for pair in _words(
        "Afghanistan/Afghan,Algeria/Algerian,Argentina/Argentine,Armenia/Armenian"
        ",Australia/Australian,Austria/Austrian,Bangladesh/Bangladeshi,Belarus/Belarusian"
        ",Belgium/Belgian,Bolivia/Bolivian,Bosnia/Bosnian,Brazil/Brazilian,Britain/British"
        ",Bulgaria/Bulgarian,Burma/Burmese,Cambodia/Cambodian,Canada/Canadian,Chad/Chadian"
        ",Chile/Chilean,China/Chinese,Colombia/Colombian,Congo/Congolese,Croatia/Croatian"
        ",Cuba/Cuban,Cyprus/Cypriot,Denmark/Danish,Ecuador/Ecuadorean,Egypt/Egyptian"
        ",Ethiopia/Ethiopian,Finland/Finnish,France/French,Georgia/Georgian,Germany/German"
        ",Ghana/Ghanaian,Greece/Greek,Haiti/Haitian,Hungary/Hungarian,India/Indian"
        ",Indonesia/Indonesian,Iran/Iranian,Iraq/Iraqi,Ireland/Irish,Israel/Israeli,Italy/Italian"
        ",Ivory Coast/Ivorian,Japan/Japanese,Jordan/Jordanian,Kenya/Kenyan,Kosovo/Kosovan"
        ",Kuwait/Kuwaiti,Lebanon/Lebanese,Libya/Libyan,Malaysia/Malaysian,Mexico/Mexican"
        ",Morocco/Moroccan,Nepal/Nepalese,Nigeria/Nigerian,North Korea/North Korean"
        ",Norway/Norwegian,Pakistan/Pakistani,Peru/Peruvian,Philippines/Philippine,Poland/Polish"
        ",Portugal/Portuguese,Romania/Romanian,Russia/Russian,Rwanda/Rwandan"
        ",Saudi Arabia/Saudi,Serbia/Serbian,Singapore/Singaporean,Somalia/Somali"
        ",South Africa/South African,South Korea/South Korean,Spain/Spanish,Sri Lanka/Sri Lankan"
        ",Sudan/Sudanese,Sweden/Swedish,Switzerland/Swiss,Syria/Syrian,Taiwan/Taiwanese"
        ",Thailand/Thai,Tunisia/Tunisian,Turkey/Turkish,U.S./American,US/US,Uganda/Ugandan"
        ",Ukraine/Ukrainian,Venezuela/Venezuelan,Vietnam/Vietnamese,Yemen/Yemeni"
        ",Zimbabwe/Zimbabwean,the EU/European,Gaza/Palestinian,Chechnya/Chechen,Kashmir/Kashmiri"
    )
)
CITIES_EN: Final = _words(
    "Kabul,Algiers,Buenos Aires,Canberra,Sydney,Vienna,Dhaka,Minsk,Brussels,Sarajevo,Brasilia"
    ",London,Sofia,Ottawa,Toronto,Santiago,Beijing,Shanghai,Hong Kong,Bogota,Kinshasa,Zagreb"
    ",Havana,Nicosia,Copenhagen,Quito,Cairo,Addis Ababa,Helsinki,Paris,Tbilisi,Berlin,Athens"
    ",Port-au-Prince,Budapest,New Delhi,Mumbai,Jakarta,Tehran,Baghdad,Mosul,Basra,Dublin"
    ",Jerusalem,Tel Aviv,Rome,Milan,Tokyo,Amman,Nairobi,Pristina,Beirut,Tripoli,Kuala Lumpur"
    ",Mexico City,Rabat,Kathmandu,Lagos,Abuja,Pyongyang,Oslo,Islamabad,Karachi,Lima,Manila"
    ",Warsaw,Lisbon,Bucharest,Moscow,Kigali,Riyadh,Belgrade,Mogadishu,Pretoria,Johannesburg"
    ",Seoul,Madrid,Barcelona,Colombo,Khartoum,Stockholm,Geneva,Zurich,Damascus,Aleppo,Taipei"
    ",Bangkok,Ankara,Istanbul,Kampala,Kiev,Caracas,Hanoi,Sanaa,Harare,Washington,New York"
    ",Boston,Chicago,Los Angeles,San Francisco,Seattle,Gaza City,Ramallah,Grozny,Srinagar"
)

_NAMES_EN: Final = _words(
    "Bush,Kerry,Clinton,Gore,Obama,Trump,Biden,Cheney,Powell,Rumsfeld,Rice,Reagan,Carter,Nixon"
    ",Kennedy,Blair,Brown,Thatcher,Cameron,Johnson,Major,Chirac,Sarkozy,Macron,Mitterrand,Schroeder"
    ",Merkel,Kohl,Putin,Yeltsin,Medvedev,Gorbachev,Lavrov,Yushchenko,Yanukovich,Zelensky,Lukashenko"
    ",Berlusconi,Prodi,Aznar,Zapatero,Sharon,Netanyahu,Peres,Rabin,Barak,Arafat,Abbas,Hamas,Hezbollah"
    ",Assad,Saddam Hussein,Allawi,al-Sadr,Sistani,Zarqawi,bin Laden,al Qaeda,the Taliban,Karzai"
    ",Musharraf,Bhutto,Khatami,Ahmadinejad,Khamenei,Rouhani,Mubarak,Gaddafi,Erdogan,Annan,Ban Ki-moon"
    ",Singh,Vajpayee,Modi,Hu Jintao,Wen Jiabao,Jiang Zemin,Xi Jinping,Chen Shui-bian,Koizumi,Abe,Roh"
    ",Kim Jong-il,Kim Jong-un,Megawati,Yudhoyono,Arroyo,Thaksin,Suu Kyi,Mahathir,Anwar,Howard,Latham"
    ",Martin,Harper,Trudeau,Fox,Castro,Chavez,Maduro,Lula,Kirchner,Uribe,Pinochet,Fujimori,Aristide"
    ",Mandela,Mbeki,Mugabe,Obasanjo,Kagame,Museveni,Bashir,Milosevic,Karadzic,the Dalai Lama"
)
_BODIES_EN: Final = _words(
    "the UN,the United Nations,NATO,the EU,the European Commission,the African Union,the Arab League"
    ",the IAEA,the White House,the Pentagon,Congress,the Senate,the Kremlin,Amnesty International"
    ",the Red Cross,the Security Council,the CIA,the State Department,the Supreme Court,the Vatican"
    ",Democrats,Republicans,Labour,Conservatives,the Foreign Office,the World Court,the Knesset"
)

POLITICS_EN: Final[Politics] = (
    (
        "{c} {o} says {e} will go ahead despite {x}",
        "{k} - The {a} {o} said on Monday that {e} would not be delayed, as {g} warned of {x}.",
        "{a} {g} kill {n} in attack near {k}",
        "{k} (Reuters) - {n} people were killed when {g} fired on a crowd in {k}, police said.",
        "At least {n} dead in {k} car bombing blamed on {g}",
        "{a} {g} release hostages after talks with {c}",
        "{c} and {c} sign accord on {x}",
        "{c} rejects {c} demand over {x}",
        "UN Security Council to vote on {c} sanctions over {x}",
        "{k} (AP) - The {a} {o} arrived in {k} on Tuesday for talks on {x} and {e}.",
        "Thousands march in {k} against {x}",
        "{a} voters go to the polls in {e}",
        "{a} {o} resigns over {x}",
        "{a} {o} survives confidence vote in parliament",
        "{c}'s {o} calls for early {e}",
        "{c} {g} clash with {g} on border with {c}",
        "{a} troops to leave {c} by the end of the year, {o} says",
        "{c} tests missile as {c} presses for talks on {x}",
        "Aid agencies warn of famine as fighting displaces {n} in {c}",
        "{k} - {g} seized control of a town in southern {c} on Friday, the {o} said.",
        "Court sentences former {a} {o} to {n} years over {x}",
        "{a} {o} accuses {c} of backing {g}",
        "{c} lifts state of emergency after {e}",
        "Talks between {c} and {g} collapse over {x}",
        "{a} lawmakers approve bill on {x}",
        "Ceasefire in {c} holds for a second day, {o} says",
        "{c} expels {n} diplomats in row with {c}",
        "Rival {a} {g} agree to disarm under deal on {x}",
        "Exit polls give {a} opposition a narrow lead in {e}",
        "{c} {o} pledges to fight {g}",
        "Pope calls for peace in {c} as {g} threaten {x}",
        "{k}: {n} detained after protest against the {a} {o}",
        "{a} {g} shoot dead {n} in {k}, witnesses say",
        "{c} recalls ambassador from {c} over {x}",
        "Refugees flee {k} as {g} advance",
        "{c}: {o} denies role in {x}",
        "{c} seeks UN help for {e}",
        "{m} wins {e} in {c}",
        "{m} arrives in {k} for talks with {m}",
        "{m} says {g} must end {x}",
        "{k} (AFP) - {m} on Wednesday defended {x} and called for {e}.",
        "Supporters of {m} rally in {k}",
        "{m}, {m} trade barbs before debate on {x}",
        "{m} names new {o}",
        "Poll shows {m} ahead of {m} in {e}",
        "{i} condemns {x} in {c}",
        "{i} and {c} agree on {x}",
        "{i} chief to visit {k} after {g} attack",
        "{m} warns {i} over {x}",
        "Three {a} soldiers killed by roadside bomb in {k}",
        "{a} hostage beheaded, {g} say in video",
        "{k} - A suicide bomber blew himself up outside a mosque in {k}, killing at least {n}.",
        "Mourners bury {a} {o} as {g} vow revenge",
        "{a} helicopter shot down near {k}",
        "Israeli raid in Gaza kills {n}; {g} fire rockets",
        "Cleric urges {g} to lay down arms in {k}",
        "{n} bodies found in mass grave near {k}",
        "{c} frees {n} political prisoners",
        "{a} journalist jailed for insulting {o}",
        "Inquiry clears {m} over {x}",
        "{a} premier {m} faces revolt over {x}",
        "War crimes tribunal hears case of former {a} {o}",
    ),
    {
        "m": _NAMES_EN,
        "i": _BODIES_EN,
        "o": _words(
            "president,prime minister,foreign minister,defence minister,interior minister"
            ",chancellor,king,vice president,opposition leader,army chief,senator,party leader"
            ",government,parliament,cabinet,envoy,ambassador,secretary of state,supreme leader"
            ",junta,interim president,premier,governor,attorney general,election commission"
        ),
        "g": _words(
            "rebels,militants,gunmen,troops,soldiers,security forces,insurgents,separatists"
            ",protesters,police,suicide bombers,opposition parties,settlers,peacekeepers,guerrillas"
            ",warlords,militia,Islamists,extremists,government forces,demonstrators,riot police"
            ",border guards,coalition forces,paramilitaries,army officers,human rights groups"
        ),
        "e": _words(
            "election,referendum,peace talks,summit,ceasefire,withdrawal,general election"
            ",presidential vote,trade embargo,military exercise,constitutional reform,state visit"
            ",by-election,coalition talks,power-sharing deal,amnesty,census,independence vote"
            ",airlift,handover of power,inquiry,impeachment,nuclear talks,treaty ratification"
        ),
        "x": _words(
            "nuclear programme,weapons inspections,the road map,a peace plan,the war on terror,refugees"
            ",visa rules,budget deficit vote,union rights,abuse of prisoners,detainees,border dispute,human rights,corruption charges,sanctions,oil exports"
            ",prisoner exchange,disputed islands,war crimes,genocide charges,asylum law,press curbs"
            ",arms shipments,terrorism,civil war,constitutional crisis,hostage crisis,spy scandal"
            ",election fraud,land reform,immigration,death penalty,uranium enrichment,ethnic unrest"
            ",airstrikes,occupation,landmines,coup plot,religious violence,martial law,a new fence"
        ),
    },
)

OTHER_NEWS_EN: Final[tuple[Field, ...]] = (
    (
        (
            "{k} - {s} advanced to the semifinals with a win over {p} on Saturday.",
            "{c} beat {c} {n}-1 as {s} decides {p}",
            "{a} {s} out for the season with injury",
            "{s} rallies late to sink {k}, keeps {p} alive",
            "{a} captain praises {s} after {p}",
            "{k} (AP) - {s} led the way with {n} points as {k} won its third straight game.",
            "{c} name squad for {p}",
            "{a} {s} wins gold in {p} final",
            "{s} signs {n}-year contract with {k}",
            "Coach blames {s} for defeat in {k}",
            "{c} on top after second day of {p}",
        ),
        _words(
            "the Red Sox,the Yankees,the Lakers,the Patriots,the Packers,the Cubs,the Braves,the Heat"
            ",Arsenal,Chelsea,Manchester United,Liverpool,Real Madrid,Barcelona,AC Milan,Juventus"
            ",Bayern Munich,the Wallabies,the All Blacks,Ferrari,the Dolphins,Notre Dame,the Bulls"
            ",Federer,Williams,Woods,Singh,Schumacher,Beckham,Bryant,Shaq,Bonds,Armstrong,Phelps,Hewitt"
            ",striker,quarterback,pitcher,goalkeeper,fast bowler,point guard,sprinter,rookie"
            ",midfielder,home run,penalty,hat-trick,batsman,top seed,champion,closer,running back"
            ",the relay team,World Cup qualifier,the playoffs,the Grand Prix,the Open,Test match"
            ",the derby,the Masters,the Olympics,the pennant race,the Champions League,the Davis Cup"
            ",overtime,the freestyle,the pole vault,the marathon,spring training,the Ryder Cup"
        ),
    ),
    (
        (
            "{k} (Reuters) - Shares of the {a} {s} maker rose {n} percent after it raised {p}.",
            "{a} {s} to cut {n} jobs amid weak {p}",
            "Oil slips below ${n} as {a} supply worries ease",
            "{c}'s economy grows faster than expected on strong {p}",
            "{s} agrees to buy {a} rival for ${n} million",
            "Stocks end higher in {k} on {p}",
            "{a} {s} posts quarterly loss as {p} falls",
            "{s} profit climbs on {p}",
            "Dollar steady against euro before {c} {p} report",
            "{s} to open {n} stores in {c}",
            "{k} - The retailer said {p} missed forecasts, and its {s} unit would be sold.",
            "{s} recalls {n} cars in {c}",
            "Central bank in {k} holds rates, cites {p}",
        ),
        _words(
            "Microsoft,IBM,Intel,General Motors,Ford,Toyota,Wal-Mart,Boeing,Airbus,Yukos,Exxon,BP,Shell"
            ",Coca-Cola,Pfizer,Merck,Citigroup,Goldman Sachs,Deutsche Bank,Sony,Samsung,Nokia,Vodafone"
            ",Delta,US Airways,Kmart,Target,Nike,Disney,Time Warner,Oracle,PeopleSoft,Alitalia,Tesco"
            ",airline,steel,drug,chip,bank,insurer,brewer,carmaker,retailer,software,mining company"
            ",phone company,consumer spending,interest rates,earnings,holiday sales,inflation"
            ",retail sales,exports,housing starts,jobless claims,margins,fuel costs,credit rating"
            ",private equity,pension fund,merger,takeover bid,IPO,dividend,supply chain,bond yields"
        ),
    ),
    (
        (
            "{a} scientists find {s} near {k}",
            "{s} gets update to fix {p}",
            "New {s} promises faster {p}",
            "{k} - Researchers said on Thursday that {s} could one day replace {p}.",
            "Spacecraft sends first pictures of {s}",
            "{s} maker sues rival over {p} patent",
            "{a} start-up unveils {s} for {p}",
            "Study links {s} to {p}",
            "{n} million users download {s} in first week",
            "Hackers exploit flaw in {s}, experts warn",
            "Fossil of {s} found in {c}",
            "Chip maker delays {s} by {n} months",
            "Review: {s} is a pleasure, but {p} disappoints",
        ),
        _words(
            "Google,Yahoo,Apple,the iPod,Windows,Linux,Firefox,Internet Explorer,Oracle,Sun,Dell,AMD,Cisco"
            ",Amazon,eBay,AOL,Skype,BlackBerry,PlayStation,Xbox,Nintendo,Halo,NASA,the shuttle,Mars"
            ",Hubble,Titan,Cassini,a worm,a virus,spyware,phishing,Java,Napster,TiVo,Mozilla"
            ",browser,search engine,music player,operating system,spam filter,wireless network,telescope"
            ",rover,comet,dinosaur,stem cells,vaccine,broadband,video game,laptop,DVD recorder,robot"
            ",hybrid engine,gene map,antivirus tool,memory chip,Saturn's moon,the ozone layer,smartphone"
            ",open-source server,file sharing,blog software,black hole,whales,solar panels,camera phone"
        ),
    ),
    (
        (
            "Five things to see in {k} this {s}",
            "{a} film about {s} opens festival in {k}",
            "Singer cancels {k} show because of {s}",
            "How to cook {a} {s} at home",
            "Farmers in {c} hope for {s} after dry {p}",
            "{s} brings {n} visitors to {k}",
            "Rain and {s} expected across {c} this week",
            "{n} hurt in train accident near {k}",
            "Author wins {a} book prize for {s}",
            "{c} museum shows {s} and {p}",
            "Doctors in {k} warn of {s} in {p}",
            "School in {k} teaches children {s} through {p}",
            "Wool prices up as buyers from {c} return to {k} sales",
            "Growers near {k} say {s} has cut the {p} crop by {n} per cent",
        ),
        _words(
            "spring,summer,noodle soup,wedding,harvest,flu season,gardening,painting,old maps,jazz"
            ",documentary,ballet,street food,wildlife park,ski slopes,heritage railway,theatre,poetry"
            ",drought,locusts,wheat,cotton,grape,dairy,sheep,barley,rainfall,irrigation,frost"
        ),
    ),
)

COUNTRIES_ZH: Final = _words(
    "美国,俄罗斯,英国,法国,德国,日本,韩国,朝鲜,印度,巴基斯坦,伊朗,伊拉克,叙利亚,以色列,巴勒斯坦"
    ",土耳其,乌克兰,阿富汗,沙特,埃及,利比亚,也门,黎巴嫩,约旦,加拿大,墨西哥,古巴,巴西,阿根廷"
    ",委内瑞拉,澳大利亚,新西兰,菲律宾,越南,泰国,缅甸,柬埔寨,老挝,马来西亚,新加坡,印尼,蒙古"
    ",哈萨克斯坦,白俄罗斯,波兰,捷克,匈牙利,塞尔维亚,希腊,意大利,西班牙,葡萄牙,荷兰,比利时,瑞典"
    ",挪威,芬兰,丹麦,瑞士,南非,尼日利亚,肯尼亚,苏丹,埃塞俄比亚,索马里,津巴布韦,欧盟,卡塔尔"
    ",阿联酋,科威特,斯里兰卡,尼泊尔,孟加拉国,格鲁吉亚,亚美尼亚,阿塞拜疆,中国,美,俄,日,英,法,印"
)
CITIES_ZH: Final = _words(
    "北京,上海,广州,深圳,杭州,南京,成都,重庆,武汉,西安,天津,香港,台北,澳门,华盛顿,纽约,莫斯科,伦敦"
    ",巴黎,柏林,东京,首尔,平壤,新德里,德黑兰,巴格达,大马士革,耶路撒冷,安卡拉,基辅,喀布尔,利雅得,开罗"
    ",曼谷,河内,马尼拉,雅加达,堪培拉,布鲁塞尔,日内瓦,罗马,马德里,雅典,内罗毕,苏州,青岛,郑州,长沙"
)

POLITICS_ZH: Final[Politics] = (
    (
        "{c}{o}访问{c} 双方就{x}交换意见",
        "{c}{o}：{x}不可接受",
        "{c}宣布对{c}实施制裁 {c}回应",
        "{c}{g}在{k}发动袭击 至少{n}人死亡",
        "{c}{o}就{x}发表声明",
        "{c}{e}结果公布 {o}获胜",
        "{c}{o}因{x}辞职",
        "{c}和{c}签署{x}协议",
        "{c}{g}与{c}{g}在边境交火",
        "{k}数万人上街抗议{x}",
        "联合国安理会就{c}{x}举行会议",
        "{c}{e}将于下月举行",
        "{c}为何突然对{c}强硬？与{x}有关",
        "{c}航母驶入{c}附近海域 {o}表态",
        "{c}再次试射导弹 {c}强烈谴责",
        "{c}{o}：愿与{c}加强合作 推动{e}",
        "{c}议会通过{x}法案",
        "{c}从{c}撤军 {g}趁机占领{k}",
        "{c}驱逐{n}名{c}外交官",
        "{c}{o}遭弹劾 {g}包围总统府",
        "{o}会见{c}{o} 谈{x}",
        "{o}主持会议 研究{x}工作",
        "{o}：坚决维护国家主权和领土完整",
        "全国人大代表建议加强{x}",
        "中央出台意见 深入推进{x}",
        "{k}召开干部大会 宣布主要领导调整",
        "{k}原{o}涉嫌严重违纪被调查",
        "{c}用实际行动支持{c} {c}却背后捅刀",
        "{c}的野心：控制{c} 围堵{c}",
        "如果{c}和{c}开战 谁会帮{c}",
        "{c}{g}被打垮后 {c}{o}第一时间喊话",
        "{c}{o}一句话 让{c}下不来台",
        "历史上{c}与{c}的领土争端 根源在{x}",
        "{c}为什么不敢对{c}动手",
        "{c}退出{x}协议 国际社会反应不一",
        "停火协议生效 {c}{g}释放{n}名人质",
        "{c}难民涌入{c} {o}呼吁{x}",
        "{m}访问{c} 会见{m}",
        "{m}：{x}必须停止",
        "{m}通话 谈了{x}",
        "{m}和{m}会晤 {c}紧张了",
        "{m}突然宣布{e} {c}措手不及",
        "{m}再放狠话 {c}怎么办",
        "{m}支持率下跌 {e}前景不明",
        "{m}连任 {c}祝贺",
        "{m}下台 {g}上街庆祝",
        "{m}签署行政令 涉及{x}",
        "{m}发推特批评{c}",
        "{i}通过决议 谴责{c}{x}",
        "{i}：{c}应停止{x}",
        "{c}向{c}出售战机 {i}表示关切",
        "{i}秘书长呼吁{c}和{c}保持克制",
        "{c}击落{c}无人机 局势升级",
        "{c}在{c}门口演习 {m}坐不住了",
        "{c}华人遇袭 大使馆发布提醒",
        "{c}人怎么看{c}的{x}",
        "{c}如此落后 为何能和{c}对抗",
        "{c}这个国家到底有多强",
        "{c}和{c}断交 {c}渔翁得利",
        "{c}妄想用{x}威胁{c} 打错算盘",
        "{k}爆炸 {n}人死伤 {g}宣称负责",
        "{c}总统府遇袭 {m}发表讲话",
        "{c}女{o}第一次亮相",
        "{c}国会听证 {m}作证",
        "{c}黑人被警察打死 {k}爆发骚乱",
        "{c}枪击案 {n}人死亡 控枪再成焦点",
    ),
    {
        "m": _words(
            "特朗普,奥巴马,拜登,希拉里,布什,蓬佩奥,博尔顿,普京,梅德韦杰夫,拉夫罗夫,金正恩,金正日,文在寅"
            ",朴槿惠,安倍,安倍晋三,小泉,莫迪,默克尔,马克龙,特雷莎·梅,卡梅伦,约翰逊,埃尔多安,内塔尼亚胡"
            ",阿萨德,萨达姆,卡扎菲,哈梅内伊,鲁哈尼,马杜罗,查韦斯,卡斯特罗,杜特尔特,马哈蒂尔,昂山素季"
            ",波罗申科,泽连斯基,卢卡申科,特鲁多,教皇,潘基文,古特雷斯,曼德拉,穆加贝,本·拉登,蔡英文,陈水扁"
            ",马英九,洪秀柱,李显龙,英拉,他信,伊丽莎白女王,王毅,李克强"
        ),
        "i": _words(
            "联合国,安理会,北约,欧盟,欧洲议会,五角大楼,白宫,美国国会,克里姆林宫,世卫组织,国际法院,阿盟"
            ",东盟,非盟,国际原子能机构,美军,俄军,以军,中情局,民进党,国民党,共和党,民主党,塔利班,哈马斯"
            ",真主党,基地组织,伊斯兰国,库尔德人"
        ),
        "o": _words(
            "总统,总理,首相,外长,国防部长,外交部,外交部发言人,国务卿,议长,反对党领袖,国王,总书记"
            ",国家主席,副总理,国务委员,省委书记,市委书记,市长,省长,国防部,白宫,克里姆林宫,政府"
            ",军方,大使,特使,最高法院,议员,国务院,中纪委,政协委员,新闻发言人"
        ),
        "g": _words(
            "军队,反政府武装,极端组织,武装分子,恐怖分子,叛军,警方,示威者,特种部队,空军,海军,边防军"
            ",民兵,维和部队,联军,抗议者,情报部门,雇佣兵"
        ),
        "e": _words(
            "大选,总统选举,议会选举,公投,首脑会晤,峰会,和谈,停火,联合军演,中期选举,党代会,两会"
            ",新一届内阁,宪法修正案,外长会,国事访问,政权交接"
        ),
        "x": _words(
            "核问题,贸易摩擦,领土争端,岛屿主权,人权,边境冲突,反恐,难民危机,军售,反腐败,扶贫,改革开放"
            ",移民政策,恐怖袭击,制裁,能源管道,朝核,气候协定,导弹防御,间谍案,政变,种族冲突,独立,撤侨"
            ",选举舞弊,化武袭击,社会治理,党风廉政建设,依法治国,一带一路,驻军,霸权"
        ),
    },
)

# A question around a headline of any field.
QUESTIONS_ZH: Final = (
    "{h}", "{h}", "{h}", "{h}", "如何看待{h}？", "{h}，你怎么看？", "{h}，这是真的吗？", "为什么说{h}？",
    "{h}！", "刚刚，{h}", "{h}，网友炸锅了", "{h}，原因竟是这样", "{h}，意味着什么？", "知道吗？{h}",
)  # fmt: skip

OTHER_NEWS_ZH: Final[tuple[Field, ...]] = (
    (
        (
            "{c}队{n}比1战胜{c}队 {s}立功", "{s}伤停{n}周 {k}队遭打击", "{k}德比：{s}绝杀",
            "{p}前瞻：{c}队志在必得", "{s}宣布退役", "{s}砍下{n}分 率队取胜", "世界杯{c}对{c} {s}成关键",
            "{k}主场不敌对手 {s}失误", "{c}名将夺得{p}冠军", "{s}和{p}谁更强",
        ),
        _words(
            "詹姆斯,库里,科比,哈登,杜兰特,姚明,梅西,C罗,内马尔,武磊,郎平,张继科,马龙,林丹,李娜,勇士"
            ",火箭,湖人,骑士,皇马,巴萨,曼联,阿森纳,利物浦,拜仁,恒大,国安,上港,申花,鲁能,里皮,辽宁男篮"
            ",前锋,门将,主教练,外援,后卫,控卫,中锋,乒乓球,羽毛球,女排,跳水,马拉松,欧冠,英超,西甲,中超"
            ",NBA总决赛,奥运会预选赛,网球公开赛,斯诺克,全运会,篮板,三分球,点球,电竞战队"
        ),
    ),
    (
        (
            "{s}涨停 {p}板块走强", "{k}楼市：{s}成交上涨{n}%", "{c}{s}企业进入{k}市场",
            "{s}怎么买最划算", "{k}{s}价格下跌 买家观望", "今日股市：{s}领涨", "{s}公司净利润增长{n}%",
            "存款{n}万 买{s}还是买{p}", "{c}{s}巨头裁员{n}人", "{s}龙头股还能追吗",
        ),
        _words(
            "茅台,恒大,万科,碧桂园,格力,美的,阿里,腾讯,京东,小米,中石油,工商银行,平安,比特币,乐视,贾跃亭"
            ",马云,马化腾,董明珠,王健林,雷军,任正非,李嘉诚,支付宝,余额宝,微粒贷,公积金,白酒,券商,芯片,二手房,学区房,基金,黄金,新能源车,公寓,理财,保险,煤炭,钢铁,房贷,光伏,医药"
            ",人民币汇率,物业费,首付,别墅,猪肉,大豆,期货,港股,A股"
        ),
    ),
    (
        (
            "{s}新片在{k}首映 {p}亮相", "{s}和{p}同框 网友：太甜了", "{c}明星{s}来{k}开演唱会",
            "{s}十大名场面", "王者荣耀{s}怎么出装", "{s}新赛季上线 {p}被削弱", "这款{s}游戏值得玩吗",
            "{c}版{s}翻拍失败", "{s}剧透：结局太意外", "吃鸡{s}哪把最好用",
        ),
        _words(
            "杨幂,范冰冰,赵丽颖,鹿晗,吴亦凡,周杰伦,刘德华,成龙,黄渤,沈腾,邓超,王宝强,谢娜,何炅,杨紫"
            ",李白,貂蝉,韩信,鲁班,妲己,亚索,盲僧,绝地求生,英雄联盟,穿越火线,地下城,我的世界,漫威,甄嬛传"
            ",跑男,创造101,延禧攻略,男主角,女团,综艺,导演,歌手,古装剧,动漫,偶像,票房,喜剧,坦克,射手,打野,刺客,皮肤,狙击枪"
            ",段位,副本,装备,韩剧,选秀,相声,主持人,红毯,婚礼"
        ),
    ),
    (
        (
            "{c}旅游攻略：{s}不能错过", "{k}周边自驾游 {s}真美", "{c}的{s}为什么这么好吃",
            "农村{s}怎么种 亩产{n}斤", "{k}高考{s}变化", "{s}专业就业怎么样", "{c}留学{s}怎么申请",
            "孩子不爱{s}怎么办", "{s}油耗多少 {p}值得买吗", "{c}产SUV {s}和{p}选哪个",
            "手机{s}卡顿怎么办", "{k}{s}发布 售价{n}元", "{s}的故事：{p}", "书法{s}欣赏",
            "{k}博物馆展出{s}", "{s}养殖技术 一年赚{n}万",
        ),
        _words(
            "华为,苹果,三星,OPPO,特斯拉,奥迪,宝马,大众,丰田,哈弗,五菱,比亚迪,清华,北大,考研,公务员,教师资格证"
            ",曹操,诸葛亮,朱元璋,李世民,乾隆,红楼梦,西游记,温泉,古镇,海岛,玉米,土豆,猕猴桃,养鸡,大棚,语文,数学,作文,会计,护理,雅思,四六级,底盘,发动机"
            ",自动挡,轿车,面包车,相机,屏幕,充电,系统更新,国画,青铜器,瓷器,古诗,寺庙,面食,海鲜,民宿"
        ),
    ),
)  # fmt: skip
