"""What the worker does for the audit log from time to time, where the settings ask for it."""

from __future__ import annotations

from accounts.core.audit import chain
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.audit import retention as audit_retention


def maintain_audit_log(site: Site) -> None:
    """Seal what has settled, and put pseudonyms into what is old enough. Several at once do no harm."""
    if site.settings.audit_sealed:
        chain.close_chain(site)
    if days := site.settings.audit_pseudonyms_after:
        audit_retention.pseudonymize_events(UnitOfWork(site), days)
