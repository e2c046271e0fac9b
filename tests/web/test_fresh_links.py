"""A dead link offers a fresh one exactly where one comes and works: each kind, under each policy, in each state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from accounts.flows import LINKS
from tests.kit.browser import Browser
from tests.people import Service, token_of_url
from tests.servers.received import find_link
from tests.web.endpoints import problem_code
from tests.web.live_links import FORM_DATA, browser_for_link, make_link_url
from tests.web.test_sign_up_policy import POLICIES

NOON = datetime(2031, 5, 6, 12, tzinfo=UTC)
PURPOSES = [link.purpose for link in LINKS]
LONG_AFTER = timedelta(days=40)
"""Past the end of each kind of link."""
CLOSED = {"activate": ("invited", "unlisted", "approval"), "request-account": ("invited", "listed", "unlisted")}
"""The policies that have closed a kind since it was mailed."""


def check_offer(service: Service, url: str, purpose: str) -> str:
    """Check that a fresh link is offered exactly where one comes that opens; what the dead one is answered."""
    token, stranger = token_of_url(url), service.person()
    shown = stranger.get(f"/api/l/{purpose}", query_string={"token": token})
    browser = Browser(service.app.test_client())
    page = browser.visit(url)
    is_on_page = any((form.action or "").endswith("/again") for form in page.forms)
    service.deliver()
    count = len(service.sink.messages)
    answer = stranger.post(f"/api/l/{purpose}/again", {"token": token})
    service.deliver()
    mails = service.sink.messages[count:]
    if shown.status_code == 200:
        return "alive"
    offered = shown.get_json().get("again", False)
    assert is_on_page == offered
    assert answer.status_code == (202 if offered else shown.status_code)
    if offered:
        [mail] = mails
        fresh = find_link(mail.message, purpose)
        assert fresh is not None
        assert stranger.get(f"/api/l/{purpose}", query_string={"token": token_of_url(fresh)}).status_code == 200
    else:
        assert problem_code(answer) == problem_code(shown), "refused for the reason that the page has told"
        assert not mails
    return problem_code(shown)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_dead_link_offers_a_fresh_one_exactly_where_that_works(
    make_service: Callable[..., Service], purpose: str
) -> None:
    before = make_service()
    services = {policy: make_service(**POLICIES[policy]) for policy in POLICIES}
    with time_machine.travel(NOON, tick=False):
        admin = before.admin()
        used, unused = (make_link_url(before, purpose, admin) for _ in range(2))
        user = browser_for_link(before, purpose, used)
        data = {"token": token_of_url(used), **FORM_DATA[purpose]}
        assert user.post(f"/api/l/{purpose}", data).status_code in (200, 201)
        told = {policy: [check_offer(service, used, purpose)] for policy, service in services.items()}
    for day, (policy, service) in enumerate(services.items()):
        # A day for each: what one has asked for counts for no limit of the next.
        with time_machine.travel(NOON + LONG_AFTER + timedelta(days=day), tick=False):
            told[policy] += [check_offer(service, used, purpose), check_offer(service, unused, purpose)]
    assert not any("alive" in codes for codes in told.values())
    for policy in CLOSED.get(purpose, ()):
        # Whether or not the address has an account by now: it has where the link was used.
        assert told.pop(policy) == ["link_sign_up_closed"] * 3
    assert not any("link_sign_up_closed" in codes for codes in told.values())
