"""Ask the admins for an account, by signed links alone."""

from __future__ import annotations

from accounts.core.uow import UnitOfWork
from accounts.flows.shared.mail_request import MailRequestForm


def request_approval(uow: UnitOfWork, form: MailRequestForm) -> None:
    """Stand in the place of the flow that is merged here. Nothing is stored and nobody is told."""
