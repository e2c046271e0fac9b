"""Answers about mail: what waits, what was given up, what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from accounts.core.database.page import Page
from accounts.flows.helpdesk.dead_letters import DeadLetter
from accounts.flows.helpdesk.mail_lanes import MailOverview
from accounts.flows.helpdesk.unreachable_addresses import UnreachableRow
from accounts.web.answers.base import Answer, PageAnswer, Timestamp
from accounts.web.answers.link_doctor import AccountSummaryOut, LinkExplanationOut


class MailCountsOut(Answer):
    """How many letters wait, and how many were given up."""

    waiting: int
    dead: int


class DeadLetterOut(Answer):
    """A letter that was given up. ``to`` is its address as far as it is known."""

    mail: str
    purpose: str
    to: str
    created_at: Timestamp
    dead_at: Timestamp | None
    tries: int
    error: str


class LaneStateOut(Answer):
    """Why a lane stands still. ``next_try_at`` is null where somebody has to resume it."""

    paused_at: Timestamp
    reason: str
    next_try_at: Timestamp | None


class WaitingLaneOut(Answer):
    """What waits in one lane: ``direct`` has what somebody waits for, ``bulk`` lists, ``slow`` what timed out."""

    lane: str
    waiting: int
    oldest: Timestamp | None
    paused: LaneStateOut | None


class WaitingBatchOut(Answer):
    """Letters to many that wait. ``seconds_left`` is an estimate, null where there can be none.

    ``name`` is that of a list of invitations, ``act`` what an act on many accounts does; the other one is empty.
    """

    batch: str
    name: str
    act: str
    waiting: int
    dead: int
    paused_at: Timestamp | None
    seconds_left: int | None


class WaitingMailOut(Answer):
    """How the mail is. ``per_minute`` is measured, ``bulk_per_minute`` the rate that is set; 0 for none."""

    lanes: tuple[WaitingLaneOut, ...]
    batches: tuple[WaitingBatchOut, ...]
    per_minute: float
    bulk_per_minute: int
    seconds_left: int | None


class CancelledMailOut(Answer):
    """How many letters of a list are not sent any more."""

    letters: int


class DeadLetterPageOut(PageAnswer, MailCountsOut):
    """How many letters wait, where, and those that were given up."""

    letters: tuple[DeadLetterOut, ...]
    mail: WaitingMailOut

    @classmethod
    def from_page(cls, page: Page[DeadLetter], counts: MailCountsOut, overview: MailOverview) -> DeadLetterPageOut:
        """Return the answer about one page of letters that were given up."""
        rest = {"letters": tuple(page.rows), "next": page.next, "mail": WaitingMailOut.model_validate(overview)}
        return cls.model_validate({**dict(counts), **rest})


class UnreachableMarkOut(Answer):
    """Why an address counts as unreachable: a letter that came back, and what the other server said."""

    since: Timestamp
    mail: str
    purpose: str
    status: str
    said: str


class UnreachableOut(UnreachableMarkOut):
    """An address from which mail came back, with the id of its ``account``, else of its ``invite``."""

    email: str
    account: str | None
    invite: str | None


class UnreachablePageOut(PageAnswer):
    """Addresses from which mail came back, newest first."""

    addresses: tuple[UnreachableOut, ...]

    @classmethod
    def from_page(cls, page: Page[UnreachableRow]) -> UnreachablePageOut:
        """Return the answer about one page of addresses."""
        return cls.model_validate({"addresses": tuple(page.rows), "next": page.next})


class ReportsOut(Answer):
    """What has become of reports: new ones, ones that were told before, and ones about no letter of this service."""

    recorded: int
    known: int
    foreign: int


class DeliveryStepOut(Answer):
    """Something that happened to a letter. ``said`` is the mail server's answer, or why it was not taken."""

    at: Timestamp
    kind: str
    said: str
    network: str
    agent: str


class TracedLetterOut(Answer):
    """One letter and its way.

    ``state`` is ``waits``, ``dead``, ``sent``, ``bounced``, ``complained``, ``dropped`` or ``unknown``.
    """

    mail: str
    purpose: str
    state: str
    at: Timestamp
    tries: int
    why: str
    next_try: Timestamp | None
    steps: tuple[DeliveryStepOut, ...]


class HeldRequestOut(Answer):
    """A request for a letter that a limit held back."""

    at: Timestamp
    limit: str
    purpose: str
    until: Timestamp
    network: str


class TracedInviteOut(Answer):
    """An invitation to an address."""

    id: str
    state: str
    sent: int
    created_at: Timestamp
    expires_at: Timestamp


class MailTraceOut(Answer):
    """What became of the mail to an address, newest first."""

    email: str
    account: AccountSummaryOut | None
    unreachable: UnreachableMarkOut | None
    letters: tuple[TracedLetterOut, ...]
    held: tuple[HeldRequestOut, ...]
    invitations: tuple[TracedInviteOut, ...]
    networks_held: tuple[HeldRequestOut, ...]


class HelpdeskOut(Answer):
    """What became of the mail to an address, and why a link does not work. Null for what was not asked."""

    trace: MailTraceOut | None
    link: LinkExplanationOut | None


class MailboxMessageOut(Answer):
    """A mail in the development mailbox."""

    id: str
    sender: str
    to: str
    subject: str
    at: Timestamp
    link: str | None
    text: str


class MailboxOut(Answer):
    """The mails of the development mailbox, newest first."""

    messages: tuple[MailboxMessageOut, ...]

    @classmethod
    def from_messages(cls, messages: Iterable[Any]) -> MailboxOut:
        """Return the answer about the messages of the development mailbox."""
        return cls.model_validate({"messages": tuple(messages)})
