"""The pages of invitations, lists and shared links, walked through in a browser: acts ask, and say what they did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from playwright.sync_api import Page

from accounts.core.uow import UnitOfWork
from accounts.extension import get_app_state
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.send import InviteForm
from tests.e2e.pages import follow, send

if TYPE_CHECKING:
    from tests.e2e.conftest import Live

PASSWORD = "seven blue kettles sing"
LIST = "email,name,groups\n" + "\n".join(f"kid{n}@example.org,Kid {n},class-7b" for n in range(12)) + "\nnobody,,\n"


def walk_invites(page: Page, admin: Page, live: Live) -> Iterator[tuple[Page, str]]:
    """An admin invites one by one, by a list and by a shared link, and takes some of it back."""
    admin.goto(live.first_admin_link())
    send(admin, email="root@example.org", password=PASSWORD)
    with UnitOfWork(get_app_state(live.app).site) as uow:
        for number in range(11):
            send_invites.send_invite(uow, InviteForm.model_validate({"email": f"ann{number}@example.org"}))
    yield from _one_by_one(admin, live.origin)
    yield from _by_list(admin, live.origin)
    yield from _by_link(admin, live.origin)


def told(page: Page) -> str:
    """What the page says was done; a screen reader begins there."""
    page.wait_for_function("document.activeElement.id === 'notice'")
    return page.inner_text("#notice")


def _one_by_one(admin: Page, origin: str) -> Iterator[tuple[Page, str]]:
    admin.goto(f"{origin}/admin/invites")
    with admin.context.expect_page() as opened:
        admin.fill("[name=email]", "bob@example.org")
        admin.click("text=Preview email")
    opened.value.wait_for_load_state()
    assert "The invitation is for bob@example.org." in opened.value.inner_text("body")
    opened.value.close()
    send(admin, email="bob@example.org", name="Bob")
    assert told(admin) == "Invitation sent to bob@example.org. You can invite someone else below."
    assert admin.input_value("[name=email]") == ""
    follow(admin, "#some button")
    assert told(admin) == "Select at least one invitation."
    yield admin, "invites-none-ticked"
    for box in admin.locator("[name=ids]").all():
        box.check()
    admin.select_option("#some-act", "revoke")
    follow(admin, "#some button")
    assert "Revoke 12 invitations?" in admin.inner_text("h1")
    assert "and 2 more" in admin.inner_text("main")
    yield admin, "invites-asked"
    follow(admin, "text=Cancel")
    follow(admin, ".actions >> text=Revoke >> nth=0")
    follow(admin, "main .danger")
    assert told(admin) == "The invitation to bob@example.org was revoked."
    follow(admin, ".actions >> text=Extend >> nth=0")
    yield admin, "invite-extended"
    send(admin, days="30")
    assert "extended and sent again" in told(admin)


def _by_list(admin: Page, origin: str) -> Iterator[tuple[Page, str]]:
    admin.goto(f"{origin}/admin/invites/batches")
    yield admin, "lists-none"
    send(admin, name="Class 7b", people=LIST)
    assert told(admin) == "13 rows of “Class 7b” were read. Nothing has been sent yet."
    yield admin, "list-checked"
    follow(admin, "text=Continue: send 12 invitations")
    yield admin, "list-send-asked"
    admin.click("text=Send 12 invitations")
    admin.wait_for_selector("#invited")
    yield admin, "list-sent"
    follow(admin, "text=Revoke list")
    assert "12 open invitations stop working at once." in admin.inner_text("main")
    follow(admin, "main .danger")
    assert "12 open invitations no longer work." in told(admin)


def _by_link(admin: Page, origin: str) -> Iterator[tuple[Page, str]]:
    admin.goto(f"{origin}/admin/invites/shared/new")
    send(admin, title="Class 7b", places="30")
    assert told(admin).startswith("The link was created.")
    follow(admin, "text=Revoke link")
    assert "0 of 30 places are taken." in admin.inner_text("main")
    yield admin, "shared-revoke-asked"
    follow(admin, "main .danger")
    assert told(admin) == "Revoked. No one can join with this link any more."
