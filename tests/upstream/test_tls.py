"""An issuer behind TLS is believed as far as its certificate is vouched for, and no further."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from accounts.config import Settings
from accounts.config_sources import SettingsError
from accounts.config_upstream import Upstream
from accounts.core.errors import UpstreamFailed
from accounts.flows.upstream.provider import UpstreamProvider
from accounts.flows.upstream.waiting import PendingSignIn
from tests.servers.certificates import Authority
from tests.upstream.issuers import lying

HERE = "https://accounts.example.org"
GOOD = {
    "ACCOUNTS_ENV": "production",
    "ACCOUNTS_PUBLIC_ORIGIN": HERE,
    "ACCOUNTS_MAIL_SERVER": "mail.example.org",
    "ACCOUNTS_UPSTREAM_OFFICE_ISSUER": "https://login.example.com",
    "ACCOUNTS_UPSTREAM_OFFICE_CLIENT_ID": "accounts",
}


def provider(issuer: str) -> UpstreamProvider:
    return UpstreamProvider(Upstream("office", issuer, "downstream"), HERE)


def test_an_issuer_of_a_private_authority_vouches_where_that_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, waiting = Authority(tmp_path), PendingSignIn("office", "sign-in")
    with lying(authority.server_context()) as liar:
        monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
        with pytest.raises(UpstreamFailed, match="not reached: SSLError"):
            provider(liar.origin).authorization_url(waiting)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.certificate))
        asked = dict(parse_qsl(urlsplit(provider(liar.origin).authorization_url(waiting)).query))
        assert asked["redirect_uri"] == f"{HERE}/upstream/office/callback"
        assert (asked["code_challenge_method"], asked["nonce"]) == ("S256", waiting.nonce)
        answer = {"code": waiting.nonce, "iss": liar.origin}
        assert provider(liar.origin).fetch_user(waiting, answer).subject == "mallory"


def test_a_certificate_that_has_run_out_vouches_for_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.certificate))
    context, waiting = authority.server_context(expires_in=timedelta(hours=-1)), PendingSignIn("office", "sign-in")
    with lying(context) as liar, pytest.raises(UpstreamFailed, match="not reached: SSLError"):
        provider(liar.origin).authorization_url(waiting)


def test_behind_tls_no_endpoint_is_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.certificate))
    with lying(authority.server_context()) as liar:
        liar.metadata = {"token_endpoint": liar.origin.replace("https:", "http:") + "/token"}
        with pytest.raises(UpstreamFailed, match="no endpoints"):
            provider(liar.origin).authorization_url(PendingSignIn("office", "sign-in"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"ISSUER": None}, "ACCOUNTS_UPSTREAM_OFFICE_ISSUER: is missing"),
        ({"ISSUER": "http://login.example.com"}, "ACCOUNTS_UPSTREAM_OFFICE_ISSUER: must begin with https://"),
        ({"ISSUER": "http://127.0.0.1:8000"}, "ACCOUNTS_UPSTREAM_OFFICE_ISSUER: must begin with https://"),
        ({"ISSUER": "login.example.com"}, "ACCOUNTS_UPSTREAM_OFFICE_ISSUER: must be an address"),
        ({"CLIENT_ID": ""}, "ACCOUNTS_UPSTREAM_OFFICE_CLIENT_ID: is missing"),
        ({"CLIENT_IDS": "x"}, "ACCOUNTS_UPSTREAM_OFFICE_CLIENT_IDS: no field of an upstream"),
        ({"SCOPE": "email"}, "ACCOUNTS_UPSTREAM_OFFICE_SCOPE: must hold openid"),
        ({"CLIENT_SECRET_FILE": "/nowhere"}, "ACCOUNTS_UPSTREAM_OFFICE_CLIENT_SECRET_FILE: cannot read /nowhere"),
        ({"CLIENT_SECRET": "x", "CLIENT_SECRET_FILE": "y"}, "ACCOUNTS_UPSTREAM_OFFICE_CLIENT_SECRET: and its _FILE"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused_by_name(changes: dict[str, str | None], says: str) -> None:
    given = GOOD | {f"ACCOUNTS_UPSTREAM_OFFICE_{name}": value for name, value in changes.items()}
    with pytest.raises(SettingsError, match=says):
        Settings.load({name: value for name, value in given.items() if value is not None})


def test_a_secret_comes_from_a_file_and_stands_in_no_text(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("quite secret\n")
    settings = Settings.load(GOOD | {"ACCOUNTS_UPSTREAM_OFFICE_CLIENT_SECRET_FILE": str(tmp_path / "secret")})
    assert settings.upstreams["office"].client_secret == "quite secret"
    assert settings.upstreams["office"].label == "Office"
    assert "quite secret" not in f"{settings!r}{settings.upstreams!r}"
