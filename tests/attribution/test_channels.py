"""What brought a visit: the standard table case by case, and any table beside a plain loop over its rules."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from oracles import channels as oracle
from oracles.channels import Visit
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retinue.attribution import channels
from retinue.attribution.channels import ChannelRules, Rule
from retinue.errors import InputMissing, SchemaMismatch, UnknownSetting

GOOGLE = "https://www.google.com/"
SHOP = "https://shop.example"
STANDARD: list[tuple[str, Visit]] = [
    # Click ids, and the tags that know better than they do.
    ("paid_search", Visit("/?gclid=EAIaIQ", GOOGLE)),
    ("paid_search", Visit("/?a=1&GBRAID=x")),
    ("paid_search", Visit("/?utm_source=bing&msclkid=x#top")),
    ("paid_search", Visit(f"{SHOP}/?utm_medium=email&gclid=x", f"{SHOP}/")),
    ("display", Visit("/?gclid=x&utm_medium=display", GOOGLE)),
    ("display", Visit("/?utm_medium=Banner-300x250&dclid=")),
    ("display", Visit("/?dclid=x&utm_medium=cpc")),
    ("display", Visit("/", "https://ad.doubleclick.net/ddm")),
    ("paid_social", Visit("/?gclid=x&utm_medium=paid_social")),
    ("paid_social", Visit("/?ttclid=x")),
    ("paid_social", Visit("/?ScCid=x")),
    ("paid_social", Visit("/?utm_medium=cpc&utm_source=facebook_mobile")),
    ("paid_social", Visit("/?fbclid=x&utm_source=ig&utm_medium=paid", "https://l.instagram.com/")),
    ("affiliates", Visit("/?cjevent=x", "https://coupons.example/")),
    ("affiliates", Visit("/?utm_medium=affiliate-network")),
    ("paid_search", Visit("/?utm_medium=CPC&utm_source=Google")),
    ("paid_search", Visit("/?utm_medium=paid+search")),
    ("paid_search", Visit("/?utm_medium=paid%20search")),
    # Tags.
    ("email", Visit("/?utm_medium=e-mail&utm_source=facebook")),
    ("email", Visit("/?utm_source=newsletter_may&utm_medium=social")),
    ("email", Visit("/?mc_eid=x&utm_source=spring")),
    ("email", Visit("/?fbclid=x&utm_medium=email", "https://m.facebook.com/")),
    ("sms", Visit("/?utm_medium=sms")),
    ("push", Visit("/?utm_medium=web-push")),
    ("ai_assistants", Visit("/?utm_source=chatgpt.com")),
    ("organic_social", Visit("/?utm_medium=social&utm_source=weibo")),
    ("organic_social", Visit("/?utm_source=Instagram_Stories")),
    ("organic_social", Visit("/?fbclid=x")),
    ("organic_search", Visit("/?utm_medium=organic&utm_source=gmb", GOOGLE)),
    ("referral", Visit("/?utm_medium=referral", GOOGLE)),
    ("other_campaigns", Visit("/?utm_medium=podcast", GOOGLE)),
    ("other_campaigns", Visit("/?utm_source=podcast")),
    ("other_campaigns", Visit("/?utm_campaign=spring", "https://www.bing.com/")),
    ("other_campaigns", Visit("/", GOOGLE, "spring-3")),
    # The source's own word.
    ("paid_search", Visit("/", GOOGLE, "brand-terms", "paid_search")),
    ("paid_search", Visit("/", GOOGLE, None, "CPC")),
    ("paid_social", Visit("/", None, None, "Paid Social")),
    ("email", Visit("/", "https://mail.example.org/", "letter", " Email ")),
    ("organic_search", Visit("/", None, "(organic)", "organic")),
    ("organic_social", Visit(None, None, None, "social")),
    ("display", Visit("/?utm_medium=display", None, None, "email")),
    ("direct", Visit("/", None, None, "Direct")),
    ("direct", Visit("/", None, "(direct)", "(none)")),
    ("direct", Visit("/", None, None, "unknown")),
    ("referral", Visit("/", "https://blog.example.org/", None, "unknown")),
    ("organic_search", Visit("/", GOOGLE, None, "referral")),
    ("ai_assistants", Visit("/", "https://chatgpt.com/", None, "referral")),
    ("influencers", Visit("/", "https://blog.example.org/", None, "Influencers")),
    # The referrer.
    ("internal", Visit("/", "https://cart.own.example/checkout")),
    ("internal", Visit(f"{SHOP}/thanks", f"{SHOP}:443/cart")),
    ("internal", Visit("/thanks", "/cart")),
    ("referral", Visit(f"{SHOP}/thanks", "https://notshop.example/")),
    ("referral", Visit("/", "https://notown.example/")),
    ("session_refresh", Visit("/", "https://accounts.google.com/")),
    ("session_refresh", Visit("/", "https://www.paypal.com/checkout")),
    ("email", Visit("/", "https://mail.google.com/mail/u/0/")),
    ("email", Visit("/", "android-app://com.google.android.gm/")),
    ("ai_assistants", Visit("/", "https://www.perplexity.ai/search?q=x")),
    ("ai_assistants", Visit("/", "https://gemini.google.com/")),
    ("ai_assistants", Visit("/", "https://copilot.microsoft.com")),
    ("referral", Visit("/", "https://docs.google.com/document/d/1")),
    ("organic_search", Visit("/", "https://www.google.co.uk/search?q=a")),
    ("organic_search", Visit("/", "http://google.de")),
    ("organic_search", Visit("/", "https://www.google.com.au:443/url?x#y")),
    ("organic_search", Visit("/", "HTTPS://WWW.GOOGLE.COM./")),
    ("organic_search", Visit("/", "www.google.com/search")),
    ("organic_search", Visit("/", "//duckduckgo.com")),
    ("organic_search", Visit("/", "https://de.search.yahoo.com/")),
    ("referral", Visit("/", "https://notgoogle.com/")),
    ("referral", Visit("/", "https://google.shop.example/")),
    ("referral", Visit("/", "https://google.com.evil.example/")),
    ("referral", Visit("/", "https://evil.example/?https://www.google.com/")),
    ("referral", Visit("/", "https://www.google.com@evil.example/")),
    ("referral", Visit("/", r"https://evil.example\@www.google.com/")),
    ("organic_search", Visit("/", "https://user:p@ss@www.bing.com:8080/")),
    ("organic_social", Visit("/", "https://t.co/abc")),
    ("organic_social", Visit("/", "https://l.facebook.com/l.php?u=x")),
    ("referral", Visit("/", "https://netflix.com/")),
    ("referral", Visit("/", "http://[2001:db8::1]:8080/")),
    ("referral", Visit("/", "https://bücher.example/")),
    # Nothing to go by.
    ("direct", Visit()),
    ("direct", Visit("", "", "", "")),
    ("direct", Visit("/", "javascript:alert(1)")),
    ("direct", Visit("/", "about:blank")),
    ("direct", Visit("/", "file:///C:/page.html")),
    ("direct", Visit("/", "-")),
    ("direct", Visit("/", "https:///nowhere")),
    ("direct", Visit("/", "http://user@/")),
    # Addresses that lie.
    ("direct", Visit("/?gclid=&utm_medium=")),
    ("direct", Visit("/?xgclid=1&utm_medium")),
    ("direct", Visit("/page#?utm_medium=email")),
    ("direct", Visit("/gclid=1/utm_medium=cpc")),
    ("email", Visit("/?utm_medium=&utm_medium=email&utm_medium=cpc")),
    ("email", Visit("/?a=b?&amp;utm_medium=%45mail#utm_medium=cpc")),
    ("email", Visit("/?UTM_MEDIUM=EMAIL")),
    ("email", Visit("javascript:void(0)?utm_medium=email")),
    ("email", Visit("https://[::1]:8443/?utm_medium=email")),
    ("other_campaigns", Visit("/?utm_medium=%ZZ%")),
    ("other_campaigns", Visit("/?utm_medium=%FF%C3")),
    ("other_campaigns", Visit("/?utm_source=日本&utm_medium=(not+set)")),
    ("direct", Visit("/?utm_source=%28direct%29&utm_medium=%28none%29&utm_campaign=+")),
]


def sessionized(spark: SparkSession, visits: Iterable[Visit]) -> DataFrame:
    """Each visit a session of two events, of which the second says otherwise."""
    kind = "person_id string, session_id string, event_index int, occurred_at timestamp, page string"
    rows = [
        (f"p{n}", f"s{n}", index, datetime(2026, 3, 1, 12, index), *told)
        for n, visit in enumerate(visits)
        for index, told in [(1, visit), (2, Visit("/?utm_medium=sms"))]
    ]
    return spark.createDataFrame(rows, f"{kind}, referrer string, campaign_id string, channel string")


def found(spark: SparkSession, visits: list[Visit], table: ChannelRules) -> list[oracle.Touch]:
    rows = channels.touches(sessionized(spark, visits), rules=table).collect()
    told = {row.session_id: oracle.Touch(*(row[name] for name in oracle.Touch._fields)) for row in rows}
    assert len(told) == len(rows) == len(visits)
    return [told[f"s{n}"] for n in range(len(visits))]


def test_the_standard_table(spark: SparkSession) -> None:
    table = replace(channels.load("standard"), own_hosts=("own.example",))
    visits = [visit for _, visit in STANDARD]
    touches = found(spark, visits, table)
    wrong = [
        (visit, touch.channel, touch.rule, wanted)
        for (wanted, visit), touch in zip(STANDARD, touches, strict=True)
        if touch.channel != wanted
    ]
    assert not wrong
    assert {rule.channel for rule in table.rules} - {"{channel}"} <= {touch.channel for touch in touches}
    rows = sessionized(spark, visits).where("event_index = 1")
    asked = rows.select("session_id", channels.channel_of(table, page=F.col("page")).alias("channel"))
    told = {row.session_id: row.channel for row in asked.collect()}
    assert [told[f"s{n}"] for n in range(len(visits))] == [touch.channel for touch in touches]


def test_no_rule_of_the_standard_table_stands_in_vain(spark: SparkSession) -> None:
    """A visit made for each rule out of its own words is caught by it, not by one before it."""
    table = channels.load("standard")
    made = [exemplar(rule) for rule in table.rules]
    caught = [touch.rule for touch in found(spark, made, table)]
    assert caught == list(range(1, len(table.rules) + 1))


def exemplar(rule: Rule) -> Visit:
    def last(globs: tuple[str, ...]) -> str | None:
        return globs[-1].replace("*", "zz").replace("?", "-") if globs else None

    names = ("utm_medium", "utm_source")
    tags = [f"{name}={last(getattr(rule, name))}" for name in names if getattr(rule, name)]
    ids = [f"{name}=1" for name in rule.click_id[-1:]]
    host = last(rule.referrer) or {("internal",): "a.example", ("external",): "b.example"}.get(
        rule.referrer_is
    )
    return Visit(
        f"https://a.example/?{'&'.join(tags + ids)}",
        f"https://{host}/" if host else None,
        last(rule.campaign_id),
        "bartering" if rule.channel == "{channel}" else last(rule.channel_is),
    )


TABLE = """
own_hosts = ["own.example", "*.shop.*"]
[[rules]]
channel = "{utm_medium} by {utm_source}"
page = ["/a*b?c*", "/Landing/*"]
[[rules]]
channel = "{channel}"
channel_is = ["*a*a*b", "x?"]
referrer_is = ["none", "Internal"]
[[rules]]
channel = "{referrer_host}"
referrer = ["w?w.b.example", "x-*.c.example", "shop.*", "B.example"]
utm_source = ["*"]
[[rules]]
channel = "campaign"
campaign_id = ["*%*", "*a?", "[a]"]
[[rules]]
channel = "clicked"
click_id = ["Click.Id", "gclid"]
referrer_is = ["external"]
[[rules]]
channel = "from {referrer_host}"
utm_campaign = ["?", "*ü*"]
[[rules]]
channel = "own"
referrer_is = ["internal"]
"""


def drawn(rng: random.Random) -> Visit:
    def piece(letters: str, most: int = 6) -> str:
        return "".join(rng.choices(letters, k=rng.randrange(most)))

    def value() -> str:
        return (
            piece("ab%+2C3ü(é )") if rng.random() < 0.5 else rng.choice(["ab", "%C3%BC", "a%2", "(x)", "%"])
        )

    def query() -> str:
        names = (
            "utm_medium",
            "utm_source",
            "utm_campaign",
            "utm_content",
            "UTM_Medium",
            "gclid",
            "click.id",
            "clicksid",
        )
        return "".join(
            f"{rng.choice(names)}{rng.choice(['=', '=', '=', '', '=='])}{value()}{rng.choice('&&&;')}"
            for _ in range(rng.randrange(7))
        )

    def host() -> str:
        names = (
            "www",
            "b",
            "c",
            "own",
            "shop",
            "x-y",
            "example",
            "co",
            "uk",
            "de",
            "com",
            "example",
            "ö",
            "",
        )
        return rng.choice(["", "", "", "u@", "u:p@b.example@"]) + rng.choice(
            [
                ".".join(rng.choices(names, k=rng.randrange(1, 5))),
                "own.example",
                "shop.co.uk",
                "B.Example",
                "[::1]",
            ]
        )

    def address() -> str:
        scheme = rng.choice(["https://", "HTTP://", "//", "android-app://"])
        port = rng.choice(["", "", ":80", ":"])
        tail = rng.choice(["", "?" + query(), "#?utm_source=z", f"?{query()}#&utm_source=z"])
        return f"{scheme}{host()}{port}{path()}{tail}"

    def path() -> str:
        return rng.choice(["", "/", "/axbcc", "/LANDING/x", "/" + piece("abc/")]).replace("//", "/")

    def maybe(text: str) -> str | None:
        return None if rng.random() < 0.2 else text

    page = rng.choice([address(), f"{path()}?{query()}"])
    referrer = rng.choice([address(), address(), path(), "about:blank", "own.example/x", "shop.example:80"])
    return Visit(maybe(page), maybe(referrer), maybe(value()), maybe(piece("abx ", 9)))


def test_any_visit_as_a_plain_loop_has_it(spark: SparkSession) -> None:
    rng = random.Random(7)
    table = channels.loads(TABLE, name="mixed")
    visits = [drawn(rng) for _ in range(4_000)]
    wanted = [oracle.touch(visit, table) for visit in visits]
    wrong = [
        each for each in zip(visits, found(spark, visits, table), wanted, strict=True) if each[1] != each[2]
    ]
    assert not wrong[:5]
    caught = {touch.rule for touch in wanted}
    assert caught == {None, *range(1, len(table.rules) + 1)}


def test_touches_are_of_the_first_event(spark: SparkSession) -> None:
    visits = [
        Visit("/?utm_campaign=Spring&utm_content=Ad+7&utm_source=Letter", GOOGLE),
        Visit("/", GOOGLE, "C-1"),
    ]
    events = sessionized(spark, visits).withColumn("visitor_id", F.concat(F.lit("v:"), "person_id"))
    outside = events.withColumns({"session_id": F.lit(None), "event_index": F.lit(None)})
    table = channels.loads('[[rules]]\nchannel = "g"\nreferrer = ["google.*"]', name="g")
    touches = channels.touches(events.union(outside), rules=table)
    noon = datetime(2026, 3, 1, 12, 1)
    assert sorted(map(tuple, touches.collect())) == [
        ("p0", "v:p0", "s0", noon, "g", "click", "Spring", "Ad 7", "letter", 1),
        ("p1", "v:p1", "s1", noon, "g", "click", "C-1", None, "www.google.com", 1),
    ]
    assert touches.columns == [
        *("person_id", "visitor_id", "session_id", "occurred_at", "channel", "touch_type"),
        *("campaign_id", "ad_id", "source", "rule"),
    ]
    by_visitor = channels.touches(events, rules=table, person="visitor_id")
    assert by_visitor.columns == touches.columns[1:]
    assert "Exchange" not in by_visitor._jdf.queryExecution().executedPlan().toString()
    with pytest.raises(SchemaMismatch, match=r"channels\.touches needs the column referrer"):
        channels.touches(events.drop("referrer"), rules=table)


def test_coverage_shows_what_no_rule_catches(spark: SparkSession) -> None:
    table = channels.loads(
        '[[rules]]\nchannel = "unmatched?"\nutm_source = ["a"]\n[[rules]]\nchannel = "c"\nutm_source = ["b"]',
        name="t",
    )
    visits = [Visit("/?utm_source=b")] * 3 + [Visit("/")] * 5
    touches = channels.touches(sessionized(spark, visits), rules=table)
    assert {tuple(row) for row in channels.coverage(touches).collect()} == {
        ("c", 2, 3, 0.375),
        ("unmatched", None, 5, 0.625),
    }
    caught = channels.coverage(touches.where("rule = 2"))
    assert {tuple(row) for row in caught.collect()} == {("c", 2, 3, 1.0), ("unmatched", None, 0, 0.0)}
    assert [tuple(row) for row in channels.coverage(touches.limit(0)).collect()] == [
        ("unmatched", None, 0, None)
    ]


def test_many_stars_cost_no_more_than_the_text_is_long(spark: SparkSession) -> None:
    rules = [Rule("never", utm_source=("*a" * 30 + "b",)), Rule("stars", utm_source=("*a" * 30,))]
    visit = Visit("/?utm_source=" + "a" * 20_000, "http://" + "a." * 20_000 + " ")
    assert found(spark, [visit], ChannelRules("stars", tuple(rules)))[0].channel == "stars"


def test_the_ready_tables() -> None:
    assert channels.names() == ["standard"]
    table = channels.load("standard")
    assert table.about
    assert table.rules[-1] == Rule("direct")
    with pytest.raises(UnknownSetting, match="no channel table 'standart'; did you mean 'standard'"):
        channels.load("standart")


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'own_hosts = ["shop.example"]\n# remark\n[[rules]]\nclick_id = ["gclid"]\nchannel = "ads"\n'
    )
    table = channels.load(path)
    assert table == ChannelRules("mine", (Rule("ads", click_id=("gclid",)),), own_hosts=("shop.example",))
    remade = 'own_hosts=["shop.example"]\n[[rules]]\nchannel="ads"\nclick_id=["gclid"]'
    assert channels.loads(remade, name="mine").digest == table.digest
    assert channels.loads(remade.replace("gclid", "dclid"), name="mine").digest != table.digest
    assert re.fullmatch("[0-9a-f]{12}", table.digest)
    with pytest.raises(InputMissing, match=r"none\.toml cannot be read"):
        channels.load(tmp_path / "none.toml")


def test_all_faults_of_a_file_at_once() -> None:
    wrong = """
about = 7
own_host = []
own_hosts = "shop.example"
[[rules]]
chanel = "x"
[[rules]]
channel = "all"
[[rules]]
channel = "{utm_medum}"
utm_medium = "cpc"
utm_source = []
utm_campaign = [1, ""]
[[rules]]
channel = "unmatched"
click_id = ["gclid="]
referrer = ["https://google.com/", "*", ".google.com"]
referrer_is = ["extern"]
[[rules]]
channel = "{"
[[rules]]
channel = 5
"""
    with pytest.raises(UnknownSetting) as told:
        channels.loads(wrong, name="mine")
    places = "in braces stands one of channel, utm_source, utm_medium, referrer_host"
    host = "it is a host, as google.com, google.* or *.shop.example"
    assert str(told.value).splitlines() == [
        "channel table 'mine' cannot be used:",
        "  own_host is no key of a channel table; did you mean 'own_hosts'?",
        "  about is 7; it is a text",
        "  own_hosts is 'shop.example'; it is a list of texts",
        "  rule 1: chanel is no key of a rule; did you mean 'channel'?",
        "  rule 1: channel is missing",
        "  rule 2 has no condition and takes all that is left; none behind it can hold",
        f"  rule 3: channel is '{{utm_medum}}': {places}; did you mean 'utm_medium'?",
        "  rule 3: utm_medium is 'cpc'; it is a list of texts",
        "  rule 3: utm_source is empty; nothing would match it",
        "  rule 3: utm_campaign has 1; it is a text",
        "  rule 3: utm_campaign has ''; it is a text",
        "  rule 4: channel is unmatched, which is what no rule catches",
        "  rule 4: click_id has 'gclid='; it is the name of a parameter, as gclid",
        f"  rule 4: referrer has 'https://google.com/'; {host}",
        f"  rule 4: referrer has '*'; {host}",
        f"  rule 4: referrer has '.google.com'; {host}",
        "  rule 4: referrer_is has 'extern'; it is one of none, internal, external",
        "  rule 5: channel is '{': Single '{' encountered in format string",
        "  rule 6: channel is 5; it is a text",
    ]
    for text, trouble in [
        ("", r"\[\[rules\]\] is missing"),
        ("rules = [1]", "is missing"),
        ("[[rules", "no TOML"),
    ]:
        with pytest.raises(UnknownSetting, match=trouble):
            channels.loads(text, name="mine")
