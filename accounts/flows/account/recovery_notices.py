"""Tell other admins what was done from an account that its owner, or an admin for them, had to take back."""

from __future__ import annotations

from accounts.core.models.account import Account
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import admins
from accounts.flows.shared.credentials import APPS_TO_REVIEW_NOTICE

__all__ = ["APPS_TO_REVIEW_NOTICE", "apps_to_review_letter"]


def apps_to_review_letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Return the notice to another admin: which apps were registered from an account. None for who is none now."""
    admin = uow.session.get(Account, item.about.id)
    if admin is None or not admins.is_admin(admin):
        return None
    recovered = uow.session.get(Account, item.facts["account"])
    context = {
        "asked": None,
        "name": admin.name or None,
        "at": item.created_at,
        "recovered": recovered.email if recovered else item.facts["account"],
        "apps": item.facts["apps"],
        "apps_url": uow.site.link_signer.page_url("/admin/apps"),
    }
    return Letter.to_account(APPS_TO_REVIEW_NOTICE, admin, context)
