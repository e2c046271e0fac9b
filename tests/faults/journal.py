"""What clients were told, line by line, as it happened: the only thing that the service is measured by."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class Journal:
    """JSON lines, each written before the client goes on."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()
        self.entries: list[Entry] = []

    def note(self, what: str, **facts: Any) -> None:
        """Write one line."""
        entry = {"at": round(time.time(), 3), "what": what, **facts}
        with self._lock:
            self.entries.append(entry)
            self._file.write(json.dumps(entry) + "\n")

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True)
class Mail:
    """A letter as it came to the mailbox.

    :ivar about: what it is for: ``sign-up``, ``reset-password``, ``invite`` or ``password-changed``.
    :ivar is_acknowledged: whether the mail server said yes before the connection ended.
    """

    to: str
    about: str
    message_id: str
    is_acknowledged: bool = True


@dataclass
class Evidence:
    """What is there afterwards.

    :ivar emails: the addresses of all accounts, each as often as there are rows.
    :ivar opens: whether one of the passwords that an owner may have now opens the account, by address.
    :ivar needless: the Message-IDs of copies that came while the mail server was still about the letter before.
    :ivar left: how many letters are still in the outbox.
    :ivar integrity: what the database says about itself.
    """

    emails: Sequence[str]
    mailbox: Sequence[Mail]
    opens: dict[str, bool]
    needless: Sequence[str] = ()
    left: int = 0
    integrity: str = "ok"


@dataclass
class Outcome:
    """What a comparison came to. Whatever is in ``broken`` must not be."""

    counts: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)


def compare(journal: Sequence[Entry], there: Evidence) -> Outcome:
    """Hold what clients were told against what is there.

    Accounts lost and doubled, letters lost, links accepted twice, passwords that do not open any more, answers meant
    for somebody else: each is broken. A letter that came twice with one Message-ID is counted, by whether the mail
    server had said yes before, or was cut off from the answer. One that came twice for no such reason is broken, and
    so are more different letters than were asked for.
    """
    outcome = Outcome()
    for part in (_compare_accounts, _compare_letters, _compare_links, _compare_answers):
        outcome.broken += part(journal, there, outcome.counts)
    if there.left:
        outcome.broken.append(f"{there.left} letters never left the outbox")
    if there.integrity != "ok":
        outcome.broken.append(f"the database says: {there.integrity}")
    return outcome


def _list(journal: Sequence[Entry], what: str) -> Iterator[Entry]:
    return (entry for entry in journal if entry["what"] == what)


def _compare_accounts(journal: Sequence[Entry], there: Evidence, counts: Counter[str]) -> Iterator[str]:
    rows = Counter(there.emails)
    promised = {entry["email"] for entry in _list(journal, "account")}
    counts["accounts"] += len(promised)
    for email in sorted(promised):
        if not rows[email]:
            counts["accounts lost"] += 1
            yield f"the account {email} was acknowledged and is not there"
    for email, count in rows.items():
        if count > 1:
            counts["accounts doubled"] += 1
            yield f"the account {email} is there {count} times"
    for email, does_open in there.opens.items():
        counts["passwords tried"] += 1
        if not does_open:
            counts["passwords lost"] += 1
            yield f"no password that was acknowledged opens {email}"


def _compare_letters(journal: Sequence[Entry], there: Evidence, counts: Counter[str]) -> Iterator[str]:
    copies: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    earlier: dict[str, Mail] = {}
    for mail in there.mailbox:
        copies[mail.to, mail.about].add(mail.message_id)
        if before := earlier.get(mail.message_id):
            counts["letters doubled" if before.is_acknowledged else "letters cut off and doubled"] += 1
        earlier[mail.message_id] = mail
    due = Counter((entry["to"], entry["about"]) for entry in _list(journal, "letter"))
    maybe = Counter((entry["to"], entry["about"]) for entry in _list(journal, "letter?"))
    counts["letters"] += due.total()
    for key, count in due.items():
        if len(copies[key]) < count:
            counts["letters lost"] += count - len(copies[key])
            yield f"{key[1]} letters to {key[0]}: {count} acknowledged, {len(copies[key])} came"
    for key, found in copies.items():
        if len(found) > due[key] + maybe[key]:
            counts["letters nobody asked for"] += len(found) - due[key] - maybe[key]
            asked = f"{due[key]} + {maybe[key]} asked for"
            yield f"{key[1]} letters to {key[0]}: {asked}, {len(found)} different ones came"
    for message_id in there.needless:
        counts["letters doubled for no reason"] += 1
        yield f"the letter {message_id} came again before the one before was answered"


def _compare_links(journal: Sequence[Entry], there: Evidence, counts: Counter[str]) -> Iterator[str]:
    for entry in _list(journal, "pair"):
        counts["links used in parallel"] += 1
        if entry["accepted"] > 1:
            counts["links accepted twice"] += 1
            yield f"the {entry['about']} link of {entry['email']} was accepted {entry['accepted']} times"


def _compare_answers(journal: Sequence[Entry], there: Evidence, counts: Counter[str]) -> Iterator[str]:
    for entry in _list(journal, "answer"):
        counts[f"answers {entry['status']}"] += 1
        if entry["status"] >= 500 and entry["status"] != 503:
            yield f"{entry['path']} was answered {entry['status']}"
    for entry in _list(journal, "unexpected"):
        counts["unexpected answers"] += 1
        yield f"{entry['email']}: {entry['said']}"
