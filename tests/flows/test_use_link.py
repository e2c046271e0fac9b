"""A link dies of its first use, whatever its act does, or the act is refused."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from accounts.core.link_kinds.parts import auth_epoch
from accounts.core.links.link import ActResult, Link, OpenedLink
from accounts.core.models.account import Account
from accounts.core.models.counters import Spent
from accounts.core.security.throttle import Limit, LimitReached
from accounts.core.uow import UnitOfWork
from accounts.flows import use_link as flow
from accounts.flows.account import not_me
from accounts.flows.shared.accounts import subject_of
from accounts.flows.use_link import LinkNotUsedUp
from tests.conftest import on_both_databases
from tests.flows.steps import Member, anonymous_uow, link_state, list_event_kinds, sign_up_member, use_link
from tests.people import Service
from tests.web.endpoints import problem_code

MakeService = Callable[..., Service]


def note(uow: UnitOfWork, opened: OpenedLink, form: object) -> ActResult:
    uow.record_event("noted", account_id=opened.account.id, link_id=opened.link_id)
    return ActResult(opened.account.id)


def raise_epoch_in_sql(uow: UnitOfWork, opened: OpenedLink, form: object) -> ActResult:
    """Past the objects of the session, which know nothing of it."""
    uow.session.execute(
        update(Account)
        .where(Account.id == opened.account.id)
        .values(auth_epoch=Account.auth_epoch + 1)
        .execution_options(synchronize_session=False)
    )
    return ActResult(opened.account.id)


def delete_account(uow: UnitOfWork, opened: OpenedLink, form: object) -> ActResult:
    uow.session.delete(opened.account)
    return ActResult(opened.account.id)


def change_and_change_back(uow: UnitOfWork, opened: OpenedLink, form: object) -> ActResult:
    account = opened.account
    epoch = account.auth_epoch
    account.auth_epoch += 1
    uow.session.flush()
    account.auth_epoch = epoch
    return ActResult(account.id)


def declare(act: Callable[[UnitOfWork, OpenedLink, Any], ActResult], **changes: Any) -> Link:
    values: dict[str, Any] = {
        "purpose": "note",
        "lifetime": timedelta(hours=1),
        "about": "account",
        "dies_with": (auth_epoch,),
        "letter": lambda uow, item: None,
        "act": act,
        "title": "",
        "explanation": "",
        "button": "",
        "done": "",
    }
    return Link(**(values | changes))


def sign(member: Member, link: Link) -> str:
    return member.service.site.link_signer.sign(link, subject_of(member.row))


@on_both_databases
@pytest.mark.parametrize("act", [note, change_and_change_back])
def test_an_act_that_leaves_the_link_valid_is_refused_and_rolled_back(
    service: Service, act: Callable[[UnitOfWork, OpenedLink, Any], ActResult]
) -> None:
    member, link = sign_up_member(service), declare(act)
    token, epoch = sign(member, link), member.row.auth_epoch
    with pytest.raises(LinkNotUsedUp, match=r"purpose='note'\) changed none of dies_with \(auth_epoch\)"):
        use_link(service, link, token, {})
    assert "noted" not in list_event_kinds(service, member.id)
    assert member.row.auth_epoch == epoch


@on_both_databases
@pytest.mark.parametrize("act", [raise_epoch_in_sql, delete_account])
def test_what_the_database_holds_after_the_act_decides(
    service: Service, act: Callable[[UnitOfWork, OpenedLink, Any], ActResult]
) -> None:
    member, link = sign_up_member(service), declare(act)
    token = sign(member, link)
    use_link(service, link, token, {})
    assert link_state(service, link, token) in ("link_used", "link_invalid")


@on_both_databases
def test_a_link_for_a_single_use_dies_of_an_act_that_changes_nothing(service: Service) -> None:
    member, link = sign_up_member(service), declare(note, single_use=True)
    token = sign(member, link)
    use_link(service, link, token, {})
    assert list_event_kinds(service, member.id).count("noted") == 1
    assert link_state(service, link, token) == "link_used"


def test_slow_work_is_not_done_for_whoever_is_over_a_limit(service: Service) -> None:
    prepared: list[object] = []

    def prepare(uow: UnitOfWork, opened: OpenedLink, form: object) -> object:
        prepared.append(form)
        return form

    member, link = sign_up_member(service), declare(note, single_use=True, prepare=prepare)
    attempt = Limit("few", 1, timedelta(minutes=10)).by("somebody")
    service.site.throttle.reserve(attempt)
    with pytest.raises(LimitReached):
        flow.use_link(anonymous_uow(service), link, sign(member, link), lambda opened: None, None, attempts=[attempt])
    assert prepared == []
    assert service.site.throttle.fetch_windows([attempt])[attempt].count == 1


@pytest.mark.parametrize("act", [note, delete_account])
def test_what_a_use_counts_as_is_counted_once_whether_or_not_the_act_is_refused(
    service: Service, act: Callable[[UnitOfWork, OpenedLink, Any], ActResult]
) -> None:
    member, link = sign_up_member(service), declare(act)
    attempt = Limit("few", 1, timedelta(minutes=10)).by("somebody")
    with suppress(LinkNotUsedUp):
        flow.use_link(anonymous_uow(service), link, sign(member, link), lambda opened: None, None, attempts=[attempt])
    assert service.site.throttle.fetch_windows([attempt])[attempt].count == 1


@on_both_databases
def test_not_me_dies_of_its_first_use_without_a_password_too(service: Service) -> None:
    member = sign_up_member(service)
    with service.uow() as uow:
        uow.session.get_one(Account, member.id).password_hash = None
    token = sign(member, not_me.NOT_ME)
    use_link(service, not_me.NOT_ME, token, {})
    assert link_state(service, not_me.NOT_ME, token) == "link_used"
    with service.uow() as uow:
        link_id = service.site.link_signer.verify(not_me.NOT_ME, token).link_id
        assert uow.session.scalars(select(Spent.id).where(Spent.id.startswith("link:"))).all() == [f"link:{link_id}"]


def test_a_link_of_a_host_that_only_notes_something_never_answers_200_twice(
    make_service: MakeService, caplog: pytest.LogCaptureFixture
) -> None:
    link = declare(note)
    service = make_service(options={"links": [link]})
    service.app.testing = False
    member = service.member()
    with service.uow() as uow:
        account = uow.session.scalars(select(Account).where(Account.email == member.email)).one()
        token = service.site.link_signer.sign(link, subject_of(account))
    with caplog.at_level(logging.ERROR):
        answers = [service.person().post("/api/l/note", {"token": token}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [500, 500]
    assert [problem_code(answer) for answer in answers] == ["internal_error", "internal_error"]
    assert "declare single_use=True" in caplog.text
    assert "accounts" not in answers[0].get_data(as_text=True)


def test_a_link_that_spends_an_id_of_its_own_is_not_declared_for_a_single_use_too() -> None:
    with pytest.raises(TypeError, match="spends an id of its own"):
        declare(note, spends=lambda carried: "x", single_use=True)
