"""`bookeo config` tells what is in force and why, and shows no secret; variables of others change no command."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bookeo.settings.model import BookeoSettings
from bookeo_pipelines.runtime.child_environment import child_environment
from bookeo_sandbox import Sandbox
from command_runs import Run
from isolation import write_secrets

KEYS = """
[sources.bookeo]
secret_key = "SECRET-OF-THE-APPLICATION"
on_failure = "https://hooks.example.com/SECRET-PATH"

[[sources.bookeo.accounts]]
name = "north"
api_key = "SECRET-OF-NORTH"

[[sources.bookeo.accounts]]
name = "south"
api_key_file = "/run/secrets/south"
"""
FOREIGN = {
    "BASE_URL": "http://127.0.0.1:9/myapp",
    "API_KEY": "stripe-sk-live",
    "SECRET_KEY": "django",
    "LANGUAGE": "en_US:en",
    "ARCHIVE": "elsewhere",
    "PUBLISH": "no",
    "PRIVACY": "drop",
    "START": "2031-01-01",
    "ACCOUNT": "ops",
    "ACCOUNTS": "3",
    "CREDENTIALS": "postgresql://a:b@127.0.0.1:9/x",
    "DESTINATION": "postgres",
    "DATASET_NAME": "others",
    "DEV_MODE": "true",
    "REFRESH": "drop_sources",
    "PIPELINES_DIR": "elsewhere",
    "WORKERS": "many",
    "DELETE_COMPLETED_JOBS": "maybe",
    "CREATE_INDEXES": "7up",
    "FILE_MAX_ITEMS": "x",
    "NEXT_ITEM_MODE": "sideways",
    "LOG_LEVEL": "loud",
}


@pytest.fixture
def configured(folder: Path, reread_settings: Callable[[], None]) -> Path:
    write_secrets(folder, KEYS)
    (folder / ".dlt" / "config.toml").write_text(
        '[sources.bookeo]\nconcurrency = 7\n[sources.bookeo.privacy]\nip = "drop"\n'
    )
    reread_settings()
    return folder


def test_each_setting_has_its_value_and_its_place(
    bookeo: Run, configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__BOOKEO__BURST", "9")
    outcome = bookeo("config", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    shown = json.loads(outcome.out)
    settings = {row["setting"]: (row["value"], row["origin"]) for row in shown["settings"]}
    assert settings.keys() == BookeoSettings.get_resolvable_fields().keys()
    assert settings["concurrency"] == (7, {"kind": "file", "name": ".dlt/config.toml", "line": 2})
    assert settings["privacy"] == ({"ip": "drop"}, {"kind": "file", "name": ".dlt/config.toml", "line": 3})
    assert settings["burst"] == (9, {"kind": "variable", "name": "SOURCES__BOOKEO__BURST", "line": None})
    assert settings["start"] == ("2010-01-01", {"kind": "default", "name": None, "line": None})
    assert settings["api_key"][0] == "absent"
    assert settings["secret_key"] == ("present", {"kind": "file", "name": ".dlt/secrets.toml", "line": 3})
    assert settings["on_failure"][0] == "present"
    assert settings["accounts"][0] == ["north", "south"]
    assert shown["files"] == [str(Path(".dlt", name)) for name in ("secrets.toml", "config.toml")] or all(
        Path(file).name in ("secrets.toml", "config.toml") for file in shown["files"]
    )
    for words in (("config",), ("config", "--account", "north"), ("config", "--json", "--account", "south")):
        told = bookeo(*words)
        assert told.code == 0
        assert "SECRET-" not in told.out + outcome.out


def test_an_account_has_its_own_keys(bookeo: Run, configured: Path) -> None:
    rows = json.loads(bookeo("config", "--account", "south", "--json").out)["settings"]
    settings = {row["setting"]: (row["value"], row["origin"]["name"]) for row in rows}
    assert settings["api_key"][0] == "absent"
    assert settings["api_key_file"] == ("/run/secrets/south", "entry south of accounts")
    assert settings["secret_key"] == ("present", ".dlt/secrets.toml")
    outcome = bookeo("config", "--account", "west")
    assert outcome.code == 1
    assert "known: north, south" in outcome.err


@pytest.mark.parametrize("command", ["check", "config", "load", "plan", "pii", "reconcile", "publish"])
def test_a_misspelt_setting_stops_every_command(
    bookeo: Run, loaded: Path, keys: Sandbox, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("SOURCES__BOOKEO__PRIVCY", "drop")
    outcome = bookeo(command)
    assert outcome.code == 2
    assert "did you mean SOURCES__BOOKEO__PRIVACY?" in outcome.err.replace("\n", " ")
    assert keys.requests()["total"] == 0


@pytest.mark.parametrize("place", ["variables", "files"])
def test_variables_of_other_programs_change_no_command(
    bookeo: Run,
    sandbox: Sandbox,
    loaded: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    reread_settings: Callable[[], None],
    place: str,
) -> None:
    ours = {"api_key": sandbox.api_key, "secret_key": sandbox.secret_key, "base_url": sandbox.base_url}
    if place == "variables":
        for name, value in ours.items():
            monkeypatch.setenv(f"SOURCES__BOOKEO__{name.upper()}", value)
    else:
        write_secrets(folder, "[sources.bookeo]\n" + "\n".join(f'{name} = "{value}"' for name, value in ours.items()))
    for name, value in FOREIGN.items():
        monkeypatch.setenv(name, value)
    reread_settings()
    before = {path.name for path in folder.iterdir()}
    commands = [("check", "--json"), ("config", "--json")]
    if place == "variables":
        commands += [("plan", "--json"), ("load", "--json"), ("status", "--json"), ("pii", "--json")]
        commands += [("query", "SELECT count(*) FROM bookeo_data.bookings", "--json")]
    for words in commands:
        outcome = bookeo(*words)
        assert (outcome.code, outcome.err) == (0, ""), words
        assert json.loads(outcome.out), words
    made = {path.name for path in folder.iterdir()} - before
    assert made <= {"dlt", ".bookeo.duckdb.lock", ".dlt"}
    assert not bookeo("config").out.count("127.0.0.1:9")
    assert sandbox.requests()["total"] > 0


SECRETS = {
    *(
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AZURE_STORAGE_CONNECTION_STRING",
        "GOOGLE_API_KEY",
        "GITHUB_TOKEN",
    ),
    *("OTEL_EXPORTER_OTLP_HEADERS", "MOTHERDUCK_TOKEN", "PGPASSWORD", "DBT_ENV_SECRET_TOKEN", "API_KEY", "SECRET_KEY"),
    *("PRIVACY_KEY", "SOURCES__BOOKEO__API_KEY", "SOURCES__BOOKEO__SECRET_KEY", "sources__stripe__api_key"),
    *("BOOKEO__SOURCES__BOOKEO__API_KEY", "DESTINATION__POSTGRES__CREDENTIALS", "CREDENTIALS", "DATABASE_URL"),
    *("REDIS_URL", "STRIPE_KEY", "DJANGO_SECRET_KEY", "SLACK_TOKEN", "NPM_TOKEN", "PYPI_TOKEN", "VAULT_TOKEN"),
    *("SENTRY_DSN", "SSH_AUTH_SOCK", "HTTPS_PROXY", "KUBE_TOKEN", "SNOWFLAKE_PASSWORD"),
}


def test_a_command_that_is_told_sees_no_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bookeo_pipelines.observability.alerts import alert

    assert len(SECRETS) >= 30
    for name in SECRETS:
        monkeypatch.setenv(name, "http://user:SECRET@proxy:3128")
    monkeypatch.setenv("LC_TIME", "C")
    monkeypatch.setenv("no_proxy", "localhost")
    keep = "import os, pathlib; pathlib.Path('seen').write_text(repr(dict(os.environ)))"
    monkeypatch.setenv("SOURCES__BOOKEO__ON_FAILURE", f'"{sys.executable}" -c "{keep}"')
    assert alert("load", 1, []) is None
    seen = (folder / "seen").read_text()
    assert "SECRET" not in seen
    assert {"PATH", "LC_TIME", "no_proxy"} <= child_environment().keys()
    assert os.environ["PATH"] in seen


def test_dbt_is_directed_by_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    from bookeo_pipelines.marts.dbt import _environment

    monkeypatch.setenv("DBT_TARGET_PATH", "elsewhere")
    monkeypatch.setenv("DBT_ENV_SECRET_BOOKEO_HOST", "before")
    with _environment({"DBT_ENV_SECRET_BOOKEO_HOST": "db", "PGSSLMODE": "verify-full"}):
        directed = {name: value for name, value in os.environ.items() if name.startswith(("DBT_", "PGSSL"))}
        assert directed == {"DBT_ENV_SECRET_BOOKEO_HOST": "db", "PGSSLMODE": "verify-full"}
    assert os.environ["DBT_TARGET_PATH"] == "elsewhere"
    assert os.environ["DBT_ENV_SECRET_BOOKEO_HOST"] == "before"
    assert "PGSSLMODE" not in os.environ
