"""The limits of a link for several people: an admin sees on its page what is used up, and has it counted anew."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from accounts.core.models.audit import AuditRow
from accounts.core.security import throttle
from tests.kit.browser import Browser
from tests.kit.shared_invites import SharedLink, ask_to_join, make_shared_link
from tests.people import PASSWORD, Service, make_email
from tests.web.endpoints import problem_code

SCHOOL, HOME = "192.0.2.30", "192.0.2.31"


def use_up(service: Service, link: SharedLink, network: str = SCHOOL) -> None:
    """Ask by the link from one network until its limit holds the next one up."""
    for _ in range(throttle.JOIN_NETWORK.amount):
        assert ask_to_join(service.person(network=network), link).status_code == 202
    assert ask_to_join(service.person(network=network), link).status_code == 429


def test_an_admin_has_a_class_counted_anew_on_the_page_of_its_link(service: Service) -> None:
    admin = service.admin()
    link, other = make_shared_link(service, admin, places=1), make_shared_link(service, admin, places=1)
    use_up(service, link)
    use_up(service, other)
    browser = Browser(service.app.test_client())
    browser.visit("/sign-in")
    browser.sign_in_as(admin.email)
    browser.visit(f"/admin/invites/shared/{link.id}")
    page = browser.submit(browser.form("link", action="/admin/limits"))
    assert "shared link" in page.text
    assert SCHOOL in page.text
    assert "Limit reached" in page.text
    assert "3 of 3" in page.text
    page = browser.submit(browser.form("link", action="/lift"))
    assert browser.url.startswith(f"/admin/invites/shared/{link.id}")
    assert "Counters of the shared link “Class 7b” have been reset." in page.text
    assert ask_to_join(service.person(network=SCHOOL), link).status_code == 202
    assert ask_to_join(service.person(network=SCHOOL), other).status_code == 429, "another class is another matter"
    lines = service.uow().fetch_all(select(AuditRow.facts).where(AuditRow.kind == "limits.lifted"))
    assert [row[0] for row in lines] == [{"limits": ["join", "join-invite"], "invite": link.id}]


def test_json_shows_and_lifts_what_one_network_has_used_up(service: Service) -> None:
    admin = service.admin()
    link = make_shared_link(service, admin, places=1)
    use_up(service, link)
    use_up(service, link, HOME)
    seen = admin.post("/api/admin/limits", {"link": link.id}).get_json()["limits"]
    assert {(row["limit"], row["of"], row["tries"], row["allowed"], row["full"]) for row in seen} == {
        ("join", SCHOOL, 3, 3, True),
        ("join", HOME, 3, 3, True),
        ("join-invite", "link", 6, 20, False),
    }
    lifted = admin.post("/api/admin/limits/lift", {"link": link.id, "network": HOME}).get_json()["lifted"]
    assert lifted == ["join", "join-invite"]
    assert ask_to_join(service.person(network=HOME), link).status_code == 202
    assert ask_to_join(service.person(network=SCHOOL), link).status_code == 429


@pytest.mark.parametrize("path", ["/api/admin/limits", "/api/admin/limits/lift"])
def test_a_link_that_is_not_there_has_no_limits(service: Service, path: str) -> None:
    answer = service.admin().post(path, {"link": "nothing"})
    assert (answer.status_code, problem_code(answer)) == (404, "not_found")


def test_an_address_is_looked_up_beside_a_link(service: Service) -> None:
    admin, email = service.admin(), make_email()
    link = make_shared_link(service, admin)
    assert ask_to_join(service.person(), link, email).status_code == 202
    service.person(email=email, password=PASSWORD).sign_in()
    seen = admin.post("/api/admin/limits", {"link": link.id, "email": email}).get_json()["limits"]
    assert {"join", "join-invite", "mail", "mail-address", "sign-in-account"} <= {row["limit"] for row in seen}
