"""kill -9 while letters are on their way: what comes twice, what once, and when."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from accounts.config import Settings
from accounts.core.clock import now
from accounts.core.outbox_claims import LEASE_DURATION
from accounts.delivery.worker import POLL_SECONDS
from tests.e2e.client import PATIENCE
from tests.e2e.conftest import Start, Visit, on_either_database
from tests.servers.locks import outbox_locked
from tests.servers.received import CUT, list_copies, list_needless_copies
from tests.servers.smtp import HANG, SmtpSink

TAKEN_UP_WITHIN = timedelta(seconds=20)


@on_either_database
def test_a_letter_comes_twice_only_where_the_sender_could_not_note_the_answer(
    make_process: Start, visit: Visit, post_office: SmtpSink, empty_database: str
) -> None:
    process = make_process()
    process.start_and_answer()
    visitor = visit(process)

    def ask(name: str) -> None:
        assert visitor.post("/api/sign-up", {"email": f"{name}@example.org"}).status == 202

    post_office.misbehave("BODY", HANG, times=1)
    ask("not-taken")
    process.wait_until(lambda: not post_office.is_awaited("BODY"))
    post_office.misbehave("ACCEPTED", HANG, times=1)
    ask("not-answered")
    process.wait_until(lambda: not post_office.is_awaited("ACCEPTED"))
    post_office.may_answer.clear()
    for name in ("answered", "also-answered"):
        ask(name)
        post_office.wait_for(to=f"{name}@example.org", timeout=PATIENCE)
    with outbox_locked(empty_database):
        post_office.may_answer.set()
        process.wait_until(lambda: sum(mail.is_acknowledged for mail in post_office.messages) == 2)
        process.clear_up()
        process.wait_for(lambda: not post_office.open_connections)

    left = process.outbox
    assert len(left) == 4
    # Whatever was renewed meanwhile: from the kill on nothing is held for longer than one lease.
    assert max(row.lease_until - now() for row in left if row.lease_until) <= LEASE_DURATION
    assert LEASE_DURATION + timedelta(seconds=POLL_SECONDS) < TAKEN_UP_WITHIN
    process.pass_time(LEASE_DURATION)
    process.start_and_answer()
    process.wait_until(lambda: process.outbox == [])

    came = Counter(mail.recipients[0].partition("@")[0] for mail in post_office.messages)
    assert came == {"not-taken": 1, "not-answered": 2, "answered": 2, "also-answered": 2}
    copies = list_copies(post_office.messages)
    assert len(copies) == 3, "a copy can be told by its Message-ID"
    assert len(copies) <= Settings.model_fields["mail_concurrency"].default
    assert sorted(first.answer for first, _ in copies.values()) == ["250 2.0.0 kept", "250 2.0.0 kept", CUT]
    assert list_needless_copies(post_office.messages) == []
