"""Changing an address, and taking it back: anchors, chains, notices, and who is in the way."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine

from accounts.core.clock import now
from accounts.core.errors import AddressTaken, Conflict, NotSignedIn, SignInFailed, TooManyRequests, WrongAccount
from accounts.core.link_errors import LinkExpired
from accounts.core.links.link import Link
from accounts.core.security import throttle
from accounts.flows.account import change_email, sign_up
from accounts.flows.account.change_email import CHANGE, UNDO, UNDO_LINK_TTL
from accounts.flows.account.reset_password import RESET
from tests.flows.letters import (
    make_owner,
    read_letter_claims,
    request_facts,
    update_account,
    write_letter,
)
from tests.flows.steps import Member, anonymous_uow, link_state, open_token, use_link
from tests.kit.signed_links import read_claims, sign_link
from tests.people import Service, make_email, token_of_url

pytestmark = pytest.mark.usefixtures("stopped_clock")
SECOND = timedelta(seconds=1)


def token(who: Member, link: Link, new: str = "") -> str:
    return sign_link(who, link, email=new) if new else sign_link(who, link)


def move(who: Member, new: str) -> None:
    done = use_link(who.service, CHANGE, token(who, CHANGE, new), {}, account_id=who.id)
    assert (done.account_id, done.created) == (who.id, False)
    assert done.sign_in_as is not None
    assert done.sign_in_as.id == who.id


def anchor(who: Member) -> tuple[str | None, str | None, datetime | None, int]:
    row = who.row
    return row.anchor_email, row.anchor_key, row.anchor_until, row.anchor_serial


def test_a_change_keeps_the_first_address_as_anchor_and_tells_it(service: Service) -> None:
    who, new = make_owner(service), make_email("New.One")
    old, session = who.email, who.sign_in()
    move(who, new)
    assert (who.row.email, who.row.email_key) == (new, new.lower())
    assert anchor(who) == (old, old.lower(), now() + UNDO_LINK_TTL, 1)
    assert who.load_current_account(session) is None, "a session from before is over"
    (notice,) = service.mails_to(old)[1:]
    assert notice.message["Content-Language"] == "de"
    assert link_state(service, UNDO, service.link_token(old, "undo-email-change")) == "alive"
    assert service.mails_to(new) == []


def test_a_chain_of_changes_keeps_its_anchor_and_tells_both(
    service: Service, stopped_clock: time_machine.Traveller
) -> None:
    who = make_owner(service)
    first, second, third = who.email, make_email("b"), make_email("c")
    move(who, second)
    kept = anchor(who)
    stopped_clock.shift(UNDO_LINK_TTL - SECOND)
    before = len(service.mails_to(first))
    move(who, third)
    assert anchor(who) == kept
    assert [len(service.mails_to(each)) for each in (first, second)] == [before + 1, 1]
    assert link_state(service, UNDO, service.link_token(first, "undo-email-change")) == "alive"
    assert "/l/undo-email-change/" not in str(service.mails_to(second)[0].message), "only the first can undo"


def test_an_anchor_that_ended_gives_way_to_the_next(service: Service, stopped_clock: time_machine.Traveller) -> None:
    who = make_owner(service)
    second = make_email("b")
    move(who, second)
    stopped_clock.shift(UNDO_LINK_TTL)
    move(who, make_email("c"))
    assert anchor(who) == (second, second, now() + UNDO_LINK_TTL, 2)


def test_only_the_ended_anchor_of_another_account_at_this_address_goes(service: Service) -> None:
    mover, stale, other = make_owner(service), make_owner(service), make_owner(service)
    ended = now()
    update_account(stale, anchor_email=mover.email, anchor_key=mover.email, anchor_until=ended)
    update_account(other, anchor_email="x@example.org", anchor_key="x@example.org", anchor_until=ended)
    version = stale.row.version
    move(mover, make_email("b"))
    assert (stale.row.anchor_email, stale.row.anchor_key, stale.row.version) == (None, None, version + 1)
    assert (other.row.anchor_email, other.row.anchor_key) == ("x@example.org", "x@example.org")
    assert anchor(mover)[1] == mover.email


def test_a_running_anchor_of_another_account_stays(service: Service) -> None:
    mover, other = make_owner(service), make_owner(service)
    update_account(other, anchor_email=mover.email, anchor_key=mover.email, anchor_until=now() + SECOND)
    with pytest.raises(Conflict):
        move(mover, make_email("b"))
    assert (other.row.anchor_key, mover.row.email) == (mover.email, mover.email)


def test_an_ended_anchor_of_ones_own_is_in_nobodys_way(service: Service) -> None:
    who = make_owner(service)
    update_account(who, anchor_email=who.email, anchor_key=who.email, anchor_until=now())
    move(who, make_email("b"))
    assert anchor(who) == (who.email, who.email, now() + UNDO_LINK_TTL, 1)


def test_activations_of_the_old_address_stay_dead(service: Service) -> None:
    email = make_email()
    before = write_letter(service, sign_up.letter, email, {"next": ""})
    assert before is not None
    assert before.link is not None
    who = make_owner(service)
    update_account(who, email=email, email_key=email)
    move(who, make_email("b"))
    assert link_state(service, sign_up.ACTIVATE, token_of_url(before.link)) == "link_used"


def test_nobody_but_the_account_itself_changes_its_address(service: Service) -> None:
    who, other = make_owner(service), make_owner(service)
    for by, problem in ((None, NotSignedIn), (other.id, WrongAccount)):
        with pytest.raises(problem):
            use_link(service, CHANGE, token(who, CHANGE, make_email()), {}, account_id=by)
    assert who.row.email == who.email


def test_an_address_of_somebody_else_cannot_be_taken(service: Service, stopped_clock: time_machine.Traveller) -> None:
    who, other, third = make_owner(service), make_owner(service), make_owner(service)
    kept = other.email
    assert link_state(service, CHANGE, token(who, CHANGE, kept)) == AddressTaken.code
    move(other, make_email("b"))
    assert link_state(service, CHANGE, token(who, CHANGE, kept)) == AddressTaken.code, "kept for whoever may undo"
    assert link_state(service, CHANGE, token(other, CHANGE, kept)) == "alive", "its own anchor is in nobody's way"
    stopped_clock.shift(UNDO_LINK_TTL)
    assert link_state(service, CHANGE, token(third, CHANGE, kept)) == "alive"


def test_what_a_page_shows_before_acting(service: Service) -> None:
    who, new = make_owner(service), make_email("b")
    assert CHANGE.context(service.uow(), open_token(service, CHANGE, token(who, CHANGE, new))) == {"new_email": new}
    move(who, new)
    assert UNDO.context(service.uow(), open_token(service, UNDO, token(who, UNDO))) == {"restored_email": who.email}


def test_the_newest_request_wins_and_its_letter_speaks_the_language_of_the_account(service: Service) -> None:
    who, new = make_owner(service), make_email("New.One")
    form = change_email.ChangeEmailForm.model_validate({"email": new})
    change_email.request_email_change(anonymous_uow(service), who.id, form)
    elder = service.link_token(new, "change-email")
    assert service.mails_to(new)[-1].message["Content-Language"] == "de"
    change_email.request_email_change(anonymous_uow(service), who.id, form)
    assert link_state(service, CHANGE, elder) == "link_superseded"
    assert link_state(service, CHANGE, service.link_token(new, "change-email")) == "alive"


@pytest.mark.parametrize(("limit", "tries"), [(throttle.MAIL_PAIR, 3), (throttle.MAIL_ACCOUNT, 10)])
def test_letters_are_limited_by_address_and_by_account(service: Service, limit: throttle.Limit, tries: int) -> None:
    who = make_owner(service)

    def ask(number: int) -> None:
        new = f"{number}new@example.org" if limit is throttle.MAIL_ACCOUNT else "New@example.org"
        form = change_email.ChangeEmailForm.model_validate({"email": new})
        change_email.request_email_change(anonymous_uow(service), who.id, form)

    for number in range(tries):
        ask(number)
    with pytest.raises(TooManyRequests):
        ask(tries)


@pytest.mark.parametrize("name", ["Ann", ""])
def test_the_letter_goes_to_the_new_address_while_it_is_the_newest_request(service: Service, name: str) -> None:
    who, new = make_owner(service, name=name, email_serial=4), make_email("New.One")
    facts = {"email": new, "serial": 4}
    found = write_letter(service, change_email.letter, who.id, facts)
    assert found is not None
    assert (found.words, found.to, found.locale) == ("change-email", new, "de")
    assert found.context == {
        "asked": request_facts(),
        "email": new,
        "name": name or None,
        "until": now() + CHANGE.lifetime,
        "zone": "",
    }
    result = read_letter_claims(service, CHANGE, found)
    assert (result.subject_id, result.carried.email) == (who.id, new)
    assert write_letter(service, change_email.letter, who.id, facts | {"serial": 3}) is None
    assert write_letter(service, change_email.letter, "nobody", facts) is None
    assert write_letter(service, change_email.letter, who.id, facts | {"email": make_owner(service).email}) is None
    update_account(who, status="disabled")
    assert write_letter(service, change_email.letter, who.id, facts) is None


def test_a_link_of_an_account_that_is_gone_cannot_be_had_again(service: Service) -> None:
    who = make_owner(service)
    claims = read_claims(service, CHANGE, token(who, CHANGE, "b@example.org"))
    with service.uow() as uow:
        uow.session.delete(uow.session.merge(who.row))
    assert change_email.resend_change_link(service.uow(), claims) is False


@pytest.mark.parametrize("name", ["Ann", ""])
def test_the_notice_has_the_way_back_for_the_anchor_only(
    service: Service, stopped_clock: time_machine.Traveller, name: str
) -> None:
    who = make_owner(service, name=name)
    move(who, make_email("b"))
    found = write_letter(service, change_email.email_changed_letter, who.id, {"to": who.email})
    assert found is not None
    assert (found.words, found.to, found.locale) == ("email-changed", who.email, "de")
    until = now() + UNDO_LINK_TTL
    data = {
        "asked": request_facts(),
        "email": who.email,
        "name": name or None,
        "at": now(),
        "until": until,
        "zone": "",
    }
    assert found.context == data
    assert read_letter_claims(service, UNDO, found).subject_id == who.id
    other = write_letter(service, change_email.email_changed_letter, who.id, {"to": "between@example.org"})
    assert other is not None
    assert (other.to, other.link) == ("between@example.org", None)
    assert write_letter(service, change_email.email_changed_letter, "nobody", {"to": who.email}) is None
    stopped_clock.shift(UNDO_LINK_TTL)
    assert write_letter(service, change_email.email_changed_letter, who.id, {"to": who.email}) is None
    update_account(who, anchor_until=None)
    assert write_letter(service, change_email.email_changed_letter, who.id, {"to": who.email}) is None


def test_undoing_restores_the_address_voids_the_password_and_starts_a_reset(service: Service) -> None:
    who = make_owner(service)
    move(who, make_email("b"))
    session, mailed = who.sign_in(email=who.row.email), token(who, UNDO)
    result = use_link(service, UNDO, mailed, {})
    assert (result.account_id, result.sign_in_as) == (who.id, None)
    assert (who.row.email, who.row.email_key) == (who.email, who.email)
    assert anchor(who) == (None, None, None, 2)
    assert who.load_current_account(session) is None
    with pytest.raises(SignInFailed):
        who.sign_in()
    assert link_state(service, UNDO, mailed) == "link_used"
    reset = service.link_token(who.email, "reset-password")
    assert link_state(service, RESET, reset) == "alive"


def test_undoing_ends_with_the_anchor_and_gives_way_to_nobody_else(
    service: Service, stopped_clock: time_machine.Traveller
) -> None:
    who = make_owner(service)
    move(who, make_email("b"))
    stopped_clock.shift(UNDO_LINK_TTL)
    mailed = token(who, UNDO)
    assert link_state(service, UNDO, mailed) == "alive", "the last second counts"
    stopped_clock.shift(SECOND)
    assert link_state(service, UNDO, mailed) == LinkExpired.code
    other = make_owner(service)
    update_account(who, anchor_until=None)
    assert link_state(service, UNDO, mailed) == "alive"
    update_account(who, anchor_key=other.email)
    assert link_state(service, UNDO, mailed) == AddressTaken.code
    update_account(who, anchor_key=who.row.email_key)
    assert link_state(service, UNDO, mailed) == "alive", "held by the account itself"
    update_account(who, anchor_key=None)
    assert link_state(service, UNDO, mailed) == AddressTaken.code


def test_the_holder_of_an_address_is_found_by_its_unique_form(service: Service) -> None:
    who = make_owner(service)
    assert change_email.find_holder_id(service.uow(), who.email) == who.id
    assert change_email.find_holder_id(service.uow(), "nobody@example.org") is None
