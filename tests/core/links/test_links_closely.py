"""Links at their edges: values of every kind that can be carried, ends in their zone, parts that need an account."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import BaseModel

from accounts.core import clock
from accounts.core.errors import LinkInvalid
from accounts.core.ids import new_id
from accounts.core.link_kinds import parts
from accounts.core.link_kinds.parts import Subject
from accounts.core.links import link as links
from accounts.core.links.link import OpenedLink
from accounts.core.signing.keys import Key, new_key
from accounts.flows.account import reset_password
from accounts.flows.invites import link as invite_link
from accounts.flows.shared import mail_request
from tests.core.links.test_links import declared, somebody
from tests.core.sites import ISSUER, make_link_signer


class Dated(BaseModel):
    on: date
    expires: int | None = None


def test_what_json_does_not_know_is_carried_all_the_same() -> None:
    link, account, box = declared(carries=Dated), somebody(), make_link_signer()
    subject = Subject(account.id, account)
    sentence = box.verify(link, box.sign(link, subject, Dated(on=date(2026, 2, 28))))
    assert sentence.carried == Dated(on=date(2026, 2, 28))
    assert sentence.subject_id == account.id
    assert sentence.link is link
    assert (len(sentence.tags), box.moved_parts(sentence, subject)) == (4, ())


def test_what_a_link_left_out_is_what_its_kind_says_by_default() -> None:
    account, box = somebody(), make_link_signer()
    sentence = box.verify(reset_password.RESET, box.sign(reset_password.RESET, Subject(account.id, account)))
    assert sentence.carried == mail_request.ReturnTargetPayload(next="")


def test_a_key_of_the_ring_may_be_chosen_to_sign() -> None:
    old, new, account = new_key(), new_key(), somebody()
    box, link = make_link_signer(old, new), declared()
    subject = Subject(account.id, account)
    sentence = box.verify(link, box.sign(link, subject, key=Key(old.encode())))
    assert sentence.signed_token.key.secret == old.encode()
    assert box.moved_parts(sentence, subject) == ()
    assert box.verify(link, box.sign(link, subject)).signed_token.key.secret == new.encode()


def test_both_ends_are_moments_in_utc() -> None:
    account, box, link = somebody(), make_link_signer(), declared(carries=Dated)
    subject = Subject(account.id, account)
    aged = box.verify(link, box.sign(link, subject, Dated(on=date(2026, 1, 1))))
    assert box.expires_at(aged) == aged.issued_at + timedelta(hours=1)
    assert box.expires_at(aged).tzinfo == UTC
    own = box.verify(link, box.sign(link, subject, Dated(on=date(2026, 1, 1), expires=0)))
    assert box.expires_at(own) == datetime(1970, 1, 1, tzinfo=UTC)
    plain = box.verify(declared(), box.sign(declared(), subject))
    assert box.expires_at(plain) == plain.issued_at + timedelta(hours=1)
    assert box.keep_spent_until(box.expires_at(own)) == datetime(1970, 1, 1, 0, 6, tzinfo=UTC)


def test_each_part_has_a_place_of_its_own() -> None:
    account, box = somebody(), make_link_signer()
    bound = (parts.auth_epoch, parts.sign_ins, parts.lock_serial)
    link, subject = declared(dies_with=bound), Subject(account.id, account)
    account.lock_serial = 0
    sentence = box.verify(link, box.sign(link, subject))
    assert len(sentence.tags) == 12
    for part, column in zip(bound, ("auth_epoch", "sign_in_serial", "lock_serial"), strict=True):
        was = getattr(account, column)
        setattr(account, column, was + 1)
        assert box.moved_parts(sentence, subject) == (part,)
        setattr(account, column, was)


def test_a_part_of_an_account_reads_its_column_and_needs_the_account() -> None:
    # Made anew: the parts of the module were made when it was imported.
    part, account = parts._account_column("auth_epoch"), somebody(auth_epoch=41)
    assert part(Subject(account.id, account)) == 41
    with pytest.raises(AssertionError, match="auth_epoch needs an account"):
        part(Subject(account.id, None))


def test_links_and_pages_begin_with_the_base_address() -> None:
    assert make_link_signer().link_url(invite_link.INVITE, "t.o-ken") == f"{ISSUER}/l/invite/t.o-ken/go"
    assert make_link_signer().page_url("") == ISSUER


def test_an_opened_link_passes_on_what_its_sentence_says() -> None:
    account, box, link = somebody(), make_link_signer(), declared(carries=Dated)
    subject = Subject(account.id, account)
    sentence = box.verify(link, box.sign(link, subject, Dated(on=date(2026, 1, 1))))
    opened = OpenedLink(sentence, subject, clock.now())
    assert (opened.link, opened.link_id, opened.carried) == (link, sentence.link_id, sentence.carried)
    assert opened.form is links.EmptyModel


@pytest.mark.parametrize("extra", [0, 1])
def test_as_many_values_as_a_kind_carries_and_not_one_more(extra: int) -> None:
    account, box = somebody(), make_link_signer()

    class More(BaseModel):
        on: str = "2026-01-01"
        expires: int | None = None

    class TooMany(More):
        more: str = "x"

    link = declared(carries=Dated)
    token = box.sign(link, Subject(account.id, account), TooMany() if extra else More())
    if extra:
        with pytest.raises(LinkInvalid, match="another layout"):
            box.verify(link, token)
    else:
        assert box.verify(link, token).carried == Dated(on=date(2026, 1, 1))


def test_a_link_is_named_without_its_token() -> None:
    account, box = somebody(id=new_id()), make_link_signer()
    token = box.sign(declared(), Subject(account.id, account))
    assert len(box.verify(declared(), token).link_id) == 12
    assert box.verify(declared(), token).link_id not in token
