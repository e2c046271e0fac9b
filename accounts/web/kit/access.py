"""Let people in: by their session, the terms that they have accepted, and their groups."""

from __future__ import annotations

from accounts.web.kit.request_state import RequestState
from accounts.web.kit.routes import Access


def admit(state: RequestState, access: Access) -> None:
    """Let whoever is signed in pass, if that is needed.

    :raises NotSignedIn: nobody is.
    :raises TermsRequired: they have not accepted the terms of today.
    :raises Forbidden: not a member of the group.
    """
    if access.signed_in:
        account = state.require_account()
        if access.terms:
            account.require_terms()
        state.require_account(access.group or None)
