"""No act of a browser is done in silence: each route declares what the page that follows says."""

from __future__ import annotations

import pytest

from accounts.core.messages import N_, nN_
from accounts.flows.sessions.notice import make_notice
from accounts.web.kit.notices import UndeclaredNotice, choose_notice
from accounts.web.kit.routes import ActNotice, Onward, Route
from tests.people import Service
from tests.web.endpoints import list_endpoints

SENT, REVOKED = N_("Sent to %(email)s."), nN_("%(count)s revoked.", "%(count)s revoked.")


def route(notice: ActNotice | None) -> Route:
    return Route(rule="/x", method="POST", view="accounts.web.admin.links:explain_link", notice=notice)


def acts(service: Service) -> dict[str, Route]:
    """What a form of ours may send: not what other sites and programs send, who get no page."""
    return {
        endpoint.route.name: endpoint.route
        for endpoint in list_endpoints(service)
        if endpoint.format == "html" and endpoint.is_unsafe and endpoint.route and endpoint.route.csrf is not False
    }


def test_every_act_declares_what_the_next_page_says(service: Service) -> None:
    assert {name for name, each in acts(service).items() if each.notice is None} == set()


def test_whoever_says_nothing_gives_the_reason(service: Service) -> None:
    reasons = [each.notice.reason for each in acts(service).values() if isinstance(each.notice, Onward)]
    assert all(len(reason.split()) > 3 for reason in reasons)


def test_a_view_says_what_its_route_declares() -> None:
    assert choose_notice(route(None), None) is None
    assert choose_notice(route(Onward("the page lists it")), None) is None
    assert choose_notice(route(N_("Changes saved.")), None) == make_notice(N_("Changes saved."))
    given = make_notice(REVOKED, count=3)
    assert choose_notice(route((SENT, REVOKED)), given) is given
    for notice, said in ((REVOKED, None), ((SENT, REVOKED), None), (SENT, given), (None, given)):
        with pytest.raises(UndeclaredNotice):
            choose_notice(route(notice), said)
