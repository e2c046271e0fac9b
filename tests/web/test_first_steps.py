"""From an empty installation to the first invitation: as few steps as there can be."""

from __future__ import annotations

from accounts.flows.helpdesk.first_admin import first_admin_url
from tests.kit.browser import Browser
from tests.people import PASSWORD, Service, make_email


def test_the_first_admin_has_invited_somebody_after_four_clicks(service: Service) -> None:
    """The printed link, the form behind it, "Invitations", and the form there."""
    browser, guest = Browser(service.app.test_client()), make_email("guest")
    browser.visit(str(first_admin_url(service.uow())))
    browser.submit(email=make_email("admin"), password=PASSWORD)
    browser.click("/admin/invites")
    browser.submit(browser.form("email", "groups"), email=guest)
    assert f"Invitation sent to {guest}." in browser.page.text
    assert service.link_url(guest, "invite")
