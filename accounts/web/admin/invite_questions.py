"""Ask admins before invitations, lists and shared links are revoked, discarded, extended or sent again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import request

from accounts.core.errors import NotFound
from accounts.core.messages import N_, Message, PluralText, make_message, nN_
from accounts.core.security.redirects import local_path
from accounts.flows.invites import batches, shared
from accounts.flows.invites.batches import BatchCounts
from accounts.flows.invites.manage import (
    ChosenInvitesForm,
    ExtendInviteForm,
    InviteAction,
    list_changeable,
)
from accounts.flows.sign_in import step_up
from accounts.web.kit import forms
from accounts.web.kit.context import require_account, uow
from accounts.web.kit.questions import ask
from accounts.web.kit.routes import page_url

NAMED_SUBJECTS = 10
"""So many addresses stand on a page that asks; of the others it says how many they are."""
LINKS_END = N_("Links that were already sent stop working at once. This can't be undone.")
LINKS_STAY = N_("Links that were already sent keep working until their own expiry date.")
NOT_OPEN_STAY = nN_(
    "%(count)s selected invitation can't be changed in this way and stays as it is.",
    "%(count)s selected invitations can't be changed in this way and stay as they are.",
)
TITLES: dict[InviteAction, PluralText] = {
    "resend": nN_("Send %(count)s invitation again?", "Send %(count)s invitations again?"),
    "extend": nN_("Extend and resend %(count)s invitation?", "Extend and resend %(count)s invitations?"),
    "revoke": nN_("Revoke %(count)s invitation?", "Revoke %(count)s invitations?"),
}
EFFECTS: dict[InviteAction, str] = {"resend": LINKS_STAY, "extend": LINKS_STAY, "revoke": LINKS_END}
BUTTONS: dict[InviteAction, PluralText] = {
    "resend": nN_("Send %(count)s invitation again", "Send %(count)s invitations again"),
    "extend": nN_("Extend %(count)s invitation", "Extend %(count)s invitations"),
    "revoke": nN_("Revoke %(count)s invitation", "Revoke %(count)s invitations"),
}
LIST_TITLES: dict[InviteAction, str] = {
    "resend": N_("Resend the open invitations of “%(name)s”?"),
    "extend": N_("Extend and resend the invitations of “%(name)s”?"),
    "revoke": N_("Revoke the list “%(name)s”?"),
}
LIST_BUTTONS: dict[InviteAction, str] = {
    "resend": N_("Resend open invitations"),
    "extend": N_("Extend and resend"),
    "revoke": N_("Revoke list"),
}
WILL_RESEND = nN_("%(count)s person gets the email again.", "%(count)s people get the email again.")
WILL_EXTEND = nN_(
    "%(count)s person who hasn't accepted gets a new email with a link that expires later.",
    "%(count)s people who haven't accepted get a new email with a link that expires later.",
)
WILL_REVOKE = nN_(
    "%(count)s open invitation stops working at once.", "%(count)s open invitations stop working at once."
)
NOT_SENT = nN_(
    "%(count)s invitation that hasn't been sent yet won't be sent.",
    "%(count)s invitations that haven't been sent yet won't be sent.",
)
ACCEPTED_STAY = nN_(
    "%(count)s person who has accepted keeps their account.",
    "%(count)s people who have accepted keep their accounts.",
)
FORGOTTEN = nN_(
    "%(count)s row of the list is deleted. Whoever hasn't been invited from it won't be.",
    "%(count)s rows of the list are deleted. Whoever hasn't been invited from it won't be.",
)
SENT_STAY = nN_(
    "%(count)s invitation that was already sent is kept.", "%(count)s invitations that were already sent are kept."
)
JOINED_STAY = nN_(
    "%(count)s of %(places)s places is taken. The person who has joined keeps their account.",
    "%(count)s of %(places)s places are taken. The people who have joined keep their accounts.",
)


def list_url() -> str:
    """Return the list that an admin came from, with its filters and page, or else the list of all invitations."""
    return local_path(request.args.get("next", "")) or page_url("send_invite_form")


def here(name: str, **values: Any) -> str:
    """Return the address of the page that asks; it keeps which list the admin came from."""
    back = local_path(request.args.get("next", ""))
    return page_url(name, **values, **({"next": back} if back else {}))


def extending_context(invite_id: str) -> dict[str, Any]:
    """Return the question before an invitation is extended: for how long."""
    return _ask_about_one("extend", invite_id)


def revoking_context(invite_id: str) -> dict[str, Any]:
    """Return the question before an invitation is revoked."""
    return _ask_about_one("revoke", invite_id)


def choice_context(query: ChosenInvitesForm) -> dict[str, Any]:
    """Return the question before the invitations that were ticked are changed.

    :raises NotFound: none of them can be changed so.
    """
    # What was sent, where it comes back with an error: the address of the act says nothing of it.
    act = _read_act(request.form.get("act") or query.act)
    ids = request.form.getlist("ids") or list(filter(None, query.ids.split(",")))
    if act != "resend":
        step_up.require_step_up(require_account())
    emails = list_changeable(uow(), ids, act)
    if not emails:
        raise NotFound("none of these can be changed so")
    left_out = len(set(ids)) - len(emails)
    return _ask_about_chosen(
        act,
        emails,
        here("change_some_invites"),
        (("act", act), *(("ids", id) for id in ids)),
        [make_message(NOT_OPEN_STAY, count=left_out)] if left_out else [],
    )


def _read_act(text: str) -> InviteAction:
    return "revoke" if text == "revoke" else "extend" if text == "extend" else "resend"


def _ask_about_one(act: InviteAction, invite_id: str) -> dict[str, Any]:
    emails = list_changeable(uow(), [invite_id], act)
    if not emails:
        raise NotFound("no open invitation of this id")
    return _ask_about_chosen(act, emails, here(f"{act}_invite", invite_id=invite_id))


def _ask_about_chosen(
    act: InviteAction,
    emails: Sequence[str],
    action: str,
    hidden: Sequence[tuple[str, str]] = (),
    effects: Sequence[Message] = (),
) -> dict[str, Any]:
    count = len(emails)
    page = ask(
        make_message(TITLES[act], count=count),
        make_message(EFFECTS[act]),
        *effects,
        button=make_message(BUTTONS[act], count=count),
        action=action,
        back=list_url(),
        hidden=hidden,
        subjects=emails[:NAMED_SUBJECTS],
        further=max(0, count - NAMED_SUBJECTS),
        is_danger=act == "revoke",
    )
    return page if act == "extend" and not hidden else {**page, "fields": _days_fields(act)}


def _days_fields(act: InviteAction) -> Sequence[forms.FormField]:
    """Return the fields to fill in: the others of the form go along, hidden."""
    if act != "extend":
        return ()
    typed = {"days": days} if (days := request.form.get("days")) else {}
    return forms.form_fields(ExtendInviteForm, typed)


def _ask_about_list(batch_id: str, act: InviteAction, will: PluralText, *, has_expired: bool) -> dict[str, Any]:
    batch, counts = _find_list(batch_id)
    count = counts.invites.get("pending", 0) + (counts.invites.get("expired", 0) if has_expired else 0)
    effects = [make_message(will, count=count), make_message(EFFECTS[act])]
    if act == "revoke":
        effects = [*effects, *_effects_if(NOT_SENT, counts.left)]
        effects += _effects_if(ACCEPTED_STAY, counts.invites.get("accepted", 0))
    return ask(
        make_message(LIST_TITLES[act], name=batch.name),
        *effects,
        button=make_message(LIST_BUTTONS[act]),
        action=page_url(f"{act}_batch", batch_id=batch.id),
        back=page_url("show_batch", batch_id=batch.id),
        is_danger=act == "revoke",
    )


def list_resending_context(batch_id: str) -> dict[str, Any]:
    """Return the question before the open invitations of a list are mailed once more."""
    return _ask_about_list(batch_id, "resend", WILL_RESEND, has_expired=False)


def list_extending_context(batch_id: str) -> dict[str, Any]:
    """Return the question before the invitations of a list are extended: for how long."""
    return _ask_about_list(batch_id, "extend", WILL_EXTEND, has_expired=True)


def list_revoking_context(batch_id: str) -> dict[str, Any]:
    """Return the question before a list is revoked."""
    return _ask_about_list(batch_id, "revoke", WILL_REVOKE, has_expired=False)


def discarding_context(batch_id: str) -> dict[str, Any]:
    """Return the question before a list is discarded."""
    batch, counts = _find_list(batch_id)
    return ask(
        make_message(N_("Discard the list “%(name)s”?"), name=batch.name),
        make_message(FORGOTTEN, count=sum(counts.rows.values())),
        *_effects_if(SENT_STAY, sum(counts.invites.values())),
        button=make_message(N_("Discard list")),
        action=page_url("discard_batch", batch_id=batch.id),
        back=page_url("show_batch", batch_id=batch.id),
    )


def shared_revoking_context(shared_id: str) -> dict[str, Any]:
    """Return the question before a shared link is revoked."""
    row = shared.get_shared_invite(uow(), shared_id)
    return ask(
        make_message(N_("Revoke the shared link “%(name)s”?"), name=row.title)
        if row.title
        else make_message(N_("Revoke this shared link?")),
        make_message(N_("No one can join with it any more: not by link, QR code or poster. This can't be undone.")),
        make_message(JOINED_STAY, count=row.uses, places=row.places),
        button=make_message(N_("Revoke link")),
        action=page_url("revoke_shared_invite", shared_id=row.id),
        back=page_url("show_shared_invite", shared_id=row.id),
    )


def _find_list(batch_id: str) -> tuple[Any, BatchCounts]:
    batch = batches.find_batch(uow(), batch_id)
    return batch, batches.count_batch(uow(), batch.id)


def _effects_if(text: PluralText, count: int) -> list[Message]:
    return [make_message(text, count=count)] if count else []
