"""Links signed as a letter of this moment would carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from accounts.core.link_kinds.kind import LinkClaims, LinkKind
from accounts.core.links.link import Link
from accounts.flows.shared.accounts import subject_of

if TYPE_CHECKING:
    from tests.flows.steps import Member
    from tests.people import Service


def sign_link(member: Member, link: Link, **carried: Any) -> str:
    """Return a token about this account as it is now."""
    payload = link.carries(**carried) if carried else None
    return member.service.site.link_signer.sign(link, subject_of(member.row), payload)


def read_claims(service: Service, link: LinkKind, token: str) -> LinkClaims:
    """Return what a token of the service says."""
    return service.site.link_signer.verify(link, token)
