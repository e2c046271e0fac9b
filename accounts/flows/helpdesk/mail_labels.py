"""Kinds of emails and links in words, for admins."""

from __future__ import annotations

from collections.abc import Mapping

from accounts.core.messages import N_

MAIL_LABELS: Mapping[str, str] = {
    "activate": N_("Sign-up link"),
    "invite": N_("Invitation"),
    "join-shared": N_("Link to join"),
    "shared-invite": N_("Shared link"),
    "reset-password": N_("Password reset"),
    "sign-in": N_("Sign-in link"),
    "change-email": N_("Email change"),
    "undo-email-change": N_("Undo email change"),
    "unlock": N_("Unlock sign-in"),
    "close-account": N_("Close account"),
    "not-me": N_("“This wasn't me” link"),
    "request-account": N_("Account request"),
    "review-request": N_("Account request to review"),
    "password-changed": N_("Notice: password changed"),
    "password-void": N_("Notice: password no longer works"),
    "email-changed": N_("Notice: email address changed"),
    "email-restored": N_("Notice: previous email address restored"),
    "apps-to-review": N_("Notice: apps to review"),
    "close-refused": N_("Notice: account not closed"),
    "account-closed": N_("Notice: account closed"),
    "account-deleted": N_("Notice: account deleted by an admin"),
    "request-decided": N_("Notice: request decided"),
    "request-declined": N_("Notice: request declined"),
    "identity-connected": N_("Notice: sign-in service connected"),
    "identity-disconnected": N_("Notice: sign-in service disconnected"),
}
"""By the purpose of the link or the email. Kinds of a host app go by their own names."""
