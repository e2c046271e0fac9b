"""Errors: one family, spoken as a page or as RFC 9457 ``application/problem+json``."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Flask, Response, request
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from accounts.core import errors, link_errors
from accounts.core.clock import format_timestamp
from accounts.core.errors import FieldError, Problem
from accounts.core.links.link import as_link
from accounts.core.local_time import format_moment
from accounts.web.kit import context
from accounts.web.kit.context import runtime
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import TERMS_ENDPOINT
from accounts.web.kit.ways_back import find_way_back

log = logging.getLogger("accounts.web")

PROBLEM_BY_STATUS: dict[int, type[Problem]] = {
    400: errors.Malformed,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    408: errors.TooSlow,
    413: errors.TooLarge,
    415: errors.UnsupportedMediaType,
    429: errors.TooManyRequests,
    503: errors.Unavailable,
}
RETRY_SECONDS = 5


def register_error_handlers(target: Blueprint | Flask) -> None:
    """Answer all errors of these views (or of this whole app) as pages or as RFC 9457 problems."""
    target.register_error_handler(Problem, problem_response)
    target.register_error_handler(HTTPException, handle_http_exception)
    # By number, too: else a host's own page for 413 or 500 wins over ours, and answers JSON clients with HTML.
    for status in (*PROBLEM_BY_STATUS, 500):
        target.register_error_handler(status, handle_http_exception)
    target.register_error_handler(DBAPIError, handle_database_error)
    target.register_error_handler(PoolTimeout, handle_database_error)


def problem_response(problem: Problem) -> Response:
    """Return the answer for a problem; a browser that has to sign in first is sent there and comes back."""
    state = context.state()
    _log(problem)
    if isinstance(problem, link_errors.DeadLink) and problem.locale and state.account is None:
        context.keep_language(problem.locale)
    if state.format == "html":
        state.find_account()  # before the first word is translated: into the language of whoever reads it
        # A form of a host's is lost then, but its sender comes back to the page with it.
        if isinstance(problem, errors.NotSignedIn) and (_leads_to_sign_in(problem) or not state.own_view):
            return Response(status=303, headers={"Location": runtime().redirect_to_sign_in().location or "/"})
        if isinstance(problem, errors.TermsRequired):
            return Response(status=303, headers={"Location": runtime().redirect_and_return(TERMS_ENDPOINT).location})
        if _leads_to_sign_in(problem):
            return Response(status=303, headers={"Location": runtime().confirm_url()})
    back = find_way_back(problem) if state.format == "html" else ""
    return Reply(
        template="accounts/problem.html",
        json=problem_json(problem),
        status=problem.status,
        headers=_problem_headers(problem),
        media_type="application/problem+json",
        context={"problem": problem, "purpose": state.purpose, "back": back},
    ).response()


def redisplay_form(problem: Problem, build_form: Callable[[], Reply]) -> Reply:
    """Return the form of this request once more, with what was typed and what is wrong with it.

    :param build_form: builds the form with the problem; may raise one of its own where what it is about has gone.
    :raises Problem: the same, where no form helps: a program asks, the link is dead, somebody has to sign in first.
    """
    leads_elsewhere = _leads_to_sign_in(problem) or isinstance(problem, link_errors.DeadLink | errors.TermsRequired)
    if context.state().format == "json" or leads_elsewhere:
        raise problem
    try:
        reply = build_form()
    except Problem:
        raise problem from None
    _log(problem)
    reply.status, reply.headers = problem.status, _problem_headers(problem)
    return reply


def _leads_to_sign_in(problem: Problem) -> bool:
    signs_in = isinstance(problem, errors.NotSignedIn | errors.ConfirmationRequired)
    return signs_in and request.method in ("GET", "HEAD")


def _log(problem: Problem) -> None:
    if problem.reason:
        log.info("%s: %s", problem.code, problem.reason)


def _problem_headers(problem: Problem) -> dict[str, str]:
    retry_after = {"Retry-After": str(problem.retry_after)} if problem.retry_after else {}
    return retry_after | ({"WWW-Authenticate": problem.challenge} if problem.challenge else {})


def problem_json(problem: Problem) -> dict[str, Any]:
    """RFC 9457 members: ``type`` is about:blank's way with a stable ``code`` beside it."""
    members: dict[str, Any] = {
        "type": "about:blank",
        "title": translate(problem.message),
        "status": problem.status,
        "code": problem.code,
    }
    if problem.detail:
        members["detail"] = translate(problem.detail.message, **problem.detail.values)
    if problem.fields:
        members["errors"] = [
            {"field": each.field, "code": each.code, "detail": field_message(each)} for each in problem.fields
        ]
    if problem.retry_after:
        members["retry_after"] = problem.retry_after
    if problem.until:
        members["until"] = format_timestamp(problem.until)
    if isinstance(problem, errors.TermsRequired):
        members["terms"] = describe_terms()
    if isinstance(problem, link_errors.DeadLink):
        members["again"] = can_resend(problem)
    return members


def describe_terms() -> dict[str, str]:
    """Return where the terms of today are, in the language of the answer, and which version they are."""
    settings = runtime().site.settings
    return {"url": settings.terms_url(context.get_language()), "version": settings.terms_version or ""}


def can_resend(dead: link_errors.DeadLink) -> bool:
    """Whether ``POST .../again`` has a fresh link sent after this death."""
    claims = dead.claims
    if claims is None:
        return False
    link = as_link(claims.kind)
    return link.resend is not None and isinstance(dead, link.resend_after)


def translate(message: str, **values: object) -> str:
    """Return a public text in the language of the answer."""
    languages, language = runtime().languages, context.get_language()
    told = {
        name: format_moment(value, language) if isinstance(value, datetime) else value
        for name, value in values.items()
    }
    return languages.translate(language, message, told)


def field_message(error: FieldError) -> str:
    """Return what is wrong with a field, in the language of the answer."""
    return translate(error.message, **error.values)


def handle_http_exception(error: HTTPException) -> Response:
    """Flask's and Werkzeug's own errors in our words."""
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()  # type: ignore[return-value] # a redirect of the router, in Flask's own class
    _keep_language_prefix()
    problem = PROBLEM_BY_STATUS.get(error.code or 500, Problem)
    retry_after = RETRY_SECONDS if problem is errors.Unavailable else None
    response = problem_response(problem(type(error).__name__, retry_after=retry_after))
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _keep_language_prefix() -> None:
    """Answer in the language in front of an address at which nothing is: no rule has read it."""
    state = context.state()
    if request.url_rule is None and not state.prefix:
        first, slash, _ = request.path.removeprefix(f"{state.site.url_prefix}/").partition("/")
        state.prefix = first if slash and runtime().languages.supports(first) else ""


def handle_database_error(error: Exception) -> Response:
    """Answer 503 for a database that is away, locked or too slow, and 4xx for a value that it refused."""
    unavailable = isinstance(error, OperationalError | InterfaceError | PoolTimeout)
    if unavailable or getattr(error, "connection_invalidated", False):
        log.warning("store: %s", type(error).__name__)
        context.state().store_failed = True
        return problem_response(errors.Unavailable("the store does not answer", retry_after=RETRY_SECONDS))
    # Not the text: the database quotes values in it.
    log.error("the store refused a statement: %s", type(getattr(error, "orig", error)).__name__)
    return problem_response(Problem("store refused a statement"))
