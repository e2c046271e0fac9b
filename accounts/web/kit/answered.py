"""Note each request that was answered: a line in the log, and the time it took."""

from __future__ import annotations

from time import perf_counter

from flask import Response, request

from accounts.web.kit import context
from accounts.web.kit.endpoints import LANGUAGE_RULE
from accounts.web.kit.request_state import RequestState


def note_answer(state: RequestState, method: str, rule: str | None, status: int) -> None:
    """Note a request of the state that was answered.

    :param rule: of its address; None where that is nobody's.
    """
    seconds, runtime = perf_counter() - state.started, state.runtime
    if runtime.request_log is not None:
        runtime.request_log.write(
            method=method, route=rule, status=status, seconds=seconds, request_id=state.request_id
        )
    # A page is one, whatever language its address names.
    runtime.site.meters.note_answer(rule and rule.replace(LANGUAGE_RULE, "", 1), method, status, seconds)


def note_any_answer(response: Response) -> Response:
    """Note the answer to a request of the service by itself, whoever has given it."""
    rule = request.url_rule.rule if request.url_rule else None
    note_answer(context.state(), request.method, rule, response.status_code)
    return response


def note_own_answer(response: Response) -> Response:
    """Note in a host app the answer to a request that one of our views has answered."""
    state = context.existing_state()
    return note_any_answer(response) if state is not None and state.own_view else response
