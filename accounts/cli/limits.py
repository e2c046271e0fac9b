"""Declare ``accounts limits``: show and clear the counters of attempts."""

from __future__ import annotations

import click

from accounts.cli.commands import Group, json_option
from accounts.cli.context import open_unit_of_work
from accounts.cli.output import Columns, print_done, print_table
from accounts.flows.helpdesk import limits as helpdesk_limits
from accounts.flows.helpdesk.limits import LimitsForm
from accounts.flows.shared.validation import validate
from accounts.web.answers.limits import LiftedLimitsOut, LimitUsageOut

LIMIT_COLUMNS: Columns[LimitUsageOut] = {
    "limit": lambda usage: usage.limit,
    "of": lambda usage: usage.of,
    "tries": lambda usage: usage.tries,
    "allowed": lambda usage: usage.allowed,
    "until": lambda usage: usage.ends,
    "state": lambda usage: "full" if usage.full else "",
}


@click.group(cls=Group)
def limits() -> None:
    """Show and lift limits on attempts."""


@limits.command("show")
@click.argument("address", default="")
@click.option("--network", default="", help="An IP address.")
@click.option("--link", default="", metavar="ID", help="A link for several people, by its id.")
@json_option
def show_limits(address: str, network: str, link: str, as_json: bool) -> None:
    """Show the attempts that are counted for ADDRESS, a network, both, or a link for several people."""
    form = _validate_limits(address, network, link)
    usages = helpdesk_limits.list_limits(open_unit_of_work(), form)
    print_table([[LimitUsageOut.model_validate(usage) for usage in usages]], LIMIT_COLUMNS, as_json=as_json)


@limits.command("lift")
@click.argument("address", default="")
@click.option("--network", default="", help="An IP address.")
@click.option("--link", default="", metavar="ID", help="A link for several people, by its id.")
@json_option
def lift_limits(address: str, network: str, link: str, as_json: bool) -> None:
    """Lift the limits of ADDRESS, a network, both, or a link for several people: attempts count from zero again."""
    form = _validate_limits(address, network, link)
    cleared = helpdesk_limits.clear_limits(open_unit_of_work(), form)
    sentence = f"lifted: {', '.join(cleared) or 'nothing, as nothing was counted'}"
    print_done(LiftedLimitsOut(lifted=tuple(cleared)), sentence, as_json=as_json)


def _validate_limits(address: str, network: str, link: str) -> LimitsForm:
    return validate(LimitsForm, {"email": address, "network": network, "link": link})
