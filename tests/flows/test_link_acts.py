"""What the act of each kind of link writes: one table over all kinds, so that nothing is written by the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounts.core.clock import now
from accounts.core.database.spent import FOR_EVER
from accounts.core.links.link import get_link
from accounts.core.links.opening import ADDRESS_RETENTION
from accounts.flows import LINKS
from accounts.flows.account import change_email, close_account, not_me, reset_password, sign_up
from accounts.flows.account.approval import REQUEST_PURPOSE
from accounts.flows.account.approval_request import REVIEW_PURPOSE
from accounts.flows.invites import join
from accounts.flows.invites import link as invite_link
from accounts.flows.invites.shared_terms import MAX_SHARED_LIFE
from accounts.flows.sign_in import magic_link, unlock
from tests.flows import live_links
from tests.flows.act_writes import Writes
from tests.flows.letters import make_owner
from tests.flows.steps import link_state, use_link
from tests.kit.signed_links import read_claims
from tests.kit.tables import TableChanges, compare_rows, find_new_rows, leave_out_session, read_rows
from tests.people import Service

pytestmark = pytest.mark.usefixtures("stopped_clock")
MARKS_OUTLIVE_LINKS_BY = timedelta(seconds=360)
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


ANCHOR_GONE = "admin_invites_void_until anchor_email=None anchor_key=None anchor_serial+1 anchor_until=None"
TAKEN_BACK = "password_hash=None void_invites"
RESET = "admin_invites_void_until auth_epoch+1 failures-3 lock_serial+1 locked_at=None password_hash void_invites"
ACCOUNT_MADE = {"accounts": 1, "audit": 1, "spent": 1}
INVITED_INTO_TWO_GROUPS = {"audit": 2, "memberships": 2, "spent": 1}
LETTER_AND_EVENT = {"audit": 1, "outbox": 1}
PLACE_MARK = {"place:": MAX_SHARED_LIFE + timedelta(days=1)}
INVITE_MARK = {"invite:": timedelta(days=3) + MARKS_OUTLIVE_LINKS_BY}
ADMIN_PROVEN = [("accounts", "email_unproven-1")]
ADDRESS_LEFT = {"left:": ADDRESS_RETENTION}
ACTS: dict[str, Writes] = {
    "activate": Writes(
        sign_up.PURPOSE,
        live_links.activation,
        "account.activated",
        ACCOUNT_MADE,
        signs_in=True,
        spent={"activate:": timedelta(hours=48) + MARKS_OUTLIVE_LINKS_BY},
    ),
    "invite": Writes(
        invite_link.INVITE_PURPOSE,
        live_links.invitation,
        "invite.accepted",
        INVITED_INTO_TWO_GROUPS | {"accounts": 1},
        signs_in=True,
        changed=[("sent_invites", "accepted_at")],
        spent=INVITE_MARK,
    ),
    "invite, for a member": Writes(
        invite_link.INVITE_PURPOSE,
        live_links.invitation_of_a_member,
        "invite.accepted",
        INVITED_INTO_TWO_GROUPS,
        changed=[("accounts", "invited+1"), ("sent_invites", "accepted_at")],
        spent=INVITE_MARK,
    ),
    "invite, for the first admin": Writes(
        invite_link.INVITE_PURPOSE,
        live_links.first_admin,
        "invite.accepted",
        {"accounts": 1, "audit": 2, "memberships": 1, "spent": 1},
        signs_in=True,
        spent={"invite:": FOR_EVER - BEGINNING},
    ),
    "join-shared": Writes(
        join.JOIN_PURPOSE,
        live_links.joining,
        "shared-invite.used",
        {"accounts": 1, "audit": 2, "memberships": 2, "spent": 2},
        signs_in=True,
        changed=[("shared_invites", "uses+1")],
        spent=PLACE_MARK,
    ),
    "join-shared, for a member": Writes(
        join.JOIN_PURPOSE,
        live_links.joining_of_a_member,
        "shared-invite.used",
        {"audit": 2, "memberships": 2, "spent": 2},
        changed=[("accounts", "invited+1"), ("shared_invites", "uses+1")],
        spent=PLACE_MARK,
    ),
    "reset-password": Writes(
        reset_password.PURPOSE,
        live_links.reset,
        "password.reset",
        LETTER_AND_EVENT,
        changed=[("accounts", RESET)],
        letters=["password-changed"],
    ),
    "sign-in": Writes(
        magic_link.PURPOSE,
        live_links.sign_in_by_mail,
        "sign-in.by-mail",
        {"audit": 1},
        signs_in=True,
        changed=[("accounts", "sign_in_serial+1")],
    ),
    "unlock": Writes(
        unlock.PURPOSE,
        live_links.unlocking,
        "account.unlocked",
        {"audit": 1},
        changed=[("accounts", "failures-7 lock_serial+1 locked_at=None")],
    ),
    "not-me": Writes(
        not_me.PURPOSE,
        live_links.not_me_link,
        "not-me",
        LETTER_AND_EVENT | {"spent": 1},
        changed=[("accounts", f"admin_invites_void_until auth_epoch+1 {TAKEN_BACK}")],
        letters=["reset-password"],
        spent={"link:": timedelta(hours=72) + MARKS_OUTLIVE_LINKS_BY},
    ),
    "close-account": Writes(
        close_account.PURPOSE,
        live_links.closing,
        "account.closed",
        LETTER_AND_EVENT | {"spent": 1},
        deleted={"accounts": 1},
        changed=[("audit", "address_tag=None")] * 2,
        letters=["account-closed"],
        spent={"gone:": ADDRESS_RETENTION},
    ),
    "change-email": Writes(
        change_email.PURPOSE,
        live_links.change_of_address,
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
        live_links.second_change_of_address,
        "email.changed",
        {"audit": 1, "outbox": 2, "spent": 1},
        signs_in=True,
        changed=[("accounts", "auth_epoch+1 email email_key email_serial+1")],
        letters=["email-changed", "email-changed"],
        spent=ADDRESS_LEFT,
    ),
    "request-account": Writes(
        REQUEST_PURPOSE,
        live_links.account_request,
        "approval.asked",
        LETTER_AND_EVENT | {"rate_limits": 3, "spent": 1},
        letters=["review-request"],
        spent={"asked:": timedelta(hours=48) + MARKS_OUTLIVE_LINKS_BY},
    ),
    "review-request, approved": Writes(
        REVIEW_PURPOSE,
        live_links.approved_request,
        "approval.approved",
        {"audit": 2, "outbox": 2, "rate_limits": 1, "sent_invites": 1, "spent": 1},
        changed=ADMIN_PROVEN,
        letters=["invite", "request-decided"],
        spent={"request:": timedelta(days=14) + MARKS_OUTLIVE_LINKS_BY},
    ),
    "review-request, declined": Writes(
        REVIEW_PURPOSE,
        live_links.declined_request,
        "approval.declined",
        {"audit": 1, "outbox": 2, "spent": 1},
        changed=ADMIN_PROVEN,
        letters=["request-decided", "request-declined"],
        spent={"request:": timedelta(days=14) + MARKS_OUTLIVE_LINKS_BY},
    ),
    "undo-email-change": Writes(
        change_email.UNDO_PURPOSE,
        live_links.undoing,
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
    makes_account = bool(act.added.get("accounts"))
    assert (result.created, result.sign_in_as is not None) == (makes_account, act.signs_in)
    event = find_new_rows(before, after, "audit", kind=act.event)[0]
    assert (event["account"] or "", event["link_id"]) == (
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
