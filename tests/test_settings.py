"""Layers in their order, and every fault at once."""

from __future__ import annotations

import typing
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest

from retinue import settings
from retinue.errors import InputMissing, UnknownSetting


def test_each_layer_covers_the_one_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RETINUE_HOME", raising=False)
    own = tmp_path / "own.toml"
    own.write_text('[sessions]\ntimeout_minutes = 20\nmax_events = 7\n[spark.options]\n"spark.x" = "1"\n')
    chosen = settings.load(
        "test", conf=own, overrides=["sessions.max_events=9", "paths.of=page"], home=tmp_path
    )
    assert chosen.sessions.timeout_minutes == 20.0
    assert chosen.sessions.max_events == 9
    assert chosen.sessions.click_lag_seconds == 0.5, "base.toml's where nobody says otherwise"
    assert chosen.spark.master == "local[2]", "the environment's overlay"
    assert chosen.spark.options["spark.x"] == "1"
    assert "spark.ui.enabled" in chosen.spark.options, "tables of an overlay add to those below"
    assert chosen.paths.of == "page"
    assert chosen.home_path == tmp_path
    assert chosen.lake_root == str(tmp_path / "lake")
    assert chosen.tracking_uri == f"sqlite:///{tmp_path}/mlflow.db"


def test_the_home_comes_from_the_environment_unless_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RETINUE_HOME", str(tmp_path / "a"))
    assert settings.load("test").home_path == tmp_path / "a"
    assert settings.load("test", home=tmp_path / "b").home_path == tmp_path / "b"


def test_an_overlay_in_the_working_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "retinue.toml").write_text("[paths]\nlength = 3\n")
    monkeypatch.chdir(tmp_path)
    assert settings.load("test").paths.length == 3


def test_every_fault_is_told_at_once_with_the_nearest_key(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[sesions]\ntimeout_minutes = 20\n[lake]\nretries = "many"\n')
    wrong = [
        "timeout_minutes=3",
        "paths.length=0",
        "ingest.earliest=yesterday",
        "novalue",
        "searches.fruitless=autoo",
    ]
    with pytest.raises(UnknownSetting) as told:
        settings.load("test", conf=own, overrides=wrong)
    faults = str(told.value).splitlines()
    assert len(faults) == 7
    for beginning in (
        f"{own}: no setting 'sesions'; did you mean 'sessions'?; the top level has home, as_of, segment",
        "lake.retries: found 'many', wanted a whole number",
        "--set: no setting 'timeout_minutes'; did you mean 'sessions.timeout_minutes'?",
        "paths.length: found 0, wanted at least 1",
        "ingest.earliest: found 'yesterday', wanted a date such as 2026-01-31",
        "--set 'novalue': wanted section.key=value, for example sessions.timeout_minutes=20",
        "searches.fruitless: found 'autoo', wanted one of auto, zero_results, no_click, refined;",
    ):
        assert any(fault.startswith(beginning) for fault in faults), beginning


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("lake=3", "lake: found 3, wanted a section"),
        ("paths.include_bots=1", "paths.include_bots: found 1, wanted true or false"),
        ("sessions.timeout_minutes=true", "sessions.timeout_minutes: found True, wanted a number"),
        ("consent.purposes=[1]", "consent.purposes: found [1], wanted a list of texts"),
        ("funnel.steps=['order']", "funnel.steps: found 'order', wanted 'name: predicate'"),
        ("home=3", "home: found 3, wanted a text"),
        (
            "sessions.timeout_minutes=1e30",
            "sessions.timeout_minutes: found 1e+30, wanted from 0 to 5,256,000",
        ),
        ("funnel.window_minutes=inf", "funnel.window_minutes: found inf, wanted from 0 to 5,256,000"),
        ("ingest.latest_ahead_days=-1", "ingest.latest_ahead_days: found -1.0, wanted from 0 to 3,650"),
    ],
)
def test_a_value_that_cannot_be_is_told(override: str, sentence: str) -> None:
    with pytest.raises(UnknownSetting) as told:
        settings.load("test", overrides=[override])
    assert sentence in str(told.value)


DAYS = "wanted such as 'email: 7', the days above 0"
WEIGHTS = "wanted three of 0 or more with the sum 1"


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("lookbacks=['email']", f"lookbacks: found 'email', {DAYS}"),
        ("lookbacks=['email: soon']", f"lookbacks: found 'email: soon', {DAYS}"),
        ("lookbacks=['a: 1', ': 7']", f"lookbacks: found ': 7', {DAYS}"),
        ("lookbacks=['email: 0']", f"lookbacks: found 'email: 0', {DAYS}"),
        ("lookbacks=['email: -7']", f"lookbacks: found 'email: -7', {DAYS}"),
        ("lookbacks=['email: nan']", f"lookbacks: found 'email: nan', {DAYS}"),
        ("lookbacks=['email: inf']", f"lookbacks: found 'email: inf', {DAYS}"),
        ("lookbacks=['email: 36501']", f"lookbacks: found 'email: 36501', {DAYS}"),
        ("lookbacks=['a: 1', 'b: 2', ' a: 3']", "lookbacks: found the name 'a' twice, wanted it once"),
        ("lookbacks=[7]", "lookbacks: found [7], wanted a list of texts"),
        ("position=[0.5, 0.5]", f"position: found [0.5, 0.5], {WEIGHTS}"),
        ("position=[]", f"position: found [], {WEIGHTS}"),
        ("position=[0.4, 0.2, 0.5]", f"position: found [0.4, 0.2, 0.5], {WEIGHTS}"),
        ("position=[-0.1, 0.1, 1]", f"position: found [-0.1, 0.1, 1.0], {WEIGHTS}"),
        ("position=[0, 1, 0]", f"position: found [0.0, 1.0, 0.0], {WEIGHTS}"),
        ("position=[nan, 0.5, 0.5]", f"position: found [nan, 0.5, 0.5], {WEIGHTS}"),
        ("position=[inf, 0, 0]", f"position: found [inf, 0.0, 0.0], {WEIGHTS}"),
        ("position=['first', 0, 1]", "position: found ['first', 0.0, 1.0], wanted a list of numbers"),
        ("position=[true, 0.0, 0.0]", "position: found [True, 0.0, 0.0], wanted a list of numbers"),
        ("position=0.4", "position: found 0.4, wanted a list of numbers"),
        ("conversions=[]", "conversions: found [], wanted 'name: predicate'"),
        ("conversions=['order']", "conversions: found 'order', wanted 'name: predicate'"),
        ("conversions=['a: x', 'a: y']", "conversions: found the name 'a' twice, wanted it once"),
        ("lookback_days=0", "lookback_days: found 0.0, wanted from 0.001 to 36,500"),
        ("view_lookback_days=-1", "view_lookback_days: found -1.0, wanted from 0.001 to 36,500"),
        ("half_life_days=nan", "half_life_days: found nan, wanted from 0.001 to 36,500"),
        ("landing_minutes=-5", "landing_minutes: found -5.0, wanted from 0 to 1,440"),
        ("order=5", "order: found 5, wanted from 0 to 4"),
        ("order=1.5", "order: found 1.5, wanted a whole number"),
        ("replicates=1", "replicates: found 1, wanted from 2 to 2,000"),
        ("names=0", "names: found 0, wanted from 1 to 2,000"),
        ("horizon_days=0", "horizon_days: found 0, wanted from 1 to 3,650"),
        ("channels=3", "channels: found 3, wanted a text"),
        ("lookback=7", "no setting 'attribution.lookback'; did you mean 'attribution.lookbacks'?"),
    ],
)
def test_a_setting_of_attribution_that_cannot_be_is_told(override: str, sentence: str) -> None:
    with pytest.raises(UnknownSetting) as told:
        settings.load("test", overrides=[f"attribution.{override}"])
    [line] = [line for line in str(told.value).splitlines() if override.split("=")[0] in line]
    assert sentence in line


def test_settings_of_attribution_are_told_as_what_they_mean() -> None:
    chosen = settings.load(
        "test",
        overrides=[
            "attribution.lookbacks=['email: 7', ' web push :0.5']",
            "attribution.position=[1, 0, 0]",
            "attribution.conversions=[\"order: event_type = 'purchase'\", 'late: hour(occurred_at) > 20']",
            "attribution.lookback_days=14",
            "attribution.view_lookback_days=0.25",
            "attribution.landing_minutes=0",
            "attribution.half_life_days=3.5",
            "attribution.horizon_days=60",
        ],
    ).attribution
    assert chosen.windows == {"email": timedelta(days=7), "web push": timedelta(hours=12)}
    assert chosen.position == [1.0, 0.0, 0.0]
    assert chosen.predicates == {"order": "event_type = 'purchase'", "late": "hour(occurred_at) > 20"}
    assert (chosen.lookback, chosen.view_lookback) == (timedelta(days=14), timedelta(hours=6))
    assert (chosen.landing, chosen.half_life) == (timedelta(0), timedelta(hours=84))
    assert chosen.horizon == timedelta(days=60)


@pytest.mark.parametrize("position", [[0.4, 0.2, 0.4], [1 / 3] * 3, [0, 0, 1], [0.1, 0.2, 0.7]])
def test_weights_whose_sum_is_one_but_for_rounding_will_do(position: list[float]) -> None:
    assert settings.weights([*map(float, position)]) == ""


def test_a_file_that_is_missing_or_no_toml_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match=r"nowhere\.toml cannot be read \(No such file or directory\)"):
        settings.load("test", conf=tmp_path / "nowhere.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("sessions = [")
    with pytest.raises(UnknownSetting, match="not TOML"):
        settings.load("test", conf=broken)


def test_an_unknown_environment_is_told() -> None:
    with pytest.raises(UnknownSetting, match="did you mean 'local'"):
        settings.load("locale")


def test_settings_go_through_json_and_come_back_equal() -> None:
    chosen = settings.load("local")
    assert settings.restore(asdict(chosen)) == chosen


def test_base_toml_says_why_for_every_setting() -> None:
    base = Path(settings.__file__).parents[2] / "conf" / "base.toml"
    explained = {
        line.split("=")[0].strip() for line in base.read_text().splitlines() if "=" in line and "#" in line
    }
    sections = typing.get_type_hints(settings.Settings)
    every = {
        name
        for section in sections.values()
        for name in (typing.get_type_hints(section) if hasattr(section, "__dataclass_fields__") else {})
    }
    assert every - {"options"} <= explained


def test_sparks_own_settings_keep_the_dots_of_their_names() -> None:
    overrides = ["spark.options.spark.sql.shuffle.partitions=7", "spark.options.spark.speculation=true"]
    chosen = settings.load("test", overrides=overrides).spark.options
    assert (chosen["spark.sql.shuffle.partitions"], chosen["spark.speculation"]) == ("7", "true")


def test_what_is_secret_is_not_shown() -> None:
    chosen = settings.load(
        "test",
        overrides=[
            "spark.options.spark.hadoop.fs.s3a.secret.key='hush'",
            "spark.options.spark.app.name='shop'",
            "tracking.uri='https://me:hu@sh@mlflow.example/x?token=hush&a=b'",
            "ingest.input='abfss://box@account.dfs.core.windows.net/in'",
        ],
    )
    shown = settings.flatten(chosen)
    assert "hush" not in str(shown)
    assert "sh@" not in str(shown)
    assert shown["tracking.uri"] == "https://***@mlflow.example/x?token=***&a=b"
    assert shown["ingest.input"] == "abfss://box@account.dfs.core.windows.net/in"
    assert shown["spark.options.spark.app.name"] == "shop"
