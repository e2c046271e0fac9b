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
from accounts.core.models.account import ADMIN_GROUP
from accounts.core.security.redirects import local_path
from accounts.flows.sign_in import step_up
from accounts.web.kit import context, csrf, errors, forms, headers
from accounts.web.kit.query import read_query
from accounts.web.kit.reply import Reply
from accounts.web.kit.runtime import API_BLUEPRINT, LANGUAGE_SUFFIX, LINK_BLUEPRINT, MAIN_BLUEPRINT
from accounts.web.kit.streams import Stream

View = Callable[..., Reply | Stream | Response]
ContextBuilder = Callable[..., Mapping[str, Any]]
HTML, JSON, BOTH = frozenset({"html"}), frozenset({"json"}), frozenset({"html", "json"})
ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Access:
    """Say who may ask for a route.

    :ivar signed_in: whether a session is needed.
    :ivar group: the group that the signed-in account must be in; "" for any account.
    """

    signed_in: bool = True
    group: str = ""

    def __bool__(self) -> bool:
        return self.signed_in

    def check(self) -> None:
        """Let the signed-in account pass.

        :raises NotSignedIn: nobody is signed in.
        :raises Forbidden: the account is not in the group.
        """
        if self.signed_in:
            context.require_account(self.group or None)


PUBLIC, SIGNED_IN = Access(signed_in=False), Access()


def group(name: str) -> Access:
    """Return the access of the members of a group."""
    return Access(group=name)


ADMINS = group(ADMIN_GROUP)


@dataclass(frozen=True, kw_only=True)
class Route:
    """Declare one view: its addresses, who may ask, what is sent, what is answered.

    :ivar html_rule: what is appended to the rule for browsers, which ask by POST: "/end" where JSON asks by DELETE.
    :ivar formats: which registrations it is part of: ``HTML``, ``JSON`` or ``BOTH``.
    :ivar access: ``PUBLIC``, ``SIGNED_IN`` or ``group("admins")``.
    :ivar csrf: whether a JSON request sends the session's CSRF token, as forms always do. None: where ``access`` asks
        for a session. False: other sites may ask, from any Origin, and no form of ours leads there.
    :ivar unprefixed: not registered below a language: other programs know it by this address.
    :ivar preflight: the view that answers a CORS preflight (Fetch, section 4.8), for scripts of other origins.
    :ivar step_up: needs a password verified in this session within :data:`~sessions.STEP_UP_MAX_AGE`.
    :ivar max_bytes: size limit of the request body, in bytes.
    :ivar form: model of the body, passed to the view as ``form``.
    :ivar query: model of the query of a GET, passed to the view as ``query``.
    :ivar answers: model of the JSON of a success; None where a success has no body, or ``media_types`` says it.
    :ivar media_types: of successes that are no JSON object: the model of a line, or None for text, by media type.
    :ivar page_query: model of the query of the form's page, passed to ``context`` as ``query``.
    :ivar any_query: whether another protocol rules what the query of the page says (RFC 6749, section 3.1).
    :ivar template: template of the form that a browser gets at the same address, where there is one.
    :ivar context: returns the context of that form: ``given`` (initial values) and whatever its page shows.
    :ivar statuses: the status codes of a success.
    """

    rule: str
    method: str
    view: View
    html_rule: str = ""
    formats: frozenset[str] = BOTH
    access: Access = PUBLIC
    csrf: bool | None = None
    unprefixed: bool = False
    preflight: View | None = None
    step_up: bool = False
    max_bytes: int = forms.MAX_BODY_BYTES
    form: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answers: type[BaseModel] | None = None
    media_types: Mapping[str, type[BaseModel] | None] = field(default_factory=dict)
    page_query: type[BaseModel] | None = None
    any_query: bool = False
    template: str = ""
    context: ContextBuilder = field(default=lambda **values: {})
    statuses: tuple[int, ...] = (200,)

    @property
    def name(self) -> str:
        """Return the endpoint's name. A view that shares its flow's name has an underscore appended."""
        return self.view.__name__.rstrip("_")

    @property
    def summary(self) -> str:
        """Return the first line of the view's docstring."""
        return (self.view.__doc__ or "").strip().splitlines()[0] if self.view.__doc__ else self.name

    @property
    def needs_csrf_token(self) -> bool:
        """Whether JSON requests need the session's CSRF token, too."""
        return bool(self.access) if self.csrf is None else self.csrf

    @property
    def refuses_unknown_query(self) -> bool:
        """Whether its page refuses names in the query that nobody declared, as JSON does everywhere."""
        return bool(self.access.group) and not self.any_query

    def rule_for(self, answer_format: str) -> str:
        """Return the rule as pages or as JSON have it."""
        return self.rule + self.html_rule if answer_format == "html" else self.rule

    def method_for(self, answer_format: str) -> str:
        """Return the HTTP method: HTML forms know but GET and POST."""
        return "POST" if answer_format == "html" and self.method != "GET" else self.method


class Routes:
    """Views that belong together. A decorator for each way to be asked."""

    def __init__(self) -> None:
        self.declared: list[Route] = []

    def get(self, rule: str, **options: Any) -> Callable[[View], View]:
        """A view that only looks."""
        return self._add(rule, "GET", options)

    def post(self, rule: str, **options: Any) -> Callable[[View], View]:
        """A view that changes something; ``form`` and ``template`` make it a form for browsers."""
        return self._add(rule, "POST", options)

    def patch(self, rule: str, **options: Any) -> Callable[[View], View]:
        """A view that JSON asks by PATCH and a browser by POST."""
        return self._add(rule, "PATCH", options)

    def delete(self, rule: str, **options: Any) -> Callable[[View], View]:
        """A view that JSON asks by DELETE, and a browser by POST at ``rule + html_rule``."""
        return self._add(rule, "DELETE", options)

    def _add(self, rule: str, method: str, options: dict[str, Any]) -> Callable[[View], View]:
        def decorate(view: View) -> View:
            self.declared.append(Route(rule=rule, method=method, view=view, **options))
            return view

        return decorate


def register_blueprints(
    app: Flask, all_routes: Iterable[Routes], link_routes: Routes, purposes: Iterable[str], mount: str
) -> None:
    """Register the house on an app: pages, languages, JSON, and the link door once per purpose."""
    main_blueprint, link_blueprint = _blueprint(MAIN_BLUEPRINT, all_routes), _blueprint(LINK_BLUEPRINT, [link_routes])
    registrations = (
        ("", "", {"format": "html"}),
        (LANGUAGE_SUFFIX, f"/<any({', '.join(LOCALES)}):prefix>", {"format": "html"}),
        ("_api", "/api", {"format": "json"}),
    )
    for suffix, prefix, hidden_values in registrations:
        app.register_blueprint(
            main_blueprint,
            name=f"{MAIN_BLUEPRINT}{suffix}",
            url_prefix=f"{mount}{prefix}",
            url_defaults=hidden_values,
        )
        for purpose in purposes:
            app.register_blueprint(
                link_blueprint,
                name=f"{LINK_BLUEPRINT}_{purpose}{suffix}",
                url_prefix=f"{mount}{prefix}/l/{purpose}",
                url_defaults={**hidden_values, "purpose": purpose},
            )


def page_url(name: str, **values: Any) -> str:
    """Address of a view as a page, in the language prefix of this request where it stands there, too."""
    return _url(MAIN_BLUEPRINT, name, values)


def api_url(name: str, **values: Any) -> str:
    """Address of a view as JSON."""
    return url_for(f"{API_BLUEPRINT}.{name}", **values)


def link_url(purpose: str, name: str = "show", **values: Any) -> str:
    """Address of a view of the link door as a page, in the language prefix of this request."""
    return _url(f"{LINK_BLUEPRINT}_{purpose}", name, values)


def _url(blueprint: str, name: str, values: Mapping[str, Any]) -> str:
    prefix, prefixed_endpoint = context.state().prefix, f"{blueprint}{LANGUAGE_SUFFIX}.{name}"
    if prefix and prefixed_endpoint in current_app.view_functions:
        return url_for(prefixed_endpoint, prefix=prefix, **values)
    return url_for(f"{blueprint}.{name}", **values)


def _blueprint(name: str, all_routes: Iterable[Routes]) -> Blueprint:
    blueprint = Blueprint(name, __name__)
    blueprint.url_value_preprocessor(_pop_hidden_values)
    blueprint.before_request(_limit_request_size)
    blueprint.after_request(headers.add_security_headers)
    errors.register_error_handlers(blueprint)
    for routes in all_routes:
        for route in routes.declared:
            blueprint.record(functools.partial(_add_route, route))
    return blueprint


def _add_route(route: Route, state: BlueprintSetupState) -> None:
    answer_format = state.url_defaults["format"]
    if answer_format not in route.formats or (route.unprefixed and state.name.endswith(LANGUAGE_SUFFIX)):
        return
    rule, method = route.rule_for(answer_format), route.method_for(answer_format)
    automatic = None if route.preflight is None else False
    state.add_url_rule(rule, route.name, _endpoint(route), methods=[method], provide_automatic_options=automatic)
    if route.preflight is not None:
        state.add_url_rule(rule, f"{route.name}_preflight", route.preflight, methods=["OPTIONS"])
    if answer_format == "html" and route.template and method != "GET":
        state.add_url_rule(rule, f"{route.name}_form", _form_endpoint(route), methods=["GET"])


def _pop_hidden_values(endpoint: str | None, values: dict[str, Any] | None) -> None:
    state, hidden_values = context.state(), values if values is not None else {}
    state.own_view = True
    state.format = hidden_values.pop("format", "html")
    state.purpose = hidden_values.pop("purpose", "")
    state.prefix = hidden_values.pop("prefix", "")
    for name, value in hidden_values.items():
        if name.endswith("_id") and not ID_PATTERN.fullmatch(value):
            raise NotFound("no id looks like that")


def _limit_request_size() -> None:
    request.max_content_length = request.max_form_memory_size = forms.MAX_BODY_BYTES
    request.max_form_parts = forms.MAX_FORM_PARTS


def _endpoint(route: Route) -> View:
    @functools.wraps(route.view)
    def view(**values: Any) -> Reply | Stream | Response:
        if route.csrf is not False:
            csrf.check_origin()
        route.access.check()
        if route.template:
            context.state().redisplay_form = functools.partial(_form_reply, route, values)
        if route.step_up:
            step_up.require_step_up(context.require_account())
        # Nothing of the body is read so far: only who is let in may say much.
        request.max_content_length = request.max_form_memory_size = route.max_bytes
        if route.csrf is not False:
            csrf.check_token(csrf_required=route.needs_csrf_token)
        arguments = values | read_query(route.query, is_strict=route.refuses_unknown_query)
        if route.form is not None:
            arguments["form"] = forms.read_form(route.form)
        elif request.method not in csrf.SAFE_METHODS and context.state().format == "json":
            forms.read_json_body()  # nothing is asked for, but what is sent must be JSON here, too
        return route.view(**arguments)

    return view


def _form_endpoint(route: Route) -> View:
    def view(**values: Any) -> Reply:
        route.access.check()
        if route.step_up:
            step_up.require_step_up(context.require_account())
        return _form_reply(route, values | read_query(route.page_query, is_strict=route.refuses_unknown_query), None)

    return view


def _form_reply(route: Route, values: Mapping[str, Any], problem: Problem | None) -> Reply:
    model = cast("type[BaseModel]", route.form or route.query)
    if route.page_query is not None and "query" not in values:
        values = {**values, "query": route.page_query()}
    page_context = dict(route.context(**values))
    given = {"next": local_path(request.args.get("next", "")) or ""} | dict(page_context.pop("given", {}))
    if problem is not None:
        given |= forms.submitted_values()
    return Reply(
        template=route.template,
        context={
            "fields": forms.form_fields(model, given, problem.fields if problem else ()),
            "problem": problem,
            "next": given["next"],
            **page_context,
        },
    )
