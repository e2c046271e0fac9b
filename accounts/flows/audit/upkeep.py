"""What the worker does for the audit log from time to time, where the settings ask for it."""

from __future__ import annotations

from accounts.core.audit import chain
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.audit import retention as audit_retention


def run(house: Site) -> None:
    """Seal what has settled, and put pseudonyms into what is old enough. Several at once do no harm."""
    if house.settings.audit_sealed:
        chain.close_chain(house)
    if days := house.settings.audit_pseudonyms_after:
        audit_retention.prune(UnitOfWork(house), days)
