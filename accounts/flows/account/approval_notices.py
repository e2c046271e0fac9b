"""Tell what was decided about a request for an account: whoever asked, and the other admins."""

from __future__ import annotations

from accounts.core.models.account import Account
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import admins

DECIDED_NOTICE, DECLINED_NOTICE = "request-decided", "request-declined"


def decided_letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Return the notice to another admin: who has decided, and how. None for who is none now."""
    admin = uow.session.get(Account, item.about.id)
    if admin is None or not admins.is_admin(admin):
        return None
    decider = uow.session.get(Account, item.facts["by"]) if item.facts["by"] else None
    context = {
        "asked": None,
        "name": admin.name or None,
        "applicant": item.facts["applicant"],
        "applicant_name": item.facts["applicant_name"] or None,
        "approved": item.facts["approved"],
        "decider": decider.name or None if decider else None,
        "decider_email": decider.email if decider else None,
        "at": item.created_at,
    }
    return Letter.to_account(DECIDED_NOTICE, admin, context)


def declined_letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Return the answer to whoever asked. It does not say which admin has decided."""
    to, settings = item.about.email, uow.site.settings
    context = {
        "asked": None,
        "email": to,
        "name": item.facts["name"] or None,
        "reason": item.facts["reason"] or None,
        "support": settings.support,
    }
    return Letter(DECLINED_NOTICE, to, item.locale, context)
