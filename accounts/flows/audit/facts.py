"""The facts of a line of the audit log, as people read them: names in words, moments as moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from accounts.core.messages import N_

FACT_LABELS: Mapping[str, str] = {
    "accounts": N_("Accounts"),
    "act": N_("Bulk change"),
    "added": N_("Groups added"),
    "admins": N_("Admins notified"),
    "alg": N_("Algorithm"),
    "amr": N_("Sign-in methods"),
    "answer": N_("Server response"),
    "batch": N_("Invitation list"),
    "because": N_("Reason"),
    "before": N_("Entries before"),
    "bounce": N_("Type of bounce"),
    "bulk": N_("ID of the bulk change"),
    "came": N_("Accounts imported"),
    "cause": N_("Cause"),
    "changed": N_("Changed settings"),
    "count": N_("Number"),
    "domain": N_("Allowed email domain"),
    "done": N_("Done"),
    "due": N_("To be done"),
    "emergency": N_("Emergency removal"),
    "ends": N_("Session expires"),
    "epoch": N_("Session generation"),
    "error": N_("Error"),
    "fields": N_("Changed fields"),
    "filters": N_("Filters used"),
    "form": N_("Format"),
    "format": N_("Format"),
    "good": N_("Expected token number"),
    "grant": N_("App connection"),
    "grants": N_("App connections ended"),
    "groups": N_("Groups"),
    "hashes": N_("With password hashes"),
    "invitations": N_("Invitations"),
    "invite": N_("Invitation"),
    "invited": N_("Invited"),
    "issuer": N_("Sign-in service"),
    "key": N_("Key"),
    "keys": N_("Keys"),
    "lane": N_("Queue"),
    "left": N_("Not done"),
    "letters": N_("Emails"),
    "limit": N_("Rate limit"),
    "limits": N_("Rate limits"),
    "lines": N_("Entries"),
    "locked": N_("Sign-in was locked"),
    "logout": N_("Sign-out notification"),
    "mail": N_("ID of the email"),
    "name": N_("Name"),
    "new": N_("New key"),
    "origin": N_("Site"),
    "outcome": N_("Page response"),
    "overlap": N_("Old secret works for (seconds)"),
    "place": N_("Place number"),
    "places": N_("Places"),
    "purpose": N_("Type of email or link"),
    "recovery": N_("Reason for recovery"),
    "removed": N_("Groups removed"),
    "request": N_("ID of the request"),
    "rows": N_("Rows"),
    "scope": N_("Data shared"),
    "session": N_("ID of the session"),
    "shown": N_("Token number used"),
    "signs_from": N_("Signs from"),
    "skipped": N_("Skipped"),
    "source": N_("Previous system"),
    "status": N_("Delivery status code"),
    "taken": N_("Access revoked"),
    "try": N_("Attempt"),
    "until": N_("Until"),
    "why": N_("Reason"),
}
"""Names of facts in words. Those that a host writes stay as it calls them."""
MOMENTS = frozenset({"before", "ends", "signs_from", "until"})
"""Facts that are moments: seconds since 1970, or text of RFC 3339."""


@dataclass(frozen=True, slots=True)
class AuditFact:
    """One fact. ``label`` is a text to translate, or the name itself; ``value`` a moment, a yes or no, or text."""

    name: str
    label: str
    value: datetime | bool | str


def read_facts(facts: Mapping[str, Any]) -> list[AuditFact]:
    """Return the facts of a line in their order."""
    return [AuditFact(name, FACT_LABELS.get(name, name), _read_value(name, value)) for name, value in facts.items()]


def _read_value(name: str, value: Any) -> datetime | bool | str:
    if isinstance(value, bool):
        return value
    if name in MOMENTS and (moment := _read_moment(value)) is not None:
        return moment
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {each}" for key, each in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return "–" if value is None or value == "" else str(value)


def _read_moment(value: Any) -> datetime | None:
    # What a host writes under such a name may be anything.
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else None
        return datetime.fromtimestamp(value, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
