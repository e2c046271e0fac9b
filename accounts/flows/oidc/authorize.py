"""Another app sends somebody here to sign in: who must be shown what before a code is given.

Nothing is stored on the way. The request is its own address, ``/oauth/authorize?...``, and goes along as the return
target through signing in, signing up and every mailed link. All it gains is a signed note of when and in which
session we asked for a proof, so that a proof given for it counts, and only one given since.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import cast
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AccessDeniedError, InvalidRequestError
from authlib.oidc.core.errors import ConsentRequiredError, LoginRequiredError

from accounts.core.clock import LEEWAY, now
from accounts.core.security.redirects import MAX_TARGET_CHARACTERS
from accounts.core.signing.tokens import BadToken
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import claims, consent, grants, tokens
from accounts.flows.oidc.request import Asked
from accounts.flows.oidc.responses import Answer
from accounts.flows.sessions.session import CurrentAccount, Session

PATH = "/oauth/authorize"
NOTE, PURPOSE, VERSION = "asked", "oauth-asked", 1
"""The parameter that carries our note beside those of the app."""
NOTE_LIVES = timedelta(days=2)
"""As long as the longest way back: a link that makes an account."""
READS = timedelta(minutes=10)
"""How long a proof given for a request counts for it: time to read what the app wants to know."""


class Need(Enum):
    """What the person must do first."""

    SIGN_IN = "sign-in"
    SIGN_UP = "sign-up"
    PROVE = "prove"
    CHANGE = "change"
    CHOOSE = "choose"
    CONSENT = "consent"
    NOT_ALLOWED = "not-allowed"
    FACTORS = "factors"


QUIETLY: dict[Need, Callable[[], OAuth2Error]] = {
    Need.SIGN_IN: LoginRequiredError,
    Need.SIGN_UP: LoginRequiredError,
    Need.PROVE: LoginRequiredError,
    Need.CHANGE: LoginRequiredError,
    Need.CHOOSE: LoginRequiredError,
    Need.CONSENT: ConsentRequiredError,
    Need.NOT_ALLOWED: AccessDeniedError,
    Need.FACTORS: lambda: OAuth2Error(error="unmet_authentication_requirements"),
}
"""What an app is told instead that wants nothing shown (``prompt=none``), or where no page can help."""


@dataclass(frozen=True, slots=True)
class Note:
    """That we asked for a proof: when (seconds since 1970), and in which session ("" for none)."""

    at: int
    session_id: str

    def kept_by(self, session: Session | None) -> bool:
        """Whether the proof was given since, and not long ago.

        A session that merely lived on has the id it had. Where it is known which one that was, the clocks of two
        processes may differ; else a proof that seems to be older is asked for once more, and then it is known.
        """
        if session is None or session.id == self.session_id:
            return False
        since = self.at - (LEEWAY.seconds if self.session_id else 0)
        return session.auth_time >= max(since, now().timestamp() - READS.seconds)


def decide(
    uow: UnitOfWork,
    asked: Asked,
    who: CurrentAccount | None,
    note: Note | None,
    *,
    agreed: Collection[str] | None = None,
) -> Answer | Need:
    """The answer to the app, or what is needed before there can be one.

    :param agreed: the scope words on the page that the person has just said yes to; None where they were shown none.
        The registration may have changed since, so that it is other words now.
    """
    if who is None:
        need: Need | None = Need.SIGN_UP if "create" in asked.prompt else Need.SIGN_IN
    else:
        need = _needed(uow, asked, who, note is not None and note.kept_by(who.session), agreed)
    if need is not None:
        return asked.refusal(uow.site, QUIETLY[need]()) if asked.quiet or need is Need.FACTORS else need
    return asked.answer(uow.site, {"code": _code(uow.site, asked, cast(CurrentAccount, who))})


def _needed(
    uow: UnitOfWork, asked: Asked, who: CurrentAccount, proved: bool, agreed: Collection[str] | None
) -> Need | None:
    if not proved and _must_prove(asked, who.session):
        return Need.PROVE
    if asked.sub not in ("", who.id):
        return Need.CHANGE
    if not grants.lets_in(asked.app, who.groups):
        return Need.NOT_ALLOWED
    among = asked.wanted.acr_among
    if among and claims.acr_of(who.session.amr) not in among:
        return Need.FACTORS
    # Before choosing: the page that asks for consent names the account and offers to use another one, too.
    if not set(asked.agreed_to) <= set(agreed or ()) and consent.is_due(uow, asked, who.id):
        return Need.CONSENT
    return Need.CHOOSE if agreed is None and not proved and "select_account" in asked.prompt else None


def agree(uow: UnitOfWork, asked: Asked, who: CurrentAccount) -> None:
    """Keep what a person has agreed to, so that they are not asked again."""
    consent.give(uow, asked, who.id)


def refuse(uow: UnitOfWork, asked: Asked, who: CurrentAccount | None) -> Answer:
    """The person does not want to."""
    with uow:
        uow.record_event("app.refused", account_id=who.id if who else None, app_id=asked.app.id)
    return asked.refusal(uow.site, AccessDeniedError())


def target(house: Site, asked: Asked, note: Note | None) -> str:
    """The path by which a request comes back here, with our note."""
    says = dict(asked.said)
    if note is not None:
        says[NOTE] = house.signer.sign(PURPOSE, VERSION, [asked.digest, note.at, note.session_id])
    return f"{house.url_prefix}{PATH}?{urlencode(says)}"


def too_long() -> InvalidRequestError:
    """What an app is told whose request does not fit into a return target."""
    return InvalidRequestError(f"The request is over {MAX_TARGET_CHARACTERS} characters.")


def noted(session: Session | None) -> Note:
    """A note that we ask now, in this session."""
    return Note(int(now().timestamp()), session.id if session and session.account_id else "")


def read_note(house: Site, asked: Asked, text: str) -> Note | None:
    """The note on exactly this request; None where there is none that counts."""
    if not text:
        return None
    try:
        stated = house.signer.verify(PURPOSE, VERSION, text)
        digest, at, session_id = stated.payload
    except (BadToken, TypeError, ValueError):
        return None
    return Note(at, session_id) if digest == asked.digest and now() - stated.issued_at <= NOTE_LIVES else None


def _must_prove(asked: Asked, session: Session) -> bool:
    age = now().timestamp() - session.auth_time
    return "login" in asked.prompt or (asked.max_age is not None and age > asked.max_age)


def _code(house: Site, asked: Asked, who: CurrentAccount) -> str:
    session = who.session
    return tokens.seal_code(
        house,
        account_id=who.id,
        epoch=who.auth_epoch,
        session_id=session.id,
        session_ends=int(session.ends_at.timestamp()),
        auth_time=session.auth_time,
        amr=session.amr,
        app_id=asked.app.id,
        redirect_uri=asked.redirect_uri,
        challenge=asked.challenge,
        nonce=asked.nonce,
        scope=asked.scope,
        claims=asked.wanted.within(asked.app.scopes),
        acr=asked.acr,
    )
