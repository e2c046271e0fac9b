"""Doors: how views become addresses.

A room declares its views once. The house is registered as pages at ``/``, once more under a language prefix, and as
JSON at ``/api``; hidden values of the registration say which, and no view ever looks.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from flask import Blueprint, Flask, Response, current_app, request, url_for
from flask.blueprints import BlueprintSetupState
from pydantic import BaseModel

from accounts.config import LOCALES
from accounts.core.errors import NotFound, Problem
from accounts.core.security.redirects import local_path
from accounts.flows.sign_in import step_up
from accounts.web.kit import context, csrf, errors, forms, headers
from accounts.web.kit.reply import Reply
from accounts.web.kit.runtime import API, IN_LANGUAGE, LINKS, MAIN
from accounts.web.kit.streams import Stream

View = Callable[..., Reply | Stream | Response]
Fill = Callable[..., Mapping[str, Any]]
PAGE, JSON, BOTH = frozenset({"page"}), frozenset({"json"}), frozenset({"page", "json"})
ID = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Route:
    """One view at one address.

    :ivar needs: "" for anybody, "account" for signed-in people, else the group they must be in.
    :ivar uses_session: acts by the authority of a session without needing one; forms of either kind carry a token.
    :ivar foreign: asked by other sites, by no form of ours: it has no token of a session, and may have any Origin.
    :ivar one_address: stands nowhere else, such as below a language: other programs know it by this address.
    :ivar preflight: what a browser is told that asks whether a script of another origin may.
    :ivar fresh: needs a password said in this session within the last minutes.
    :ivar largest: how many bytes may be said.
    :ivar asks: what the body says; ``query``: what the query of a GET says. The view gets either as ``said``.
    :ivar page: the template of the form that a browser gets at the same address, where there is one.
    :ivar fill: what that form is told: ``given`` (values to begin with) and whatever its page shows.
    """

    rule: str
    method: str
    view: View
    speaks: frozenset[str] = BOTH
    needs: str = ""
    uses_session: bool = False
    foreign: bool = False
    one_address: bool = False
    preflight: View | None = None
    fresh: bool = False
    largest: int = forms.MAX_BYTES
    asks: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    page: str = ""
    fill: Fill = field(default=lambda **values: {})
    statuses: tuple[int, ...] = (200,)

    @property
    def name(self) -> str:
        """Name of the endpoint. A view that shares its flow's name stands with an underscore behind it."""
        return self.view.__name__.rstrip("_")

    @property
    def summary(self) -> str:
        return (self.view.__doc__ or "").strip().splitlines()[0] if self.view.__doc__ else self.name


class Room:
    """Views that belong together. A decorator for each way to be asked."""

    def __init__(self) -> None:
        self.routes: list[Route] = []

    def get(self, rule: str, **how: Any) -> Callable[[View], View]:
        """A view that only looks."""
        return self._add(rule, "GET", how)

    def post(self, rule: str, **how: Any) -> Callable[[View], View]:
        """A view that changes something; ``asks`` and ``page`` make it a form for browsers."""
        return self._add(rule, "POST", how)

    def patch(self, rule: str, **how: Any) -> Callable[[View], View]:
        """A view that JSON asks by PATCH and a browser by POST."""
        return self._add(rule, "PATCH", how)

    def delete(self, rule: str, **how: Any) -> Callable[[View], View]:
        """A view that JSON asks by DELETE."""
        return self._add(rule, "DELETE", how)

    def _add(self, rule: str, method: str, how: dict[str, Any]) -> Callable[[View], View]:
        def keep(view: View) -> View:
            self.routes.append(Route(rule=rule, method=method, view=view, **how))
            return view

        return keep


def register(app: Flask, rooms: Iterable[Room], link_room: Room, purposes: Iterable[str], mount: str) -> None:
    """Register the house on an app: pages, languages, JSON, and the link door once per purpose."""
    house, door = _blueprint(MAIN, rooms), _blueprint(LINKS, [link_room])
    ways = (
        ("", "", {"speaks": "page"}),
        (IN_LANGUAGE, f"/<any({', '.join(LOCALES)}):prefix>", {"speaks": "page"}),
        ("_api", "/api", {"speaks": "json"}),
    )
    for suffix, prefix, hidden in ways:
        app.register_blueprint(house, name=f"{MAIN}{suffix}", url_prefix=f"{mount}{prefix}", url_defaults=hidden)
        for purpose in purposes:
            app.register_blueprint(
                door,
                name=f"{LINKS}_{purpose}{suffix}",
                url_prefix=f"{mount}{prefix}/l/{purpose}",
                url_defaults={**hidden, "purpose": purpose},
            )


def page_url(name: str, **values: Any) -> str:
    """Address of a view as a page, in the language prefix of this request where it stands there, too."""
    return _url(MAIN, name, values)


def api_url(name: str, **values: Any) -> str:
    """Address of a view as JSON."""
    return url_for(f"{API}.{name}", **values)


def link_url(purpose: str, name: str = "show", **values: Any) -> str:
    """Address of a view of the link door as a page, in the language prefix of this request."""
    return _url(f"{LINKS}_{purpose}", name, values)


def _url(blueprint: str, name: str, values: Mapping[str, Any]) -> str:
    prefix, there = context.bound().prefix, f"{blueprint}{IN_LANGUAGE}.{name}"
    if prefix and there in current_app.view_functions:
        return url_for(there, prefix=prefix, **values)
    return url_for(f"{blueprint}.{name}", **values)


def _blueprint(name: str, rooms: Iterable[Room]) -> Blueprint:
    blueprint = Blueprint(name, __name__)
    blueprint.url_value_preprocessor(_take_hidden_values)
    blueprint.before_request(_before)
    blueprint.after_request(headers.secure)
    errors.register(blueprint)
    for room in rooms:
        for route in room.routes:
            blueprint.record(functools.partial(_add_route, route))
    return blueprint


def _add_route(route: Route, state: BlueprintSetupState) -> None:
    speaks = state.url_defaults["speaks"]
    if speaks not in route.speaks or (route.one_address and state.name.endswith(IN_LANGUAGE)):
        return
    method = "POST" if speaks == "page" and route.method == "PATCH" else route.method
    automatic = None if route.preflight is None else False
    state.add_url_rule(route.rule, route.name, _door(route), methods=[method], provide_automatic_options=automatic)
    if route.preflight is not None:
        state.add_url_rule(route.rule, f"{route.name}_preflight", route.preflight, methods=["OPTIONS"])
    if speaks == "page" and route.page and route.method != "GET":
        state.add_url_rule(route.rule, f"{route.name}_form", _form_door(route), methods=["GET"])


def _take_hidden_values(endpoint: str | None, values: dict[str, Any] | None) -> None:
    state = context.bound()
    hidden = values if values is not None else {}
    state.speaks = hidden.pop("speaks", "page")
    state.purpose = hidden.pop("purpose", "")
    state.prefix = hidden.pop("prefix", "")
    for name, value in hidden.items():
        if name.endswith("_id") and not ID.fullmatch(value):
            raise NotFound("no id looks like that")


def _before() -> None:
    request.max_content_length = forms.MAX_BYTES
    request.max_form_memory_size = forms.MAX_BYTES
    request.max_form_parts = forms.MAX_PARTS


def _door(route: Route) -> View:
    @functools.wraps(route.view)
    def view(**values: Any) -> Reply | Stream | Response:
        if not route.foreign:
            csrf.check_origin()
        _admit(route)
        if route.page:
            context.bound().refill = functools.partial(_form, route, values)
        if route.fresh:
            step_up.require(context.signed_in())
        # Nothing of the body is read so far: only who is let in may say much.
        request.max_content_length = request.max_form_memory_size = route.largest
        if not route.foreign:
            csrf.check_token(borrows=bool(route.needs) or route.uses_session)
        if route.asks is not None:
            values = {**values, "said": forms.read(route.asks)}
        elif route.query is not None:
            values = {**values, "said": forms.read_query(route.query)}
        elif request.method not in csrf.SAFE and context.bound().speaks == "json":
            forms.json_body()  # nothing is asked for, but what is sent must be JSON here, too
        return route.view(**values)

    return view


def _admit(route: Route) -> None:
    if route.needs:
        context.signed_in(None if route.needs == "account" else route.needs)


def _form_door(route: Route) -> View:
    def form(**values: Any) -> Reply:
        _admit(route)
        if route.fresh:
            step_up.require(context.signed_in())
        return _form(route, values, None)

    return form


def _form(route: Route, values: Mapping[str, Any], problem: Problem | None) -> Reply:
    asks = cast("type[BaseModel]", route.asks or route.query)
    filled = dict(route.fill(**values))
    given = {"next": local_path(request.args.get("next", "")) or ""} | dict(filled.pop("given", {}))
    if problem is not None:
        given |= forms.typed()
    wrong = problem.fields if problem else ()
    return Reply(
        page=route.page,
        shows={"fields": forms.fields_of(asks, given, wrong), "problem": problem, "next": given["next"], **filled},
    )
