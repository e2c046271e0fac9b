"""Files as other systems write them, small enough to read."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from accounts.flows.moving.check_rows import ImportableRow
from accounts.flows.moving.rows import RefusedRow

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "foreign_hashes.json").read_text("utf-8")
)
BCRYPT = next(each for each in VECTORS if each.get("stored", "").startswith("$2b$"))
KEYCLOAK = [each for each in VECTORS if "keycloak" in each]


def stored(beginning: str) -> dict[str, Any]:
    """The first vector whose hash begins like this."""
    return next(each for each in VECTORS if each.get("stored", "").startswith(beginning))


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]], separator: str = ",") -> Path:
    made = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in made for name in row)), delimiter=separator)
        writer.writeheader()
        writer.writerows(made)
    return path


def write_lines(path: Path, rows: Iterable[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_json(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return path


def person(name: str = "anna", **more: Any) -> dict[str, Any]:
    """A row of the plain kind that comes in."""
    return {"email": f"{name}@example.org", "password_hash": BCRYPT["stored"], "name": name.title(),
            "confirmed_at": "2020-02-01T10:00:00Z", "active": "1", **more}  # fmt: skip


def django_dump(users: Iterable[Mapping[str, Any]], others: Iterable[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """As ``manage.py dumpdata auth account`` writes it."""
    made = [
        {"model": "auth.user", "pk": number, "fields": {
            "password": stored("pbkdf2_sha256$")["stored"], "last_login": "2024-03-01T09:00:00Z",
            "is_superuser": False, "username": f"user{number}", "first_name": "", "last_name": "",
            "email": f"user{number}@example.org", "is_staff": False, "is_active": True,
            "date_joined": "2020-01-01T00:00:00Z", "groups": [], "user_permissions": [], **user}}
        for number, user in enumerate(users, 1)
    ]  # fmt: skip
    return [*made, *(dict(each) for each in others)]


Read = Callable[..., list[ImportableRow | RefusedRow]]


def ready(found: list[ImportableRow | RefusedRow]) -> ImportableRow:
    assert len(found) == 1, found
    assert isinstance(found[0], ImportableRow), found
    return found[0]


def codes(found: list[ImportableRow | RefusedRow]) -> list[tuple[int, str]]:
    return [(each.line, each.code if isinstance(each, RefusedRow) else "ready") for each in found]
