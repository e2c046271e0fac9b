"""Tokens signed by an earlier release stay valid, and new ones are laid out byte for byte as they were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from pydantic import BaseModel

from accounts.config import Settings
from accounts.core.link_kinds.parts import Subject
from accounts.core.links.link import Link
from accounts.core.models.account import Account
from accounts.core.signing.token_kind import BadToken, TokenKind
from accounts.core.site import Site
from accounts.flows import LINKS, TOKENS
from accounts.flows.account.approval import RequestPayload
from accounts.flows.account.approval_request import ReviewPayload
from accounts.flows.account.change_email import ChangeEmailPayload
from accounts.flows.invites.join import JoinPayload
from accounts.flows.invites.link import InvitePayload
from accounts.flows.oidc.trial_state import read_trial_state
from accounts.flows.shared.mail_request import ReturnTargetPayload
from tests.conftest import KEY
from tests.flows.token_samples import (
    EARLIER_LINKS,
    EARLIER_TOKENS,
    EARLIER_VERIFIER,
    ORIGIN,
    SHARED_TERMS,
    SIGNED_AT,
    sample_payloads,
)

ACCOUNT = {
    "id": "a1",
    "email": "ada@example.org",
    "email_key": "ada@example.org",
    "password_hash": "$argon2id$x",
    "auth_epoch": 3,
    "sign_in_serial": 5,
    "email_serial": 1,
    "lock_serial": 2,
    "anchor_serial": 0,
    "name": "Ada",
    "locale": "en",
    "status": "active",
}
CARRIED: dict[str, BaseModel] = {
    "invite": InvitePayload(
        id="i1", expires=SIGNED_AT + 86400, groups=["staff"], inviter="a9", locale="de", next="/x"
    ),
    "join-shared": JoinPayload(**SHARED_TERMS, signed=SIGNED_AT, place="p1", expires=SIGNED_AT + 3600),
    "reset-password": ReturnTargetPayload(next="/x"),
    "sign-in": ReturnTargetPayload(next="/x"),
    "change-email": ChangeEmailPayload(email="new@example.org"),
    "request-account": RequestPayload(id="n1", locale="de", next="/x"),
    "review-request": ReviewPayload(id="n1", expires=SIGNED_AT + 86400, asked_at=SIGNED_AT, sealed="k.abc"),
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """The installation that signed them, in the second in which it did."""
    given = {
        "database_url": f"sqlite:///{tmp_path}/a.db",
        "secret_keys": [KEY],
        "public_origin": ORIGIN,
        "mail_server": "smtp.example.org",
        "mail_sender": "a@example.org",
    }
    settings = Settings.load({f"ACCOUNTS_{name.upper()}": value for name, value in given.items()})
    with time_machine.travel(SIGNED_AT, tick=False):
        yield Site(settings, LINKS, tokens=TOKENS)


@pytest.mark.parametrize("kind", TOKENS, ids=lambda kind: kind.purpose)
def test_a_token_of_an_earlier_release_is_read_and_made_again_byte_for_byte(site: Site, kind: TokenKind[Any]) -> None:
    payload = sample_payloads(site.ring.signing)[kind.purpose]
    assert site.signer.verify(kind, EARLIER_TOKENS[kind.purpose]) == payload
    assert site.signer.sign(kind, payload) == EARLIER_TOKENS[kind.purpose]


def test_the_verifier_of_an_app_trial_is_derived_as_it_was(site: Site) -> None:
    trial = read_trial_state(site, EARLIER_TOKENS["try-app"])
    assert trial is not None
    assert trial.verifier == EARLIER_VERIFIER


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.purpose)
def test_a_link_of_an_earlier_release_is_read_and_made_again_byte_for_byte(site: Site, link: Link) -> None:
    account = Account(**ACCOUNT)
    subject = Subject("a1", account) if link.about == "account" else Subject("ada@example.org", None)
    signed = EARLIER_LINKS[link.purpose]
    carried = CARRIED.get(link.purpose)
    assert site.link_signer.sign(link, subject, carried) == signed
    if link.purpose == "activate":
        return  # Signed without the id that its links carry: laid out as it was, and read by nobody.
    claims = site.link_signer.verify(link, signed)
    assert claims.subject_id == subject.id
    assert site.link_signer.moved_parts(claims, subject) == ()
    if carried is not None:
        assert claims.carried == carried


@pytest.mark.parametrize("kind", [each for each in TOKENS if each.lifetime], ids=lambda kind: kind.purpose)
def test_a_token_ends_with_the_lifetime_of_its_kind(site: Site, kind: TokenKind[Any]) -> None:
    assert kind.lifetime is not None
    token = EARLIER_TOKENS[kind.purpose]
    with time_machine.travel(SIGNED_AT + kind.lifetime.total_seconds(), tick=False):
        assert site.signer.read(kind, token) is not None
    with time_machine.travel(SIGNED_AT + (kind.lifetime + timedelta(seconds=1)).total_seconds(), tick=False):
        assert site.signer.read(kind, token) is None
        with pytest.raises(BadToken, match="too old"):
            site.signer.verify(kind, token)


@pytest.mark.parametrize(("purpose", "seconds"), [("oauth-access", 600), ("session", 14 * 86400)])
def test_a_token_that_names_its_own_end_is_read_until_then(site: Site, purpose: str, seconds: int) -> None:
    kind, token = site.tokens[purpose], EARLIER_TOKENS[purpose]
    with time_machine.travel(SIGNED_AT + seconds - 1, tick=False):
        assert site.signer.read(kind, token) is not None
    with time_machine.travel(SIGNED_AT + seconds, tick=False):
        assert site.signer.read(kind, token) is None


@pytest.mark.parametrize("kind", TOKENS, ids=lambda kind: kind.purpose)
@pytest.mark.parametrize("payload", [None, 7, [], [1, 2], ["x"] * 30, {"a": 1}, [[], {}, None]], ids=repr)
def test_a_genuine_token_of_another_layout_is_a_bad_token(site: Site, kind: TokenKind[Any], payload: object) -> None:
    token = site.signer.sign_payload(kind.purpose, kind.version, payload)
    # The list of a device is read without what is no id.
    assert site.signer.read(kind, token) is None or (kind.purpose == "device" and isinstance(payload, list))
