"""Load tests of development: limits that are counted and not enforced."""

from __future__ import annotations

from collections.abc import Callable

from tests.people import Person, Service


def request_mail(person: Person) -> int:
    return person.client.post("/api/forgot-password", json={"email": person.email}).status_code


def statements_of(service: Service) -> list[list[str]]:
    """What one sign-in and one request for a letter ask the database."""
    person = service.member()
    asked: list[list[str]] = []
    for request in (person.sign_in, lambda: request_mail(person)):
        request()  # counters are there afterwards, as they are under load
        with service.record_statements() as statements:
            request()
        asked.append(statements)
    return asked


def test_requests_do_the_same_work_where_limits_are_not_enforced(make_service: Callable[..., Service]) -> None:
    enforced, lifted = make_service(), make_service(development_no_limits=True)
    first, second = statements_of(enforced), statements_of(lifted)
    assert first == second
    assert all(first)


def test_nothing_is_refused_for_being_too_many(make_service: Callable[..., Service]) -> None:
    person = make_service(development_no_limits=True).member()
    assert {request_mail(person) for _ in range(5)} == {202}
    enforced = make_service().member("other")
    assert {request_mail(enforced) for _ in range(5)} == {202, 429}
