"""Every door of a service, read from its route map: a new route turns up in every table by itself."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from accounts.core.models.base import Base
from accounts.web import links as link_views
from accounts.web.kit.routes import Route
from tests.people import Person, Service

T = TypeVar("T")
SAMPLES = {"token": "x.y.z", "name": "style.css"}
LANGUAGE = re.compile(r"<any\(([a-z, ]+)\):prefix>")
HTTPS = "https://accounts.example.org"


@dataclass(frozen=True, slots=True)
class Door:
    """One method of one address."""

    method: str
    rule: str
    speaks: str
    prefix: str
    purpose: str
    route: Route | None
    form: bool

    @property
    def name(self) -> str:
        """``POST /sign-in``: without the language that stands in front."""
        plain = self.rule.removeprefix(f"/{self.prefix}") if self.prefix else self.rule
        return f"{self.method} {plain or '/'}"

    @property
    def changes(self) -> bool:
        return self.method not in ("GET", "HEAD", "OPTIONS")

    @property
    def borrows(self) -> bool:
        """Whether it acts by the authority of a session, so that JSON needs a token, too."""
        return self.route is not None and bool(self.route.needs or self.route.uses_session)

    def path(self, **values: str) -> str:
        """Its address with sample values filled in."""
        return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: (values | SAMPLES).get(found[1], "nobody"), self.rule)


def doors(service: Service) -> list[Door]:
    """All of them, in a stable order."""
    rooms = (*service.state.rooms, link_views.room)
    routes = {route.name: route for room in rooms for route in room.routes}
    found = []
    for rule, prefix in _spelled_out(service):
        hidden = rule.defaults or {}
        name = rule.endpoint.rpartition(".")[2]
        form = name not in routes and name.endswith("_form")
        route = routes.get(name.removesuffix("_form") if form else name)
        found += [
            Door(
                method,
                LANGUAGE.sub(prefix, rule.rule),
                hidden.get("speaks", "page"),
                prefix,
                hidden.get("purpose", ""),
                route,
                form,
            )
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        ]
    return sorted(found, key=lambda door: (door.rule, door.method))


def _spelled_out(service: Service) -> Iterator[tuple[Rule, str]]:
    """Each rule, once for each language that may stand in front."""
    for rule in service.app.url_map.iter_rules():
        languages = LANGUAGE.search(rule.rule)
        yield from ((rule, prefix) for prefix in (languages[1].split(", ") if languages else [""]))


def knock(door: Door, person: Person, said: dict[str, Any] | None = None, **how: Any) -> TestResponse:
    """Ask at a door the way it speaks, with the right CSRF token unless ``token`` says otherwise."""
    path = door.path(**how.pop("values", {}))
    token = how.pop("token", None)
    base = {"REMOTE_ADDR": person.network}
    if not door.changes:
        return person.client.open(path, method=door.method, environ_base=base, buffered=True, **how)
    if token is None:
        token = csrf_token(person)
    headers = dict(how.pop("headers", {}))
    body: dict[str, Any] = {"json": said or {}}
    if door.speaks == "json":
        headers |= {"X-CSRF-Token": token} if token else {}
    else:
        body = {"data": {**(said or {}), **({"csrf_token": token} if token else {})}}
    return person.client.open(path, method=door.method, headers=headers, environ_base=base, **body, **how)


def csrf_token(person: Person) -> str:
    """The CSRF token of somebody's session; a visitor gets a session with it."""
    return person.csrf_token()


def dump(service: Service, *without: str) -> dict[str, list[str]]:
    """Every row of every table as text, to see whether anything changed."""
    with service.house.store.engine.connect() as connection:
        return {
            table.name: sorted(str(tuple(row)) for row in connection.execute(select(table)))
            for table in Base.metadata.sorted_tables
            if table.name not in without
        }


def at_once(count: int, work: Callable[[int], T]) -> list[T]:
    """What ``work`` answers when ``count`` threads do it at the same moment."""
    barrier = threading.Barrier(count)

    def one(number: int) -> T:
        barrier.wait(30)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def code_of(answer: TestResponse) -> str:
    """The stable code of a JSON problem; "" for a success."""
    said = json.loads(answer.get_data() or b"{}")
    return str(said.get("code", ""))
