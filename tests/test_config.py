"""Where settings come from: the environment, files for secrets, TOML; and which names there are."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from accounts import create_app
from accounts.config import Settings
from accounts.config_sources import SettingsError
from accounts.extension import get_app_state
from tests.conftest import KEY

OLD = KEY.replace("unit", "elder")


def refused(**given: Any) -> str:
    """The one line with which settings are refused."""
    with pytest.raises(SettingsError) as caught:
        Settings.load({f"ACCOUNTS_{name.upper()}": value for name, value in given.items()})
    (line,) = str(caught.value).splitlines()
    return line


def test_nothing_at_all_is_enough_to_start_on_loopback() -> None:
    found = Settings.load({})
    assert (found.env, found.host, found.port) == ("development", "127.0.0.1", 8000)
    assert found.public_origin == "http://127.0.0.1:8000"
    assert found.database_url == "sqlite:///instance/accounts.db"
    assert found.secret_keys == ()
    assert found.mail_sender == "accounts@localhost"
    assert not found.secure


def test_what_is_not_ours_in_the_environment_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCOUNTS_PORT", "8123")
    monkeypatch.setenv("PORT", "nine")
    assert Settings.load().port == 8123


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings.load({}).port = 1  # type: ignore[misc] # that it is read-only is what is tested


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("public_orgin", "ACCOUNTS_PUBLIC_ORIGIN"),
        ("secret_key", "ACCOUNTS_SECRET_KEYS"),
        ("secretkeys_file", "ACCOUNTS_SECRET_KEYS_FILE"),
        ("database", "ACCOUNTS_DATABASE_URL"),
        ("mail_pass", "ACCOUNTS_MAIL_PASSWORD"),
        ("proxies", "ACCOUNTS_TRUSTED_PROXIES"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_right_one(wrong: str, right: str) -> None:
    assert refused(**{wrong: "x"}) == f"ACCOUNTS_{wrong.upper()} is not a setting; did you mean {right}?"


@pytest.mark.parametrize("name", ["lifetimes", "zzzz", ""])
def test_a_name_like_no_other_is_refused_too(name: str) -> None:
    assert refused(**{name: "x"}).startswith(f"ACCOUNTS_{name.upper()} is not a setting")


def test_a_typing_error_in_the_prefix_of_a_secret_does_not_print_the_secret() -> None:
    assert KEY not in refused(secret_key=KEY)


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    for name, text in (
        ("secret_keys", f"{OLD},{KEY}\n"),
        ("mail_password", "pass word \n"),
        ("database_url", "x://"),
    ):
        (tmp_path / name).write_text(text)
    found = Settings.load({f"ACCOUNTS_{p.name.upper()}_FILE": str(p) for p in tmp_path.iterdir()})
    assert found.secret_keys == (OLD, KEY)
    assert found.mail_password == "pass word"
    assert found.database_url == "x://"


def test_a_secret_set_both_ways_is_refused(tmp_path: Path) -> None:
    line = refused(secret_keys=KEY, secret_keys_file=str(tmp_path / "keys"))
    assert line == "ACCOUNTS_SECRET_KEYS and its _FILE are both set; keep one"


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    assert refused(secret_keys_file=str(missing)).startswith(f"ACCOUNTS_SECRET_KEYS_FILE: cannot read {missing}: No")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert "cannot read" in refused(mail_password_file=str(tmp_path / "binary"))


def test_settings_come_from_a_toml_file_and_the_environment_wins(tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text(f'port = 8001\nservice_name = "Hall"\nsecret_keys = ["{KEY}"]\nlifetime_invite = 3600\n')
    found = Settings.load({"ACCOUNTS_CONFIG": str(file), "ACCOUNTS_PORT": "8002"})
    assert (found.port, found.service_name, found.secret_keys) == (8002, "Hall", (KEY,))
    assert found.lifetimes == {"invite": timedelta(hours=1)}


@pytest.mark.parametrize("in_file", ["mail_password = 'from TOML'", "mail_password_file = '/nowhere/at/all'"])
@pytest.mark.parametrize("as_file", [False, True])
def test_a_secret_in_the_environment_wins_over_both_its_forms_in_toml(
    tmp_path: Path, in_file: str, as_file: bool
) -> None:
    config, secret = tmp_path / "accounts.toml", tmp_path / "password"
    config.write_text(in_file)
    secret.write_text("from a file")
    setting = {"ACCOUNTS_MAIL_PASSWORD_FILE": str(secret)} if as_file else {"ACCOUNTS_MAIL_PASSWORD": "from outside"}
    found = Settings.load({"ACCOUNTS_CONFIG": str(config), **setting})
    assert found.mail_password == ("from a file" if as_file else "from outside")


def test_the_secret_of_an_upstream_in_the_environment_wins_over_its_file_in_toml(tmp_path: Path) -> None:
    config = tmp_path / "accounts.toml"
    config.write_text(
        "upstream_work_issuer = 'https://login.example.com'\n"
        "upstream_work_client_id = 'accounts'\n"
        "upstream_work_client_secret_file = '/nowhere/at/all'\n"
    )
    found = Settings.load({"ACCOUNTS_CONFIG": str(config), "ACCOUNTS_UPSTREAM_WORK_CLIENT_SECRET": "from outside"})
    assert found.upstreams["work"].client_secret == "from outside"


def test_a_secret_set_both_ways_in_toml_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text(f"secret_keys = ['{KEY}']\nsecret_keys_file = '/nowhere/at/all'")
    assert refused(config=str(file)) == "ACCOUNTS_SECRET_KEYS and its _FILE are both set; keep one"


def test_an_app_is_made_from_a_mapping_of_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCOUNTS_SERVICE_NAME", "From the environment")
    app = create_app(
        {"ACCOUNTS_SECRET_KEYS": [KEY], "ACCOUNTS_INSTANCE": tmp_path, "ACCOUNTS_LOCALE": "de", "TESTING": True}
    )
    site = get_app_state(app).site
    assert (site.settings.locale, site.settings.service_name, app.testing) == ("de", "Accounts", True)
    assert site.settings.secret_keys == (KEY,)
    site.store.close()
    with pytest.raises(SettingsError, match="ACCOUNTS_PROT is not a setting; did you mean ACCOUNTS_PORT"):
        create_app({"ACCOUNTS_PROT": 8000})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = ", "is not TOML"),
        ("prot = 1", "did you mean ACCOUNTS_PORT?"),
        ("[mail]\nserver = 1", "not a setting"),
    ],
)
def test_a_bad_toml_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text(text)
    assert said in refused(config=str(file))


def test_a_toml_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refused(config=str(tmp_path / "none.toml")).startswith("ACCOUNTS_CONFIG: cannot read")


@pytest.mark.parametrize(
    "given",
    [f"{OLD},{KEY}", f" {OLD} , {KEY} ", f"{OLD}\n{KEY}\n", json.dumps([OLD, KEY]), [OLD, KEY], (OLD, KEY)],
    ids=["commas", "spaces", "lines", "json", "list", "tuple"],
)
def test_a_key_ring_is_given_in_several_ways_oldest_first(given: object) -> None:
    assert Settings.load({"ACCOUNTS_SECRET_KEYS": given}).secret_keys == (OLD, KEY)


@pytest.mark.parametrize(
    "given", ["", "[]", '[""]', ",", f"{KEY},", [], [""], (), f'["{KEY}", " "]'], ids=lambda given: repr(given)[:8]
)
def test_an_empty_key_or_none_at_all_is_refused(given: object) -> None:
    assert refused(secret_keys=given) == "ACCOUNTS_SECRET_KEYS: holds an empty key"


@pytest.mark.parametrize("given", [json.dumps(KEY), '{"a": 1}', "[1, 2]", [1], 17, None, {"a": "b"}, b"bytes"])
def test_a_ring_that_is_no_list_of_texts_is_refused(given: object) -> None:
    assert refused(secret_keys=given) == "ACCOUNTS_SECRET_KEYS: must be a list of keys, oldest first"


def test_a_ring_that_only_begins_like_json_is_refused() -> None:
    assert refused(secret_keys=f'["{KEY}"') == "ACCOUNTS_SECRET_KEYS: is not a JSON list"


@pytest.mark.parametrize("value", ["0", "-1", "", "soon", "1.5", "1e3", "31622401", " ", None])
def test_a_lifetime_is_a_number_of_seconds_up_to_a_year(value: object) -> None:
    line = refused(lifetime_reset_password=value)
    assert line == "ACCOUNTS_LIFETIME_RESET_PASSWORD: must be a number of seconds, at least 1, at most a year"


def test_a_lifetime_is_set_by_purpose() -> None:
    found = Settings.load({"ACCOUNTS_LIFETIME_RESET_PASSWORD": "3", "ACCOUNTS_LIFETIME_INVITE": 86400})
    assert found.lifetimes == {"reset-password": timedelta(seconds=3), "invite": timedelta(days=1)}


def test_no_secret_is_in_the_text_of_settings() -> None:
    found = Settings.load(
        {
            "ACCOUNTS_SECRET_KEYS": KEY,
            "ACCOUNTS_MAIL_PASSWORD": "hush",
            "ACCOUNTS_DATABASE_URL": "postgresql://u:psst@h",
        }
    )
    assert not any(secret in repr(found) + str(found) for secret in (KEY, "hush", "psst"))
