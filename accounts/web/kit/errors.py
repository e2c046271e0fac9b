"""Errors: one family, spoken as a page or as RFC 9457 ``application/problem+json``."""

from __future__ import annotations

import logging
from typing import Any

from flask import Blueprint, Flask, Response, request
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from accounts.core import errors
from accounts.core.errors import FieldError, Problem
from accounts.web.kit import context
from accounts.web.kit.context import runtime
from accounts.web.kit.reply import Reply

log = logging.getLogger("accounts.web")

BY_STATUS: dict[int, type[Problem]] = {
    400: errors.Malformed,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.TooLarge,
    415: errors.UnsupportedMediaType,
    429: errors.TooManyRequests,
    503: errors.Unavailable,
}
RETRY_SECONDS = 5


def register(on: Blueprint | Flask) -> None:
    """Have all errors of these views (or of this whole app) told in our way."""
    on.register_error_handler(Problem, tell)
    on.register_error_handler(HTTPException, from_http)
    # By number, too: else a host's own page for 413 or 500 wins over ours, and answers JSON clients with HTML.
    for status in (*BY_STATUS, 500):
        on.register_error_handler(status, from_http)
    on.register_error_handler(DBAPIError, from_store)
    on.register_error_handler(PoolTimeout, from_store)


def tell(problem: Problem) -> Response:
    """The answer for a problem. A form that was filled in comes back with what was typed and what is wrong."""
    state = context.bound()
    if problem.reason:
        log.info("%s: %s", problem.code, problem.reason)
    headers = {"Retry-After": str(problem.retry_after)} if problem.retry_after else {}
    if state.speaks == "page":
        if isinstance(problem, errors.NotSignedIn) and request.method in ("GET", "HEAD"):
            return Response(status=303, headers={"Location": runtime().ask_to_sign_in().location or "/"})
        if isinstance(problem, errors.ConfirmationRequired) and request.method in ("GET", "HEAD"):
            return Response(status=303, headers={"Location": runtime().ask_to_confirm()})
        filled = _refilled(problem)
        if filled is not None:
            filled.status, filled.headers = problem.status, headers
            return filled.response()
    return Reply(
        page="problem.html",
        says=body(problem),
        status=problem.status,
        headers=headers,
        media_type="application/problem+json",
        shows={"problem": problem, "purpose": state.purpose},
    ).response()


def _refilled(problem: Problem) -> Reply | None:
    """The form of this request once more; None where there is none, or what it is about has gone."""
    refill = context.bound().refill
    if refill is None or isinstance(problem, errors.DeadLink):
        return None
    try:
        return refill(problem)
    except Problem:
        return None


def body(problem: Problem) -> dict[str, Any]:
    """RFC 9457 members: ``type`` is about:blank's way with a stable ``code`` beside it."""
    said: dict[str, Any] = {
        "type": "about:blank",
        "title": words(problem.message),
        "status": problem.status,
        "code": problem.code,
    }
    if problem.fields:
        said["errors"] = [
            {"field": each.field, "code": each.code, "detail": field_words(each)} for each in problem.fields
        ]
    if problem.retry_after:
        said["retry_after"] = problem.retry_after
    if isinstance(problem, errors.DeadLink):
        said["again"] = can_be_had_again(problem)
    return said


def can_be_had_again(dead: errors.DeadLink) -> bool:
    """Whether ``POST .../again`` has a fresh link sent after this death."""
    sentence = dead.claims
    return (
        sentence is not None and sentence.link.can_resend is not None and isinstance(dead, sentence.link.resend_after)
    )


def words(text: str, **values: object) -> str:
    """A public sentence in the language of the answer."""
    return runtime().languages.say(context.language(), text, values)


def field_words(error: FieldError) -> str:
    """What is wrong with a field, in the language of the answer."""
    return words(error.message, **error.values)


def from_http(error: HTTPException) -> Response:
    """Flask's and Werkzeug's own errors in our words."""
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()  # type: ignore[return-value] # a redirect of the router, in Flask's own class
    # What could not be read (too large, too many parts) cannot be shown again either.
    context.bound().refill = None
    told = tell(BY_STATUS.get(error.code or 500, Problem)(type(error).__name__))
    for name, value in error.get_headers():
        if name == "Allow":
            told.headers[name] = value
    return told


def from_store(error: Exception) -> Response:
    """A store that is away, locked or too slow is 503; what it refused about a value is the asker's mistake."""
    # The form that failed might ask the store again for what it shows.
    context.bound().refill = None
    lost = isinstance(error, OperationalError | InterfaceError | PoolTimeout)
    if lost or getattr(error, "connection_invalidated", False):
        log.warning("store: %s", type(error).__name__)
        return tell(errors.Unavailable("the store does not answer", retry_after=RETRY_SECONDS))
    # Not the text: the database quotes values in it.
    log.error("the store refused a statement: %s", type(getattr(error, "orig", error)).__name__)
    return tell(Problem("store refused a statement"))
