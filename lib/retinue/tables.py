"""The catalogue: every table of the lake, declared as data.

From an entry come the table's creation, its checks and comments, its documentation, its
place in the job graph and what an erasure has to reach. Types are Spark DDL kept as text,
so that the catalogue imports without Spark.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from retinue.errors import UnknownTable, nearest

__all__ = ["CATALOGUE", "LAYERS", "Column", "Table", "find"]

LAYERS = ("bronze", "silver", "gold", "ops")


@dataclass(frozen=True)
class Column:
    """One column: its DDL type, what it means, its unit, and whom it could identify."""

    name: str
    type: str
    meaning: str
    unit: str = ""
    personal: str = ""  # identifier | behaviour | free_text; empty: says nothing of a person
    is_required: bool = False


@dataclass(frozen=True)
class Table:
    """One table: a row is one `grain`, told apart by `key`; `owner` is the job that writes it.

    `checks` are CHECK constraints of the rows themselves. `invariants` are promises across
    rows: each is a SQL query over the registered lake that must find nothing. `stamps` say when and by
    which run a row came: a row that differs in these alone is the same row.
    """

    name: str
    grain: str
    owner: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    cluster_by: tuple[str, ...] = ()
    checks: Mapping[str, str] = field(default_factory=dict)
    invariants: Mapping[str, str] = field(default_factory=dict)
    stamps: tuple[str, ...] = ()

    @property
    def layer(self) -> str:
        """bronze, silver, gold or ops."""
        return self.name.partition(".")[0]

    @property
    def column_names(self) -> list[str]:
        """The columns in their order."""
        return [column.name for column in self.columns]

    @property
    def personal_columns(self) -> list[str]:
        """The columns that an erasure has to reach."""
        return [column.name for column in self.columns if column.personal]


def find(name: str) -> Table:
    """The table of this name. Raises UnknownTable with the nearest name there is."""
    if name not in CATALOGUE:
        raise UnknownTable(
            f"there is no table {name!r}{nearest(name, CATALOGUE)}; "
            f"`retinue tables` lists all {len(CATALOGUE)}"
        )
    return CATALOGUE[name]


EVENT_TYPES = (
    "page_view",
    "product_view",
    "search",
    "result_click",
    "add_to_cart",
    "checkout",
    "purchase",
    "ping",
    "other",
)
POST_TYPES = ("post", "review", "comment", "mail")
MEDIA_CLASSES = ("earned", "owned", "paid")
ATTACHMENTS = ("text", "picture", "video")
RELATIONSHIPS = ("follows", "e_mails", "refers")
TOUCH_TYPES = ("click", "impression")
LEGAL_BASES = ("anonymous", "consent", "contract", "legitimate_interest")


def _words(words: tuple[str, ...]) -> str:
    return ", ".join(f"'{word}'" for word in words)


# What every kind of event says, from whichever source it came.
EVENT = (
    Column("event_id", "STRING", "the source's own id, or a digest of the record", personal="identifier"),
    Column("visitor_id", "STRING", "the device or browser", personal="identifier"),
    Column("user_id", "STRING", "the login, where there was one", personal="identifier"),
    Column("occurred_at", "TIMESTAMP", "when it happened", "UTC"),
    Column("event_type", "STRING", f"one of {', '.join(EVENT_TYPES)}", personal="behaviour"),
    Column("event_name", "STRING", "the source's own word", personal="behaviour"),
    Column("page", "STRING", "the page or screen", personal="behaviour"),
    Column("category", "STRING", "the category of what was looked at", personal="behaviour"),
    Column("product_id", "STRING", "the product, where it was about one", personal="behaviour"),
    Column("query", "STRING", "the words searched for", personal="free_text"),
    Column("result_count", "BIGINT", "how many results the search had", "results"),
    Column("price_amount", "DECIMAL(18,4)", "price or value of the event", "in currency"),
    Column("currency", "STRING", "ISO 4217 code of price_amount"),
    Column("channel", "STRING", "the marketing channel of the visit", personal="behaviour"),
    Column("campaign_id", "STRING", "the campaign of the visit", personal="behaviour"),
    Column("referrer", "STRING", "where the visit came from", personal="behaviour"),
    Column("user_agent", "STRING", "the browser's own description", personal="identifier"),
)
# What every kind of text of a customer says, from whichever source it came.
POST = (
    Column("network", "STRING", "where it was said: the network, shop or mailbox"),
    Column("post_id", "STRING", "the network's own id, or a digest of the record", personal="identifier"),
    Column("post_type", "STRING", f"one of {', '.join(POST_TYPES)}"),
    Column("profile_id", "STRING", "the author's account there", personal="identifier"),
    Column("posted_at", "TIMESTAMP", "when it was said", "UTC"),
    Column("edited_at", "TIMESTAMP", "when it was put into these words; null: never edited", "UTC"),
    Column("language", "STRING", "ISO 639-1 code, such as en"),
    Column("text", "STRING", "the words", personal="free_text"),
    Column("reply_to", "STRING", "the post_id that it answers", personal="identifier"),
    Column("share_of", "STRING", "the post_id that it passes on", personal="identifier"),
    Column("share_count", "BIGINT", "how often it was passed on", "shares"),
    Column("like_count", "BIGINT", "how often it was liked", "likes"),
    Column("follower_count", "BIGINT", "the author's followers when it was said", "profiles"),
    Column("star_rating", "DOUBLE", "the stars given with it", "1..5"),
    Column("media_class", "STRING", f"one of {', '.join(MEDIA_CLASSES)}"),
    Column("attachment", "STRING", f"one of {', '.join(ATTACHMENTS)}"),
    Column("brand", "STRING", "the brand it is about, or whose it is where media_class is owned"),
    Column("product_id", "STRING", "the product it is about"),
    Column("campaign_id", "STRING", "the campaign that it belongs to"),
)
# What every kind of contact of two profiles says, from whichever source it came.
CONTACT = (
    Column("network", "STRING", "where it is so: the network or mail system"),
    Column("contact_id", "STRING", "the source's own id, or a digest of the record", personal="identifier"),
    Column("relationship", "STRING", f"one of {', '.join(RELATIONSHIPS)}", personal="behaviour"),
    Column("profile_id", "STRING", "who turned to somebody: follows, wrote, refers", personal="identifier"),
    Column(
        "to_profile_id", "STRING", "to whom: is followed, was written to, was brought", personal="identifier"
    ),
    Column("occurred_at", "TIMESTAMP", "since when, or when", "UTC"),
    Column("weight", "DOUBLE", "how much it counts, above 0; 1 where none is said"),
)
# What an ad is called, from the widest to the one thing that was shown.
AD = (
    Column("channel", "STRING", "the marketing channel, such as paid_search"),
    Column("campaign_id", "STRING", "the campaign"),
    Column("ad_id", "STRING", "the ad"),
    Column("creative_id", "STRING", "what was shown: picture, film or wording"),
)
# What every touch of an ad or mail says, from whichever source it came.
TOUCH = (
    Column("touch_id", "STRING", "the source's own id, or a digest of the record", personal="identifier"),
    Column("visitor_id", "STRING", "the device or browser", personal="identifier"),
    Column("user_id", "STRING", "the login or customer", personal="identifier"),
    Column("occurred_at", "TIMESTAMP", "when", "UTC"),
    Column("touch_type", "STRING", f"one of {', '.join(TOUCH_TYPES)}: acted on, or only seen"),
    *(replace(column, personal="behaviour") for column in AD),
)
# What every cost of ads says, from whichever source it came.
COST = (
    Column("cost_id", "STRING", "the source's own id, or a digest of day, ad and currency"),
    Column("spent_on", "DATE", "the day, as the source counts days"),
    *AD,
    Column("cost_amount", "DECIMAL(18,4)", "what was spent", "in currency"),
    Column("currency", "STRING", "ISO 4217 code of cost_amount"),
    Column("impression_count", "BIGINT", "how often it was shown", "impressions"),
    Column("click_count", "BIGINT", "how often it was clicked", "clicks"),
)
# Who may see an ad, and who is held out by lot.
ASSIGNMENT = (
    Column(
        "assignment_id", "STRING", "the source's own id, or a digest of the record", personal="identifier"
    ),
    Column("visitor_id", "STRING", "the device or browser", personal="identifier"),
    Column("user_id", "STRING", "the login or customer", personal="identifier"),
    Column("assigned_at", "TIMESTAMP", "when the lot was drawn", "UTC"),
    *AD[:3],
    Column("is_treated", "BOOLEAN", "true who could see it, false who is held out", personal="behaviour"),
)
ORIGIN = (
    Column("source", "STRING", "the name of the source as declared"),
    Column("legal_basis", "STRING", f"one of {', '.join(LEGAL_BASES)}"),
)
BOT = (
    Column("is_bot", "BOOLEAN", "true where a machine is behind it"),
    Column("bot_reason", "STRING", "why: user_agent, rate"),
)
SESSION = (
    Column("session_id", "STRING", "32 hex digits, from visitor, first time and first tie"),
    Column("session_index", "BIGINT", "the visitor's sessions, from 1"),
    Column("event_index", "BIGINT", "the session's events, from 1"),
    Column("is_rapid", "BOOLEAN", "true where it came sooner after the one before than a hand clicks"),
)
SENTIMENT = (
    Column("post_count", "BIGINT", "posts", "posts"),
    Column("scored_count", "BIGINT", "of these, with a sentiment", "posts"),
    Column("negative_count", "BIGINT", "of these, negative", "posts"),
    Column("neutral_count", "BIGINT", "of these, neutral", "posts"),
    Column("positive_count", "BIGINT", "of these, positive", "posts"),
    Column("mean_compound", "DOUBLE", "VADER's compound, on average", "-1..1"),
)
VOICE = (
    Column("post_count", "BIGINT", "posts", "posts"),
    Column("author_count", "BIGINT", "their authors", "profiles"),
    Column("scored_count", "BIGINT", "posts with a sentiment", "posts"),
    Column("negative_count", "BIGINT", "of these, negative", "posts"),
    Column("positive_count", "BIGINT", "of these, positive", "posts"),
    Column("reach", "BIGINT", "followers, else shares + likes + 1", "profiles"),
    Column("mean_compound", "DOUBLE", "VADER's compound, on average", "-1..1"),
)
DELIVERY = (
    Column("source_file", "STRING", "the file it was delivered in", personal="identifier"),
    Column("source_digest", "STRING", "SHA-256 of that file"),
    Column("position", "BIGINT", "the record's number in the file, from 1"),
    Column("ingested_at", "TIMESTAMP", "when it came in", "UTC"),
    Column("record", "STRING", "the record as delivered", personal="free_text"),
)


def _placed(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Events of somebody at some time: Spark need not keep those without apart, and saves a shuffle."""
    return _requiring(columns, "visitor_id", "occurred_at")


def _of_post(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """A post somewhere at some time."""
    return _requiring(columns, "network", "post_id", "posted_at")


def _requiring(columns: tuple[Column, ...], *names: str) -> tuple[Column, ...]:
    """The columns, with these of them never null."""
    return tuple(replace(c, is_required=c.name in names) for c in columns)


# A tie of one day between two ends, whatever makes it.
TIED = (
    Column("act_count", "BIGINT", "how often it was done", "acts"),
    Column("weight", "DOUBLE", "how much it counts"),
    Column("first_at", "TIMESTAMP", "the first time", "UTC"),
    Column("last_at", "TIMESTAMP", "the last time", "UTC"),
)
VERTEX = Column(
    "id",
    "STRING",
    "a person; p: and an account, v: and a device, of nobody known; product: and a product",
    personal="identifier",
)
PERSON = Column("person_id", "STRING", "who, as far as is known", personal="identifier")
TOUCHED = (
    "occurred_at: TIMESTAMP",
    "channel: STRING",
    "touch_type: STRING",
    "campaign_id: STRING",
    "ad_id: STRING",
    "creative_id: STRING",
    "source: STRING",
)
# Whose credit it is: of one kind of conversion, and of what, how narrowly named.
NAMED = (
    Column("conversion_type", "STRING", "a name of conf's attribution.conversions"),
    Column("level", "STRING", "channel, campaign_id, ad_id or creative_id"),
    Column("name", "STRING", "at that level, else in parentheses the next wider name; null: no touch"),
)
QUARTILES = (
    ("lower_quartile", "lower quartile"),
    ("median", "median"),
    ("upper_quartile", "upper quartile"),
)
AS_OF = Column("as_of", "DATE", "rows before its midnight UTC counted")
SEGMENT = Column("segment", "STRING", "the segment whose rows counted; empty: everyone's")
OF = (AS_OF, SEGMENT)  # what a table of gold is about

_TABLES = (
    Table(
        "bronze.events",
        grain="one event record as delivered",
        owner="ingest_events",
        columns=(*EVENT, *ORIGIN, *DELIVERY),
        key=("source_digest", "position"),
        cluster_by=("visitor_id",),
        checks={"legal_basis_known": f"legal_basis IN ({_words(LEGAL_BASES)})"},
    ),
    Table(
        "silver.events",
        grain="one event, once",
        owner="clean_events",
        columns=(*_placed(EVENT), *BOT, *ORIGIN),
        key=("source", "event_id"),
        cluster_by=("visitor_id", "occurred_at"),
        checks={
            "event_type_known": f"event_type IN ({_words(EVENT_TYPES)})",
            "bot_has_reason": "is_bot = (bot_reason IS NOT NULL)",
        },
    ),
    Table(
        "silver.sessionized_events",
        grain="one event with its place in a session",
        owner="sessionize_events",
        columns=(*_placed(EVENT), *BOT, *ORIGIN, *SESSION),
        key=("source", "event_id"),
        cluster_by=("visitor_id", "occurred_at"),
        checks={"session_known": "session_id IS NOT NULL AND session_index >= 1 AND event_index >= 1"},
        invariants={
            "events of a session are numbered from 1 without a gap": (
                "SELECT session_id FROM silver.sessionized_events GROUP BY session_id "
                "HAVING max(event_index) <> count(*) OR min(event_index) <> 1"
            ),
        },
    ),
    Table(
        "silver.sessions",
        grain="one session of a visitor",
        owner="sessionize_events",
        columns=(
            Column("visitor_id", "STRING", "the device or browser", personal="identifier"),
            Column("user_id", "STRING", "the last login in it", personal="identifier"),
            *SESSION[:2],
            Column("started_at", "TIMESTAMP", "the first event", "UTC"),
            Column("ended_at", "TIMESTAMP", "the last event", "UTC"),
            Column("duration_seconds", "DOUBLE", "from the first to the last", "seconds"),
            Column("event_count", "BIGINT", "events in it", "events"),
            Column("page_count", "BIGINT", "page views in it", "pages"),
            Column("entry_page", "STRING", "the first page", personal="behaviour"),
            Column("exit_page", "STRING", "the last page", personal="behaviour"),
            Column("engaged_seconds", "DOUBLE", "active time by page pings; null without pings", "seconds"),
            Column("is_open", "BOOLEAN", "true where the data end before the timeout has passed"),
            Column("is_bot", "BOOLEAN", "true where a machine is behind any of its events"),
            ORIGIN[1],
        ),
        key=("session_id",),
        cluster_by=("visitor_id", "started_at"),
        checks={"ends_after_start": "ended_at >= started_at", "has_events": "event_count >= 1"},
        invariants={
            "a session counts the events it has": (
                "SELECT s.session_id FROM silver.sessions s FULL JOIN "
                "(SELECT session_id, count(*) AS n FROM silver.sessionized_events GROUP BY session_id) e "
                "ON s.session_id = e.session_id WHERE NOT (s.event_count <=> e.n)"
            ),
        },
    ),
    Table(
        "bronze.posts",
        grain="one record of a post as delivered",
        owner="ingest_posts",
        columns=(*POST, *ORIGIN, *DELIVERY),
        key=("source_digest", "position"),
        cluster_by=("network", "post_id"),
        checks={"legal_basis_known": f"legal_basis IN ({_words(LEGAL_BASES)})"},
    ),
    Table(
        "silver.posts",
        grain="one post, as it reads now",
        owner="ingest_posts",
        columns=(
            *_of_post(POST),
            Column(
                "language_probability", "DOUBLE", "of the language; null where the source said it", "0..1"
            ),
            Column("version_count", "BIGINT", "how many wordings it has had", "versions"),
            Column("is_copy", "BOOLEAN", "true where it nearly repeats an earlier post"),
            Column("original_network", "STRING", "where the post that it goes back to was said"),
            Column("original_post_id", "STRING", "the post that it goes back to", personal="identifier"),
            Column("similarity", "DOUBLE", "word sequences common with the one it repeats", "0..1"),
            Column("copy_count", "BIGINT", "posts that go back to the same one", "posts"),
            *ORIGIN,
        ),
        key=("network", "post_id"),
        cluster_by=("network", "posted_at"),
        checks={
            "words_known": (
                f"post_type IN ({_words(POST_TYPES)}) AND media_class IN ({_words(MEDIA_CLASSES)}) "
                f"AND attachment IN ({_words(ATTACHMENTS)})"
            ),
            "copy_has_original": "is_copy = (original_post_id IS NOT NULL)",
        },
        invariants={
            "every version but the last has been followed": (
                "SELECT p.network, p.post_id FROM silver.posts p FULL JOIN (SELECT network, post_id, "
                "count(*) AS n, count_if(valid_to IS NULL) AS open FROM silver.post_versions "
                "GROUP BY network, post_id) v ON p.network = v.network AND p.post_id = v.post_id "
                "WHERE NOT (p.version_count <=> v.n) OR v.open <> 1"
            ),
        },
    ),
    Table(
        "silver.post_versions",
        grain="one wording of one post",
        owner="ingest_posts",
        columns=(
            *_of_post(POST[:2]),
            Column("version_index", "INT", "its versions, from 1"),
            POST[3],
            Column("valid_from", "TIMESTAMP", "when it was put so", "UTC"),
            Column("valid_to", "TIMESTAMP", "when it was put otherwise; null: it still reads so", "UTC"),
            *(column for column in POST if column.name in ("text", "star_rating", "attachment")),
            *ORIGIN,
        ),
        key=("network", "post_id", "version_index"),
        cluster_by=("network", "post_id"),
    ),
    Table(
        "bronze.contacts",
        grain="one record of a contact as delivered",
        owner="ingest_contacts",
        columns=(*CONTACT, *ORIGIN, *DELIVERY),
        key=("source_digest", "position"),
        cluster_by=("network", "contact_id"),
        checks={"legal_basis_known": f"legal_basis IN ({_words(LEGAL_BASES)})"},
    ),
    Table(
        "silver.contacts",
        grain="one contact of two profiles, once",
        owner="ingest_contacts",
        columns=(
            *_requiring(CONTACT, "network", "contact_id", "profile_id", "to_profile_id", "occurred_at"),
            *ORIGIN,
        ),
        key=("network", "contact_id"),
        cluster_by=("network", "occurred_at"),
        checks={
            "relationship_known": f"relationship IN ({_words(RELATIONSHIPS)})",
            "weight_above_zero": "weight > 0",
        },
    ),
    Table(
        "bronze.ad_touches",
        grain="one record of a touch as delivered",
        owner="ingest_ads",
        columns=(*TOUCH, *ORIGIN, *DELIVERY),
        key=("source_digest", "position"),
        cluster_by=("source", "touch_id"),
        checks={"legal_basis_known": f"legal_basis IN ({_words(LEGAL_BASES)})"},
    ),
    Table(
        "bronze.ad_costs",
        grain="one record of a cost as delivered",
        owner="ingest_ads",
        columns=(*COST, *ORIGIN, *DELIVERY),
        key=("source_digest", "position"),
        cluster_by=("source", "cost_id"),
        checks={"legal_basis_known": f"legal_basis IN ({_words(LEGAL_BASES)})"},
    ),
    Table(
        "bronze.ad_assignments",
        grain="one record of an assignment as delivered",
        owner="ingest_ads",
        columns=(*ASSIGNMENT, *ORIGIN, *DELIVERY),
        key=("source_digest", "position"),
        cluster_by=("source", "assignment_id"),
        checks={"legal_basis_known": f"legal_basis IN ({_words(LEGAL_BASES)})"},
    ),
    Table(
        "silver.ad_touches",
        grain="one touch of an ad or mail, once",
        owner="ingest_ads",
        columns=(*_requiring(TOUCH, "touch_id", "occurred_at", "touch_type", "channel"), *ORIGIN),
        key=("source", "touch_id"),
        cluster_by=("visitor_id", "occurred_at"),
        checks={"touch_type_known": f"touch_type IN ({_words(TOUCH_TYPES)})"},
    ),
    Table(
        "silver.ad_costs",
        grain="what one ad cost on one day, as it was stated last",
        owner="ingest_ads",
        columns=(*_requiring(COST, "cost_id", "spent_on", "cost_amount"), *ORIGIN),
        key=("source", "cost_id"),
        cluster_by=("spent_on",),
        checks={"cost_not_below_zero": "cost_amount >= 0"},
    ),
    Table(
        "silver.ad_assignments",
        grain="who could see an ad, or was held out of it",
        owner="ingest_ads",
        columns=(*_requiring(ASSIGNMENT, "assignment_id", "assigned_at", "is_treated"), *ORIGIN),
        key=("source", "assignment_id"),
        cluster_by=("visitor_id",),
    ),
    Table(
        "silver.post_tokens",
        grain="one post taken apart into words",
        owner="tokenize_posts",
        columns=(
            *_of_post(POST[:5]),
            POST[6],
            Column(
                "annotations",
                "ARRAY<STRUCT<token: STRING, kind: STRING, sentence: INT>>",
                "its tokens in order: word, number, hashtag, mention, url, address, emoji, emoticon",
                personal="free_text",
            ),
            Column("tokens", "ARRAY<STRING>", "the tokens alone", personal="free_text"),
            Column(
                "stems", "ARRAY<STRING>", "stems of the words that are no stop words", personal="free_text"
            ),
            ORIGIN[1],
        ),
        key=("network", "post_id"),
        cluster_by=("network", "posted_at"),
    ),
    Table(
        "silver.post_sentiment",
        grain="one post and how it feels",
        owner="score_sentiment",
        columns=(
            *_of_post(POST[:5]),
            Column("compound", "DOUBLE", "VADER's number; null where it is not English", "-1..1"),
            Column("positive", "DOUBLE", "VADER's share of positive words", "0..1"),
            Column("neutral", "DOUBLE", "VADER's share of neutral words", "0..1"),
            Column("negative", "DOUBLE", "VADER's share of negative words", "0..1"),
            Column(
                "sentiment",
                "STRING",
                "negative, neutral or positive, by `scorer`; null: not judged",
                personal="behaviour",
            ),
            Column("negative_probability", "DOUBLE", "calibrated, where a trained scorer gives it", "0..1"),
            Column("neutral_probability", "DOUBLE", "calibrated, where a trained scorer gives it", "0..1"),
            Column("positive_probability", "DOUBLE", "calibrated, where a trained scorer gives it", "0..1"),
            Column("scorer", "STRING", "what judged it: vader, or the model's URI"),
            ORIGIN[1],
        ),
        key=("network", "post_id"),
        cluster_by=("network", "posted_at"),
        checks={"sentiment_known": "sentiment IS NULL OR sentiment IN ('negative', 'neutral', 'positive')"},
    ),
    Table(
        "silver.ties",
        grain="what one did to another, or with a product, on one day",
        owner="gather_ties",
        columns=(
            Column("relationship", "STRING", "replies, shares, mentions, follows, e_mails, refers, buys, …"),
            Column("acted_on", "DATE", "the day, in UTC"),
            POST[0],
            Column("profile_id", "STRING", "whose account did it there", personal="identifier"),
            EVENT[1],
            EVENT[2],
            Column("to_profile_id", "STRING", "to whose account it was done", personal="identifier"),
            Column("product_id", "STRING", "the product that was taken up", personal="behaviour"),
            ORIGIN[1],
            Column("to_legal_basis", "STRING", "the legal basis of the other end's rows"),
            *TIED,
        ),
        key=(
            *("relationship", "acted_on", "network", "profile_id", "visitor_id", "user_id"),
            *("to_profile_id", "product_id", "legal_basis", "to_legal_basis"),
        ),
        cluster_by=("acted_on", "relationship"),
        checks={
            "has_an_end": "(to_profile_id IS NULL) <> (product_id IS NULL)",
            "counts": "act_count >= 1 AND weight > 0 AND last_at >= first_at",
        },
    ),
    Table(
        "silver.identities",
        grain="one link of source ids to a person",
        owner="link_identities",
        columns=(
            Column("visitor_id", "STRING", "the device or browser", personal="identifier"),
            Column("user_id", "STRING", "the login", personal="identifier"),
            Column("profile_id", "STRING", "one account on one network", personal="identifier"),
            Column("person_id", "STRING", "the person all of these are", personal="identifier"),
        ),
        key=("visitor_id", "user_id", "profile_id"),
        checks={"person_known": "person_id IS NOT NULL"},
    ),
    Table(
        "silver.consents",
        grain="one word of one subject on one purpose",
        owner="record_consents",
        columns=(
            Column("subject_type", "STRING", "visitor, profile or person"),
            Column("subject_id", "STRING", "the id of that type", personal="identifier"),
            Column("purpose", "STRING", "one of conf's consent.purposes"),
            Column("status", "STRING", "granted, denied or objected"),
            Column("recorded_at", "TIMESTAMP", "when it was said; the latest counts", "UTC"),
            Column("source", "STRING", "where it was said"),
        ),
        key=("subject_type", "subject_id", "purpose", "recorded_at"),
        checks={
            "subject_type_known": "subject_type IN ('visitor', 'profile', 'person')",
            "status_known": "status IN ('granted', 'denied', 'objected')",
        },
    ),
    Table(
        "gold.top_paths",
        grain="one path as of one day",
        owner="find_paths",
        columns=(
            *OF,
            Column("path", "ARRAY<STRING>", "the steps in order"),
            Column("length", "INT", "how many steps", "steps"),
            Column("session_count", "BIGINT", "sessions that took it", "sessions"),
            Column("visitor_count", "BIGINT", "visitors that took it", "visitors"),
            Column("share", "DOUBLE", "of all sessions", "0..1"),
            Column("conversion_count", "BIGINT", "of these sessions, with a purchase", "sessions"),
            Column("conversion_rate", "DOUBLE", "conversion_count / session_count", "0..1"),
        ),
        key=("as_of", "segment", "path"),
        checks={"share_is_a_share": "share BETWEEN 0 AND 1"},
    ),
    Table(
        "gold.transitions",
        grain="one step to another as of one day",
        owner="find_paths",
        columns=(
            *OF,
            Column("from_step", "STRING", "the step before, or (entry)"),
            Column("to_step", "STRING", "the step after, or (exit)"),
            Column("transition_count", "BIGINT", "how often", "transitions"),
            Column("share", "DOUBLE", "of all that leave from_step", "0..1"),
        ),
        key=("as_of", "segment", "from_step", "to_step"),
        checks={"share_is_a_share": "share BETWEEN 0 AND 1"},
    ),
    Table(
        "gold.frequent_paths",
        grain="one order of steps that many sessions take, others between them or not",
        owner="find_paths",
        columns=(
            *OF,
            Column("path", "ARRAY<STRING>", "the steps in order"),
            Column("length", "INT", "how many steps", "steps"),
            Column("session_count", "BIGINT", "sessions that take them in this order", "sessions"),
            Column("share", "DOUBLE", "of all sessions with a step", "0..1"),
        ),
        key=("as_of", "segment", "path"),
        checks={"share_is_a_share": "share BETWEEN 0 AND 1"},
    ),
    Table(
        "gold.drop_offs",
        grain="one step and the sessions without a purchase that ended there",
        owner="find_paths",
        columns=(
            *OF,
            Column("step", "STRING", "the step"),
            Column("visit_count", "BIGINT", "times that a session was there", "visits"),
            Column("exit_count", "BIGINT", "visits that were their session's last", "visits"),
            Column("exit_rate", "DOUBLE", "of the visits", "0..1"),
            Column("drop_off_count", "BIGINT", "last visits of sessions without a purchase", "visits"),
            Column("drop_off_rate", "DOUBLE", "of the visits", "0..1"),
            Column("low", "DOUBLE", "the rate's 95% Wilson interval, from", "0..1"),
            Column("high", "DOUBLE", "the rate's 95% Wilson interval, to", "0..1"),
            Column("expected_count", "DOUBLE", "drop-offs if all steps were alike", "visits"),
            Column("ratio", "DOUBLE", "drop_off_count / expected_count"),
        ),
        key=("as_of", "segment", "step"),
    ),
    Table(
        "gold.fruitless_searches",
        grain="one session in which a serious shopper's search failed, as of one day",
        owner="find_fruitless_searches",
        columns=(
            *OF,
            Column("visitor_id", "STRING", "the device or browser", personal="identifier"),
            Column("session_id", "STRING", "the session", personal="behaviour"),
            Column("product_count", "BIGINT", "products seen before the first fruitless search", "products"),
            Column("fruitless_count", "BIGINT", "fruitless searches in it", "searches"),
            Column("first_fruitless_at", "TIMESTAMP", "the first of them", "UTC"),
            Column("last_fruitless_at", "TIMESTAMP", "the last of them", "UTC"),
            Column("queries", "ARRAY<STRING>", "their words, in order", personal="free_text"),
            Column("pages_after", "BIGINT", "page views from the last one to the end", "pages"),
        ),
        key=("as_of", "segment", "session_id"),
        cluster_by=("visitor_id",),
    ),
    Table(
        "gold.fruitless_rates",
        grain="sessions with a search by products seen before it, as of one day; null means all",
        owner="find_fruitless_searches",
        columns=(
            *OF,
            Column("is_serious", "BOOLEAN", "enough products seen; null: all visitors"),
            Column("product_count", "BIGINT", "products seen before the first search", "products"),
            Column("session_count", "BIGINT", "sessions with a search", "sessions"),
            Column("fruitless_session_count", "BIGINT", "of these, with a fruitless one", "sessions"),
            Column("fruitless_rate", "DOUBLE", "of session_count", "0..1"),
            Column("low", "DOUBLE", "the rate's 95% Wilson interval, from", "0..1"),
            Column("high", "DOUBLE", "the rate's 95% Wilson interval, to", "0..1"),
            Column("search_count", "BIGINT", "searches", "searches"),
            Column("fruitless_search_count", "BIGINT", "fruitless ones among them", "searches"),
        ),
        key=("as_of", "segment", "is_serious", "product_count"),
    ),
    Table(
        "gold.fruitless_terms",
        grain="one term that led nowhere at least once",
        owner="find_fruitless_searches",
        columns=(
            *OF,
            Column("query", "STRING", "the words; null: searches without words", personal="free_text"),
            Column("search_count", "BIGINT", "searches for it", "searches"),
            Column("fruitless_search_count", "BIGINT", "fruitless ones among them", "searches"),
            Column("session_count", "BIGINT", "sessions with it", "sessions"),
            Column("fruitless_session_count", "BIGINT", "where it was fruitless", "sessions"),
            Column("fruitless_rate", "DOUBLE", "of session_count", "0..1"),
            Column("low", "DOUBLE", "the rate's 95% Wilson interval, from", "0..1"),
            Column("high", "DOUBLE", "the rate's 95% Wilson interval, to", "0..1"),
            Column("fruitless_visitor_count", "BIGINT", "visitors of those sessions", "visitors"),
            Column("reasons", "MAP<STRING, BIGINT>", "its fruitless searches by reason"),
            Column("compared_count", "BIGINT", "fruitless sessions with comparable ones", "sessions"),
            Column("order_count", "BIGINT", "of these, with an order after the search", "sessions"),
            Column("expected_order_count", "DOUBLE", "had they ordered like comparable ones", "sessions"),
            Column("lost_order_count", "DOUBLE", "expected less actual", "sessions"),
            Column("lost_order_low", "DOUBLE", "its 95% interval, from", "sessions"),
            Column("lost_order_high", "DOUBLE", "its 95% interval, to", "sessions"),
            Column("mean_order_amount", "DOUBLE", "of an order whose searches succeeded", "currency"),
            Column("risk_amount", "DOUBLE", "lost orders times that mean", "currency"),
            Column("risk_low", "DOUBLE", "its 95% interval, from", "currency"),
            Column("risk_high", "DOUBLE", "its 95% interval, to", "currency"),
            Column("currency", "STRING", "of the amounts"),
        ),
        key=("as_of", "segment", "query"),
    ),
    Table(
        "gold.search_synonyms",
        grain="one term that finds something, near one that mostly does not",
        owner="find_fruitless_searches",
        columns=(
            *OF,
            Column("query", "STRING", "the failing term", personal="free_text"),
            Column("rank", "INT", "from 1, the best first"),
            Column("suggestion", "STRING", "the term that finds", personal="free_text"),
            Column("edit_distance", "INT", "Levenshtein", "code points"),
            Column("trigram_similarity", "DOUBLE", "Jaccard of their trigrams", "0..1"),
            Column("refined_session_count", "BIGINT", "sessions that went on with it", "sessions"),
            Column("found_count", "BIGINT", "searches for it that found something", "searches"),
            Column("fruitless_search_count", "BIGINT", "failed searches for the query", "searches"),
        ),
        key=("as_of", "segment", "query", "rank"),
    ),
    Table(
        "gold.funnels",
        grain="one step of the funnel as of one day",
        owner="measure_funnels",
        columns=(
            *OF,
            Column("step_index", "INT", "the step's place, from 1"),
            Column("step", "STRING", "its name"),
            Column("visitor_count", "BIGINT", "visitors that reached it", "visitors"),
            Column("share_of_first", "DOUBLE", "of those at the first step", "0..1"),
            Column("share_of_previous", "DOUBLE", "of those at the step before", "0..1"),
            Column("drop_count", "BIGINT", "visitors that reached the step before and not it", "visitors"),
            Column("open_count", "BIGINT", "of these, who may still come: the data end too soon", "visitors"),
            Column("lost_count", "BIGINT", "of these, who came too late or not at all", "visitors"),
            Column("lower_quartile_seconds", "DOUBLE", "a quarter had come from the step before", "seconds"),
            Column("median_seconds", "DOUBLE", "half had come from the step before", "seconds"),
            Column("upper_quartile_seconds", "DOUBLE", "three quarters had come from it", "seconds"),
            Column("median_seconds_from_first", "DOUBLE", "half had come from the first step", "seconds"),
        ),
        key=("as_of", "segment", "step_index"),
    ),
    Table(
        "gold.funnel_visitors",
        grain="one visitor and how far they got in the funnel",
        owner="measure_funnels",
        columns=(
            *OF,
            Column("visitor_id", "STRING", "the device or browser", personal="identifier"),
            Column("level", "INT", "steps taken in order; 0: not even the first", personal="behaviour"),
            Column("is_open", "BOOLEAN", "the data end before the window does: more steps may come"),
        ),
        key=("as_of", "segment", "visitor_id"),
        cluster_by=("visitor_id",),
        invariants={
            "as many visitors stand at a step as it counts": (
                "SELECT f.step FROM gold.funnels f JOIN (SELECT as_of, segment, step_index, count(*) AS n "
                "FROM (SELECT *, explode(sequence(1, level)) AS step_index FROM gold.funnel_visitors "
                "WHERE level > 0) GROUP BY as_of, segment, step_index) v "
                "ON f.as_of = v.as_of AND f.segment = v.segment AND f.step_index = v.step_index "
                "WHERE f.visitor_count <> v.n"
            ),
        },
    ),
    Table(
        "gold.retention",
        grain="one cohort of visitors in one period after their first visit",
        owner="measure_retention",
        columns=(
            *OF,
            Column("cohort", "DATE", "the first day of the period of the first visit", "UTC"),
            Column("period_index", "INT", "periods since then, from 0"),
            Column("visitor_count", "BIGINT", "who came in that period", "visitors"),
            Column("cohort_size", "BIGINT", "all of the cohort", "visitors"),
            Column("share", "DOUBLE", "visitor_count / cohort_size", "0..1"),
            Column("is_complete", "BOOLEAN", "false where the data end before the period does"),
        ),
        key=("as_of", "segment", "cohort", "period_index"),
        checks={"share_is_a_share": "share BETWEEN 0 AND 1"},
    ),
    Table(
        "gold.stickiness",
        grain="one day and the visitors active up to it",
        owner="measure_retention",
        columns=(
            *OF,
            Column("active_on", "DATE", "the day", "UTC"),
            Column("daily_count", "BIGINT", "active on it", "visitors"),
            Column("weekly_count", "BIGINT", "active in the 7 days that end with it", "visitors"),
            Column("monthly_count", "BIGINT", "active in the 30 days that end with it", "visitors"),
            Column("stickiness", "DOUBLE", "daily_count / monthly_count", "0..1"),
            Column("weekly_stickiness", "DOUBLE", "daily_count / weekly_count", "0..1"),
            Column("is_complete", "BOOLEAN", "the day was over, and 29 days of data lie before it"),
        ),
        key=("as_of", "segment", "active_on"),
    ),
    Table(
        "gold.engagement",
        grain="one engagement tool and one thing that its users go on to do",
        owner="measure_engagement",
        columns=(
            *OF,
            Column("tool", "STRING", "the tool"),
            Column("outcome", "STRING", "visit, lead or order"),
            Column("visitor_count", "BIGINT", "who used the tool", "visitors"),
            Column("outcome_count", "BIGINT", "of these, with the outcome after it", "visitors"),
            Column("rate", "DOUBLE", "of visitor_count", "0..1"),
            Column("low", "DOUBLE", "the rate's 95% Wilson interval, from", "0..1"),
            Column("high", "DOUBLE", "the rate's 95% Wilson interval, to", "0..1"),
            Column("other_visitor_count", "BIGINT", "who never used it", "visitors"),
            Column("other_outcome_count", "BIGINT", "of these, with the outcome", "visitors"),
            Column("other_rate", "DOUBLE", "of other_visitor_count", "0..1"),
            Column("other_low", "DOUBLE", "that rate's 95% Wilson interval, from", "0..1"),
            Column("other_high", "DOUBLE", "that rate's 95% Wilson interval, to", "0..1"),
            Column("lift", "DOUBLE", "rate / other_rate: a comparison, no proof of an effect"),
        ),
        key=("as_of", "segment", "tool", "outcome"),
    ),
    Table(
        "gold.ngrams",
        grain="one n-gram as of one day",
        owner="count_ngrams",
        columns=(
            *OF,
            Column("n", "INT", "how many words", "words"),
            Column("ngram", "STRING", "the words", personal="free_text"),
            Column("count", "BIGINT", "how often it was said", "times"),
            Column("document_count", "BIGINT", "posts that say it", "posts"),
        ),
        key=("as_of", "segment", "n", "ngram"),
        checks={"said_by_a_post": "document_count BETWEEN 1 AND count"},
    ),
    Table(
        "gold.vocabularies",
        grain="n-grams of one length, and what was left out of them",
        owner="count_ngrams",
        columns=(
            *OF,
            Column("n", "INT", "how many words", "words"),
            Column("kept_ngrams", "BIGINT", "kept", "n-grams"),
            Column("kept_count", "BIGINT", "how often these were said", "times"),
            Column("rare_ngrams", "BIGINT", "left out: said less often than conf's least", "n-grams"),
            Column("rare_count", "BIGINT", "how often these were said", "times"),
            Column("excess_ngrams", "BIGINT", "left out: beyond conf's limit", "n-grams"),
            Column("excess_count", "BIGINT", "how often these were said", "times"),
        ),
        key=("as_of", "segment", "n"),
    ),
    Table(
        "gold.ngram_trends",
        grain="one n-gram in one period",
        owner="count_ngrams",
        columns=(
            *OF,
            Column("ngram", "STRING", "the words", personal="free_text"),
            Column("period_start", "DATE", "the first day of the period", "UTC"),
            Column("count", "BIGINT", "how often it was said in it", "times"),
            Column("document_count", "BIGINT", "posts that say it", "posts"),
            Column("period_document_count", "BIGINT", "all posts of the period", "posts"),
            Column("share", "DOUBLE", "document_count / period_document_count", "0..1"),
        ),
        key=("as_of", "segment", "ngram", "period_start"),
        checks={"share_is_a_share": "share BETWEEN 0 AND 1"},
    ),
    Table(
        "gold.rising_ngrams",
        grain="one n-gram that a larger share of posts says in the last period than before, beyond chance",
        owner="count_ngrams",
        columns=(
            *OF,
            Column("ngram", "STRING", "the words", personal="free_text"),
            Column("period_start", "DATE", "the first day of the last period", "UTC"),
            Column("document_count", "BIGINT", "posts of that period that say it", "posts"),
            Column("share", "DOUBLE", "of all posts of that period", "0..1"),
            Column("earlier_document_count", "BIGINT", "posts before that say it", "posts"),
            Column("earlier_share", "DOUBLE", "of all posts before", "0..1"),
            Column("log_odds", "DOUBLE", "of the two shares, natural logarithm"),
            Column("z", "DOUBLE", "log_odds / its standard error"),
            Column("q_value", "DOUBLE", "chance findings to expect among those that rise as clearly", "0..1"),
        ),
        key=("as_of", "segment", "ngram"),
    ),
    Table(
        "gold.collocations",
        grain="words that stand side by side oftener than by chance",
        owner="count_ngrams",
        columns=(
            *OF,
            Column("n", "INT", "how many words", "words"),
            Column("ngram", "STRING", "the words", personal="free_text"),
            Column("count", "BIGINT", "how often they stand side by side", "times"),
            Column("log_likelihood", "DOUBLE", "Dunning's G2; 0 where chance explains it"),
            Column("pmi", "DOUBLE", "log2 of how many times oftener than by chance", "bits"),
            Column("npmi", "DOUBLE", "pmi by the most that it could be", "-1..1"),
        ),
        key=("as_of", "segment", "n", "ngram"),
    ),
    Table(
        "gold.sentiment",
        grain="one period and how posts feel in it",
        owner="score_sentiment",
        columns=(
            *OF,
            Column("period_start", "DATE", "the first day of the period", "UTC"),
            *SENTIMENT,
            Column("raw_share", "DOUBLE", "negative_count / scored_count", "0..1"),
            Column("negative_share", "DOUBLE", "by the stars, else corrected for known errors", "0..1"),
            Column("low", "DOUBLE", "its 95% interval, from", "0..1"),
            Column("high", "DOUBLE", "its 95% interval, to", "0..1"),
        ),
        key=("as_of", "segment", "period_start"),
    ),
    Table(
        "gold.sentiment_confusion",
        grain="one true and one found sentiment of posts with stars",
        owner="score_sentiment",
        columns=(
            *OF,
            Column("label", "STRING", "what the stars say: negative, neutral, positive"),
            Column("sentiment", "STRING", "what the scorer says of posts that it did not learn from"),
            Column("post_count", "BIGINT", "posts", "posts"),
            Column("scorer", "STRING", "what judged them"),
        ),
        key=("as_of", "segment", "label", "sentiment"),
    ),
    Table(
        "gold.sentiment_aspects",
        grain="one topic and how the sentences feel that name it",
        owner="score_sentiment",
        columns=(
            *OF,
            Column("topic", "STRING", "the topic, product or brand"),
            Column("sentence_count", "BIGINT", "sentences that name it", "sentences"),
            *(replace(column, unit="sentences") for column in SENTIMENT[1:5]),
            SENTIMENT[5],
        ),
        key=("as_of", "segment", "topic"),
    ),
    Table(
        "gold.topics",
        grain="one theme that nobody named before, with an id that stays",
        owner="find_themes",
        columns=(
            *OF,
            Column("topic_id", "BIGINT", "the same for the same theme in later runs"),
            Column("label", "STRING", "the words that tell it from the others"),
            Column("words", "ARRAY<STRING>", "its most relevant words"),
            Column("weights", "MAP<STRING, DOUBLE>", "its words and their shares of it", "0..1"),
            Column("share", "DOUBLE", "of the posts that are about it", "0..1"),
            Column("document_count", "BIGINT", "posts about it", "posts"),
            Column("coherence", "DOUBLE", "mean NPMI of its words in posts not seen by the fit", "-1..1"),
            Column("p_value", "DOUBLE", "chance that words meet so often", "0..1"),
            Column("mean_compound", "DOUBLE", "of the posts about it", "-1..1"),
        ),
        key=("as_of", "segment", "topic_id"),
    ),
    Table(
        "gold.post_topics",
        grain="one post and the theme that it is most about",
        owner="find_themes",
        columns=(
            *OF,
            *POST[:2],
            Column("topic_id", "BIGINT", "the theme", personal="behaviour"),
            Column("weight", "DOUBLE", "share of the post that is about it", "0..1"),
        ),
        key=("as_of", "segment", "network", "post_id"),
    ),
    Table(
        "gold.keyness",
        grain="one word and how it marks one group of posts against all others",
        owner="find_themes",
        columns=(
            *OF,
            Column("group_by", "STRING", "what the groups are: brand, network, ..."),
            Column("group_name", "STRING", "the group"),
            Column("token", "STRING", "the word", personal="free_text"),
            Column("log_odds", "DOUBLE", "weighted log-odds, natural logarithm"),
            Column("z", "DOUBLE", "log_odds / its standard error"),
            Column("focus_count", "BIGINT", "times it is said in the group", "times"),
            Column("background_count", "BIGINT", "times it is said in all others", "times"),
        ),
        key=("as_of", "segment", "group_by", "group_name", "token"),
    ),
    Table(
        "gold.phrases",
        grain="one phrase that goes with response",
        owner="find_themes",
        columns=(
            *OF,
            Column("rank", "INT", "from 1, by z"),
            Column("phrase", "STRING", "the words", personal="free_text"),
            Column("post_count", "BIGINT", "posts that say it", "posts"),
            Column("profile_count", "BIGINT", "who said it", "profiles"),
            Column("well_count", "BIGINT", "of these posts, answered well", "posts"),
            Column("log_odds", "DOUBLE", "of having it, answered well to others"),
            Column("z", "DOUBLE", "log_odds / its standard error"),
            Column("p_value", "DOUBLE", "that chance brings such a z among all phrases", "0..1"),
            Column("mean_response", "DOUBLE", "shares and likes of posts with it", "shares and likes"),
            Column("other_mean_response", "DOUBLE", "of posts without it", "shares and likes"),
            Column("difference", "DOUBLE", "of the two", "shares and likes"),
            Column("difference_low", "DOUBLE", "its 95% interval, from", "shares and likes"),
            Column("difference_high", "DOUBLE", "its 95% interval, to", "shares and likes"),
        ),
        key=("as_of", "segment", "phrase"),
    ),
    Table(
        "gold.taglines",
        grain="one claim that a brand repeats in what it says itself",
        owner="find_themes",
        columns=(
            *OF,
            Column("brand", "STRING", "the brand"),
            Column("rank", "INT", "from 1 a brand, by log_likelihood"),
            Column("phrase", "STRING", "the words"),
            Column("repeat_count", "BIGINT", "own posts with it", "posts"),
            Column("own_count", "BIGINT", "all own posts", "posts"),
            Column("other_count", "BIGINT", "posts of others with it", "posts"),
            Column("log_likelihood", "DOUBLE", "G2 of having it, own posts to others"),
            Column("p_value", "DOUBLE", "that chance brings as much among all phrases", "0..1"),
            Column("first_at", "TIMESTAMP", "the first own post with it", "UTC"),
            Column("last_at", "TIMESTAMP", "the last own post with it", "UTC"),
            Column("mean_share_count", "DOUBLE", "of the own posts with it", "shares"),
            Column("mean_like_count", "DOUBLE", "of the own posts with it", "likes"),
            Column("mean_sentiment", "DOUBLE", "of the own posts with it", "-1..1"),
            Column("reply_count", "BIGINT", "answers of others to these", "posts"),
            Column("mean_reply_sentiment", "DOUBLE", "of these answers", "-1..1"),
        ),
        key=("as_of", "segment", "brand", "phrase"),
    ),
    Table(
        "gold.reputation_hours",
        grain="one topic in one hour",
        owner="watch_reputation",
        columns=(
            *OF,
            Column("topic", "STRING", "the topic, product or brand"),
            Column("hour", "TIMESTAMP", "its start", "UTC"),
            *VOICE,
            Column("expected_count", "DOUBLE", "posts to be expected by the days before", "posts"),
            Column("upper_count", "DOUBLE", "posts that it takes to be above chance", "posts"),
            Column("expected_negative_share", "DOUBLE", "to be expected by the days before", "0..1"),
            Column("volume_p", "DOUBLE", "chance of as many posts; null in the first days", "0..1"),
            Column("negativity_p", "DOUBLE", "chance of as many negative ones", "0..1"),
        ),
        key=("as_of", "segment", "topic", "hour"),
    ),
    Table(
        "gold.reputation_alerts",
        grain="one departure of one topic from its past",
        owner="watch_reputation",
        columns=(
            *OF,
            Column("topic", "STRING", "the topic, product or brand"),
            Column("started_at", "TIMESTAMP", "its first hour", "UTC"),
            Column("ended_at", "TIMESTAMP", "the end of its last hour", "UTC"),
            Column("peak_at", "TIMESTAMP", "the hour with most posts", "UTC"),
            Column("kind", "STRING", "volume, negativity or, both together, threat"),
            Column("post_count", "BIGINT", "posts in it", "posts"),
            Column("expected_count", "DOUBLE", "posts to be expected", "posts"),
            Column("ratio", "DOUBLE", "post_count / expected_count"),
            Column("scored_count", "BIGINT", "posts with a sentiment", "posts"),
            Column("negative_count", "BIGINT", "of these, negative", "posts"),
            Column("negative_share", "DOUBLE", "negative_count / scored_count", "0..1"),
            Column("expected_negative_share", "DOUBLE", "to be expected", "0..1"),
            Column("reach", "BIGINT", "who may have seen it", "profiles"),
            Column("p_value", "DOUBLE", "that chance alone departs so far", "0..1"),
            Column("score", "DOUBLE", "-log10 of p_value x log10 of 10 + reach"),
            Column("explanation", "STRING", "the words that mark it", personal="free_text"),
            Column("post_ids", "ARRAY<STRING>", "its most seen posts", personal="identifier"),
        ),
        key=("as_of", "segment", "topic", "started_at"),
        checks={"kind_known": "kind IN ('volume', 'negativity', 'threat')"},
    ),
    Table(
        "gold.share_of_voice",
        grain="one topic or brand in one period",
        owner="watch_reputation",
        columns=(
            *OF,
            Column("kind", "STRING", "topic, by conf's patterns, or brand, by the posts' column"),
            Column("name", "STRING", "the topic or brand"),
            Column("period_start", "DATE", "the first day of the period", "UTC"),
            *VOICE,
            Column("net_sentiment", "DOUBLE", "(positive - negative) / scored", "-1..1"),
            Column("post_share", "DOUBLE", "of the posts of all of the kind", "0..1"),
            Column("author_share", "DOUBLE", "of their authors", "0..1"),
            Column("reach_share", "DOUBLE", "of their reach", "0..1"),
        ),
        key=("as_of", "segment", "kind", "name", "period_start"),
    ),
    Table(
        "gold.advocates",
        grain="one author who speaks well or ill by more than chance",
        owner="watch_reputation",
        columns=(
            *OF,
            POST[0],
            POST[3],
            Column("role", "STRING", "advocate or detractor", personal="behaviour"),
            Column("post_count", "BIGINT", "posts", "posts"),
            Column("scored_count", "BIGINT", "of these, with a sentiment", "posts"),
            Column("positive_count", "BIGINT", "of these, positive", "posts"),
            Column("negative_count", "BIGINT", "of these, negative", "posts"),
            Column("positive_share", "DOUBLE", "of those that take a side", "0..1"),
            Column("positive_share_low", "DOUBLE", "its 95% Wilson interval, from", "0..1"),
            Column("positive_share_high", "DOUBLE", "its 95% Wilson interval, to", "0..1"),
            Column("mean_compound", "DOUBLE", "drawn towards the mean of all", "-1..1"),
            Column("reach", "BIGINT", "the most that a post of theirs has", "profiles"),
            Column("post_share", "DOUBLE", "of all posts", "0..1"),
            Column("reach_share", "DOUBLE", "of all reach", "0..1"),
        ),
        key=("as_of", "segment", "network", "profile_id"),
        cluster_by=("network", "profile_id"),
    ),
    Table(
        "gold.copied_texts",
        grain="one text that several people posted",
        owner="watch_reputation",
        columns=(
            *OF,
            *POST[:2],
            POST[7],
            Column("post_count", "BIGINT", "copies, and the original", "posts"),
            Column("author_count", "BIGINT", "who posted it", "profiles"),
            Column("first_at", "TIMESTAMP", "the first of them", "UTC"),
            Column("last_at", "TIMESTAMP", "the last of them", "UTC"),
            Column("reach", "BIGINT", "followers of them all", "profiles"),
        ),
        key=("as_of", "segment", "network", "post_id"),
    ),
    Table(
        "gold.media_lags",
        grain="one lag between what brands say or pay for and what others say",
        owner="watch_reputation",
        columns=(
            *OF,
            Column("lag", "INT", "days that others' posts come after; before, if negative", "days"),
            Column("correlation", "DOUBLE", "of the two series, season and persistence taken out", "-1..1"),
            Column("bound", "DOUBLE", "by chance no lag goes beyond it, 95 times in 100", "0..1"),
            Column("p_value", "DOUBLE", "that by chance any lag is as far from 0", "0..1"),
            Column("step_count", "INT", "days compared", "days"),
        ),
        key=("as_of", "segment", "lag"),
    ),
    Table(
        "gold.event_effects",
        grain="the days before or after one kind of event, against what was to be expected",
        owner="watch_reputation",
        columns=(
            *OF,
            Column("name", "STRING", "the event, as conf names it"),
            Column("window", "STRING", "before, or after (the event's day included)"),
            Column("event_count", "INT", "events with both windows whole", "events"),
            Column("mean", "DOUBLE", "posts a day in the window", "posts"),
            Column("expected", "DOUBLE", "posts a day to be expected", "posts"),
            Column("difference", "DOUBLE", "of the two", "posts"),
            Column("low", "DOUBLE", "its 95% interval, from", "posts"),
            Column("high", "DOUBLE", "its 95% interval, to", "posts"),
            Column("p_value", "DOUBLE", "of such a difference where nothing happened", "0..1"),
            Column("placebo_count", "INT", "days that show what chance does", "days"),
        ),
        key=("as_of", "segment", "name", "window"),
    ),
    Table(
        "gold.edges",
        grain="one tie as of a day, faded by its age",
        owner="build_graph",
        columns=(
            *OF,
            Column("id", "STRING", "SHA-256 of src, dst and relationship"),
            replace(VERTEX, name="src"),
            replace(VERTEX, name="dst"),
            Column("relationship", "STRING", "what src did, to dst or with it"),
            *TIED,
        ),
        key=("as_of", "segment", "id"),
        cluster_by=("src",),
        checks={"no_self_loop": "src <> dst"},
    ),
    Table(
        "gold.influence",
        grain="one vertex and how it stands in the network",
        owner="rank_influence",
        columns=(
            *OF,
            VERTEX,
            Column("pagerank", "DOUBLE", "share of a reader's time who goes on to whom one turns to", "0..1"),
            Column("degree", "BIGINT", "ties", "ties"),
            Column("in_degree", "BIGINT", "who turns to it", "ties"),
            Column("out_degree", "BIGINT", "to whom it turns", "ties"),
            Column("core_number", "BIGINT", "the greatest k whose core it is in"),
            Column("triangles", "BIGINT", "that it is a corner of"),
            Column("clustering", "DOUBLE", "of its pairs of neighbours the share that is tied", "0..1"),
            Column("closeness", "DOUBLE", "the others that reach it, by their mean distance", "0..1"),
            Column("betweenness", "DOUBLE", "share of shortest paths that lead through it", "0..1"),
        ),
        key=("as_of", "segment", "id"),
        cluster_by=("id",),
    ),
    Table(
        "gold.influence_reach",
        grain="one of the most influential and a number of steps",
        owner="rank_influence",
        columns=(
            *OF,
            VERTEX,
            Column("hops", "INT", "steps from who turns to it", "ties"),
            Column("reached", "BIGINT", "who is that near", "vertices"),
        ),
        key=("as_of", "segment", "id", "hops"),
    ),
    Table(
        "gold.influence_seeds",
        grain="one of those to begin with, that most are reached",
        owner="rank_influence",
        columns=(
            *OF,
            Column("rank", "INT", "in the order of choice, from 1"),
            VERTEX,
            Column("spread", "DOUBLE", "active in the end, of the first `rank` together", "people"),
            Column("standard_error", "DOUBLE", "of spread", "people"),
            Column("gain", "DOUBLE", "over the rank before", "people"),
            Column("degree_spread", "DOUBLE", "of as many who act on most others", "people"),
            Column("assured", "DOUBLE", "of the best possible spread, reached at least", "0..1"),
            Column("set_count", "BIGINT", "fresh sets that say so", "sets"),
        ),
        key=("as_of", "segment", "rank"),
    ),
    Table(
        "gold.cascades",
        grain="one post that was passed on, and how far",
        owner="rank_influence",
        columns=(
            *OF,
            POST[0],
            Column("root_post_id", "STRING", "the post with which it began", personal="identifier"),
            Column("started_by", "STRING", "whose post that is", personal="identifier"),
            Column("started_at", "TIMESTAMP", "when it was said", "UTC"),
            Column("share_count", "BIGINT", "how often it was passed on", "shares"),
            Column("participant_count", "BIGINT", "who took part, the first included", "people"),
            Column("depth", "INT", "of the longest chain", "shares"),
            Column("breadth", "BIGINT", "the most at one depth", "shares"),
            Column("structural_virality", "DOUBLE", "mean distance of two members; near 2: all from one"),
            Column("median_delay_seconds", "DOUBLE", "from a post to its share", "seconds"),
            Column("half_after_seconds", "BIGINT", "until half of the shares were made", "seconds"),
            Column("effective_reach", "BIGINT", "who follows a member or is one", "people"),
        ),
        key=("as_of", "segment", "network", "root_post_id"),
        cluster_by=("network", "started_at"),
    ),
    Table(
        "gold.cascade_starters",
        grain="one whose posts are passed on",
        owner="rank_influence",
        columns=(
            *OF,
            POST[0],
            VERTEX,
            Column("cascade_count", "BIGINT", "cascades that it started", "cascades"),
            Column("share_count", "BIGINT", "shares in them that are not its own", "shares"),
            Column("median_depth", "DOUBLE", "of these cascades", "shares"),
            Column("effective_reach", "BIGINT", "of all of them together", "people"),
        ),
        key=("as_of", "segment", "network", "id"),
    ),
    Table(
        "gold.influence_verdicts",
        grain="one topic or starter, and whether talk of it spreads along ties",
        owner="rank_influence",
        columns=(
            *OF,
            Column(
                "topic",
                "STRING",
                "a value of conf's graph.by, or whose posts are passed on",
                personal="identifier",
            ),
            Column("actor_count", "BIGINT", "who talked of it, or passed it on", "people"),
            Column("exposed_count", "BIGINT", "of these, after somebody that they turn to", "people"),
            Column("correlation", "DOUBLE", "how acting grows with active neighbours"),
            Column("shuffled_correlation", "DOUBLE", "the same where times are swapped"),
            Column("shuffle_p", "DOUBLE", "the chance of as much by swapping", "0..1"),
            Column("naive_risk_ratio", "DOUBLE", "the exposed against all others"),
            Column("risk_ratio", "DOUBLE", "the exposed against those alike"),
            Column("low", "DOUBLE", "its 95% interval, from"),
            Column("high", "DOUBLE", "its 95% interval, to"),
            Column("likeness_share", "DOUBLE", "of the naive excess, what likeness explains", "0..1"),
            Column("verdict", "STRING", "influence where both tests say so, else association"),
        ),
        key=("as_of", "segment", "topic"),
    ),
    Table(
        "gold.topic_influence",
        grain="one to whom people turn who talk of a topic",
        owner="rank_influence",
        columns=(
            *OF,
            Column("topic", "STRING", "a value of conf's graph.by"),
            VERTEX,
            Column("pagerank", "DOUBLE", "of a reader who begins at those who talk of it", "0..1"),
            Column("post_count", "BIGINT", "its own posts on it", "posts"),
        ),
        key=("as_of", "segment", "topic", "id"),
    ),
    Table(
        "gold.influencers",
        grain="one who speaks and whom people turn to",
        owner="rank_influence",
        columns=(
            *OF,
            VERTEX,
            Column("influence", "DOUBLE", "pagerank as a share of the highest", "0..1"),
            Column("favour", "DOUBLE", "sentiment of its posts, drawn to the mean of all", "0..1"),
            Column("loyalty", "DOUBLE", "n / (n + 1) of the days on which it bought", "0..1"),
            Column("advocacy", "DOUBLE", "influence x favour x loyalty", "0..1"),
            Column("post_count", "BIGINT", "its posts", "posts"),
            Column("mean_compound", "DOUBLE", "their sentiment", "-1..1"),
            Column("buy_days", "BIGINT", "days on which it bought", "days"),
        ),
        key=("as_of", "segment", "id"),
        cluster_by=("id",),
    ),
    Table(
        "gold.rising_influencers",
        grain="one to whom more people turn than before, beyond chance",
        owner="rank_influence",
        columns=(
            *OF,
            VERTEX,
            Column("before_count", "BIGINT", "who turned to it in the span before", "people"),
            Column("now_count", "BIGINT", "who did in the last one", "people"),
            Column("before_share", "DOUBLE", "of all such in that span", "0..1"),
            Column("now_share", "DOUBLE", "of all such in that span", "0..1"),
            Column("ratio", "DOUBLE", "of the shares; null for who is new"),
            Column("z", "DOUBLE", "how far beyond chance", "standard deviations"),
            Column("q_value", "DOUBLE", "share of findings as strong that are chance", "0..1"),
            Column("is_new", "BOOLEAN", "true where nobody turned to it before"),
        ),
        key=("as_of", "segment", "id"),
    ),
    Table(
        "gold.communities",
        grain="one vertex in its community",
        owner="detect_communities",
        columns=(
            *OF,
            VERTEX,
            Column("community_id", "BIGINT", "the same for the same community in later runs"),
            Column("place", "BIGINT", "by the weight of its ties inside, from 1"),
            Column("inside_share", "DOUBLE", "of the weight of its ties, within the community", "0..1"),
            Column("participation", "DOUBLE", "0 with all ties in one community, near 1 in many", "0..1"),
        ),
        key=("as_of", "segment", "id"),
        cluster_by=("community_id",),
    ),
    Table(
        "gold.community_overlaps",
        grain="one vertex and another community that it belongs to as well",
        owner="detect_communities",
        columns=(
            *OF,
            VERTEX,
            Column("community_id", "BIGINT", "the other community"),
            Column("share", "DOUBLE", "of the weight of its ties", "0..1"),
        ),
        key=("as_of", "segment", "id", "community_id"),
    ),
    Table(
        "gold.community_profiles",
        grain="one community and what it is like",
        owner="detect_communities",
        columns=(
            *OF,
            Column("community_id", "BIGINT", "the same for the same community in later runs"),
            Column("member_count", "BIGINT", "people, accounts and devices in it", "people"),
            Column("product_count", "BIGINT", "products in it", "products"),
            Column("inside_share", "DOUBLE", "of the weight of its members' ties", "0..1"),
            Column("words", "ARRAY<STRING>", "that mark its posts against all others"),
            Column("products", "ARRAY<STRING>", "that its members take up most"),
            Column("post_count", "BIGINT", "posts of its members", "posts"),
            Column("mean_compound", "DOUBLE", "their sentiment, VADER's compound", "-1..1"),
            Column("purchase_count", "BIGINT", "purchases of its members", "purchases"),
            Column("value_amount", "DOUBLE", "what these came to", "in currency"),
        ),
        key=("as_of", "segment", "community_id"),
    ),
    Table(
        "gold.community_bridges",
        grain="two communities with ties between them",
        owner="detect_communities",
        columns=(
            *OF,
            Column("community_id", "BIGINT", "one, the lesser id"),
            Column("other_id", "BIGINT", "the other"),
            Column("tie_count", "BIGINT", "ties between them", "ties"),
            Column("weight", "DOUBLE", "of these ties"),
            Column("bridge_id", "STRING", "who has most of that weight", personal="identifier"),
            Column("bridge_share", "DOUBLE", "how much of it", "0..1"),
        ),
        key=("as_of", "segment", "community_id", "other_id"),
    ),
    Table(
        "gold.community_flows",
        grain="members that went from one community to another since the last snapshot",
        owner="detect_communities",
        columns=(
            *OF,
            Column("before_as_of", "DATE", "the day of the snapshot before"),
            Column("before", "BIGINT", "the community then; null: in none"),
            Column("now", "BIGINT", "the community now; null: in none"),
            Column("member_count", "BIGINT", "how many went this way", "vertices"),
            Column("share_of_before", "DOUBLE", "of the community then", "0..1"),
            Column("share_of_now", "DOUBLE", "of the community now", "0..1"),
            Column("fate", "STRING", "went_on, split, merged, moved, joined or left"),
        ),
        key=("as_of", "segment", "before", "now"),
    ),
    Table(
        "gold.links",
        grain="one link that is not there yet, and how probable it is",
        owner="predict_links",
        columns=(
            *OF,
            Column("kind", "STRING", "people, products or together: products taken up by the same people"),
            replace(VERTEX, name="src"),
            replace(VERTEX, name="dst"),
            Column("rank", "INT", "among those of src, from 1"),
            Column(
                "probability",
                "DOUBLE",
                "within the horizon; null where there was too little to learn",
                "0..1",
            ),
            Column("common_neighbours", "DOUBLE", "whom or what both are tied to", "vertices"),
            Column("adamic_adar", "DOUBLE", "the same, each by 1 / log of its degree"),
            Column("personalised_pagerank", "DOUBLE", "how near to a reader who sets out at either", "0..2"),
            Column("embedding_cosine", "DOUBLE", "likeness of where they stand in the graph", "-1..1"),
        ),
        key=("as_of", "segment", "kind", "src", "dst"),
        cluster_by=("kind", "src"),
    ),
    Table(
        "gold.link_scores",
        grain="one way to rank pairs, and how well it did on links that came later",
        owner="predict_links",
        columns=(
            *OF,
            Column("kind", "STRING", "people, products or together"),
            Column("score", "STRING", "probability, the predictor's, or one feature alone"),
            *(
                Column(f"{measure}{end}", "DOUBLE", meaning + limit, "0..1")
                for measure, meaning in (
                    ("roc_auc", "that a pair that linked is above one that did not"),
                    ("average_precision", "of the ranking"),
                    ("precision_at_10", "of the ten best"),
                    ("precision_at_100", "of the hundred best"),
                )
                for end, limit in (("", ""), ("_low", ", 95% from"), ("_high", ", 95% to"))
            ),
        ),
        key=("as_of", "segment", "kind", "score"),
    ),
    Table(
        "gold.channel_coverage",
        grain="one rule of the channel table, and the visits that it caught",
        owner="build_journeys",
        columns=(
            *OF,
            AD[0],
            Column("rule", "INT", "the number of the rule, from 1; null: no rule caught them"),
            Column("visit_count", "BIGINT", "visits", "visits"),
            Column("share", "DOUBLE", "of all visits", "0..1"),
        ),
        key=("as_of", "segment", "channel", "rule"),
    ),
    Table(
        "gold.journeys",
        grain="one way of a person to a conversion, or to none",
        owner="build_journeys",
        columns=(
            *OF,
            Column("conversion_type", "STRING", "a name of conf's attribution.conversions"),
            Column("journey_id", "STRING", "32 hex digits", personal="identifier"),
            PERSON,
            Column(
                "touches",
                f"ARRAY<STRUCT<{', '.join(TOUCHED)}>>",
                "in the order of time",
                personal="behaviour",
            ),
            Column("converted_at", "TIMESTAMP", "when; null where it has not", "UTC"),
            Column("value", "DOUBLE", "what the conversion is worth", "in currency"),
            Column("currency", "STRING", "ISO 4217 code of value"),
            Column("is_converted", "BOOLEAN", "false: it came to nothing, or is open still"),
            Column("is_open", "BOOLEAN", "true where it may yet convert"),
        ),
        key=("as_of", "segment", "conversion_type", "journey_id"),
        cluster_by=("conversion_type", "person_id"),
        checks={"converted_has_time": "is_converted = (converted_at IS NOT NULL)"},
    ),
    Table(
        "gold.attribution_credits",
        grain="what one touch earns of a conversion by one rule",
        owner="attribute_conversions",
        columns=(
            *OF,
            Column("conversion_type", "STRING", "a name of conf's attribution.conversions"),
            Column("model", "STRING", "first, last, last_non_direct, linear, position or time_decay"),
            Column("journey_id", "STRING", "the conversion's journey", personal="identifier"),
            PERSON,
            Column("converted_at", "TIMESTAMP", "when it converted", "UTC"),
            Column(
                "touched_at", "TIMESTAMP", "when the touch was; null: no touch led to the conversion", "UTC"
            ),
            Column("touch_index", "INT", "the journey's touches, from 1"),
            *(replace(column, personal="behaviour") for column in AD),
            Column("conversions", "DOUBLE", "the share of the conversion", "0..1"),
            Column("value", "DOUBLE", "the same share of its value", "in currency"),
            Column("currency", "STRING", "ISO 4217 code of value"),
        ),
        key=("as_of", "segment", "conversion_type", "model", "journey_id", "touch_index"),
        cluster_by=("conversion_type", "model"),
        invariants={
            "the credits of a conversion are 1 in sum": (
                "SELECT journey_id FROM gold.attribution_credits "
                "GROUP BY as_of, segment, conversion_type, model, journey_id "
                "HAVING abs(sum(conversions) - 1) > 1e-9"
            ),
        },
    ),
    Table(
        "gold.attribution",
        grain="what one channel, campaign, ad or creative is credited with by one model",
        owner="attribute_conversions",
        columns=(
            *OF,
            *NAMED,
            Column("model", "STRING", "one of the rules, shapley, markov or counterfactual"),
            Column("currency", "STRING", "ISO 4217 code of value"),
            *(
                Column(f"{name}{end}", "DOUBLE", f"{meaning}{bound}", unit)
                for name, meaning, unit in (
                    ("conversions", "credited conversions", "conversions"),
                    ("value", "credited value", "in currency"),
                )
                for end, bound in (("", ""), ("_low", ", 95% from"), ("_high", ", 95% to"))
            ),
        ),
        key=("as_of", "segment", "conversion_type", "level", "name", "model"),
    ),
    Table(
        "gold.attribution_disagreement",
        grain="one channel, campaign, ad or creative, and how far the models are apart on it",
        owner="attribute_conversions",
        columns=(
            *OF,
            *NAMED,
            Column("least_model", "STRING", "the model that credits it with least"),
            Column("least_conversions", "DOUBLE", "with how much", "conversions"),
            Column("most_model", "STRING", "the model that credits it with most"),
            Column("most_conversions", "DOUBLE", "with how much", "conversions"),
            Column("disagreement", "DOUBLE", "the difference as a share of all conversions", "0..1"),
            Column("is_beyond_chance", "BOOLEAN", "true where the two intervals do not meet"),
        ),
        key=("as_of", "segment", "conversion_type", "level", "name"),
    ),
    Table(
        "gold.removal_effects",
        grain="one channel, and what is lost without it",
        owner="attribute_conversions",
        columns=(
            *OF,
            Column("conversion_type", "STRING", "a name of conf's attribution.conversions"),
            AD[0],
            Column("order", "INT", "touches that the chain remembers"),
            Column("removal_effect", "DOUBLE", "share of conversions that the chain loses", "0..1"),
            Column("conversions", "DOUBLE", "credited by these effects", "conversions"),
            Column("value", "DOUBLE", "credited by these effects", "in currency"),
        ),
        key=("as_of", "segment", "conversion_type", "channel"),
    ),
    Table(
        "gold.conversion_speed",
        grain="one channel or ad, and how fast its exposures convert",
        owner="attribute_conversions",
        columns=(
            *OF,
            *NAMED,
            Column("exposure_count", "BIGINT", "clocks that it started", "exposures"),
            Column("conversion_count", "BIGINT", "of these, converted before another came", "exposures"),
            *(
                Column(f"{name}{end}", "DOUBLE", f"{meaning}{bound}", unit)
                for name, meaning, unit in (
                    ("converted_share", "converted within the horizon, had none been censored", "0..1"),
                    ("median_days", "until half of all have converted; null: never", "days"),
                    ("half_days", "until half of those that do have converted", "days"),
                    ("restricted_mean_days", "mean time without conversion", "days"),
                )
                for end, bound in (("", ""), ("_low", ", 95% from"), ("_high", ", 95% to"))
            ),
            Column("p_value", "DOUBLE", "that it converts as fast as the rest, by the log-rank test", "0..1"),
            Column("q_value", "DOUBLE", "share of such findings that are chance", "0..1"),
        ),
        key=("as_of", "segment", "conversion_type", "level", "name"),
    ),
    Table(
        "gold.conversion_curves",
        grain="one channel or ad, and how many of its exposures have converted after so many days",
        owner="attribute_conversions",
        columns=(
            *OF,
            *NAMED,
            Column("duration_days", "DOUBLE", "since the exposure", "days"),
            Column("at_risk", "BIGINT", "clocks that ran until then", "exposures"),
            Column("converted", "BIGINT", "that converted just then", "exposures"),
            Column("competed", "BIGINT", "that another channel ended just then", "exposures"),
            Column("censored", "BIGINT", "whose rest is not known", "exposures"),
            Column("cumulative_incidence", "DOUBLE", "converted by then", "0..1"),
            Column("standard_error", "DOUBLE", "of it", "0..1"),
            Column("low", "DOUBLE", "its 95% interval, from", "0..1"),
            Column("high", "DOUBLE", "its 95% interval, to", "0..1"),
            Column("survival", "DOUBLE", "neither converted nor ended", "0..1"),
        ),
        key=("as_of", "segment", "conversion_type", "level", "name", "duration_days"),
    ),
    Table(
        "gold.converters",
        grain="one channel, and the touches of those who converted: a description, no comparison of ads",
        owner="attribute_conversions",
        columns=(
            *OF,
            Column("conversion_type", "STRING", "a name of conf's attribution.conversions"),
            Column("channel", "STRING", "the touches' channel; null: of all together"),
            Column("conversion_count", "BIGINT", "conversions with such a touch", "conversions"),
            Column("mean_touches", "DOUBLE", "such touches up to the conversion", "touches"),
            *(Column(f"{name}_touches", "BIGINT", f"their {words}", "touches") for name, words in QUARTILES),
            Column("last_count", "BIGINT", "conversions whose last touch it was", "conversions"),
            Column("mean_days", "DOUBLE", "from that last touch to the conversion", "days"),
            *(Column(f"{name}_days", "DOUBLE", f"their {words}", "days") for name, words in QUARTILES),
        ),
        key=("as_of", "segment", "conversion_type", "channel"),
    ),
    Table(
        "gold.fastest_paths",
        grain="one path of channels, and how soon it converted",
        owner="attribute_conversions",
        columns=(
            *OF,
            Column("conversion_type", "STRING", "a name of conf's attribution.conversions"),
            Column("rank", "INT", "1 is the soonest by its median"),
            Column("path", "ARRAY<STRING>", "channels in their order, repeats left out"),
            Column("conversions", "BIGINT", "journeys that took it", "conversions"),
            *(
                Column(f"{name}_days", "DOUBLE", f"first touch to conversion, {words}", "days")
                for name, words in QUARTILES
            ),
        ),
        key=("as_of", "segment", "conversion_type", "rank"),
    ),
    Table(
        "gold.ad_returns",
        grain="one channel, campaign, ad or creative in one model: what it cost and is credited with",
        owner="price_ads",
        columns=(
            *OF,
            *NAMED,
            Column("model", "STRING", "one of the rules, shapley, markov or counterfactual"),
            Column("currency", "STRING", "ISO 4217 code of the amounts"),
            Column("matched", "STRING", "matched, cost without touches or touches without cost"),
            Column("cost_amount", "DOUBLE", "what it cost", "in currency"),
            *(
                Column(f"{name}{end}", "DOUBLE", f"{meaning}{bound}", unit)
                for name, meaning, unit in (
                    ("conversions", "credited conversions", "conversions"),
                    ("value_amount", "credited value", "in currency"),
                    ("margin_amount", "credited margin", "in currency"),
                    ("attributed_roi", "(margin - cost) / cost: credit, not cause", ""),
                    ("roas", "value / cost", ""),
                    ("cpa", "cost / conversions", "in currency"),
                )
                for end, bound in (("", ""), ("_low", ", 95% from"), ("_high", ", 95% to"))
            ),
            Column(
                "incremental_margin_amount", "DOUBLE", "what held-out groups say it caused", "in currency"
            ),
            Column("incremental_roi", "DOUBLE", "the same return of that margin"),
            Column("incremental_roi_low", "DOUBLE", "its 95% interval, from"),
            Column("incremental_roi_high", "DOUBLE", "its 95% interval, to"),
            Column("calibration", "DOUBLE", "incremental / credited margin; below 1: the model overrates it"),
            Column("suggestion", "STRING", "more, less or wait; null where no experiment says"),
        ),
        key=("as_of", "segment", "conversion_type", "level", "name", "model", "currency"),
    ),
    Table(
        "gold.ad_days",
        grain="one ad on one day: what it cost, and what its touches of that day earned by one rule",
        owner="price_ads",
        columns=(
            *OF,
            Column("conversion_type", "STRING", "a name of conf's attribution.conversions"),
            Column("name", "STRING", "the ad, else in parentheses its campaign or channel"),
            Column("acted_on", "DATE", "the day of the cost and of the touches"),
            Column("model", "STRING", "one of the rules"),
            Column("currency", "STRING", "ISO 4217 code of the amounts"),
            Column("cost_amount", "DOUBLE", "what it cost that day", "in currency"),
            Column("conversions", "DOUBLE", "what its touches of that day earned, whenever", "conversions"),
            Column("value_amount", "DOUBLE", "the same in value", "in currency"),
        ),
        key=("as_of", "segment", "conversion_type", "name", "acted_on", "model", "currency"),
        cluster_by=("acted_on",),
    ),
    Table(
        "ops.runs",
        grain="one run of a job",
        owner="every job",
        columns=(
            Column("run_id", "STRING", "the run"),
            Column("job", "STRING", "the file in jobs/"),
            Column("status", "STRING", "succeeded or failed"),
            Column("started_at", "TIMESTAMP", "when it began", "UTC"),
            Column("ended_at", "TIMESTAMP", "when it ended", "UTC"),
            Column("duration_seconds", "DOUBLE", "from start to end", "seconds"),
            Column("as_of", "DATE", "rows before its midnight UTC counted"),
            Column("settings", "STRING", "all settings, as JSON", "JSON"),
            Column("code_version", "STRING", "release and digest of the code"),
            Column("input_versions", "MAP<STRING, BIGINT>", "the version of each table it read"),
            Column("output_versions", "MAP<STRING, BIGINT>", "the version of each table it wrote"),
            Column("rows_in", "BIGINT", "rows it took in", "rows"),
            Column("rows_out", "BIGINT", "rows it found good or wrote", "rows"),
            Column("rows_quarantined", "BIGINT", "rows it set aside", "rows"),
            Column("finding_ids", "ARRAY<STRING>", "its findings, in the order in which it told them"),
            Column("mlflow_run_id", "STRING", "its run in MLflow"),
            Column("error", "STRING", "the sentence it failed with"),
        ),
        key=("run_id",),
        checks={"status_known": "status IN ('succeeded', 'failed')"},
    ),
    Table(
        "ops.findings",
        grain="one number that a job printed or drew",
        owner="every job",
        columns=(
            Column("finding_id", "STRING", "12 hex digits, the same for the same finding"),
            Column("question", "STRING", "what was asked"),
            Column("value", "STRING", "what was found, as JSON", "JSON"),
            Column("unit", "STRING", "the unit of value"),
            Column("job", "STRING", "the job that found it"),
            Column("settings", "STRING", "all settings, as JSON", "JSON"),
            Column("code_version", "STRING", "release and digest of the code"),
            Column("input_versions", "MAP<STRING, BIGINT>", "the tables it was computed from"),
            Column("rests_on", "MAP<STRING, STRING>", "digests of what it rests on beside the tables"),
            Column("run_id", "STRING", "the run that found it first"),
            Column("mlflow_run_id", "STRING", "that run in MLflow"),
            Column("legal_bases", "ARRAY<STRING>", "the legal bases of the rows behind it"),
            Column("found_at", "TIMESTAMP", "when it was first found", "UTC"),
        ),
        key=("finding_id",),
    ),
    Table(
        "ops.quarantine",
        grain="one record set aside",
        owner="every job",
        columns=(
            Column("quarantine_id", "STRING", "digest of job, file and position, or of the row's key"),
            Column("job", "STRING", "the job that set it aside"),
            Column("reason", "STRING", "why, and what would do"),
            Column("source", "STRING", "the source as declared"),
            Column("subject_id", "STRING", "the visitor or profile, where known", personal="identifier"),
            *(column for column in DELIVERY if column.name != "ingested_at"),
            Column("mapping", "STRING", "the mapping that read it"),
            Column("run_id", "STRING", "the run that set it aside"),
            Column("quarantined_at", "TIMESTAMP", "when", "UTC"),
            Column("requeued_at", "TIMESTAMP", "when it went through after all; null: still here", "UTC"),
        ),
        key=("quarantine_id",),
        checks={"reason_given": "reason IS NOT NULL"},
        stamps=("run_id", "quarantined_at"),
    ),
)

CATALOGUE: Mapping[str, Table] = {table.name: table for table in _TABLES}
