"""Nothing is wider than its window, whatever people are called, on a desk and on a telephone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from accounts.core.audit.log import RequestInfo
from accounts.core.models.account import Account
from accounts.core.uow import UnitOfWork
from accounts.extension import get_app_state
from accounts.flows.invites import batches
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.batch_file import NewBatchForm
from accounts.flows.invites.send import InviteForm
from accounts.flows.shared import accounts
from tests.e2e.conftest import Live
from tests.e2e.pages import send
from tests.people import PASSWORD

pytestmark = pytest.mark.e2e

LONG = f"{'w' * 64}@{'sub.' * 20}example.org"
NAMES = ("W" * 100, "علي بن أبي طالب " * 6, "")
OUTSIDE = """() => [...document.querySelectorAll("main *, header *, .admin-nav *")].filter(each => {
    const box = each.getBoundingClientRect(), width = document.documentElement.clientWidth;
    // Headings of tables are there for screen readers only where rows are cards.
    return box.width && box.right > width + 1 && (width > 864 || !each.closest("thead"));
}).map(each => each.outerHTML.slice(0, 100))"""


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_page_of_admins_is_wider_than_its_window(live: Live, browser: Browser, language: str) -> None:
    page = browser.new_context(base_url=live.origin).new_page()
    page.goto(live.first_admin_link())
    send(page, email="root@example.org", password=PASSWORD)
    paths = fill(live)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for path in ("", "/accounts", "/invites", "/invites/batches", "/audit", "/mail", *paths):
            page.goto(f"/{language}/admin{path}")
            assert page.evaluate(OUTSIDE) == [], (width, path)


def fill(live: Live) -> tuple[str, ...]:
    """Has everything long there can be; the pages where it is shown."""
    site = get_app_state(live.app).site
    uow = UnitOfWork(site)
    asker = RequestInfo(
        account_id=accounts.find_account(uow, "root@example.org").id, network="2001:db8:1234:5678::/64"
    )
    with UnitOfWork(site, asker) as uow:
        for number, name in enumerate(NAMES):
            email = LONG[number:]
            account = Account(email=email, email_key=email, name=name, locale="en", anchor_email=email)
            uow.session.add(account)
            uow.session.flush()
            accounts.add_groups(uow, account, [f"{number}{'g' * 63}"])
    uow = UnitOfWork(site, asker)
    send_invites.send_invite(
        uow, InviteForm.model_validate({"email": f"x{LONG[1:]}", "name": NAMES[0], "groups": ["g" * 64]})
    )
    rows = "\n".join(f"{number}{LONG[2:]},{name},{'g' * 64}" for number, name in enumerate(NAMES))
    data = {"name": "B" * 100, "people": f"email,name,groups,{'C' * 90}\n{rows}\n{'b' * 200},,"}
    batch = batches.create_batch(uow, NewBatchForm.model_validate(data))
    found = accounts.find_account(uow, LONG).id
    return (
        f"/accounts/{found}",
        f"/accounts/{found}/groups",
        f"/accounts/{found}/delete",
        f"/invites/batches/{batch.id}",
    )
