"""States of pages: who looks at which address, and what they have done there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from playwright.sync_api import Page

from tests.e2e.pages import send
from tests.pictures.stage import Stage

Act = Callable[[Page], None]
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class State:
    """One page as it is shown.

    :ivar who: ``visitor``, ``member`` or ``admin``.
    :ivar path: without a language in front; ``{account}`` and so on are ids of the stage.
    :ivar act: what is done on the page before it is looked at.
    """

    name: str
    who: str
    path: str
    act: Act | None = None

    def show(self, page: Page, stage: Stage, language: str = "") -> None:
        """Have a page show it, in a language."""
        # What apps know by one address has no language in front.
        prefix = f"/{language}" if language and "{authorize}" not in self.path else ""
        page.goto(prefix + self.path.format(**stage.ids, authorize=stage.authorize_path(language)))
        if self.act is not None:
            self.act(page)


def _ask_by_email(page: Page) -> None:
    # A new address each time: few emails an hour go to one.
    send(page, email=f"maria{next(_numbers)}@example.org")


def _fail(page: Page) -> None:
    send(page, email="maria@example.org", password="not the password")


def _mistype(page: Page) -> None:
    send(page, current_password="not the password", password="a few words without any order")


def _trace(page: Page) -> None:
    send(page, email="anna.berg@example.org")


STATES = (
    State("sign-in", "visitor", "/sign-in"),
    State("sign-in-for-app", "visitor", "{authorize}"),
    State("sign-in-failed", "visitor", "/sign-in", _fail),
    State("sign-up", "visitor", "/sign-up"),
    State("check-email", "visitor", "/sign-up", _ask_by_email),
    State("forgot-password", "visitor", "/forgot-password"),
    State("sign-in-link", "visitor", "/sign-in/mail"),
    State("dead-link", "visitor", "/l/reset-password/junk/go"),
    State("not-found", "visitor", "/nothing-here"),
    State("consent", "member", "{authorize}"),
    State("account", "member", "/account"),
    State("change-password", "member", "/account/password"),
    State("change-password-refused", "member", "/account/password", _mistype),
    State("change-email", "member", "/account/email"),
    State("sessions", "member", "/account/sessions"),
    State("connected-apps", "member", "/account/apps"),
    State("identities", "member", "/account/identities"),
    State("activity", "member", "/account/activity"),
    State("export", "member", "/account/export"),
    State("close", "member", "/account/close"),
    State("overview", "admin", "/admin"),
    State("accounts", "admin", "/admin/accounts"),
    State("account-of-user", "admin", "/admin/accounts/{account}"),
    State("account-groups", "admin", "/admin/accounts/{account}/groups"),
    State("account-delete", "admin", "/admin/accounts/{account}/delete"),
    State("bulk-act", "admin", "/admin/accounts/bulk/{bulk}"),
    State("bulk-acts", "admin", "/admin/accounts/bulk"),
    State("invitations", "admin", "/admin/invites"),
    State("batches", "admin", "/admin/invites/batches"),
    State("batch", "admin", "/admin/invites/batches/{batch}"),
    State("shared-links", "admin", "/admin/invites/shared"),
    State("shared-link", "admin", "/admin/invites/shared/{shared}"),
    State("apps", "admin", "/admin/apps"),
    State("new-app", "admin", "/admin/apps/new"),
    State("app", "admin", "/admin/apps/{app}"),
    State("app-access", "admin", "/admin/apps/{app}/access"),
    State("email-and-links", "admin", "/admin/mail"),
    State("unreachable", "admin", "/admin/mail/bounced"),
    State("email-traced", "admin", "/admin/mail", _trace),
    State("audit-log", "admin", "/admin/audit"),
    State("audit-export", "admin", "/admin/audit/export"),
    State("limits", "admin", "/admin/limits"),
    State("keys", "admin", "/admin/keys"),
)
"""Pages that are one address away, of visitors, members and admins."""
