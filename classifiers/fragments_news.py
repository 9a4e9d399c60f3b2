"""English headlines and first sentences of news, written for this project, for weak labels.

Places stand in political and other news alike, so that a country's name by itself tells a model
nothing. Slots: `{c}` a country, `{a}` its adjective (English), `{k}` a city, `{n}` a number; of
political news `{o}` an office, `{g}` a group, `{e}` an event, `{x}` a subject; of other news `{s}`
a subject of its field, `{p}` another one.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "CITIES_EN", "COUNTRIES_EN", "OTHER_NEWS_EN", "POLITICS_EN", "Field", "Politics", "words",
]  # fmt: skip

# Frames, then the words of their slots.
Field = tuple[tuple[str, ...], tuple[str, ...]]
Politics = tuple[tuple[str, ...], dict[str, tuple[str, ...]]]


def words(text: str) -> tuple[str, ...]:
    """Return the words of a list with commas between."""
    return tuple(text.split(","))


COUNTRIES_EN: Final = tuple(
    tuple(pair.split("/"))
    for pair in words(
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
        ",Portugal/Portuguese,Romania/Romanian,Russia/Russian,Rwanda/Rwandan,Saudi Arabia/Saudi"
        ",Serbia/Serbian,Singapore/Singaporean,Somalia/Somali,South Africa/South African"
        ",South Korea/South Korean,Spain/Spanish,Sri Lanka/Sri Lankan,Sudan/Sudanese"
        ",Sweden/Swedish,Switzerland/Swiss,Syria/Syrian,Taiwan/Taiwanese,Thailand/Thai"
        ",Tunisia/Tunisian,Turkey/Turkish,U.S./American,US/US,Uganda/Ugandan,Ukraine/Ukrainian"
        ",Venezuela/Venezuelan,Vietnam/Vietnamese,Yemen/Yemeni,Zimbabwe/Zimbabwean,the EU/European"
        ",Gaza/Palestinian,Chechnya/Chechen,Kashmir/Kashmiri"
    )
)
CITIES_EN: Final = words(
    "Kabul,Algiers,Buenos Aires,Canberra,Sydney,Vienna,Dhaka,Minsk,Brussels,Sarajevo,Brasilia"
    ",London,Sofia,Ottawa,Toronto,Santiago,Beijing,Shanghai,Hong Kong,Bogota,Kinshasa,Zagreb"
    ",Havana,Nicosia,Copenhagen,Quito,Cairo,Addis Ababa,Helsinki,Paris,Tbilisi,Berlin,Athens"
    ",Port-au-Prince,Budapest,New Delhi,Mumbai,Jakarta,Tehran,Baghdad,Mosul,Basra,Dublin,Jerusalem"
    ",Tel Aviv,Rome,Milan,Tokyo,Amman,Nairobi,Pristina,Beirut,Tripoli,Kuala Lumpur,Mexico City"
    ",Rabat,Kathmandu,Lagos,Abuja,Pyongyang,Oslo,Islamabad,Karachi,Lima,Manila,Warsaw,Lisbon"
    ",Bucharest,Moscow,Kigali,Riyadh,Belgrade,Mogadishu,Pretoria,Johannesburg,Seoul,Madrid"
    ",Barcelona,Colombo,Khartoum,Stockholm,Geneva,Zurich,Damascus,Aleppo,Taipei,Bangkok,Ankara"
    ",Istanbul,Kampala,Kiev,Caracas,Hanoi,Sanaa,Harare,Washington,New York,Boston,Chicago"
    ",Los Angeles,San Francisco,Seattle,Gaza City,Ramallah,Grozny,Srinagar"
)

_NAMES_EN: Final = words(
    "Bush,Kerry,Clinton,Gore,Obama,Trump,Biden,Cheney,Powell,Rumsfeld,Rice,Reagan,Carter,Nixon"
    ",Kennedy,Blair,Brown,Thatcher,Cameron,Johnson,Major,Chirac,Sarkozy,Macron,Mitterrand"
    ",Schroeder,Merkel,Kohl,Putin,Yeltsin,Medvedev,Gorbachev,Lavrov,Yushchenko,Yanukovich,Zelensky"
    ",Lukashenko,Berlusconi,Prodi,Aznar,Zapatero,Sharon,Netanyahu,Peres,Rabin,Barak,Arafat,Abbas"
    ",Hamas,Hezbollah,Assad,Saddam Hussein,Allawi,al-Sadr,Sistani,Zarqawi,bin Laden,al Qaeda"
    ",the Taliban,Karzai,Musharraf,Bhutto,Khatami,Ahmadinejad,Khamenei,Rouhani,Mubarak,Gaddafi"
    ",Erdogan,Annan,Ban Ki-moon,Singh,Vajpayee,Modi,Hu Jintao,Wen Jiabao,Jiang Zemin,Xi Jinping"
    ",Chen Shui-bian,Koizumi,Abe,Roh,Kim Jong-il,Kim Jong-un,Megawati,Yudhoyono,Arroyo,Thaksin"
    ",Suu Kyi,Mahathir,Anwar,Howard,Latham,Martin,Harper,Trudeau,Fox,Castro,Chavez,Maduro,Lula"
    ",Kirchner,Uribe,Pinochet,Fujimori,Aristide,Mandela,Mbeki,Mugabe,Obasanjo,Kagame,Museveni"
    ",Bashir,Milosevic,Karadzic,the Dalai Lama"
)
_BODIES_EN: Final = words(
    "the UN,the United Nations,NATO,the EU,the European Commission,the African Union"
    ",the Arab League,the IAEA,the White House,the Pentagon,Congress,the Senate,the Kremlin"
    ",Amnesty International,the Red Cross,the Security Council,the CIA,the State Department"
    ",the Supreme Court,the Vatican,Democrats,Republicans,Labour,Conservatives,the Foreign Office"
    ",the World Court,the Knesset"
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
        "o": words(
            "president,prime minister,foreign minister,defence minister,interior minister"
            ",chancellor,king,vice president,opposition leader,army chief,senator,party leader"
            ",government,parliament,cabinet,envoy,ambassador,secretary of state,supreme leader"
            ",junta,interim president,premier,governor,attorney general,election commission"
        ),
        "g": words(
            "rebels,militants,gunmen,troops,soldiers,security forces,insurgents,separatists"
            ",protesters,police,suicide bombers,opposition parties,settlers,peacekeepers"
            ",guerrillas,warlords,militia,Islamists,extremists,government forces,demonstrators"
            ",riot police,border guards,coalition forces,paramilitaries,army officers"
            ",human rights groups"
        ),
        "e": words(
            "election,referendum,peace talks,summit,ceasefire,withdrawal,general election"
            ",presidential vote,trade embargo,military exercise,constitutional reform,state visit"
            ",by-election,coalition talks,power-sharing deal,amnesty,census,independence vote"
            ",airlift,handover of power,inquiry,impeachment,nuclear talks,treaty ratification"
        ),
        "x": words(
            "nuclear programme,weapons inspections,the road map,a peace plan,the war on terror"
            ",refugees,visa rules,budget deficit vote,union rights,abuse of prisoners,detainees"
            ",border dispute,human rights,corruption charges,sanctions,oil exports"
            ",prisoner exchange,disputed islands,war crimes,genocide charges,asylum law"
            ",press curbs,arms shipments,terrorism,civil war,constitutional crisis,hostage crisis"
            ",spy scandal,election fraud,land reform,immigration,death penalty,uranium enrichment"
            ",ethnic unrest,airstrikes,occupation,landmines,coup plot,religious violence"
            ",martial law,a new fence"
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
        words(
            "the Red Sox,the Yankees,the Lakers,the Patriots,the Packers,the Cubs,the Braves"
            ",the Heat,Arsenal,Chelsea,Manchester United,Liverpool,Real Madrid,Barcelona,AC Milan"
            ",Juventus,Bayern Munich,the Wallabies,the All Blacks,Ferrari,the Dolphins,Notre Dame"
            ",the Bulls,Federer,Williams,Woods,Singh,Schumacher,Beckham,Bryant,Shaq,Bonds"
            ",Armstrong,Phelps,Hewitt,striker,quarterback,pitcher,goalkeeper,fast bowler"
            ",point guard,sprinter,rookie,midfielder,home run,penalty,hat-trick,batsman,top seed"
            ",champion,closer,running back,the relay team,World Cup qualifier,the playoffs"
            ",the Grand Prix,the Open,Test match,the derby,the Masters,the Olympics"
            ",the pennant race,the Champions League,the Davis Cup,overtime,the freestyle"
            ",the pole vault,the marathon,spring training,the Ryder Cup"
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
        words(
            "Microsoft,IBM,Intel,General Motors,Ford,Toyota,Wal-Mart,Boeing,Airbus,Yukos,Exxon,BP"
            ",Shell,Coca-Cola,Pfizer,Merck,Citigroup,Goldman Sachs,Deutsche Bank,Sony,Samsung"
            ",Nokia,Vodafone,Delta,US Airways,Kmart,Target,Nike,Disney,Time Warner,Oracle"
            ",PeopleSoft,Alitalia,Tesco,airline,steel,drug,chip,bank,insurer,brewer,carmaker"
            ",retailer,software,mining company,phone company,consumer spending,interest rates"
            ",earnings,holiday sales,inflation,retail sales,exports,housing starts,jobless claims"
            ",margins,fuel costs,credit rating,private equity,pension fund,merger,takeover bid,IPO"
            ",dividend,supply chain,bond yields"
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
        words(
            "Google,Yahoo,Apple,the iPod,Windows,Linux,Firefox,Internet Explorer,Oracle,Sun,Dell"
            ",AMD,Cisco,Amazon,eBay,AOL,Skype,BlackBerry,PlayStation,Xbox,Nintendo,Halo,NASA"
            ",the shuttle,Mars,Hubble,Titan,Cassini,a worm,a virus,spyware,phishing,Java,Napster"
            ",TiVo,Mozilla,browser,search engine,music player,operating system,spam filter"
            ",wireless network,telescope,rover,comet,dinosaur,stem cells,vaccine,broadband"
            ",video game,laptop,DVD recorder,robot,hybrid engine,gene map,antivirus tool"
            ",memory chip,Saturn's moon,the ozone layer,smartphone,open-source server,file sharing"
            ",blog software,black hole,whales,solar panels,camera phone"
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
        words(
            "spring,summer,noodle soup,wedding,harvest,flu season,gardening,painting,old maps,jazz"
            ",documentary,ballet,street food,wildlife park,ski slopes,heritage railway,theatre"
            ",poetry,drought,locusts,wheat,cotton,grape,dairy,sheep,barley,rainfall,irrigation"
            ",frost"
        ),
    ),
)
