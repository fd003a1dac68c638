"""Settings stand where the documentation says, and nowhere else; a misspelt name is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bookeo import bookeo_source, load_settings
from bookeo.errors import SettingsError, UnknownSetting
from bookeo.settings.model import BookeoSettings, keyless_settings, load_all_settings, settings_in_force

KEYS = '[sources.bookeo]\napi_key = "OUR-API-KEY"\nsecret_key = "OUR-SECRET-KEY"\n'
FOREIGN = {
    "BASE_URL": "http://127.0.0.1:1/myapp",
    "API_KEY": "stripe-sk-live",
    "SECRET_KEY": "django-secret",
    "LANGUAGE": "en_US:en",
    "ARCHIVE": "/nowhere",
    "PUBLISH": "no",
    "PRIVACY": "drop",
    "PRIVACY_KEY": "somebody-else's-key",
    "START": "now",
    "ACCOUNT": "ops",
    "ACCOUNTS": '[{"name": "x", "api_key": "y"}]',
    "BURST": "1",
    "CONCURRENCY": "63",
    "CUSTOMERS": "never",
    "PAYMENTS": "never",
    "SLOTS": "daily",
    "ON_FAILURE": "false",
    "SESSION": "gnome",
}
"""Variables of other programs with the names of settings, or of arguments of the sources."""
WITHOUT_SECTION = [*FOREIGN] + [f"SOURCES__{name}" for name in FOREIGN]


@pytest.fixture
def configure(folder: Path, reread_settings: Callable[[], None]) -> Callable[[str, str], Path]:
    """Write a settings file and make dlt read it."""

    def write(name: str, text: str) -> Path:
        (folder / ".dlt").mkdir(exist_ok=True)
        path = folder / ".dlt" / name
        path.write_text(text)
        reread_settings()
        return path

    return write


def test_variables_of_other_programs_are_no_settings(
    configure: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure("secrets.toml", KEYS)
    for name in WITHOUT_SECTION:
        monkeypatch.setenv(name, FOREIGN[name.removeprefix("SOURCES__")])
    [settings] = load_all_settings()
    assert settings.api_key == "OUR-API-KEY"
    assert settings.secret_key == "OUR-SECRET-KEY"
    unchanged = BookeoSettings.get_resolvable_fields().keys() - {"api_key", "secret_key"}
    assert {name: getattr(settings, name) for name in unchanged} == {
        name: getattr(BookeoSettings, name) for name in unchanged
    }


def test_variables_of_other_programs_are_no_arguments_of_the_source(
    configure: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure("secrets.toml", KEYS)
    for name in WITHOUT_SECTION:
        monkeypatch.setenv(name, FOREIGN[name.removeprefix("SOURCES__")])
    resources = bookeo_source().resources
    assert "customers" in resources, "CUSTOMERS=never was obeyed"
    assert "slots" not in resources, "SLOTS=daily was obeyed"


def test_the_documented_places_count(configure: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    configure("secrets.toml", KEYS)
    configure("config.toml", '[sources.bookeo]\nlanguage = "de_DE"\nconcurrency = 7\nburst = 9\n')
    monkeypatch.setenv("SOURCES__BOOKEO__BURST", "11")
    settings = load_settings(concurrency=8)
    assert (settings.language, settings.concurrency, settings.burst) == ("de_DE", 8, 11)
    found = settings_in_force(concurrency=8)
    origins = {name: str(found[name].origin) for name in ("language", "concurrency", "burst", "start", "secret_key")}
    assert origins == {
        "language": ".dlt/config.toml, line 2",
        "concurrency": "argument",
        "burst": "the variable SOURCES__BOOKEO__BURST",
        "start": "default",
        "secret_key": ".dlt/secrets.toml, line 3",
    }


MISSPELT = {
    "a table": ("[sources.bookeo]\nstart = '2026-01-01'\n[sources.bookeo.privcy]\nname = 'drop'", 3, "privacy"),
    "a value": ("[sources.bookeo]\n\nconcurency = 8", 3, "concurrency"),
    "a key": ("[sources.bookeo]\napikey = 'x'", 2, "api_key"),
    "the first section": ("[source.bookeo]\nprivacy = 'drop'", 1, "[sources.bookeo]"),
    "the second section": ("[sources.bokeo]\nprivacy = 'drop'", 1, "[sources.bookeo]"),
    "a capital": ("[Sources.Bookeo]\nprivacy = 'drop'", 1, "[sources.bookeo]"),
    "half of the section": ("[bookeo]\nprivacy = 'drop'", 1, "[sources.bookeo]"),
    "no section": ("# a comment\nprivacy = 'drop'", 2, "outside of [sources.bookeo]"),
    "the section of all sources": ("[sources]\nprivacy = 'drop'", 2, "outside of [sources.bookeo]"),
    "dotted": ("sources.bookeo.wndow_days = 3", 1, "window_days"),
    "nothing like it": ("[sources.bookeo]\nxyzzy = 1", 2, "`bookeo config`"),
}


@pytest.mark.parametrize("file", ["config.toml", "secrets.toml"])
@pytest.mark.parametrize("case", MISSPELT)
def test_a_misspelt_name_in_a_file_is_refused(configure: Callable[[str, str], Path], case: str, file: str) -> None:
    text, line, meant = MISSPELT[case]
    configure(file, text)
    with pytest.raises(UnknownSetting) as raised:
        keyless_settings()
    assert raised.value.message.startswith(f".dlt/{file}, line {line}: ")
    assert meant in raised.value.message


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("SOURCES__BOOKEO__CONCURENCY", "SOURCES__BOOKEO__CONCURRENCY"),
        ("SOURCES__BOOKEO__PRIVACY__NAME", "SOURCES__BOOKEO__PRIVACY"),
        ("SOURCES__BOOKEO__api_key", "SOURCES__BOOKEO__API_KEY"),
        ("SOURCES__BOOKEO__BOOKEO__START", "no setting"),
        ("SOURCE__BOOKEO__API_KEY", "SOURCES__BOOKEO__API_KEY"),
        ("SOURCES__BOKEO__API_KEY", "SOURCES__BOOKEO__API_KEY"),
        ("sources__bookeo__api_key", "SOURCES__BOOKEO__API_KEY"),
    ],
)
def test_a_misspelt_variable_is_refused(variable: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "NOBODY-SHOULD-SEE-THIS")
    with pytest.raises(UnknownSetting, match="The variable") as raised:
        keyless_settings()
    assert variable in raised.value.message
    assert meant in raised.value.message
    assert "NOBODY" not in raised.value.message


def test_what_belongs_to_dlt_or_to_other_sources_is_left_alone(
    configure: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(
        "config.toml",
        "[runtime]\nlog_level = 'ERROR'\n[sources.stripe]\nstart = 1\n[sources.bookeo.extract]\nworkers = 2\n"
        "[destination.postgres]\ncreate_indexes = false\n[load]\nworkers = 1\n",
    )
    monkeypatch.setenv("SOURCES__BOOKEO__DATA_WRITER__BUFFER_MAX_ITEMS", "100")
    monkeypatch.setenv("SOURCES__STRIPE__API_KEY", "x")
    assert keyless_settings().concurrency == BookeoSettings.concurrency


def test_an_unknown_name_in_an_account_is_refused(configure: Callable[[str, str], Path]) -> None:
    configure("secrets.toml", '[[sources.bookeo.accounts]]\nname = "north"\napikey = "x"\n')
    with pytest.raises(UnknownSetting, match=r"Entry 1 .* did you mean api_key\?"):
        load_all_settings()


def test_a_key_in_the_file_that_is_committed_is_refused(configure: Callable[[str, str], Path]) -> None:
    configure("config.toml", KEYS)
    with pytest.raises(SettingsError, match=r"\.dlt/config\.toml, line 2: api_key is a secret") as raised:
        load_settings()
    assert "OUR" not in raised.value.message


def test_keys_stand_in_files_of_their_own(
    configure: Callable[[str, str], Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("api", "secret", "north", "privacy"):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(f"the-{name}-key-of-somebody\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    configure(
        "config.toml",
        "[sources.bookeo]\napi_key_file = '$CREDENTIALS_DIRECTORY/api'\nsecret_key_file = 'secret'\n"
        "privacy = 'hash'\nprivacy_key_file = 'privacy'\n",
    )
    settings = load_settings()
    assert (settings.api_key, settings.secret_key) == ("the-api-key-of-somebody", "the-secret-key-of-somebody")
    assert settings.privacy_rules.key == b"the-privacy-key-of-somebody"
    assert "of-somebody" not in repr(settings)
    monkeypatch.setenv(
        "SOURCES__BOOKEO__ACCOUNTS", '[{"name": "north", "api_key_file": "north"}, {"name": "south", "api_key": "k"}]'
    )
    assert [(one.api_key, one.secret_key) for one in load_all_settings()] == [
        ("the-north-key-of-somebody", "the-secret-key-of-somebody"),
        ("k", "the-secret-key-of-somebody"),
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file"), (b"", "holds no key"), (b"\xff", "holds no key"), (b"x" * 10_001, "no key")],
)
def test_a_file_without_a_key_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, why: str
) -> None:
    if content is not None:
        (folder / "key").write_bytes(content)
    monkeypatch.setenv("SOURCES__BOOKEO__API_KEY_FILE", "key")
    with pytest.raises(SettingsError, match=why):
        load_settings(secret_key="s")


def test_an_account_without_a_key_gets_nobody_elses(configure: Callable[[str, str], Path]) -> None:
    configure("secrets.toml", KEYS + '[[sources.bookeo.accounts]]\nname = "north"\n')
    with pytest.raises(SettingsError, match="No api_key"):
        load_settings(account="north")


def test_a_range_is_checked() -> None:
    for name, value in {
        "window_days": 32,
        "chunk_seconds": 0.01,
        "max_requests": 0,
        "requests_per_second": 1001,
    }.items():
        with pytest.raises(SettingsError, match=f"The setting {name} is .*must lie between"):
            keyless_settings(**{name: value})
