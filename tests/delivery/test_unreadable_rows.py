"""Rows of the outbox that nobody can make anything of: dead letters with their reason, and in nobody's way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import text

from accounts.core import outbox
from accounts.core.clock import now
from accounts.core.models.outbox import OutboxRow
from accounts.core.outbox import OutboxItem
from accounts.delivery.worker import NEW_PURPOSE_GRACE
from tests.conftest import on_both_databases
from tests.people import Service, make_email


def damage(service: Service, id: str, **values: Any) -> None:
    """Set columns of a row past all types."""
    changes = ", ".join(f"{name} = :{name}" for name in values)
    statement = text(f"UPDATE outbox SET {changes} WHERE id = :id")  # noqa: S608 - names of columns, from this file
    with service.site.store.engine.begin() as connection:
        connection.execute(statement, {"id": id, **values})


def find_row(service: Service, id: str) -> OutboxRow:
    with service.uow() as uow:
        row = uow.session.get_one(OutboxRow, id)
        uow.session.expunge(row)
        return row


def read_outcome(service: Service, id: str) -> tuple[bool, str]:
    """Whether a row is a dead letter, and why. Not by the model, which cannot read it either."""
    with service.site.store.engine.connect() as connection:
        row = connection.execute(text("SELECT dead_at, last_error FROM outbox WHERE id = :id"), {"id": id}).one()
    return row[0] is not None, row[1]


UNREADABLE: list[tuple[dict[str, Any], str]] = [
    ({"facts": "{not json"}, "cannot be read: no JSON object"),
    ({"facts": ""}, "cannot be read: no JSON object"),
    ({"facts": "[" * 100_000}, "cannot be read: no JSON object"),
    ({"facts": b"\xff\xfe\x00"}, "cannot be read: no JSON object"),
    ({"created_at": "yesterday"}, "cannot be read: no moment"),
    ({"created_at": ""}, "cannot be read: no moment"),
]
"""What SQLite keeps, which checks no types."""
SENSELESS: list[tuple[dict[str, Any], str]] = [
    ({"facts": "[]"}, "cannot be read: no JSON object"),
    ({"facts": "null"}, "cannot be read: no JSON object"),
    ({"facts": '"asked"'}, "cannot be read: no JSON object"),
    ({"facts": "17"}, "cannot be read: no JSON object"),
    ({"facts": "{}"}, "the fact 'asked' is missing"),
    ({"facts": '{"asked": 5, "next": ""}'}, "cannot be written: TypeError"),
    ({"facts": '{"asked": {"network": "n", "agent": "a"}, "next": {"a": 1}}'}, "cannot be written: ValidationError"),
]


def check_row_is_dead_and_others_pass(service: Service, damaged: dict[str, Any], reason: str) -> None:
    email = make_email()
    with service.uow() as uow:
        id = uow.enqueue("activate", make_email("broken"), {"next": ""})
    assert service.person().post("/api/sign-up", {"email": email}).status_code == 202
    damage(service, id, **damaged)
    assert service.link_url(email, "activate")
    assert read_outcome(service, id) == (True, reason)
    assert service.deliver() == 0, "nothing comes back to it"
    assert outbox.count_items(service.site.store.engine) == (0, 1)


@pytest.mark.parametrize(("damaged", "reason"), UNREADABLE)
def test_a_row_that_cannot_be_read_is_dead_and_holds_up_nobody(
    service: Service, damaged: dict[str, Any], reason: str
) -> None:
    check_row_is_dead_and_others_pass(service, damaged, reason)


@on_both_databases
@pytest.mark.parametrize(("damaged", "reason"), SENSELESS)
def test_a_row_without_the_facts_of_its_letter_is_dead_and_holds_up_nobody(
    service: Service, damaged: dict[str, Any], reason: str
) -> None:
    check_row_is_dead_and_others_pass(service, damaged, reason)


@pytest.mark.parametrize("facts", ["{not json", "[]"])
def test_a_callback_that_cannot_be_read_is_dead(service: Service, facts: str) -> None:
    with service.uow() as uow:
        id = uow.enqueue("backchannel-logout", "no-such-logout")
    damage(service, id, facts=facts)
    service.deliver()
    assert read_outcome(service, id)[0]


@on_both_databases
def test_a_purpose_that_nobody_knows_is_dead_once_no_newer_version_can_be_starting(service: Service) -> None:
    with service.uow() as uow:
        id = uow.enqueue("no-such-purpose", "x")
    assert service.deliver() == 1
    assert (find_row(service, id).dead_at, service.deliver()) == (None, 0)
    with time_machine.travel(now() + NEW_PURPOSE_GRACE + timedelta(seconds=1)):
        service.deliver()
        assert read_outcome(service, id) == (True, "the purpose is not known")


def test_letters_without_a_cause_and_without_words_hold_up_nobody(service: Service) -> None:
    good, uow = make_email(), service.uow()
    with uow:
        uow.enqueue("invite", "no-such-invitation")
        uow.enqueue("activate", "not an address", {"next": ""})
        uow.enqueue("activate", good, {"next": ""})
    assert len(service.mails_to(good)) == 1
    assert outbox.count_items(service.site.store.engine) == (0, 1), "one lost its cause"


def test_the_reason_quotes_nothing_of_the_row(service: Service) -> None:
    with service.uow() as uow:
        id = uow.enqueue("activate", make_email(), {"next": ""})
    damage(service, id, facts='{"secret": "hush", ')
    service.deliver()
    assert "hush" not in read_outcome(service, id)[1]


def test_a_row_revived_begins_anew(service: Service) -> None:
    with service.uow() as uow:
        id = uow.enqueue("activate", make_email(), {"next": ""})
        item = OutboxItem(id, "activate", "x", {}, "en", 0, now())
        assert outbox.retry_later(uow.session, item, "550", permanent=True) == "dead"
        assert outbox.revive_dead_letters(uow.session, id) == 1
    assert service.deliver() == 1
