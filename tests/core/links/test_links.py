"""Links: what may be declared, what a token says, and which part of the state has moved."""

from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from accounts.core import clock
from accounts.core.errors import LinkInvalid
from accounts.core.ids import new_id
from accounts.core.link_kinds import parts
from accounts.core.link_kinds.parts import Subject
from accounts.core.link_kinds.signer import LinkSigner
from accounts.core.links import link as links
from accounts.core.links.link import ActResult, Link, OpenedLink, parse_email_key
from accounts.core.models.account import Account
from accounts.core.security.passwords import Passwords
from accounts.core.signing.keys import new_key
from accounts.flows import LINKS
from accounts.flows.account import reset_password, sign_up
from accounts.flows.invites import link as invite_link
from tests.core.sites import ISSUER, make_link_signer, make_signer

HASH = Passwords().hash("correct horse battery staple")
RESET = reset_password.RESET


def somebody(**changes: Any) -> Account:
    known: dict[str, Any] = {"id": new_id(), "email": "Ann@example.org", "email_key": "ann@example.org"}
    return Account(**known | {"password_hash": HASH, "auth_epoch": 1, "sign_in_serial": 0} | changes)


def declared(**changes: Any) -> Link:
    words = dict.fromkeys(("title", "explanation", "button", "done"), "x")
    given: dict[str, Any] = {"purpose": "host-thing", "lifetime": timedelta(hours=1), "about": "account", **words}
    given |= {"act": lambda *all: ActResult(""), "letter": lambda *all: None, "dies_with": (parts.auth_epoch,)}
    return Link(**given | changes)


def decoded(token: str) -> str:
    """What anybody can read in a token, signed or not."""
    text = token.rsplit(".", 2)[0]
    raw = base64.urlsafe_b64decode(text.removeprefix(".") + "==")
    return (zlib.decompress(raw) if text.startswith(".") else raw).decode()


@pytest.mark.parametrize("parts", [(), (parts.email,), (parts.holder,), (parts.email, parts.holder)])
def test_a_link_that_could_come_back_to_life_cannot_be_declared(parts: tuple[parts.StatePart, ...]) -> None:
    with pytest.raises(TypeError, match="host-thing: binds nothing that never returns"):
        declared(dies_with=parts)


@pytest.mark.parametrize("part", [parts.password, parts.auth_epoch, parts.sign_ins])
def test_one_part_that_never_returns_is_enough(part: parts.StatePart) -> None:
    assert declared(dies_with=(parts.email, part)).dies_with == (parts.email, part)


def test_a_link_that_spends_an_id_needs_no_such_part() -> None:
    assert declared(dies_with=(), spends=lambda carried: "id").spends is not None


def test_every_link_of_the_house_keeps_the_rule_and_has_its_words() -> None:
    assert {link.purpose for link in LINKS} == {
        "activate",
        "invite",
        "reset-password",
        "sign-in",
        "change-email",
        "undo-email-change",
        "unlock",
        "close-account",
        "not-me",
    }
    for link in LINKS:
        assert link.spends or any(part.never_returns for part in link.dies_with)
        assert all((link.title, link.explanation, link.button, link.done))


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ({}, []),
        ({"name": "Ann B", "locale": "de"}, []),
        ({"password_hash": HASH + "x"}, ["password"]),
        ({"password_hash": None}, ["password", "sign_ins"]),
        ({"email_key": "ann@example.com"}, ["email"]),
        ({"auth_epoch": 2}, ["auth_epoch"]),
        ({"sign_in_serial": 1}, ["sign_ins"]),
        ({"password_hash": "other", "auth_epoch": 2}, ["password", "auth_epoch"]),
    ],
)
def test_a_link_tells_which_part_has_moved(change: dict[str, Any], moved: list[str]) -> None:
    box, account = make_link_signer(), somebody()
    sentence = box.verify(RESET, box.sign(RESET, Subject(account.id, account)))
    for name, value in change.items():
        setattr(account, name, value)
    assert [part.name for part in box.moved_parts(sentence, Subject(account.id, account))] == moved


def test_the_holder_of_an_address_is_a_part_too() -> None:
    box, account = make_link_signer(), somebody()
    carried = sign_up.ActivationPayload(id=new_id(), locale="en", next="")
    sentence = box.verify(sign_up.ACTIVATE, box.sign(sign_up.ACTIVATE, Subject("a@example.org", None), carried))
    assert box.moved_parts(sentence, Subject("a@example.org", None)) == ()
    assert [part.name for part in box.moved_parts(sentence, Subject("a@example.org", account))] == ["holder"]


def test_tags_of_equal_values_differ_by_part_purpose_and_subject() -> None:
    box = make_link_signer()
    one, two = somebody(auth_epoch=5, sign_in_serial=5), somebody(auth_epoch=5, sign_in_serial=5)
    link = declared(dies_with=(parts.auth_epoch, parts.sign_ins))
    other = replace(link, purpose="other-thing")
    found = [
        box.verify(kind, box.sign(kind, Subject(who.id, who))).tags for kind in (link, other) for who in (one, two)
    ]
    slots = [tags[at : at + 4] for tags in found for at in (0, 4)]
    assert len(set(slots)) == 8


def test_tags_are_made_with_the_key_that_signed_the_link() -> None:
    old, new, account = new_key(), new_key(), somebody()
    token = make_link_signer(old).sign(RESET, Subject(account.id, account))
    turned = make_link_signer(old, new)
    sentence = turned.verify(RESET, token)
    assert turned.moved_parts(sentence, Subject(account.id, account)) == ()


def test_a_token_gives_nothing_of_the_password_hash_away() -> None:
    account = somebody()
    seen = decoded(make_link_signer().sign(RESET, Subject(account.id, account)))
    fragments = {HASH[at : at + 6] for at in range(len(HASH) - 5)}
    assert not [fragment for fragment in fragments if fragment in seen]
    assert "example" not in seen
    assert account.id in seen


def test_a_reset_link_is_short() -> None:
    box, account = make_link_signer(), somebody()
    url = box.link_url(RESET, box.sign(RESET, Subject(account.id, account)))
    assert re.fullmatch(re.escape(ISSUER) + r"/l/reset-password/[\w.-]+/go", url)
    assert len(ISSUER) == 22
    assert len(url) < 150


def test_the_longest_invitation_still_opens() -> None:
    box = make_link_signer()
    groups = [f"{number:02}" + new_id() * 3 + new_id()[:14] for number in range(32)]
    email = "a" * 64 + "@" + ".".join(letter * 60 for letter in "bcd") + ".example"
    carried = invite_link.InvitePayload(id=new_id(), expires=2**31, groups=groups, inviter=new_id(), locale="de")
    assert (
        box.verify(invite_link.INVITE, box.sign(invite_link.INVITE, Subject(email, None), carried)).carried == carried
    )


def test_what_a_link_carries_comes_back_as_it_was() -> None:
    box = make_link_signer()
    carried = sign_up.ActivationPayload(id=new_id(), locale="de", next="/welt?x=%C3%BC")
    sentence = box.verify(sign_up.ACTIVATE, box.sign(sign_up.ACTIVATE, Subject("a@example.org", None), carried))
    assert sentence.carried == carried
    assert sentence.subject_id == "a@example.org"
    assert len(sentence.link_id) == 12


@pytest.mark.parametrize(
    "payload",
    [
        None, 7, "text", [], [None], [7, "a"], {}, ["x" * 36, "/next", "one too many"], [["x" * 36]],
        ["\x00" * 20 + "x" * 16], ["~~~~~~~~~~~~~~~~~~~~" + "x" * 16],
    ],
)  # fmt: skip
def test_a_genuine_statement_of_another_layout_is_invalid(payload: Any) -> None:
    box = make_link_signer()
    token = make_signer().sign(RESET.purpose, RESET.version, payload)
    with pytest.raises(LinkInvalid) as caught:
        box.verify(RESET, token)
    assert caught.value.reason == "genuine, but of another layout"


@pytest.mark.parametrize("values", [[], ["id"], ["id", "en", "", "more"], [1, "en", ""], ["id", "en", None]])
def test_what_is_carried_in_another_layout_is_invalid(values: list[Any]) -> None:
    token = make_signer().sign("activate", 1, ["AAAAA" + "a@example.org", *values])
    with pytest.raises(LinkInvalid, match="another layout"):
        make_link_signer().verify(sign_up.ACTIVATE, token)


@pytest.mark.parametrize("token", [None, 7, [], {}, b"a.b.c", True, "", "a.b.c"])
def test_what_is_no_token_is_invalid(token: object) -> None:
    with pytest.raises(LinkInvalid):
        make_link_signer().verify(RESET, token)


def test_raising_the_version_of_a_kind_ends_its_links_only() -> None:
    box, account = make_link_signer(), somebody()
    subject = Subject(account.id, account)
    token, other = box.sign(RESET, subject), box.sign(declared(), subject)
    with pytest.raises(LinkInvalid):
        box.verify(replace(RESET, version=2), token)
    assert box.verify(declared(), other).subject_id == account.id


def test_a_lifetime_of_the_installation_wins_over_the_declared_one() -> None:
    account = somebody()
    shorter = LinkSigner(make_signer(), ISSUER, {"reset-password": timedelta(seconds=3)})
    assert shorter.lifetime(RESET) == timedelta(seconds=3)
    assert shorter.lifetime(invite_link.INVITE) == timedelta(days=7)
    sentence = shorter.verify(RESET, shorter.sign(RESET, Subject(account.id, account)))
    assert shorter.expires_at(sentence) == sentence.issued_at + timedelta(seconds=3)
    assert make_link_signer().expires_at(sentence) == sentence.issued_at + timedelta(minutes=30)


def test_a_link_may_carry_an_end_of_its_own() -> None:
    box, ends = make_link_signer(), int(clock.now().timestamp()) + 90 * 86400
    carried = invite_link.InvitePayload(id=new_id(), expires=ends, groups=[], inviter="", locale="en")
    sentence = box.verify(invite_link.INVITE, box.sign(invite_link.INVITE, Subject("a@example.org", None), carried))
    assert box.expires_at(sentence).timestamp() == ends
    assert box.keep_spent_until(box.expires_at(sentence)).timestamp() == ends + 360


def test_an_opened_link_asks_what_depends_on_whom_it_finds() -> None:
    class Other(BaseModel):
        pass

    box, account = make_link_signer(), somebody()
    link = declared(form_for=lambda opened: Other if opened.subject.account else links.EmptyModel)
    sentence = box.verify(link, box.sign(link, Subject(account.id, account)))
    opened = OpenedLink(sentence, Subject(account.id, account), clock.now())
    assert opened.form is Other
    assert opened.account is account
    assert opened.subject.email == account.email
    nobody = OpenedLink(sentence, Subject(account.id, None), clock.now())
    assert nobody.form is links.EmptyModel
    assert nobody.subject.email == account.id
    with pytest.raises(LinkInvalid):
        _ = nobody.account


def test_nothing_sealed_can_be_shown_by_accident() -> None:
    box, account = make_link_signer(), somebody()
    sentence = box.verify(RESET, box.sign(RESET, Subject(account.id, account)))
    assert "Statement" not in repr(sentence)
    assert HASH not in repr(sentence) + repr(account)
    assert json.dumps(sentence.link_id)


def test_pages_have_full_addresses() -> None:
    assert make_link_signer().page_url("/sign-in") == f"{ISSUER}/sign-in"


def test_an_address_that_is_not_accepted_any_more_is_invalid() -> None:
    assert parse_email_key("Ann@Example.org") == "ann@example.org"
    with pytest.raises(LinkInvalid, match="not accepted any more"):
        parse_email_key("not an address")
