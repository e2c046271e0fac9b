"""Values that cannot work, or would not be safe, are refused at start and named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from accounts.config import Settings
from accounts.config_origin import is_loopback
from tests.test_config import refused

GOOD: dict[str, Any] = {
    "ACCOUNTS_ENV": "production",
    "ACCOUNTS_PUBLIC_ORIGIN": "https://accounts.example.org",
    "ACCOUNTS_MAIL_SERVER": "smtp.example.org",
}


def load(**given: Any) -> Settings:
    return Settings.load({f"ACCOUNTS_{name.upper()}": value for name, value in given.items()})


def test_production_with_https_and_a_mail_server_starts() -> None:
    found = Settings.load(GOOD)
    assert found.secure
    assert found.mail_tls == "starttls"
    assert found.mail_sender == "accounts@accounts.example.org"


def test_production_needs_a_mail_server() -> None:
    given = {name: value for name, value in GOOD.items() if name != "ACCOUNTS_MAIL_SERVER"}
    line = refused(**{name.removeprefix("ACCOUNTS_").lower(): value for name, value in given.items()})
    assert line == "ACCOUNTS_MAIL_SERVER: production needs an SMTP server"


@pytest.mark.parametrize("origin", [{}, {"public_origin": "http://accounts.example.org"}], ids=["none", "http"])
def test_production_needs_an_https_origin(origin: dict[str, str]) -> None:
    line = refused(env="production", mail_server="smtp.example.org", **origin)
    assert line == "ACCOUNTS_PUBLIC_ORIGIN: production needs an https:// origin"


def test_production_does_not_start_without_limits() -> None:
    given = {name.removeprefix("ACCOUNTS_").lower(): value for name, value in GOOD.items()}
    line = refused(**given, development_no_limits="true")
    assert line == "ACCOUNTS_DEVELOPMENT_NO_LIMITS: production limits how often passwords may be tried"
    assert Settings.load({"ACCOUNTS_DEVELOPMENT_NO_LIMITS": "true"}).development_no_limits


@pytest.mark.parametrize(
    ("given", "env"),
    [
        ({}, "development"),
        ({"host": "::1"}, "development"),
        ({"host": "localhost", "mail_server": "localhost"}, "development"),
        ({"public_origin": "https://accounts.example.org", "mail_server": "localhost"}, "production"),
        ({"env": "development", "host": "0.0.0.0", "public_origin": "http://10.0.0.7:8000"}, "development"),  # noqa: S104 - a value under test
    ],
)
def test_the_kind_of_installation_is_told_by_where_it_stands(given: dict[str, str], env: str) -> None:
    assert load(**given).env == env


@pytest.mark.parametrize(
    "given",
    [
        {"mail_server": "smtp.example.org"},
        {"host": "0.0.0.0"},  # noqa: S104 - a value under test
        {"host": "192.168.1.4"},
        {"public_origin": "http://accounts.example.org"},
    ],
)
def test_what_others_can_reach_is_production_unless_said_otherwise(given: dict[str, str]) -> None:
    assert refused(**given).endswith("production needs an https:// origin")
    assert load(**given, env="development").env == "development"


@pytest.mark.parametrize(
    "origin",
    [
        "", "accounts.example.org", "//accounts.example.org", "ftp://accounts.example.org", "https://", "https:///x",
        "https://a.org/path", "https://a.org?", "https://a.org/?q=1", "https://a.org#", "https://a.org/#f",
        "https://user@a.org", "https://u:p@a.org", "https://@a.org", "https://a b.org", " https://a.org",
        "https://a.org ", "https://a.org\n", "https://a.org\\b", "https://a,b.org", "https://a.org:", "https://a.org:port",
        "https://a.org:65536", "https://a.org.", "https://.a.org", "https://[::1", "https://[zz]",
        "https://bücher.example", "https://%61.org", "javascript:alert(1)", "null", "*",
    ],
)  # fmt: skip
def test_what_is_not_an_origin_is_refused(origin: str) -> None:
    line = refused(public_origin=origin, mail_server="localhost")
    assert line == "ACCOUNTS_PUBLIC_ORIGIN: must be an origin such as https://accounts.example.org"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://accounts.example.org/", "https://accounts.example.org"),
        ("HTTPS://Accounts.Example.ORG", "https://accounts.example.org"),
        ("https://accounts.example.org:8443", "https://accounts.example.org:8443"),
        ("https://accounts.example.org:443", "https://accounts.example.org"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://localhost:80", "http://localhost"),
        ("http://my_container:8000", "http://my_container:8000"),
    ],
)
def test_an_origin_is_kept_as_a_browser_writes_it(given: str, kept: str) -> None:
    assert load(public_origin=given, mail_server="localhost", env=_env(given)).public_origin == kept


def _env(origin: str) -> str:
    return "production" if origin.lower().startswith("https") else "development"


@pytest.mark.parametrize("server", ["smtp.example.org", "10.0.0.3", "localhost.example.org", "127.0.0.1.example.org"])
def test_plain_smtp_to_another_machine_is_refused(server: str) -> None:
    line = refused(env="development", mail_server=server, mail_tls="none")
    assert line == "ACCOUNTS_MAIL_TLS: mail carries reset links; plain SMTP is for loopback only"


@pytest.mark.parametrize(
    ("given", "tls"),
    [
        ({}, "none"),
        ({"mail_server": "localhost"}, "none"),
        ({"mail_server": "::1", "mail_port": 465}, "none"),
        ({"mail_server": "127.8.8.8"}, "none"),
        ({"mail_server": "localhost", "mail_tls": "starttls"}, "starttls"),
        ({"mail_server": "smtp.example.org"}, "starttls"),
        ({"mail_server": "smtp.example.org", "mail_port": 465}, "tls"),
        ({"mail_server": "smtp.example.org", "mail_port": "465"}, "tls"),
        ({"mail_server": "smtp.example.org", "mail_port": 2525, "mail_tls": "tls"}, "tls"),
    ],
)
def test_the_way_to_encrypt_follows_server_and_port(given: dict[str, Any], tls: str) -> None:
    assert load(env="development", **given).mail_tls == tls


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"port": "eighty"}, "ACCOUNTS_PORT"),
        ({"port": "65536"}, "ACCOUNTS_PORT"),
        ({"port": "-1"}, "ACCOUNTS_PORT"),
        ({"mail_port": "0"}, "ACCOUNTS_MAIL_PORT"),
        ({"trusted_proxies": "-1"}, "ACCOUNTS_TRUSTED_PROXIES"),
        ({"trusted_proxies": "11"}, "ACCOUNTS_TRUSTED_PROXIES"),
        ({"trusted_proxies": "yes"}, "ACCOUNTS_TRUSTED_PROXIES"),
        ({"env": "staging"}, "ACCOUNTS_ENV"),
        ({"mail_server": ""}, "ACCOUNTS_MAIL_SERVER"),
        ({"mail_sender": ""}, "ACCOUNTS_MAIL_SENDER"),
        ({"mail_sender": "accounts"}, "ACCOUNTS_MAIL_SENDER"),
        ({"mail_sender": "a@example.org\nBcc: b@example.org"}, "ACCOUNTS_MAIL_SENDER"),
        ({"mail_tls": "ssl"}, "ACCOUNTS_MAIL_TLS"),
        ({"locale": "tlh"}, "ACCOUNTS_LOCALE"),
        ({"locale": "EN"}, "ACCOUNTS_LOCALE"),
        ({"service_name": ""}, "ACCOUNTS_SERVICE_NAME"),
        ({"service_name": "x" * 61}, "ACCOUNTS_SERVICE_NAME"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(given: dict[str, str], name: str) -> None:
    line = refused(**({"public_origin": "http://localhost:1"} | given))
    assert line.startswith(f"{name}: ")


@pytest.mark.parametrize("sender", ["a@example.org", "The Hall <a@example.org>", "accounts@localhost"])
def test_a_sender_is_an_address_with_or_without_a_name(sender: str) -> None:
    assert load(mail_sender=sender).mail_sender == sender


def test_port_zero_asks_the_system_for_a_port() -> None:
    assert load(port="0").port == 0


def test_an_ipv6_host_stands_in_brackets_in_its_origin() -> None:
    assert load(host="::1", port="81").public_origin == "http://[::1]:81"


@pytest.mark.parametrize(
    ("origin", "sender"),
    [
        ("http://[::1]:8000", "accounts@localhost"),
        ("http://10.0.0.7", "accounts@localhost"),
        ("http://localhost:8000", "accounts@localhost"),
        ("http://accounts.example.org:8000", "accounts@accounts.example.org"),
    ],
)
def test_the_default_sender_has_a_name_for_a_domain(origin: str, sender: str) -> None:
    assert load(env="development", public_origin=origin).mail_sender == sender


@pytest.mark.parametrize(
    ("host", "is_it"),
    [("127.0.0.1", True), ("127.255.0.1", True), ("::1", True), ("[::1]", True), ("localhost", True)]
    + [(host, False) for host in ("", "0.0.0.0", "::", "10.0.0.1", "Localhost.example.org", "example.org")],  # noqa: S104 - values under test
)
def test_loopback_is_told_from_the_rest(host: str, is_it: bool) -> None:
    assert is_loopback(host) is is_it


@pytest.mark.parametrize(
    "key", ["", "secret", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%", "AAAA" * 11, f"whsec_{'A' * 120}"]
)
def test_a_key_for_bounces_is_one_of_standard_webhooks(key: str) -> None:
    line = refused(mail_bounce_key=key)
    assert line.startswith("ACCOUNTS_MAIL_BOUNCE_KEY: must be whsec_ and 24 to 64 random bytes in base64; make one: ")
    assert not key or key not in line.replace("whsec_", "") or key == "whsec_"


def test_a_key_for_bounces_of_32_bytes_and_one_of_a_provider_are_taken() -> None:
    for key in (f"whsec_{'A' * 43}=", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"):
        found = load(mail_bounce_key=key)
        assert found.mail_bounce_key == key
        assert key not in repr(found)


@pytest.mark.parametrize(
    "token", ["", "short", "x" * 31, f"{'x' * 31} ", f"{'x' * 20} {'y' * 20}", "ü" * 40, "x" * 513, "=" * 40]
)
def test_a_token_for_metrics_is_long_and_can_be_sent(token: str) -> None:
    line = refused(metrics_token=token)
    assert line.startswith(
        "ACCOUNTS_METRICS_TOKEN: must be 32 to 512 random characters of A-Z a-z 0-9 - . _ ~ + /; make one: "
    )
    assert len(token) < 6 or token.strip() not in line


def test_a_token_for_metrics_is_taken_from_a_file_and_never_shown(tmp_path: Path) -> None:
    token = "0123456789abcdef0123456789abcdef"
    (tmp_path / "token").write_text(f"{token}\n")
    for found in (load(metrics_token=token), load(metrics_token_file=str(tmp_path / "token"))):
        assert found.metrics_token == token
        assert token not in repr(found)
