"""Links: what may be declared, and what an opened one knows."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import BaseModel

from accounts.core import clock
from accounts.core.link_errors import LinkInvalid
from accounts.core.link_kinds import parts
from accounts.core.link_kinds.kind import EmptyModel
from accounts.core.link_kinds.parts import Subject
from accounts.core.links.link import OpenedLink, parse_email_key
from accounts.flows import LINKS
from tests.core.link_kinds.samples import Dated, declared, somebody
from tests.core.sites import make_link_signer


@pytest.mark.parametrize("parts", [(), (parts.email,), (parts.holder,), (parts.email, parts.holder)])
def test_a_link_that_could_come_back_to_life_cannot_be_declared(parts: tuple[parts.StatePart, ...]) -> None:
    with pytest.raises(TypeError, match="host-thing: binds nothing that never returns"):
        declared(dies_with=parts)


@pytest.mark.parametrize("part", [parts.password, parts.auth_epoch, parts.sign_ins])
def test_one_part_that_never_returns_is_enough(part: parts.StatePart) -> None:
    assert declared(dies_with=(parts.email, part)).dies_with == (parts.email, part)


def test_a_link_that_spends_an_id_needs_no_such_part() -> None:
    assert declared(dies_with=(), spends=lambda carried: "id").spends is not None


def test_every_kind_of_link_keeps_the_rule_and_has_its_words() -> None:
    assert {link.purpose for link in LINKS} == {
        "activate",
        "invite",
        "join-shared",
        "reset-password",
        "sign-in",
        "change-email",
        "undo-email-change",
        "unlock",
        "close-account",
        "not-me",
        "request-account",
        "review-request",
    }
    for link in LINKS:
        assert link.spends or any(part.never_returns for part in link.dies_with)
        assert all((link.title, link.explanation, link.button, link.done))


def test_the_form_may_depend_on_whom_an_opened_link_is_about() -> None:
    class Other(BaseModel):
        pass

    signer, account = make_link_signer(), somebody()
    link = declared(form_for=lambda opened: Other if opened.subject.account else EmptyModel)
    claims = signer.verify(link, signer.sign(link, Subject(account.id, account)))
    opened = OpenedLink(claims, Subject(account.id, account), clock.now())
    assert opened.form is Other
    assert opened.account is account
    assert opened.subject.email == account.email
    nobody = OpenedLink(claims, Subject(account.id, None), clock.now())
    assert nobody.form is EmptyModel
    assert nobody.subject.email == account.id
    with pytest.raises(LinkInvalid):
        _ = nobody.account


def test_an_opened_link_passes_on_its_claims() -> None:
    account, signer, link = somebody(), make_link_signer(), declared(carries=Dated)
    subject = Subject(account.id, account)
    claims = signer.verify(link, signer.sign(link, subject, Dated(on=date(2026, 1, 1))))
    opened = OpenedLink(claims, subject, clock.now())
    assert (opened.link, opened.link_id, opened.carried) == (link, claims.link_id, claims.carried)
    assert opened.form is EmptyModel


def test_an_address_that_is_not_accepted_any_more_is_invalid() -> None:
    assert parse_email_key("Ann@Example.org") == "ann@example.org"
    with pytest.raises(LinkInvalid):
        parse_email_key("not an address")
