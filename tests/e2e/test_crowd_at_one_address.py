"""Two hundred who ask for one address at the same moment, of two processes that share a SQLite file."""

from __future__ import annotations

from collections import Counter
from contextlib import closing

from tests.e2e.client import Client
from tests.e2e.conftest import Start
from tests.kit.concurrency import run_concurrently

PEOPLE = 200
SPELLINGS = ("anna@example.org", "Anna@example.org", "ANNA@EXAMPLE.ORG", "anna@EXAMPLE.org")


def test_two_hundred_sign_ups_of_one_address_are_taken_or_told_to_wait(make_process: Start) -> None:
    serving = make_process("serve", "--workers", "2")
    serving.start_and_answer()

    def sign_up(number: int) -> int:
        with closing(Client(serving.origin)) as client:
            return client.post("/api/sign-up", {"email": SPELLINGS[number % len(SPELLINGS)]}).status

    answers = Counter(run_concurrently(PEOPLE, sign_up))
    assert answers.keys() <= {202, 429}, answers
    assert answers[202] >= 1
    serving.wait_until(lambda: serving.outbox == [])
    assert serving.stop() == 0
