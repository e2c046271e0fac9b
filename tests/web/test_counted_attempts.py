"""What is counted whatever becomes of it: a try at a password, at a step-up, at a mailed link."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from sqlalchemy import func, select
from werkzeug.test import TestResponse

from accounts.core.models.audit import AuditRow
from accounts.core.security import throttle
from accounts.core.security.throttle import Attempt
from tests.conftest import on_both_databases
from tests.kit.concurrency import run_concurrently
from tests.people import OTHER_PASSWORD, Person, Service, make_email, token_of_url
from tests.web.endpoints import problem_code
from tests.web.live_links import make_link_url

pytestmark = on_both_databases
CROWD, LEFT = 50, 10


def counted(service: Service, attempt: Attempt) -> int:
    """How often something was tried in the window that runs."""
    window = service.site.throttle.fetch_windows([attempt]).get(attempt)
    return window.count if window else 0


def use_up(service: Service, attempt: Attempt, *, left: int = 0) -> None:
    """Leave so many tries, as a crowd behind the same address does."""
    cost = attempt.limit.amount - counted(service, attempt) - left
    service.site.throttle.reserve(attempt.limit.by(*attempt.identifiers, cost=cost))


def test_a_try_of_a_password_is_counted_right_or_wrong(service: Service) -> None:
    member = service.member()
    visitor = service.person(email=member.email)
    attempts = [
        throttle.SIGN_IN_NETWORK.by(visitor.network),
        throttle.SIGN_IN_PAIR.by(member.email, visitor.network),
        throttle.SIGN_IN_ACCOUNT.by(member.email),
    ]
    for password, tries in ((OTHER_PASSWORD, 1), (member.password, 2), (OTHER_PASSWORD, 3)):
        # At a browser of its own each time: a device that has signed in before has no part in the account's limit.
        another = service.person(email=member.email, network=visitor.network)
        another.sign_in(password=password)
        assert [counted(service, attempt) for attempt in attempts] == [tries] * 3


def test_a_try_at_a_step_up_is_counted_right_or_wrong(service: Service) -> None:
    member = service.member()
    attempt = throttle.PASSWORD_ACCOUNT.by(member.get("/api/account").get_json()["id"])
    answers = [member.post("/api/confirm", {"password": word}) for word in (OTHER_PASSWORD, member.password)]
    assert [answer.status_code for answer in answers] == [422, 200]
    assert counted(service, attempt) == 2
    use_up(service, attempt, left=1)
    assert member.post("/api/confirm", {"password": OTHER_PASSWORD}).status_code == 422
    assert member.post("/api/confirm", {"password": member.password}).status_code == 429


def link_tries(service: Service, visitor: Person) -> list[tuple[int, str]]:
    """What becomes of a link at the hands of one visitor: junk, a form that is not right, a use, another one."""
    token = token_of_url(make_link_url(service, "reset-password", service.admin()))
    bodies: list[dict[str, object]] = [
        {"token": f"x{token}"},
        {},
        {"token": token},
        {"token": token, "password": "short"},
        {"token": token, "password": OTHER_PASSWORD},
        {"token": token, "password": OTHER_PASSWORD},
    ]
    answers = [visitor.post("/api/l/reset-password", body) for body in bodies]
    return [(answer.status_code, problem_code(answer)) for answer in answers]


def test_a_try_at_a_link_is_counted_once_whatever_becomes_of_it(service: Service) -> None:
    visitor = service.person()
    assert link_tries(service, visitor) == [
        (400, "link_invalid"),
        (400, "link_invalid"),
        (422, "invalid_input"),
        (422, "invalid_input"),
        (200, ""),
        (410, "link_used"),
    ]
    assert counted(service, throttle.LINK_NETWORK.by(visitor.network)) == 6


def test_a_network_that_is_over_the_limit_of_links_is_told_so_whatever_it_brings(service: Service) -> None:
    visitor = service.person()
    use_up(service, throttle.LINK_NETWORK.by(visitor.network))
    assert link_tries(service, visitor) == [(429, "too_many_requests")] * 6
    assert counted(service, throttle.LINK_NETWORK.by(visitor.network)) == throttle.LINK_NETWORK.amount


def test_a_link_that_was_refused_by_the_limit_is_as_good_as_before(service: Service) -> None:
    token = token_of_url(make_link_url(service, "activate", service.admin()))
    data = {"token": token, "password": OTHER_PASSWORD}
    crowded = service.person()
    use_up(service, throttle.LINK_NETWORK.by(crowded.network))
    assert crowded.post("/api/l/activate", data).status_code == 429
    assert service.person().post("/api/l/activate", data).status_code == 201


def test_fifty_tries_at_two_processes_let_through_what_is_left(make_service: Callable[..., Service]) -> None:
    """Each process has an engine, and a turn at SQLite's write lock, of its own."""
    services = [make_service(), make_service()]
    assert services[0].site.store.engine is not services[1].site.store.engine
    token = token_of_url(make_link_url(services[0], "sign-in", services[0].admin()))
    people = [services[number % 2].person(network="192.0.2.7") for number in range(CROWD)]
    attempt = throttle.LINK_NETWORK.by("192.0.2.7")
    use_up(services[0], attempt, left=LEFT)

    def act(number: int) -> TestResponse:
        # The genuine one that one of them uses, and junk: what is counted in the act and what is counted beside it.
        body = {"token": token if number % 3 else f"x{token}"}
        return people[number].post("/api/l/sign-in", body, headers={"X-CSRF-Token": ""})

    outcome = Counter(answer.status_code for answer in run_concurrently(CROWD, act))
    assert outcome[429] == CROWD - LEFT
    assert outcome[200] <= 1
    assert outcome[200] + outcome[400] + outcome[410] == LEFT
    assert counted(services[1], attempt) == throttle.LINK_NETWORK.amount
    assert count_sign_ins_by_mail(services[1]) == outcome[200]


def count_sign_ins_by_mail(service: Service) -> int:
    statement = select(func.count()).select_from(AuditRow).where(AuditRow.kind == "sign-in.by-mail")
    return int(service.uow().fetch_all(statement)[0][0])


def test_fifty_tries_of_a_password_at_two_processes_are_counted_each(make_service: Callable[..., Service]) -> None:
    services = [make_service(), make_service()]
    member = services[0].member()
    people = [services[n % 2].person(email=member.email, network="192.0.2.8") for n in range(CROWD)]

    def act(number: int) -> TestResponse:
        body = {"email": member.email, "password": member.password if number % 2 else OTHER_PASSWORD}
        return people[number].post("/api/sign-in", body, headers={"X-CSRF-Token": ""})

    outcome = Counter(answer.status_code for answer in run_concurrently(CROWD, act))
    assert outcome[429] == CROWD - throttle.SIGN_IN_PAIR.amount
    assert counted(services[0], throttle.SIGN_IN_PAIR.by(member.email, "192.0.2.8")) == throttle.SIGN_IN_PAIR.amount


def test_a_request_for_a_letter_that_is_refused_by_one_limit_uses_up_no_other(service: Service) -> None:
    visitor, email = service.person(), make_email()
    network = throttle.MAIL_NETWORK.by(visitor.network)
    use_up(service, throttle.MAIL_ADDRESS.by("activate", email))
    assert visitor.post("/api/sign-up", {"email": email}).status_code == 429
    assert counted(service, network) == 0
