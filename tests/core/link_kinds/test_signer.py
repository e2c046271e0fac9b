"""Signing links and reading them: what a token says, when it ends, and what is no token."""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from accounts.core import clock
from accounts.core.ids import new_id
from accounts.core.link_errors import LinkInvalid
from accounts.core.link_kinds.parts import Subject
from accounts.core.link_kinds.signer import LinkSigner
from accounts.core.signing.keys import Key, new_key
from accounts.flows.account import reset_password, sign_up
from accounts.flows.invites import link as invite_link
from accounts.flows.shared import mail_request
from tests.core.link_kinds.samples import HASH, Dated, declared, somebody
from tests.core.sites import ISSUER, make_link_signer, make_signer

RESET = reset_password.RESET


def decoded(token: str) -> str:
    """What anybody can read in a token, signed or not."""
    text = token.rsplit(".", 2)[0]
    raw = base64.urlsafe_b64decode(text.removeprefix(".") + "==")
    return (zlib.decompress(raw) if text.startswith(".") else raw).decode()


def test_a_token_gives_nothing_of_the_password_hash_away() -> None:
    account = somebody()
    seen = decoded(make_link_signer().sign(RESET, Subject(account.id, account)))
    fragments = {HASH[at : at + 6] for at in range(len(HASH) - 5)}
    assert not [fragment for fragment in fragments if fragment in seen]
    assert "example" not in seen
    assert account.id in seen


def test_a_reset_link_is_short() -> None:
    signer, account = make_link_signer(), somebody()
    url = signer.link_url(RESET, signer.sign(RESET, Subject(account.id, account)))
    assert re.fullmatch(re.escape(ISSUER) + r"/l/reset-password/[\w.-]+/go", url)
    assert len(ISSUER) == 22
    assert len(url) < 150


def test_the_longest_invitation_still_opens() -> None:
    signer = make_link_signer()
    groups = [f"{number:02}" + new_id() * 3 + new_id()[:14] for number in range(32)]
    email = "a" * 64 + "@" + ".".join(letter * 60 for letter in "bcd") + ".example"
    carried = invite_link.InvitePayload(id=new_id(), expires=2**31, groups=groups, inviter=new_id(), locale="de")
    assert (
        signer.verify(invite_link.INVITE, signer.sign(invite_link.INVITE, Subject(email, None), carried)).carried
        == carried
    )


def test_what_a_link_carries_comes_back_as_it_was() -> None:
    signer = make_link_signer()
    carried = sign_up.ActivationPayload(id=new_id(), locale="de", next="/welt?x=%C3%BC")
    claims = signer.verify(sign_up.ACTIVATE, signer.sign(sign_up.ACTIVATE, Subject("a@example.org", None), carried))
    assert claims.carried == carried
    assert claims.subject_id == "a@example.org"
    assert len(claims.link_id) == 12


@pytest.mark.parametrize(
    "payload",
    [
        None, 7, "text", [], [None], [7, "a"], {}, ["x" * 36, "/next", "one too many"], [["x" * 36]],
        ["\x00" * 20 + "x" * 16], ["~~~~~~~~~~~~~~~~~~~~" + "x" * 16],
    ],
)  # fmt: skip
def test_a_genuine_token_of_another_layout_is_invalid(payload: Any) -> None:
    signer = make_link_signer()
    token = make_signer().sign_payload(RESET.purpose, RESET.version, payload)
    with pytest.raises(LinkInvalid):
        signer.verify(RESET, token)


@pytest.mark.parametrize("values", [[], ["id"], ["id", "en", "", "more"], [1, "en", ""], ["id", "en", None]])
def test_what_is_carried_in_another_layout_is_invalid(values: list[Any]) -> None:
    token = make_signer().sign_payload("activate", 1, ["AAAAA" + "a@example.org", *values])
    with pytest.raises(LinkInvalid):
        make_link_signer().verify(sign_up.ACTIVATE, token)


@pytest.mark.parametrize("token", [None, 7, [], {}, b"a.b.c", True, "", "a.b.c"])
def test_what_is_no_token_is_invalid(token: object) -> None:
    with pytest.raises(LinkInvalid):
        make_link_signer().verify(RESET, token)


def test_raising_the_version_of_a_kind_ends_its_links_only() -> None:
    signer, account = make_link_signer(), somebody()
    subject = Subject(account.id, account)
    token, other = signer.sign(RESET, subject), signer.sign(declared(), subject)
    with pytest.raises(LinkInvalid):
        signer.verify(replace(RESET, version=2), token)
    assert signer.verify(declared(), other).subject_id == account.id


def test_a_lifetime_of_the_installation_wins_over_the_declared_one() -> None:
    account = somebody()
    shorter = LinkSigner(make_signer(), ISSUER, {"reset-password": timedelta(seconds=3)})
    assert shorter.lifetime(RESET) == timedelta(seconds=3)
    assert shorter.lifetime(invite_link.INVITE) == timedelta(days=7)
    claims = shorter.verify(RESET, shorter.sign(RESET, Subject(account.id, account)))
    assert shorter.expires_at(claims) == claims.issued_at + timedelta(seconds=3)
    assert make_link_signer().expires_at(claims) == claims.issued_at + timedelta(minutes=30)


def test_a_link_may_carry_an_end_of_its_own() -> None:
    signer, ends = make_link_signer(), int(clock.now().timestamp()) + 90 * 86400
    carried = invite_link.InvitePayload(id=new_id(), expires=ends, groups=[], inviter="", locale="en")
    claims = signer.verify(
        invite_link.INVITE, signer.sign(invite_link.INVITE, Subject("a@example.org", None), carried)
    )
    assert signer.expires_at(claims).timestamp() == ends
    assert signer.keep_spent_until(signer.expires_at(claims)).timestamp() == ends + 360


def test_nothing_secret_can_be_shown_by_accident() -> None:
    signer, account = make_link_signer(), somebody()
    claims = signer.verify(RESET, signer.sign(RESET, Subject(account.id, account)))
    assert "Statement" not in repr(claims)
    assert HASH not in repr(claims) + repr(account)
    assert json.dumps(claims.link_id)


def test_values_that_json_does_not_know_are_carried() -> None:
    link, account, signer = declared(carries=Dated), somebody(), make_link_signer()
    subject = Subject(account.id, account)
    claims = signer.verify(link, signer.sign(link, subject, Dated(on=date(2026, 2, 28))))
    assert claims.carried == Dated(on=date(2026, 2, 28))
    assert claims.subject_id == account.id
    assert claims.kind is link
    assert (len(claims.tags), signer.moved_parts(claims, subject)) == (4, ())


def test_values_left_out_have_the_defaults_of_the_payload() -> None:
    account, signer = somebody(), make_link_signer()
    claims = signer.verify(reset_password.RESET, signer.sign(reset_password.RESET, Subject(account.id, account)))
    assert claims.carried == mail_request.ReturnTargetPayload(next="")


def test_a_key_of_the_ring_may_be_chosen_to_sign() -> None:
    old, new, account = new_key(), new_key(), somebody()
    signer, link = make_link_signer(old, new), declared()
    subject = Subject(account.id, account)
    claims = signer.verify(link, signer.sign(link, subject, key=Key(old.encode())))
    assert claims.signed_token.key.secret == old.encode()
    assert signer.moved_parts(claims, subject) == ()
    assert signer.verify(link, signer.sign(link, subject)).signed_token.key.secret == new.encode()


def test_a_link_ends_at_a_moment_in_utc() -> None:
    account, signer, link = somebody(), make_link_signer(), declared(carries=Dated)
    subject = Subject(account.id, account)
    aged = signer.verify(link, signer.sign(link, subject, Dated(on=date(2026, 1, 1))))
    assert signer.expires_at(aged) == aged.issued_at + timedelta(hours=1)
    assert signer.expires_at(aged).tzinfo == UTC
    own = signer.verify(link, signer.sign(link, subject, Dated(on=date(2026, 1, 1), expires=0)))
    assert signer.expires_at(own) == datetime(1970, 1, 1, tzinfo=UTC)
    plain = signer.verify(declared(), signer.sign(declared(), subject))
    assert signer.expires_at(plain) == plain.issued_at + timedelta(hours=1)
    assert signer.keep_spent_until(signer.expires_at(own)) == datetime(1970, 1, 1, 0, 6, tzinfo=UTC)


def test_links_and_pages_begin_with_the_base_address() -> None:
    assert make_link_signer().link_url(invite_link.INVITE, "t.o-ken") == f"{ISSUER}/l/invite/t.o-ken/go"
    assert make_link_signer().page_url("") == ISSUER
    assert make_link_signer().page_url("/sign-in") == f"{ISSUER}/sign-in"


@pytest.mark.parametrize("extra", [0, 1])
def test_as_many_values_as_a_kind_carries_and_not_one_more(extra: int) -> None:
    account, signer = somebody(), make_link_signer()

    class More(BaseModel):
        on: str = "2026-01-01"
        expires: int | None = None

    class TooMany(More):
        more: str = "x"

    link = declared(carries=Dated)
    token = signer.sign(link, Subject(account.id, account), TooMany() if extra else More())
    if extra:
        with pytest.raises(LinkInvalid):
            signer.verify(link, token)
    else:
        assert signer.verify(link, token).carried == Dated(on=date(2026, 1, 1))


def test_the_id_of_a_link_is_not_in_its_token() -> None:
    account, signer = somebody(id=new_id()), make_link_signer()
    token = signer.sign(declared(), Subject(account.id, account))
    assert len(signer.verify(declared(), token).link_id) == 12
    assert signer.verify(declared(), token).link_id not in token
