"""Declare ``accounts approvals``: decide about requests for accounts, which stand nowhere but in mailed links."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from accounts.cli.commands import Group, json_option
from accounts.cli.context import open_unit_of_work
from accounts.cli.output import format_timestamp, print_done, print_fields
from accounts.core.errors import InvalidInput
from accounts.core.links.opening import open_link
from accounts.core.uow import UnitOfWork
from accounts.flows.account import approval_review
from accounts.flows.account.approval_request import read_request
from accounts.flows.account.approval_review import REVIEW, DecideRequestForm
from accounts.flows.helpdesk.links import parse as parse_link
from accounts.flows.helpdesk.links.explain import NO_LINK_MESSAGE
from accounts.flows.shared import app_targets
from accounts.flows.shared.validation import validate
from accounts.web.answers.approvals import AccountRequestOut, DecisionOut

MAX_STDIN_CHARACTERS = 200_000
"""Enough for a whole mail."""


@click.group(cls=Group)
def approvals() -> None:
    """Decide about requests for accounts. LINK is that of an admin's mail, a piece of the mail, or - for stdin."""


@approvals.command("show")
@click.argument("link")
@json_option
def show_request(link: str, as_json: bool) -> None:
    """Show who asks for an account."""
    uow = open_unit_of_work()
    opened = open_link(uow, REVIEW, _find_token(link))
    request = read_request(uow, opened.carried)
    lines = [
        ("address", request.applicant),
        ("name", request.name or "-"),
        ("says", request.message or "-"),
        ("app", app_targets.find_app_name(uow, request.next) or "-"),
        ("asked", f"{format_timestamp(datetime.fromtimestamp(request.asked_at, UTC))} UTC"),
        ("network", request.network or "-"),
        ("until", f"{format_timestamp(datetime.fromtimestamp(request.expires, UTC))} UTC"),
    ]
    print_fields(AccountRequestOut.from_request(request), lines, as_json=as_json)


@approvals.command("approve")
@click.argument("link")
@click.option("--group", "groups", multiple=True, help="A group to join; may be given several times.")
@click.option("--admin", "admin", is_flag=True, help="Make this person an admin, too.")
@json_option
def approve_request(link: str, groups: tuple[str, ...], admin: bool, as_json: bool) -> None:
    """Approve a request: an invitation is mailed, where the password is chosen."""
    form = validate(DecideRequestForm, {"decision": "approve", "groups": list(groups), "admin": admin})
    _decide(open_unit_of_work(), link, form, as_json=as_json)


@approvals.command("decline")
@click.argument("link")
@click.option("--reason", default="", help="A sentence to whoever asked.")
@json_option
def decline_request(link: str, reason: str, as_json: bool) -> None:
    """Decline a request: a short answer is mailed."""
    form = validate(DecideRequestForm, {"decision": "decline", "reason": reason})
    _decide(open_unit_of_work(), link, form, as_json=as_json)


def _decide(uow: UnitOfWork, link: str, form: DecideRequestForm, *, as_json: bool) -> None:
    request = approval_review.decide_on_console(uow, _find_token(link), form)
    answer = DecisionOut(email=request.applicant, approved=form.decision == "approve")
    done = "is approved; the invitation is due" if answer.approved else "is declined; the answer is due"
    print_done(answer, f"the request of {answer.email} {done}", as_json=as_json)


def _find_token(text: str) -> str:
    if text == "-":
        text = sys.stdin.read(MAX_STDIN_CHARACTERS)
    tokens = [each.token for each in parse_link.find_candidates(text) if each.token]
    if not tokens:
        raise InvalidInput.for_field("no link in it", "link", "no_link", NO_LINK_MESSAGE)
    return tokens[0]
