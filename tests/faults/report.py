"""Write docs/reliability.md from the results of all rounds."""

from __future__ import annotations

import os
import platform
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from accounts.config import Settings
from tests.faults.plant import KILLS
from tests.faults.rounds import SINK_PAUSE

Result = dict[str, Any]
DATABASES = ("PostgreSQL", "SQLite")

HEAD = """# Reliability

What becomes of accounts, links and emails when processes are killed and what is around them breaks, by a command:

```
make faults-report             # goes on until 1,000 processes were killed; KILLS=300 asks for fewer
make faults-quick              # a short round on each database, as CI runs it
```

Two `accounts serve` and one `accounts worker` run on one database. Four people walk the main job in a closed
loop: sign up or be invited, read the email, use its link twice at once, sign in, change the password, forget
it, use that link twice at once, sign in to an app, exchange the code, refresh. Each writes what it was told
into a journal before it goes on. Meanwhile processes are killed with SIGKILL at moments that a seed chooses:
a serving child, a whole `serve`, the worker, or all of them in one instant ("power cut"), and databases
and mail servers are broken. At the end of each round the emails are let out, and the journal is held
against the database and the mailbox. A killed process is started again at once, as a supervisor does.

The command can be cut off and run again: it goes on with the next round. It ends with an error where anything
was broken.
"""

PROMISES = (
    ("accounts acknowledged", "accounts", ""),
    ("accounts lost", "accounts lost", "0"),
    ("accounts doubled", "accounts doubled", "0"),
    ("passwords acknowledged and tried afterwards", "passwords tried", ""),
    ("passwords lost", "passwords lost", "0"),
    ("links used twice at once", "links used in parallel", ""),
    ("links accepted twice", "links accepted twice", "0"),
    ("emails acknowledged", "letters", ""),
    ("emails lost", "letters lost", "0"),
    ("emails sent that nobody asked for", "letters nobody asked for", "0"),
    ("copies of emails, after the mail server's yes, with the same Message-ID", "letters doubled", "counted"),
    ("copies of emails whose server was cut off from its yes, likewise", "letters cut off and doubled", "counted"),
    ("copies of emails while the server was still about the one before", "letters doubled for no reason", "0"),
    ("answers of another kind than the one due", "unexpected answers", "0"),
)


def write_report(results: Sequence[Result], path: Path) -> None:
    """Write the report anew."""
    lines = [HEAD, *_write_promises(results), *_write_kills(results), *_write_faults(results), *_write_notes(results)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _of(results: Sequence[Result], database: str) -> list[Result]:
    return [result for result in results if result["database"] == database]


def _sum(results: Sequence[Result], part: str) -> Counter[str]:
    total: Counter[str] = Counter()
    for result in results:
        total.update(result[part])
    return total


def _write_promises(results: Sequence[Result]) -> Iterator[str]:
    yield "## What was promised\n"
    yield f"| | goal | {' | '.join(DATABASES)} |"
    yield "|---|---|---|---|"
    kills = [sum(_sum(_of(results, each), "kills").values()) for each in DATABASES]
    yield _row("processes killed", "1,000 together", *map(_number, kills))
    counts = [_sum(_of(results, each), "counts") for each in DATABASES]
    for name, key, goal in PROMISES:
        yield _row(name, goal, *(_number(each[key]) for each in counts))
    answered = [sum(value for name, value in each.items() if name.startswith("answers ")) for each in counts]
    yield _row("requests answered", "", *map(_number, answered))
    yield _row("of these 503, with `Retry-After`", "", *(_number(each["answers 503"]) for each in counts))
    others = [
        sum(value for name, value in each.items() if name.startswith("answers 5") and name != "answers 503")
        for each in counts
    ]
    yield _row("any other 5xx", "0", *map(_number, others))
    meanwhile = [_sum(_of(results, each), "others") for each in DATABASES]
    yield _row("requests cut off by a kill", "", *(_number(each["cut off"]) for each in meanwhile))
    yield _row("connections that nobody took", "", *(_number(each["nobody listens"]) for each in meanwhile))
    yield _row(
        "`serve` or `worker` that ended by itself", "0", *(_number(each["ended by itself"]) for each in meanwhile)
    )
    yield _row(
        "people who did not get on: no answer had told them of an account",
        "",
        *(_number(each["gave up"]) for each in meanwhile),
    )
    yield _row("tokens that apps got", "", *(_number(each["tokens"]) for each in meanwhile))
    broken = [line for result in results for line in result["broken"]]
    yield (
        "\nNothing was broken.\n"
        if not broken
        else "\nBroken:\n\n" + "\n".join(f"* {line}" for line in broken) + "\n"
    )


def _write_kills(results: Sequence[Result]) -> Iterator[str]:
    yield "## After a kill\n"
    yield "Seconds from the kill until the killed process was ready again, its start included: median and longest.\n"
    yield f"| killed | {' | '.join(f'{each}: processes | back after, s' for each in DATABASES)} |"
    yield "|---|---|---|---|---|"
    for kind in KILLS:
        cells = []
        for database in DATABASES:
            mine = _of(results, database)
            seconds = [each for result in mine for each in result["back"].get(kind, [])]
            cells += [_number(_sum(mine, "kills")[kind]), _spread(seconds)]
        yield _row(kind, *cells)
    yield ""
    yield "Seconds from the request for an email until it came, while only kills happened. What was under way when"
    yield "its worker was killed waits for the end of its lease (15 s) and the next look (1 s).\n"
    yield "| database | emails | median | 99 % | longest | longest, faults below included |"
    yield "|---|---|---|---|---|---|"
    for database in DATABASES:
        mine = _of(results, database)
        killed = sorted(each for result in mine for each in result["delays"].get("kills", []))
        every = [each for result in mine for part in result["delays"].values() for each in part]
        if killed:
            at99 = killed[int(0.99 * (len(killed) - 1))]
            cells = [f"{each:.1f}" for each in (statistics.median(killed), at99, killed[-1], max(every))]
            yield _row(database, _number(len(killed)), *cells)
    yield ""


def _write_faults(results: Sequence[Result]) -> Iterator[str]:
    yield "## What was broken around it\n"
    yield "Seconds from the end of a fault to the first good answer to one that writes; 503 among all answers.\n"
    yield "| fault | database | times | 503 of all answers | good answer after, s |"
    yield "|---|---|---|---|---|"
    by_name: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for result in results:
        for name, each in result["faults"].items():
            by_name[name, result["database"]] += each
    for (name, database), found in sorted(by_name.items()):
        busy, answers = sum(each["busy"] for each in found), sum(each["answers"] for each in found)
        seconds = [each["seconds"] for each in found]
        yield _row(name, database, str(len(found)), f"{_number(busy)} of {_number(answers)}", _spread(seconds))
    yield ""


def _write_notes(results: Sequence[Result]) -> Iterator[str]:
    cpus = os.cpu_count()
    yield "## What to know about the figures\n"
    load = os.getloadavg()[-1]
    yield f"* {len(results)} rounds, on {cpus} processors, Python {platform.python_version()}, {platform.system()}."
    yield f"  Load average of the last quarter of an hour: {load:.0f}."
    yield "* The load takes what the machine has, and whatever else runs on it: seconds are of a busy machine."
    at_once = Settings.model_fields["mail_concurrency"].default
    yield "* An email comes twice where its worker is killed between the end of the message and the note of the mail"
    yield f"  server's yes: at most as many as it carries at once (`ACCOUNTS_MAIL_CONCURRENCY`, here {at_once})."
    yield f"  The mail server of these rounds waits {SINK_PAUSE} s before its yes: kills fall in between more often."
    yield "  It comes twice, too, where the yes cannot be noted for longer than a lease (15 s), with the database"
    yield "  away or locked."
    yield "* A database that is stopped takes no connections and breaks those that are there. No machine was"
    yield "  switched off, and no disk was full."


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: int) -> str:
    return f"{value:,}"


def _spread(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.1f}, {max(seconds):.1f}" if seconds else "-"
