"""What others lose when an owner takes an account back, by the arguments of the one who does it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from accounts.core.models.outbox import OutboxRow
from accounts.flows.shared.accounts import find_account
from accounts.flows.shared.recovery import recover_account
from tests.flows.steps import sign_up_member
from tests.people import Service

ENDED, KEPT = 1, 0
ASKED = {"network": "", "agent": ""}


@pytest.mark.parametrize(
    ("arguments", "epochs", "password", "letter"),
    [
        ({}, ENDED, "old", ""),
        ({"password_hash": "new"}, ENDED, "new", "password-changed"),
        ({"void_password": True}, ENDED, None, "reset-password"),
        ({"send_reset_link": True, "end_sessions": False}, KEPT, "old", "reset-password"),
        ({"end_sessions": False}, KEPT, "old", ""),
    ],
)
def test_only_what_is_asked_for_is_taken_away(
    service: Service, arguments: dict[str, Any], epochs: int, password: str | None, letter: str
) -> None:
    member = sign_up_member(service)
    with service.uow() as uow:
        find_account(uow, member.id).password_hash = "old"
        uow.session.query(OutboxRow).delete()
    before = member.row
    with service.uow() as uow:
        mail_id = recover_account(uow, find_account(uow, member.id), **arguments)
    after = member.row
    assert (after.auth_epoch - before.auth_epoch, after.password_hash) == (epochs, password)
    assert after.lock_serial == before.lock_serial
    with service.uow() as uow:
        rows = uow.session.scalars(select(OutboxRow)).all()
        assert [(row.id, row.purpose, row.subject, row.locale) for row in rows] == (
            [(mail_id, letter, member.id, member.row.locale)] if letter else []
        )
    assert bool(mail_id) is bool(letter)


def test_the_reset_letter_tells_what_its_sender_says(service: Service) -> None:
    member = sign_up_member(service)
    with service.uow() as uow:
        mail_id = recover_account(
            uow, find_account(uow, member.id), send_reset_link=True, letter_facts={"asked": ASKED}
        )
    with service.uow() as uow:
        assert uow.session.get_one(OutboxRow, mail_id).facts == {"next": "", "asked": ASKED}


def test_a_lock_is_lifted_where_that_is_asked_for(service: Service) -> None:
    member = sign_up_member(service)
    with service.uow() as uow:
        account = find_account(uow, member.id)
        account.failures, account.locked_at = 20, account.created_at
    before = member.row
    with service.uow() as uow:
        recover_account(uow, find_account(uow, member.id), password_hash="new", unlock=True)
    after = member.row
    assert (after.failures, after.locked_at, after.lock_serial) == (0, None, before.lock_serial + 1)
