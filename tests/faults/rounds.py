"""One round: a fresh installation under load, killed and broken by the dice of a seed, and looked at afterwards."""

from __future__ import annotations

import random
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from accounts.core.clock import now
from accounts.core.database.store import Store
from accounts.core.models.account import Account
from accounts.core.models.outbox import OutboxRow
from tests.faults.breaking import list_faults
from tests.faults.journal import Entry, Evidence, Journal, Mail, compare
from tests.faults.people import Browser, GaveUp, Person
from tests.faults.plant import KILLS, Plant, run_in_background
from tests.servers.postgres import postgres
from tests.servers.received import Received, links, list_needless_copies
from tests.servers.smtp import SmtpSink

PEOPLE = 4
"""Who walk the main job at the same time, again and again."""
DRAIN_SECONDS = 240.0
SINK_PAUSE = 0.03
"""Seconds between a letter's being taken and the yes, so that kills fall in between more often than in life."""
FAULT_SECONDS = 60.0
"""For so long a fault may still be felt: letters that it held up wait for their next try."""
DURABLE: Final = {"listen_addresses": "", "max_connections": "200", "jit": "off", "timezone": "UTC"}
"""Settings of a PostgreSQL that waits for its disk, as one in use does."""


def run_round(database: str, seed: int, events: Sequence[str], folder: Path) -> dict[str, Any]:
    """Run one round and return what it came to, ready for JSON.

    :param database: ``SQLite`` or ``PostgreSQL``.
    :param events: what happens, in this order: kinds of kills, and names of faults.
    """
    folder.mkdir(parents=True, exist_ok=True)
    journal = Journal(folder / "journal.jsonl")
    try:
        with _empty_database(database, folder) as url, SmtpSink(pause=SINK_PAUSE) as sink:
            plant = Plant(folder, url, sink, journal)
            try:
                people = _drive(plant, random.Random(seed), events, database)
                evidence = _gather(plant, people)
            finally:
                plant.stop()
        outcome = compare(journal.entries, evidence)
        result = {"database": database, "seed": seed, "counts": dict(outcome.counts), "broken": outcome.broken}
        return result | _measure(journal.entries)
    finally:
        journal.close()


@contextmanager
def _empty_database(database: str, folder: Path) -> Iterator[str]:
    if database == "SQLite":
        yield f"sqlite:///{folder / 'accounts.db'}"
        return
    with postgres(settings=DURABLE) as server:
        yield server.create_database("faults")


def _drive(plant: Plant, rng: random.Random, events: Sequence[str], database: str) -> list[Person]:
    admin = plant.start()
    people: list[Person] = []
    numbers = count(1)

    def keep_walking() -> None:
        while not plant.world.stop.is_set():
            number = next(numbers)
            person = Person(plant.world, f"person{number}@example.org", f"10.1.{number >> 8}.{number & 255}")
            people.append(person)
            try:
                if number % 4:
                    person.join()
                else:
                    person.join_invited(Browser(plant.world, admin.network, dict(admin.cookies)))
                person.live()
            except GaveUp as why:
                plant.journal.note("gave up", email=person.email, why=str(why))

    threads = [run_in_background(keep_walking) for _ in range(PEOPLE)]
    faults = list_faults(database)
    for event in events:
        time.sleep(rng.uniform(0.3, 3.0))
        if event in KILLS:
            plant.kill(event, rng)
        else:
            _break(plant, event, faults)
        plant.tend()
    plant.world.stop.set()
    for thread in threads:
        thread.join(300)
        assert not thread.is_alive(), "somebody hangs"
    return people


def _break(plant: Plant, name: str, faults: Any) -> None:
    before = len(plant.journal.entries)
    plant.journal.note("fault", kind=name)
    faults[name](plant)
    seconds = plant.await_good_answer()
    told = Counter(str(entry["status"]) for entry in plant.journal.entries[before:] if entry["what"] == "answer")
    plant.journal.note("back", after=name, seconds=round(seconds, 1), busy=told["503"], answers=told.total())


def _gather(plant: Plant, people: Sequence[Person]) -> Evidence:
    plant.sink.behave()
    store = Store(plant.database_url)
    try:
        left = _drain(plant, store)
        promised = {entry["email"] for entry in plant.journal.entries if entry["what"] == "account"}
        opens = {person.email: _does_open(person) for person in people if person.email in promised}
        with Session(store.engine) as session:
            emails = list(session.scalars(select(Account.email_key)))
    finally:
        store.close()
    mailbox = [_describe(mail) for mail in list(plant.sink.messages)]
    needless = list_needless_copies(plant.sink.messages)
    return Evidence(emails, mailbox, opens, needless, left, _check_integrity(plant))


def _does_open(person: Person) -> bool:
    try:
        return person.find_password()
    except GaveUp:
        return False


def _drain(plant: Plant, store: Store) -> int:
    """Let all letters go out, dead ones sent again as an operator would; return how many stay behind."""
    end = time.monotonic() + DRAIN_SECONDS
    rows = select(func.count()).select_from(OutboxRow)
    while time.monotonic() < end:
        plant.tend()
        with Session(store.engine) as session:
            left = session.scalar(rows) or 0
            if not left:
                return 0
            again = update(OutboxRow).where(OutboxRow.lease_until.is_(None))
            session.execute(again.values(not_before=now(), dead_at=None))
            session.commit()
        time.sleep(2)
    with Session(store.engine) as session:
        return session.scalar(rows) or 0


def _describe(mail: Received) -> Mail:
    purposes = [url.split("/l/")[1].split("/")[0] for url in links(mail.message) if "/l/" in url]
    purpose = purposes[0] if purposes else "activate"
    about = {"activate": "sign-up", "not-me": "password-changed"}.get(purpose, purpose)
    return Mail(mail.recipients[0], about, mail.message_id, mail.is_acknowledged)


def _check_integrity(plant: Plant) -> str:
    if not plant.database_url.startswith("sqlite"):
        return "ok"
    with closing(sqlite3.connect(plant.folder / "accounts.db")) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def _measure(journal: Sequence[Entry]) -> dict[str, Any]:
    """Return kills, faults and times of a journal, for the report."""
    kills: Counter[str] = Counter()
    others: Counter[str] = Counter()
    back: defaultdict[str, list[float]] = defaultdict(list)
    faults: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    broken = [
        (each["at"], each["at"] + FAULT_SECONDS)
        for each in journal
        if each["what"] == "fault" or each.get("after") not in (None, *KILLS)
    ]
    delays: defaultdict[str, list[float]] = defaultdict(list)
    for entry in journal:
        if entry["what"] == "delay":
            began, ended = entry["at"] - entry["seconds"], entry["at"]
            is_fault = any(began < until and ended > since for since, until in broken)
            delays["faults" if is_fault else "kills"].append(entry["seconds"])
    for entry in journal:
        if entry["what"] == "kill":
            kills[entry["kind"]] += entry["processes"]
        elif entry["what"] == "back" and entry["after"] in KILLS:
            back[entry["after"]].append(entry["seconds"])
        elif entry["what"] == "back":
            faults[entry["after"]].append({name: entry[name] for name in ("seconds", "busy", "answers")})
        elif entry["what"] in ("cut off", "nobody listens", "ended by itself", "gave up", "tokens"):
            others[entry["what"]] += 1
    return {"kills": kills, "others": others, "back": back, "faults": faults, "delays": delays}
