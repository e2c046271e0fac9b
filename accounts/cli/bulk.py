"""Declare ``accounts users bulk``: one act on many accounts, looked at before it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TextIO

import click

from accounts.cli.commands import Group, confirm, json_option
from accounts.cli.context import open_unit_of_work
from accounts.cli.output import Columns, print_done, print_json, print_problem, print_table, show_progress
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk import bulk, bulk_run
from accounts.flows.helpdesk.bulk_form import (
    BULK_ACTIONS,
    BULK_ACTS,
    SKIP_MESSAGES,
    BulkActForm,
    BulkRowsForm,
)
from accounts.flows.shared.credentials import RecoveryForm
from accounts.flows.shared.frozen_lists import ListPageForm
from accounts.flows.shared.pages import iter_pages
from accounts.flows.shared.validation import validate
from accounts.web.answers.bulk import BulkActOut, BulkRowOut, DiscardedBulkActOut

MAX_PRINTED_NAMES = 20
ACT_COLUMNS: Columns[BulkActOut] = {
    "id": lambda act: act.id,
    "since": lambda act: act.created_at,
    "act": lambda act: act.act,
    "groups": lambda act: act.groups,
    "state": lambda act: act.state,
    "accounts": lambda act: act.accounts,
    "left": lambda act: act.left,
}
ROW_COLUMNS: Columns[BulkRowOut] = {
    "id": lambda row: row.account,
    "address": lambda row: row.email,
    "result": lambda row: row.verdict,
    "reason": lambda row: row.detail,
}


@click.group("bulk", cls=Group)
def bulk_acts() -> None:
    """Do one thing about many accounts. ACT_ID is the id of such an act."""


@bulk_acts.command("start")
@click.argument("act", type=click.Choice(BULK_ACTIONS))
@click.argument("who", nargs=-1)
@click.option("--file", type=click.File("r", lazy=False), help="Ids or addresses, one a line; - is standard input.")
@click.option("--matching", "text", help="All where a word of address or name begins with this.")
@click.option("--member-of", default="", metavar="GROUP", help="All members of this group.")
@click.option("--state", default="", help="All that are active, locked or disabled.")
@click.option("--all", "everybody", is_flag=True, help="All accounts.")
@click.option("--group", "groups", multiple=True, help="A group to add or remove; may be given several times.")
@click.option(
    "--keep",
    multiple=True,
    type=click.Choice(tuple(RecoveryForm.model_fields)),
    help="What shall stay as it was when accounts are enabled; can be given several times.",
)
@click.option("--dry-run", "dry", is_flag=True, help="Only say what would happen to each account.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def start_bulk_act(
    act: str,
    who: tuple[str, ...],
    file: TextIO | None,
    text: str | None,
    member_of: str,
    state: str,
    everybody: bool,
    groups: tuple[str, ...],
    keep: tuple[str, ...],
    dry: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Do ACT to the accounts WHO, to those in a file, or to all that match."""
    is_search = everybody or text is not None or bool(member_of or state)
    if is_search == bool(who or file):
        raise click.UsageError("Name accounts, by arguments or --file, or say which match.")
    names = [*who, *(line.strip() for line in file or () if line.strip())]
    data = {
        "act": act,
        "groups": list(groups),
        "scope": "matching" if is_search else "ticked",
        "who": names,
        "q": text or "",
        "group": member_of,
        "state": state,
        **dict.fromkeys(keep, False),
    }
    uow = open_unit_of_work()
    made = bulk.create_bulk_act(uow, validate(BulkActForm, data))
    for name in made.unknown[:MAX_PRINTED_NAMES]:
        print_problem(f"nobody has the account {name!r}")
    if len(made.unknown) > MAX_PRINTED_NAMES:
        print_problem(f"and {len(made.unknown) - MAX_PRINTED_NAMES} more")
    answer = _describe(uow, made.act.id)
    if not as_json:
        _print_counts(answer)
    if dry:
        if as_json:
            print_json(answer)
        elif answer.left:
            click.echo(f"nothing is done yet; go on with: users bulk run {answer.id}")
        return
    if answer.left:
        confirm(f"{act}: {answer.left} accounts?", yes=yes)
    _run(uow, answer.id, as_json=as_json)


@bulk_acts.command("list")
@json_option
def list_bulk_acts(as_json: bool) -> None:
    """List the acts of the last days, newest first, and how many accounts of each are left."""
    print_table(_iter_act_pages(open_unit_of_work()), ACT_COLUMNS, as_json=as_json)


@bulk_acts.command("show")
@click.argument("act_id")
@json_option
def show_bulk_act(act_id: str, as_json: bool) -> None:
    """Show what would happen, or has happened, to each account of an act."""
    uow = open_unit_of_work()
    bulk.find_bulk_act(uow, act_id)
    print_table(_iter_row_pages(uow, act_id), ROW_COLUMNS, as_json=as_json)


@bulk_acts.command("run")
@click.argument("act_id")
@json_option
def run_bulk_act(act_id: str, as_json: bool) -> None:
    """Do the rest of an act. It may be interrupted and called again; nothing is done twice."""
    uow = open_unit_of_work()
    bulk.find_bulk_act(uow, act_id)
    _run(uow, act_id, as_json=as_json)


@bulk_acts.command("discard")
@click.argument("act_id")
@json_option
def discard_bulk_act(act_id: str, as_json: bool) -> None:
    """Forget an act: what is left is not done, emails that wait are cancelled; what was done stays done."""
    answer = DiscardedBulkActOut.model_validate(bulk.discard_bulk_act(open_unit_of_work(), act_id))
    sentences = [f"{act_id} is gone, {answer.left} accounts were left"]
    if answer.letters:
        sentences.append(f"{answer.letters} emails that had not gone out are cancelled")
    print_done(answer, *sentences, as_json=as_json)


def _describe(uow: UnitOfWork, act_id: str) -> BulkActOut:
    answer = BulkActOut.from_act(bulk.find_bulk_act(uow, act_id), bulk.count_bulk_act(uow, act_id))
    uow.release()
    return answer


def _print_counts(answer: BulkActOut) -> None:
    click.echo(f"{answer.id}  {answer.act}: {answer.left} of {answer.accounts} accounts")
    for reason, count in sorted(answer.skipped.items()):
        click.echo(f"  skipped {count}: {SKIP_MESSAGES[reason]}")


def _run(uow: UnitOfWork, act_id: str, *, as_json: bool) -> None:
    steps = bulk_run.run_bulk_act(uow.site, uow.request_info, act_id)
    end = show_progress(steps, _describe(uow, act_id).act)
    answer = _describe(uow, act_id)
    print_done(answer, f"{end.done} done, {end.skipped} skipped; see: users bulk show {act_id}", as_json=as_json)


def _iter_act_pages(uow: UnitOfWork) -> Iterator[list[BulkActOut]]:
    for page in iter_pages(uow, ListPageForm(), partial(BULK_ACTS.fetch_page, uow)):
        counts = bulk.count_bulk_acts(uow, [act.id for act in page.rows])
        yield [BulkActOut.from_act(act, counts[act.id]) for act in page.rows]


def _iter_row_pages(uow: UnitOfWork, act_id: str) -> Iterator[Sequence[BulkRowOut]]:
    for page in iter_pages(uow, BulkRowsForm(), partial(bulk.list_bulk_rows, uow, act_id)):
        yield [BulkRowOut.from_row(row, str) for row in page.rows]
