"""Invite several people by one link or QR code: make one, look at who joined, extend it, take it back.

What the link says is signed (:mod:`.shared_terms`); what happens when somebody opens it is in :mod:`.join`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError
from sqlalchemy import ColumnElement, delete, select, update

from accounts.config import LOCALES
from accounts.core.clock import now
from accounts.core.database.page import Keyset, Page
from accounts.core.database.sweep import sweep_rows
from accounts.core.errors import FieldError, InvalidInput, NotFound
from accounts.core.ids import new_id
from accounts.core.link_errors import LinkRevoked
from accounts.core.messages import N_
from accounts.core.models.account import ADMIN_GROUP, Account
from accounts.core.models.audit import AuditRow
from accounts.core.models.shared_invites import SharedInvite
from accounts.core.security import throttle
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.audit.search import OptionalTimestamp
from accounts.flows.invites.inviters import OPERATOR, may_invite, select_inviters
from accounts.flows.invites.join import JOINED_EVENT
from accounts.flows.invites.link import INVITE_TTL
from accounts.flows.invites.send import MAX_INVITE_TTL, Days
from accounts.flows.invites.shared_terms import MAX_SHARED_LIFE, SHARED_INVITE, SharedTerms
from accounts.flows.shared.fields import Form, Groups, Next, PageForm, PageLimit, check_locale, clean_name
from accounts.flows.shared.mail_domains import MailDomain
from accounts.flows.shared.open_invites import revoke_shared_invites

MAX_PLACES = 1000
SHARED_INVITE_RETENTION = timedelta(days=90)
"""How long after its end an invitation for several people stays in the list; the audit log keeps who joined."""
NOT_ADMINS_MESSAGE = N_("Shared links can't make anyone an admin. Invite admins one by one.")
END_MESSAGE = N_("Choose an end within the next 90 days.")
BAD_END = "bad_end"
MAX_URL_CHARACTERS = 2331
"""Of a link: what a QR code of which a seventh may be dirty holds at most (ISO/IEC 18004)."""
TOO_LONG_MESSAGE = N_("This doesn't fit into one QR code. Use fewer groups or a shorter title.")
NEWEST_FIRST = Keyset((SharedInvite.created_at, SharedInvite.id), descending=True)
_USE_COLUMNS: tuple[Any, ...] = (AuditRow.id, AuditRow.at, AuditRow.account_id, Account.email, Account.name)
NEWEST_USE_FIRST = Keyset((AuditRow.at, AuditRow.id), descending=True)


def _refuse_admins(groups: list[str]) -> list[str]:
    if ADMIN_GROUP in groups:
        raise PydanticCustomError("groups", NOT_ADMINS_MESSAGE)
    return groups


def _check_optional_locale(value: Any) -> Any:
    return value if value == "" else check_locale(value)


class SharedInviteForm(Form):
    """For how many people, for how long, into which groups, and what the page of the link is called.

    ``until`` counts instead of ``days``, where it is said; ``locale`` "" is the language of whoever reads the page.
    """

    title: Annotated[str, BeforeValidator(clean_name)] = Field(
        default="",
        title=N_("Title"),
        max_length=100,
        json_schema_extra={"input": "text", "maxlength": 100, "hint": "shared-title"},
    )
    places: Annotated[int, Field(ge=1, le=MAX_PLACES, strict=False)] = Field(
        title=N_("Number of people"), json_schema_extra={"input": "number"}
    )
    groups: Annotated[Groups, AfterValidator(_refuse_admins)] = Field(default_factory=list)
    days: Days = INVITE_TTL.days
    until: OptionalTimestamp = Field(
        default=None, title=N_("Or valid until"), json_schema_extra={"input": "text", "hint": "until"}
    )
    domain: MailDomain = ""
    locale: Annotated[str, BeforeValidator(_check_optional_locale)] = Field(
        default="", title=N_("Language"), json_schema_extra={"input": "locale", "enum": ["", *LOCALES]}
    )
    next: Next = ""


class ExtendSharedInviteForm(Form):
    """For how many days from now it shall be good."""

    days: Days = INVITE_TTL.days


class SharedInvitePageForm(PageForm):
    """Which page of the list."""

    limit: PageLimit = 50


@dataclass(frozen=True, slots=True)
class SharedInvitePage(Page[SharedInvite]):
    """One page of invitations for several people.

    :ivar inviters: whose invitations hold, of those who made these.
    """

    inviters: frozenset[str]


@dataclass(frozen=True, slots=True)
class JoinedAccount:
    """Somebody who has joined: the account, and when. Its address is "" where it is gone."""

    account_id: str
    email: str
    name: str
    at: datetime


def create_shared_invite(uow: UnitOfWork, form: SharedInviteForm) -> tuple[SharedInvite, str]:
    """Make an invitation for several people, and return it with its link. The signed-in admin is the inviter.

    :raises InvalidInput: its end is not within the next 90 days, or its link would be longer than a code may be.
    :raises TooManyRequests: too many invitations by this inviter.
    """
    inviter_id = uow.request_info.account_id or OPERATOR
    moment = now()
    expires_at = form.until or moment + timedelta(days=form.days)
    if not moment < expires_at <= moment + MAX_INVITE_TTL:
        raise InvalidInput("a bad end", fields=[FieldError("until", BAD_END, END_MESSAGE, {})])
    with uow:
        if inviter_id:
            uow.count_attempts(throttle.INVITER.by(inviter_id))
        row = SharedInvite(
            id=new_id(),
            **form.model_dump(include={"title", "places", "groups", "domain", "locale", "next"}),
            uses=0,
            inviter_id=inviter_id,
            created_at=moment,
            expires_at=expires_at,
            keep_until=_keep_until(uow, expires_at),
        )
        uow.session.add(row)
        facts = {"invite": row.id, "places": row.places, "groups": row.groups, "domain": row.domain}
        uow.record_event("shared-invite.made", facts=facts)
        url = _sign_url(uow, row)
        if len(url) > MAX_URL_CHARACTERS:
            raise InvalidInput.for_field("more than a code holds", "groups", "too_long", TOO_LONG_MESSAGE)
        return row, url


def list_shared_invites(uow: UnitOfWork, form: SharedInvitePageForm) -> SharedInvitePage:
    """Return one page of invitations for several people, newest first."""
    page = NEWEST_FIRST.fetch_page(
        uow.session.scalars, select(SharedInvite), limit=form.limit, after=NEWEST_FIRST.parse_cursor(form.after)
    )
    inviter_ids = {row.inviter_id for row in page.rows}
    active_inviters = uow.session.scalars(select_inviters().where(Account.id.in_(inviter_ids)))
    return SharedInvitePage(page.rows, page.next, frozenset([OPERATOR, *active_inviters]))


def get_shared_invite(uow: UnitOfWork, id: str) -> SharedInvite:
    """Return an invitation for several people.

    :raises NotFound: there is none of this id.
    """
    row = uow.session.get(SharedInvite, id)
    if row is None:
        raise NotFound("no invitation of this id")
    return row


def is_inviter_active(uow: UnitOfWork, row: SharedInvite) -> bool:
    """Return whether whoever made it may still invite: else its links are dead."""
    return row.inviter_id == OPERATOR or may_invite(uow, row.inviter_id)


def list_joined(uow: UnitOfWork, row: SharedInvite, form: PageForm) -> Page[JoinedAccount]:
    """Return one page of those who have joined by it, newest first, as the audit log has it."""
    uses = select(*_USE_COLUMNS).where(
        AuditRow.kind == JOINED_EVENT, AuditRow.at >= row.created_at, AuditRow.facts["invite"].as_string() == row.id
    )
    page = NEWEST_USE_FIRST.fetch_page(
        lambda statement: uow.session.execute(statement).all(),
        uses.outerjoin(Account, Account.id == AuditRow.account_id),
        limit=form.limit,
        after=NEWEST_USE_FIRST.parse_cursor(form.after),
    )
    joined = [JoinedAccount(each.account_id or "", each.email or "", each.name or "", each.at) for each in page.rows]
    return Page(joined, page.next)


def take_shared_link(uow: UnitOfWork, id: str) -> tuple[SharedInvite, str]:
    """Return an invitation with a fresh link of it, to show or to print; those that are out stay valid.

    Where the inviter may not invite any more, whoever takes the link becomes the inviter.

    :raises NotFound: there is none of this id.
    :raises LinkRevoked: it was taken back.
    """
    with uow:
        row = get_shared_invite(uow, id)
        if row.revoked_at is not None:
            raise LinkRevoked(f"{id} was revoked")
        if not is_inviter_active(uow, row):
            row.inviter_id = uow.request_info.account_id or OPERATOR
        uow.record_event("shared-invite.taken-along", facts={"invite": row.id})
        return row, _sign_url(uow, row)


def extend_shared_invite(uow: UnitOfWork, id: str, form: ExtendSharedInviteForm) -> SharedInvite:
    """Let links that are taken along from now on end later. Those that are out keep their own end; the count stays.

    :raises NotFound: it was taken back or is gone, lasts as long already, or would last too long in all.
    """
    moment = now()
    until = moment + timedelta(days=form.days)

    def work() -> SharedInvite:
        conditions = (
            SharedInvite.id == id,
            SharedInvite.revoked_at.is_(None),
            SharedInvite.expires_at < until,
            SharedInvite.created_at >= until - MAX_SHARED_LIFE,
        )
        values = {"expires_at": until, "keep_until": _keep_until(uow, until)}
        rows = _change(uow, conditions, values)
        if not rows:
            raise NotFound("no invitation of this id that can be extended so far")
        if not is_inviter_active(uow, rows[0]):
            rows[0].inviter_id = uow.request_info.account_id or OPERATOR
        facts = {"invite": id, "until": until.isoformat(timespec="seconds")}
        uow.record_event("shared-invite.extended", facts=facts)
        return rows[0]

    return uow.attempt(work)


def revoke_shared_invite(uow: UnitOfWork, id: str) -> SharedInvite:
    """Take it back: its links are dead, and the links that were mailed by them. Who has joined stays.

    :raises NotFound: there is none of this id that was not taken back.
    """

    def work() -> SharedInvite:
        if not revoke_shared_invites(uow, SharedInvite.id == id):
            raise NotFound("no open invitation of this id")
        return uow.session.get_one(SharedInvite, id, populate_existing=True)

    return uow.attempt(work)


def delete_old_shared_invites(site: Site) -> int:
    """Delete those that ended some time ago, and return how many: no link of them is valid."""
    return sweep_rows(site.store.engine, delete(SharedInvite), SharedInvite.id, SharedInvite.keep_until < now())


def _change(
    uow: UnitOfWork, conditions: tuple[ColumnElement[bool], ...], values: dict[str, Any]
) -> list[SharedInvite]:
    statement = update(SharedInvite).where(*conditions).values(values).returning(SharedInvite)
    options = {"synchronize_session": False, "populate_existing": True}
    return list(uow.session.scalars(statement.execution_options(**options)))


def _keep_until(uow: UnitOfWork, expires_at: datetime) -> datetime:
    return uow.site.link_signer.keep_spent_until(expires_at) + SHARED_INVITE_RETENTION


def _sign_url(uow: UnitOfWork, row: SharedInvite) -> str:
    """Sign a link, in the transaction under way, and return its address."""
    terms = SharedTerms(
        id=row.id,
        places=row.places,
        ends=int(row.expires_at.timestamp()),
        groups=row.groups,
        inviter=row.inviter_id,
        locale=row.locale,
        domain=row.domain,
        title=row.title,
        next=row.next,
    )
    key = uow.site.ring.signing
    uow.count_signed(key, SHARED_INVITE.purpose, row.expires_at)
    token = uow.site.signer.sign(SHARED_INVITE, terms, key=key)
    # The tail keeps programs that make text into links from cutting a token that ends in - or _.
    return uow.site.link_signer.page_url(f"/join/{token}/go")
