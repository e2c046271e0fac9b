"""Declare the commands of ``accounts invites`` about invitations for several people, which share one link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import click

from accounts.cli.commands import Command, json_option
from accounts.cli.context import open_unit_of_work
from accounts.cli.output import Columns, print_done, print_fields, print_table
from accounts.core.uow import UnitOfWork
from accounts.flows.invites import shared
from accounts.flows.invites.shared import ExtendSharedInviteForm, SharedInviteForm, SharedInvitePageForm
from accounts.flows.shared.fields import PageForm
from accounts.flows.shared.pages import iter_pages
from accounts.flows.shared.validation import validate
from accounts.web.answers.shared_invites import (
    JoinedOut,
    SharedInviteDetailsOut,
    SharedInviteOut,
    SharedInvitePageOut,
    SharedInviteWithLinkOut,
)

SHARED_INVITE_COLUMNS: Columns[SharedInviteOut] = {
    "id": lambda row: row.id,
    "state": lambda row: row.state,
    "uses": lambda row: row.uses,
    "places": lambda row: row.places,
    "until": lambda row: row.expires_at,
    "groups": lambda row: row.groups,
    "title": lambda row: row.title,
}
JOINED_COLUMNS: Columns[JoinedOut] = {
    "joined": lambda row: row.at,
    "account": lambda row: row.account_id,
    "address": lambda row: row.email,
    "name": lambda row: row.name,
}


@click.command("create-shared", cls=Command)
@click.argument("places", type=int)
@click.option("--title", default="", help="What the page of the link calls it, such as: Class 7b.")
@click.option("--group", "groups", multiple=True, help="A group to join; may be given several times.")
@click.option("--days", type=int, help="How long the link works.  [default: 7]")
@click.option("--until", help="The moment until which it works, in UTC, instead of --days.")
@click.option("--domain", default="", help="Only addresses of this domain; with a dot in front, of its subdomains.")
@click.option("--locale", default="", help="Language of its page.  [default: that of whoever reads it]")
@json_option
def create_shared(
    places: int,
    title: str,
    groups: tuple[str, ...],
    days: int | None,
    until: str | None,
    domain: str,
    locale: str,
    as_json: bool,
) -> None:
    """Make one link with which PLACES people may join, and print it."""
    uow = open_unit_of_work()
    data: dict[str, Any] = {"places": places, "title": title, "groups": list(groups), "domain": domain}
    data |= {"locale": locale, "until": until} | ({"days": days} if days is not None else {})
    row, url = shared.create_shared_invite(uow, validate(SharedInviteForm, data))
    print_done(SharedInviteWithLinkOut.from_link(row, url), url, as_json=as_json)


@click.command("list-shared", cls=Command)
@json_option
def list_shared(as_json: bool) -> None:
    """List links for several people, newest first, and how many of their places are taken."""
    uow = open_unit_of_work()
    print_table(_iter_shared_pages(uow), SHARED_INVITE_COLUMNS, as_json=as_json)


@click.command("show-shared", cls=Command)
@click.argument("id")
@json_option
def show_shared(id: str, as_json: bool) -> None:
    """Show a link for several people, and who has joined by it."""
    uow = open_unit_of_work()
    row = shared.get_shared_invite(uow, id)
    form = PageForm(limit=500)
    holds = shared.is_inviter_active(uow, row)
    answer = SharedInviteDetailsOut.from_joined(row, shared.list_joined(uow, row, form), holds=holds)
    fields = [(heading, show(answer)) for heading, show in SHARED_INVITE_COLUMNS.items()]
    print_fields(answer, [*fields, ("domain", answer.domain), ("holds", answer.holds)], as_json=as_json)
    if not as_json:
        print_table(_iter_joined_pages(uow, id, form), JOINED_COLUMNS, as_json=False)


@click.command("print-shared", cls=Command)
@click.argument("id")
@click.option("--poster", is_flag=True, help="Print a page with its QR code, for a browser to show or print.")
@json_option
def print_shared(id: str, poster: bool, as_json: bool) -> None:
    """Print a fresh link of a link for several people. Anyone who holds it can use it."""
    uow = open_unit_of_work()
    row, url = shared.take_shared_link(uow, id)
    if not poster:
        print_done(SharedInviteWithLinkOut.from_link(row, url), url, as_json=as_json)
        return
    # No other command of these needs the pages, which take a third of a start.
    from accounts.cli.app import open_app
    from accounts.web.admin.poster import render_poster

    with open_app().test_request_context():
        click.echo(render_poster(row, url))


@click.command("extend-shared", cls=Command)
@click.argument("id")
@click.option("--days", type=int, default=ExtendSharedInviteForm().days, show_default=True, help="How long from now.")
@json_option
def extend_shared(id: str, days: int, as_json: bool) -> None:
    """Let links that are printed from now on end later; those that are out keep their own end."""
    uow = open_unit_of_work()
    row = shared.extend_shared_invite(uow, id, validate(ExtendSharedInviteForm, {"days": days}))
    answer = SharedInviteOut.from_row(row, holds=True)
    print_done(answer, f"{id} is open for {days} days from now; print a new link", as_json=as_json)


@click.command("revoke-shared", cls=Command)
@click.argument("id")
@json_option
def revoke_shared(id: str, as_json: bool) -> None:
    """Revoke a link for several people, and the mailed links that came of it."""
    uow = open_unit_of_work()
    row = shared.revoke_shared_invite(uow, id)
    answer = SharedInviteOut.from_row(row, holds=shared.is_inviter_active(uow, row))
    print_done(answer, f"{id} is revoked; {row.uses} have joined", as_json=as_json)


SHARED_INVITE_COMMANDS = (create_shared, list_shared, show_shared, print_shared, extend_shared, revoke_shared)


def _iter_shared_pages(uow: UnitOfWork) -> Iterator[Sequence[SharedInviteOut]]:
    for page in iter_pages(uow, SharedInvitePageForm(), partial(shared.list_shared_invites, uow)):
        yield SharedInvitePageOut.from_page(page).invites


def _iter_joined_pages(uow: UnitOfWork, id: str, form: PageForm) -> Iterator[Sequence[JoinedOut]]:
    row = shared.get_shared_invite(uow, id)
    for page in iter_pages(uow, form, partial(shared.list_joined, uow, row)):
        yield [JoinedOut.model_validate(each) for each in page.rows]
