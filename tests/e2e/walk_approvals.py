"""The pages of a request for an account, walked through in a browser: who asks, and who decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from playwright.sync_api import Page

from accounts.core.audit.log import RequestInfo
from accounts.core.uow import UnitOfWork
from accounts.extension import get_app_state
from accounts.flows.account import approval
from accounts.flows.shared.mail_request import MailRequestForm
from tests.e2e.pages import follow, send

if TYPE_CHECKING:
    from tests.e2e.conftest import Live

PASSWORD = "seven blue kettles sing"


def walk_approvals(page: Page, admin: Page, live: Live) -> Iterator[tuple[Page, str]]:
    """Nora asks for an account; an admin forgets to tick a box, and approves then."""
    admin.goto(live.first_admin_link())
    send(admin, email="root@example.org", password=PASSWORD)
    with UnitOfWork(get_app_state(live.app).site, RequestInfo(network="203.0.113.7")) as uow:
        approval.request_approval(uow, MailRequestForm.model_validate({"email": "nora@example.org"}))
    link = live.last_link()
    page.goto(link)
    yield page, "request-link"
    send(page, name="www.nora.example", message="I teach the third class.")
    yield page, "request-refused"
    send(page, name="Nora Example")
    yield page, "request-sent"
    page.goto(link)
    yield page, "request-link-used"
    review = live.last_link()
    page.goto(review)
    yield page, "review-must-sign-in"
    admin.goto(review)
    yield admin, "review"
    admin.fill("[name=groups]", "admins")
    follow(admin, "[value=approve]")
    yield admin, "review-refused"
    admin.fill("[name=groups]", "editors")
    follow(admin, "[value=approve]")
    yield admin, "review-done"
    admin.goto(review)
    assert "approved the request" in admin.inner_text("main")
    yield admin, "review-decided"
