"""What the act of each kind of link writes: one table over all kinds, so that nothing is written by the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.core.clock import now
from accounts.core.database.spent import FOR_EVER
from accounts.core.links.link import get_link
from accounts.core.links.opening import ADDRESS_RETENTION
from accounts.flows import LINKS
from accounts.flows.account import change_email, close_account, not_me, reset_password, sign_up
from accounts.flows.helpdesk.first_admin import first_admin_url
from accounts.flows.invites import link as invite_link
from accounts.flows.invites import send as send_invites
from accounts.flows.sign_in import magic_link, unlock
from tests.flows.letters import make_owner, write_letter
from tests.flows.steps import Member, link_state, use_link
from tests.kit.signed_links import read_claims, sign_link
from tests.kit.tables import TableChanges, compare_rows, find_new_rows, leave_out_session, read_rows
from tests.people import OTHER_PASSWORD, PASSWORD, Service, make_email, token_of_url

pytestmark = pytest.mark.usefixtures("stopped_clock")
MARKS_OUTLIVE_LINKS_BY = timedelta(seconds=360)
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass
class LiveLink:
    """A link that waits for its click.

    :ivar data: the answers to its form.
    :ivar account_id: the account it is about; "" where its act makes one.
    :ivar by: the account that is signed in.
    """

    token: str
    account_id: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    by: str | None = None


@dataclass
class Writes:
    """What one act writes.

    :ivar added: rows that come, by table.
    :ivar changed: what rows of the account change, as :class:`TableChanges` says it.
    :ivar event: the kind of the event that names the link and the account.
    :ivar letters: letters that fall due, by purpose.
    :ivar signs_in: whether the act signs its account in.
    :ivar spent: by the beginning of its id, for how long something is remembered as spent.
    """

    purpose: str
    make: Callable[[Service], LiveLink]
    event: str
    added: dict[str, int]
    signs_in: bool = False
    changed: list[tuple[str, str]] = field(default_factory=list)
    deleted: dict[str, int] = field(default_factory=dict)
    letters: list[str] = field(default_factory=list)
    spent: dict[str, timedelta] = field(default_factory=dict)


def activation(service: Service) -> LiveLink:
    letter = write_letter(service, sign_up.letter, make_email("New.One"), {"next": ""})
    assert letter is not None
    assert letter.link is not None
    return LiveLink(token_of_url(letter.link), data={"password": PASSWORD, "name": "Ann"})


def invitation(service: Service, email: str = "") -> LiveLink:
    form = send_invites.InviteForm.model_validate({"email": email or make_email(), "groups": ["a", "b"], "days": 3})
    row = send_invites.send_invite(service.uow(), form, send_letter=False)
    with service.uow() as uow:
        token = token_of_url(invite_link.make_invite_url(uow, row))
    return LiveLink(token, data={} if email else {"password": PASSWORD, "name": "Ann"})


def invitation_of_a_member(service: Service) -> LiveLink:
    owner = make_owner(service)
    return LiveLink(invitation(service, owner.email).token, owner.id, by=owner.id)


def first_admin(service: Service) -> LiveLink:
    url = first_admin_url(service.uow())
    assert url is not None
    return LiveLink(token_of_url(url), data={"email": make_email("Boss"), "password": PASSWORD, "name": "Boss"})


def reset(service: Service) -> LiveLink:
    owner = make_owner(service, locked_at=now(), failures=3)
    return LiveLink(sign_link(owner, reset_password.RESET), owner.id, {"password": OTHER_PASSWORD})


def sign_in_by_mail(service: Service) -> LiveLink:
    owner = make_owner(service, sign_in_serial=3)
    return LiveLink(sign_link(owner, magic_link.SIGN_IN), owner.id)


def unlocking(service: Service) -> LiveLink:
    owner = make_owner(service, locked_at=now(), failures=7, lock_serial=4)
    return LiveLink(sign_link(owner, unlock.UNLOCK), owner.id)


def not_me_link(service: Service) -> LiveLink:
    owner = make_owner(service)
    return LiveLink(sign_link(owner, not_me.NOT_ME), owner.id)


def closing(service: Service) -> LiveLink:
    owner = make_owner(service)
    return LiveLink(sign_link(owner, close_account.CLOSE), owner.id)


def change_of_address(service: Service) -> LiveLink:
    owner = make_owner(service)
    return LiveLink(sign_link(owner, change_email.CHANGE, email=make_email("New.One")), owner.id, by=owner.id)


def second_change_of_address(service: Service) -> LiveLink:
    owner = moved_owner(service)
    return LiveLink(sign_link(owner, change_email.CHANGE, email=make_email("c")), owner.id, by=owner.id)


def undoing(service: Service) -> LiveLink:
    owner = moved_owner(service)
    return LiveLink(sign_link(owner, change_email.UNDO), owner.id)


def moved_owner(service: Service) -> Member:
    owner = make_owner(service)
    token = sign_link(owner, change_email.CHANGE, email=make_email("b"))
    use_link(service, change_email.CHANGE, token, {}, account_id=owner.id)
    return owner


ANCHOR_GONE = "admin_invites_void_until anchor_email=None anchor_key=None anchor_serial+1 anchor_until=None"
TAKEN_BACK = "password_hash=None void_invites"
RESET = "admin_invites_void_until auth_epoch+1 failures-3 lock_serial+1 locked_at=None password_hash void_invites"
ACCOUNT_MADE = {"accounts": 1, "audit": 1, "spent": 1}
INVITED_INTO_TWO_GROUPS = {"audit": 2, "memberships": 2, "spent": 1}
LETTER_AND_EVENT = {"audit": 1, "outbox": 1}
INVITE_MARK = {"invite:": timedelta(days=3) + MARKS_OUTLIVE_LINKS_BY}
ADDRESS_LEFT = {"left:": ADDRESS_RETENTION}
ACTS: dict[str, Writes] = {
    "activate": Writes(
        sign_up.PURPOSE,
        activation,
        "account.activated",
        ACCOUNT_MADE,
        signs_in=True,
        spent={"activate:": timedelta(hours=48) + MARKS_OUTLIVE_LINKS_BY},
    ),
    "invite": Writes(
        invite_link.INVITE_PURPOSE,
        invitation,
        "invite.accepted",
        INVITED_INTO_TWO_GROUPS | {"accounts": 1},
        signs_in=True,
        changed=[("sent_invites", "accepted_at")],
        spent=INVITE_MARK,
    ),
    "invite, for a member": Writes(
        invite_link.INVITE_PURPOSE,
        invitation_of_a_member,
        "invite.accepted",
        INVITED_INTO_TWO_GROUPS,
        changed=[("accounts", "invited+1"), ("sent_invites", "accepted_at")],
        spent=INVITE_MARK,
    ),
    "invite, for the first admin": Writes(
        invite_link.INVITE_PURPOSE,
        first_admin,
        "invite.accepted",
        {"accounts": 1, "audit": 2, "memberships": 1, "spent": 1},
        signs_in=True,
        spent={"invite:": FOR_EVER - BEGINNING},
    ),
    "reset-password": Writes(
        reset_password.PURPOSE,
        reset,
        "password.reset",
        LETTER_AND_EVENT,
        changed=[("accounts", RESET)],
        letters=["password-changed"],
    ),
    "sign-in": Writes(
        magic_link.PURPOSE,
        sign_in_by_mail,
        "sign-in.by-mail",
        {"audit": 1},
        signs_in=True,
        changed=[("accounts", "sign_in_serial+1")],
    ),
    "unlock": Writes(
        unlock.PURPOSE,
        unlocking,
        "account.unlocked",
        {"audit": 1},
        changed=[("accounts", "failures-7 lock_serial+1 locked_at=None")],
    ),
    "not-me": Writes(
        not_me.PURPOSE,
        not_me_link,
        "not-me",
        LETTER_AND_EVENT | {"spent": 1},
        changed=[("accounts", f"admin_invites_void_until auth_epoch+1 {TAKEN_BACK}")],
        letters=["reset-password"],
        spent={"link:": timedelta(hours=72) + MARKS_OUTLIVE_LINKS_BY},
    ),
    "close-account": Writes(
        close_account.PURPOSE,
        closing,
        "account.closed",
        LETTER_AND_EVENT | {"spent": 1},
        deleted={"accounts": 1},
        changed=[("audit", "address_tag=None")] * 2,
        letters=["account-closed"],
        spent={"gone:": ADDRESS_RETENTION},
    ),
    "change-email": Writes(
        change_email.PURPOSE,
        change_of_address,
        "email.changed",
        LETTER_AND_EVENT | {"spent": 1},
        signs_in=True,
        changed=[
            (
                "accounts",
                "anchor_email anchor_key anchor_serial+1 anchor_until auth_epoch+1 email email_key email_serial+1",
            )
        ],
        letters=["email-changed"],
        spent=ADDRESS_LEFT,
    ),
    "change-email, while the way back is open": Writes(
        change_email.PURPOSE,
        second_change_of_address,
        "email.changed",
        {"audit": 1, "outbox": 2, "spent": 1},
        signs_in=True,
        changed=[("accounts", "auth_epoch+1 email email_key email_serial+1")],
        letters=["email-changed", "email-changed"],
        spent=ADDRESS_LEFT,
    ),
    "undo-email-change": Writes(
        change_email.UNDO_PURPOSE,
        undoing,
        "email.restored",
        {"audit": 1, "outbox": 2, "spent": 1},
        changed=[("accounts", f"{ANCHOR_GONE} auth_epoch+1 email email_key email_serial+1 {TAKEN_BACK}")],
        letters=["email-restored", "reset-password"],
        spent=ADDRESS_LEFT,
    ),
}


@pytest.mark.parametrize("name", ACTS)
def test_an_act_writes_this_and_nothing_else(service: Service, name: str) -> None:
    for _ in range(2):
        make_owner(service)  # of whom nothing changes
    act, link = ACTS[name], get_link(service.site, ACTS[name].purpose)
    live = act.make(service)
    before = leave_out_session(read_rows(service.site.store.engine))
    result = use_link(service, link, live.token, live.data, account_id=live.by)
    after = leave_out_session(read_rows(service.site.store.engine))
    assert compare_rows(before, after) == TableChanges(act.added, act.deleted, sorted(act.changed))
    assert result.account_id == (live.account_id or result.account_id)
    assert (result.created, result.sign_in_as is not None) == (not live.account_id, act.signs_in)
    event = find_new_rows(before, after, "audit", kind=act.event)[0]
    assert (event["account"], event["link_id"]) == (
        result.account_id,
        read_claims(service, link, live.token).link_id,
    )
    assert sorted(row["purpose"] for row in find_new_rows(before, after, "outbox")) == act.letters
    assert {
        f"{row['id'].split(':')[0]}:": row["keep_until"] - (BEGINNING if row["keep_until"] == FOR_EVER else now())
        for row in find_new_rows(before, after, "spent")
    } == act.spent
    assert link_state(service, link, live.token) == "link_used"


def test_the_table_has_every_kind_of_link() -> None:
    assert {act.purpose for act in ACTS.values()} == {link.purpose for link in LINKS}
