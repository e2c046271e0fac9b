"""Register declared views on an app, and do for each what its declaration says.

Hidden values of the registration say how to answer: as a page or as JSON, for which kind of link. No view looks.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from flask import Blueprint, Flask, current_app, request
from flask.blueprints import BlueprintSetupState
from werkzeug.routing import PathConverter
from werkzeug.wrappers import Response as BaseResponse

from accounts.config import LOCALES
from accounts.core.errors import FormOutdated, NotFound, Problem
from accounts.core.security.redirects import local_path
from accounts.flows.shared.fields import Form
from accounts.flows.sign_in import step_up
from accounts.web.kit import context, csrf, errors, forms, headers, template_globals
from accounts.web.kit.access import admit
from accounts.web.kit.body_limits import body_limit
from accounts.web.kit.notices import choose_notice
from accounts.web.kit.query import read_query
from accounts.web.kit.reply import Reply
from accounts.web.kit.request_state import RequestState, limit_request_size
from accounts.web.kit.routes import (
    ID_PATTERN,
    LINK_BLUEPRINT,
    MAIN_BLUEPRINT,
    Answer,
    Preflight,
    Route,
    Routes,
)

LANGUAGE_RULE = f"/<any({', '.join(LOCALES)}):prefix>"
"""What stands in front of a page's rule in its second rule: one view, one endpoint, an address with and without.

One rule with an optional prefix would do, but Werkzeug keeps it out of the tree by which it finds rules: each request
for a page would try some hundred regular expressions in turn (0.06 ms instead of 0.003, and more where the app has
more expressions than ``re`` caches).
"""


class AnythingConverter(PathConverter):
    """Takes what ``path`` takes, and line breaks: some programs wrap a long address, and send the break along."""

    regex = "(?s:[^/].*?)"


def register_blueprints(
    app: Flask, all_routes: Iterable[Routes], link_routes: Routes, purposes: Iterable[str], mount: str
) -> None:
    """Register all views on an app, as pages and as JSON; those of links once for each kind.

    :param purposes: of the kinds of links.
    :param mount: the path below which all stands, such as ``/auth``; "" is the root.
    """
    app.url_map.converters["anything"] = AnythingConverter
    main_blueprint, link_blueprint = _blueprint(MAIN_BLUEPRINT, all_routes), _blueprint(LINK_BLUEPRINT, [link_routes])
    main_blueprint.record_once(template_globals.add_template_globals)
    for suffix, folder, answer_format in (("", "", "html"), ("_api", "/api", "json")):
        app.register_blueprint(
            main_blueprint,
            name=f"{MAIN_BLUEPRINT}{suffix}",
            url_prefix=f"{mount}{folder}",
            url_defaults={"format": answer_format},
        )
        for purpose in purposes:
            app.register_blueprint(
                link_blueprint,
                name=f"{LINK_BLUEPRINT}_{purpose}{suffix}",
                url_prefix=f"{mount}{folder}",
                url_defaults={"format": answer_format, "purpose": purpose},
            )


def _blueprint(name: str, all_routes: Iterable[Routes]) -> Blueprint:
    blueprint = Blueprint(name, __name__)
    blueprint.url_value_preprocessor(_pop_hidden_values)
    blueprint.url_defaults(_add_language_prefix)
    blueprint.before_request(_limit_request_size)
    blueprint.after_request(headers.add_security_headers)
    errors.register_error_handlers(blueprint)
    for routes in all_routes:
        for route in routes.declared:
            blueprint.record(functools.partial(_add_route, route))
    return blueprint


def _add_route(route: Route, state: BlueprintSetupState) -> None:
    answer_format, purpose = state.url_defaults["format"], state.url_defaults.get("purpose")
    if answer_format not in route.formats:
        return
    rule, method = route.rule_for(answer_format), route.method_for(answer_format)
    if purpose is not None:
        rule = f"/l/{purpose}{rule}"
    has_form = answer_format == "html" and route.template and method != "GET"
    endpoint, form_endpoint = _endpoint(route), _form_endpoint(route)
    automatic = False if route.has_preflight else None
    for each in [rule] if answer_format == "json" or route.unprefixed else [rule, LANGUAGE_RULE + rule]:
        state.add_url_rule(each, route.name, endpoint, methods=[method], provide_automatic_options=automatic)
        if has_form:
            state.add_url_rule(each, f"{route.name}_form", form_endpoint, methods=["GET"])
    if route.has_preflight:
        state.add_url_rule(rule, f"{route.name}_preflight", _preflight_endpoint(route), methods=["OPTIONS"])


def _pop_hidden_values(endpoint: str | None, values: dict[str, Any] | None) -> None:
    state = context.state()
    hidden_values = values if values is not None else {}
    answer_format = hidden_values.pop("format", "html")
    if state.error is None:
        state.begin(answer_format)
    state.purpose = hidden_values.pop("purpose", "")
    state.prefix = hidden_values.pop("prefix", "")
    for name, value in hidden_values.items():
        if name.endswith("_id") and not ID_PATTERN.fullmatch(value):
            raise NotFound("no id looks like that")


def _add_language_prefix(endpoint: str, values: dict[str, Any]) -> None:
    """Keep the language of this request's address in the addresses that its answer holds."""
    prefix = context.state().prefix
    if prefix and current_app.url_map.is_endpoint_expecting(endpoint, "prefix"):
        values.setdefault("prefix", prefix)


def _limit_request_size() -> None:
    limit_request_size(request)


def _endpoint(route: Route) -> Callable[..., BaseResponse]:
    def endpoint(**values: Any) -> BaseResponse:
        if route.csrf is not False:
            csrf.check_origin()
        admit(context.state(), route.access)
        try:
            _raise_error_of_view()
            answer = _call_view(route, values)
        except Problem as problem:
            if route.show_problem is not None:
                return route.show_problem(problem)
            if not route.template:
                raise
            elsewhere = _leave_outdated_form(route, problem)
            if elsewhere is not None:
                return elsewhere
            build_form = functools.partial(form_reply, route, context.state(), values, problem)
            answer = errors.redisplay_form(problem, build_form)
        return answer if isinstance(answer, BaseResponse) else answer.response()

    return endpoint


def _leave_outdated_form(route: Route, problem: Problem) -> BaseResponse | None:
    if not isinstance(problem, FormOutdated) or route.leave_outdated is None or context.state().format == "json":
        return None
    return route.leave_outdated()


def _preflight_endpoint(route: Route) -> Callable[..., BaseResponse]:
    return lambda: cast(Preflight, route.preflight)()


def _raise_error_of_view() -> None:
    state = context.state()
    if state.error is not None:
        error, state.error = state.error, None
        raise error


def _call_view(route: Route, values: Mapping[str, Any]) -> Answer:
    if route.step_up:
        step_up.require_step_up(context.require_account())
    # Nothing of the body is read so far: only who is let in may say much.
    request.max_content_length = request.max_form_memory_size = body_limit(route)
    if route.csrf is not False:
        csrf.check_token(csrf_required=route.needs_csrf_token)
    arguments: dict[str, Any] = {**values, **read_query(route.query, is_strict=route.refuses_unknown_query)}
    form = route.form_for(context.state().format)
    if form is not None:
        arguments["form"] = forms.read_form(form)
    elif request.method not in csrf.SAFE_METHODS and context.state().format == "json":
        forms.read_json_body()  # nothing is asked for, but what is sent must be JSON here, too
    if route.hot and not route.template:
        arguments["state"] = context.state()
    answer = route.view(**arguments)
    if isinstance(answer, Reply) and answer.location is not None and context.state().format == "html":
        answer.notice = choose_notice(route, answer.notice)
    return answer


def _form_endpoint(route: Route) -> Callable[..., BaseResponse]:
    def endpoint(**values: Any) -> BaseResponse:
        _raise_error_of_view()
        admit(context.state(), route.access)
        if route.step_up:
            step_up.require_step_up(context.require_account())
        query = read_query(route.page_query, is_strict=route.refuses_unknown_query)
        return form_reply(route, context.state(), values | query, None).response()

    return endpoint


def form_reply(route: Route, state: RequestState, values: Mapping[str, Any], problem: Problem | None) -> Reply:
    """Return the page of a form.

    :param values: arguments of the rule, and ``query`` where one is declared.
    :param problem: what was wrong with what was sent.
    """
    model = route.form_for("html") or route.query or Form
    if route.page_query is not None and "query" not in values:
        values = {**values, "query": route.page_query()}
    if route.hot:
        values = {**values, "state": state}
    page_context = dict(route.context(**values))
    given = {"next": local_path(state.args.get("next", "")) or ""} | dict(page_context.pop("given", {}))
    if problem is not None:
        given |= forms.redisplayed_values(model)
    return Reply(
        template=route.template,
        context={
            "fields": forms.form_fields(model, given, problem.fields if problem else ()),
            "problem": problem,
            "next": given["next"],
            **page_context,
        },
    )
