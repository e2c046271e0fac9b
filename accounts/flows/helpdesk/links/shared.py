"""What the store knows about links for several people, and about those that they have mailed."""

from __future__ import annotations

from collections.abc import Iterable

from accounts.core.models.shared_invites import SharedInvite
from accounts.core.signing.token_kind import BadToken, SignedToken
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk.links.parse import LinkCandidate
from accounts.flows.invites.shared_terms import SHARED_INVITE


def find_shared_link(
    uow: UnitOfWork, candidates: Iterable[LinkCandidate]
) -> tuple[LinkCandidate, SignedToken] | None:
    """Return the first candidate that a key of the ring signed as a link for several people."""
    for candidate in candidates:
        try:
            signed = uow.site.signer.verify_payload(SHARED_INVITE.purpose, SHARED_INVITE.version, candidate.token)
            SHARED_INVITE.from_signed(signed)
        except BadToken:
            continue
        return candidate, signed
    return None


def is_shared_invite_revoked(uow: UnitOfWork, invite_id: str) -> bool:
    """Return whether an invitation for several people was taken back."""
    row = uow.session.get(SharedInvite, invite_id)
    return row is not None and row.revoked_at is not None
