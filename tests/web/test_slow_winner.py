"""A crowd at one link whose winner takes longer than PostgreSQL lets anybody wait for a lock or a connection.

A busy machine does that to a transaction with many statements, such as the one that closes an account; here its last
statement takes as long as that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from accounts.core.database.store import CONNECT_SECONDS
from tests.kit.concurrency import run_concurrently
from tests.people import Service, token_of_url
from tests.web.endpoints import problem_code
from tests.web.live_links import make_link_url

pytestmark = pytest.mark.faults
CROWD = 50
SLOW = """CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep({seconds}); RETURN OLD; END $$"""


@contextmanager
def slow_deletes(service: Service, table: str, seconds: int) -> Iterator[None]:
    engine = service.site.store.engine
    with engine.begin() as connection:
        connection.execute(text(SLOW.format(seconds=seconds)))
        trigger = f"CREATE TRIGGER take_long BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION take_long()"
        connection.execute(text(trigger))
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP FUNCTION take_long CASCADE"))


@pytest.mark.parametrize("database", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_who_waits_for_a_slow_winner_is_told_that_the_link_was_used(service: Service) -> None:
    url = make_link_url(service, "close-account", service.admin())
    people = [service.person(network="10.8.8.8") for _ in range(CROWD)]
    for person in people:
        person.get("/api/csrf")

    def act(number: int) -> tuple[int, str]:
        data, headers = {"token": token_of_url(url)}, {"X-CSRF-Token": ""}
        answer = people[number].post("/api/l/close-account", data, headers=headers)
        return answer.status_code, problem_code(answer)

    with slow_deletes(service, "accounts", CONNECT_SECONDS + 1):
        outcome = Counter(run_concurrently(CROWD, act))
    assert outcome == {(200, ""): 1, (410, "link_used"): CROWD - 1}
