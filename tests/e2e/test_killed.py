"""kill -9 in the middle of traffic: whatever was acknowledged is there after the next start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from http.client import HTTPException
from itertools import count
from threading import Thread

from accounts.config import Settings
from accounts.core.clock import now
from accounts.core.outbox_claims import LEASE_DURATION
from tests.e2e.client import PATIENCE, Client, mailed_token
from tests.e2e.conftest import Start, Visit, on_either_database
from tests.e2e.running import Process
from tests.people import PASSWORD, token_of_url
from tests.servers.received import CUT, list_copies, list_needless_copies
from tests.servers.smtp import HANG, SmtpSink


def until_the_end(work: Callable[[], None]) -> Thread:
    """Do something again and again, in a thread, until the server is gone."""

    def run() -> None:
        try:
            while True:
                work()
        except (OSError, HTTPException):
            return

    thread = Thread(target=run, daemon=True)
    thread.start()
    return thread


def asks_for_accounts(client: Client, name: str, acknowledged: list[str]) -> Thread:
    numbers = count(1)

    def ask() -> None:
        email = f"{name}{next(numbers)}@example.org"
        if client.post("/api/sign-up", {"email": email}).status == 202:
            acknowledged.append(email)

    return until_the_end(ask)


def renames_itself(client: Client, acknowledged: list[str]) -> Thread:
    numbers = count(1)

    def rename() -> None:
        answer = client.patch("/api/account", {"name": f"Name {next(numbers)}", "locale": "en"})
        if answer.status == 200:
            acknowledged.append(answer.json["name"])

    return until_the_end(rename)


def first_admin(process: Process, client: Client) -> None:
    data = {"token": token_of_url(process.first_admin_link), "email": "admin@example.org", "password": PASSWORD}
    assert client.post("/api/l/invite", data).status == 201


@on_either_database
def test_nothing_that_was_acknowledged_is_lost(make_process: Start, visit: Visit, post_office: SmtpSink) -> None:
    process = make_process()
    process.start_and_answer()
    admin = visit(process)
    first_admin(process, admin)
    asked: list[str] = []
    names: list[str] = []
    traffic = [asks_for_accounts(visit(process), f"visitor{number}-", asked) for number in range(3)]
    traffic.append(renames_itself(admin, names))
    process.wait_until(lambda: len(asked) > 30 and len(names) > 5)
    process.kill()
    for thread in traffic:
        thread.join()

    process.start_and_answer()
    # A letter that was under way rests for the time of its lease; the test does not.
    process.hasten()
    process.wait_until(lambda: process.outbox == [])
    mails = {email: [m for m in post_office.messages if email in m.recipients] for email in asked}
    assert [email for email, found in mails.items() if not found] == []
    copies = Counter({email: len(found) for email, found in mails.items() if len(found) > 1})
    at_once = Settings.model_fields["mail_concurrency"].default
    assert len(copies) <= at_once, "only letters that were under way may have come twice"
    assert set(copies.values()) <= {2}
    firsts = [copies[0] for copies in list_copies(post_office.messages).values()]
    assert {mail.answer for mail in firsts} <= {"250 2.0.0 kept", CUT}, "only after the yes, or without any answer"
    assert list_needless_copies(post_office.messages) == []
    for email in copies:
        assert len({m.message["Message-ID"] for m in mails[email]}) == 1, "a copy can be told by its Message-ID"

    back = visit(process)
    back.cookies = admin.cookies
    name = back.get("/api/account").json["name"]
    assert name in (names[-1], f"Name {len(names) + 1}"), "the last that was acknowledged, or the one under way"
    token = mailed_token(post_office, asked[-1], "activate")
    assert visit(process).post("/api/l/activate", {"token": token, "password": PASSWORD}).status == 201


def test_a_letter_that_the_server_took_is_not_sent_again_after_a_restart(
    make_process: Start, visit: Visit, post_office: SmtpSink
) -> None:
    process = make_process()
    process.start_and_answer()
    assert visit(process).post("/api/sign-up", {"email": "anna@example.org"}).status == 202
    process.wait_until(lambda: process.outbox == [])
    process.kill()
    process.start_and_answer()
    assert visit(process).post("/api/sign-up", {"email": "ben@example.org"}).status == 202
    post_office.wait_for(to="ben@example.org")
    assert len(post_office.wait_for(to="anna@example.org")) == 1


def test_a_letter_that_was_cut_off_goes_out_soon_after_the_restart(
    make_process: Start, visit: Visit, post_office: SmtpSink
) -> None:
    process = make_process()
    process.start_and_answer()
    post_office.misbehave("BODY", HANG, times=1)
    assert visit(process).post("/api/sign-up", {"email": "anna@example.org"}).status == 202
    process.wait_until(lambda: not post_office.is_awaited("BODY"))
    process.kill()
    [left] = process.outbox
    assert left.lease_until
    assert left.lease_until - now() <= LEASE_DURATION
    process.start_and_answer()
    # Its lease is over after 15 seconds, and nobody hastens it.
    assert len(post_office.wait_for(to="anna@example.org", timeout=PATIENCE)) == 1
    process.wait_until(lambda: process.outbox == [])
