"""Pages that are the same for everybody but for the token in their forms: made once, and kept as bytes.

Nothing is declared. A page is kept if nothing that it is told came from a request: nobody is signed in, and each
value is empty, a field that nobody has touched, or a problem. Of that it is told no more than its class says. What
else it may know is in its :class:`Rendering`, and all of that is in the key. So there are few keys, and no header,
query or cookie puts anything into what others get.
"""

from __future__ import annotations

import secrets
from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

from flask import has_request_context

from accounts.core import errors
from accounts.core.errors import Problem
from accounts.web.kit.forms import FormField
from accounts.web.kit.rendering import Rendering
from accounts.web.kit.request_state import NeedsFlask, RequestState

MAX_KEPT_PAGES = 256
"""In one app. Ours are about 10, in each language, with and without it in front of the address."""
PROBLEM_MEMBERS = frozenset({"type", "title", "status", "code"})
"""What the page of a problem is told that follows from the problem's class and the language."""
_TOKEN_PLACE = secrets.token_hex(16)


def render_page(state: RequestState, template: str, values: Mapping[str, Any]) -> bytes:
    """Return a page of a request, in UTF-8: from the kept ones, if it is one of them.

    :param values: what the page is told.
    :raises jinja2.TemplateNotFound: there is no template of that name.
    :raises NeedsFlask: it is none of the kept ones, and Flask was not asked.
    """
    if state.names_account and not has_request_context():
        raise NeedsFlask  # whose page is theirs alone; before the store is asked, which Flask will ask again
    rendering = Rendering.of(state)
    kept_pages, key = rendering.runtime.kept_pages, _page_key(template, values, rendering)
    if key not in kept_pages and not has_request_context():
        raise NeedsFlask  # which makes the addresses in a page
    if key is None or (key not in kept_pages and len(kept_pages) >= MAX_KEPT_PAGES):
        return rendering.render(template, values).encode()
    if key not in kept_pages:
        same_for_all = {name: _without_reason(value) for name, value in values.items()}
        page = replace(rendering, csrf_token=lambda: _TOKEN_PLACE).render(template, same_for_all)
        kept_pages[key] = page.encode().split(_TOKEN_PLACE.encode())
    first, *others = kept_pages[key]
    # Without a form there is no token, and a visitor needs no session.
    return rendering.csrf_token().encode().join([first, *others]) if others else first


def _page_key(template: str, values: Mapping[str, Any], rendering: Rendering) -> Hashable | None:
    """Return what decides about every byte of a page; None where that is more than may be kept."""
    if (
        rendering.account is not None
        or rendering.notice is not None
        or not rendering.has_fixed_urls
        or rendering.runtime.templates.auto_reload
    ):
        return None
    is_problem = isinstance(values.get("problem"), Problem)
    told = {name: value for name, value in values.items() if not (is_problem and name in PROBLEM_MEMBERS)}
    if not all(_is_same_for_all(value) for value in told.values()):
        return None
    facts = tuple(type(value) if isinstance(value, Problem) else value for value in told.values())
    return template, rendering.language, rendering.prefix, tuple(told), facts


def _is_same_for_all(value: object) -> bool:
    if isinstance(value, Problem):
        # One of a host app may take its message from a request.
        return type(value).__module__ == errors.__name__ and not (value.fields or value.retry_after or value.until)
    if isinstance(value, tuple):
        return all(isinstance(each, FormField) and _is_untouched(each) for each in value)
    return value is None or value is False or (isinstance(value, str) and not value)


def _is_untouched(field: FormField) -> bool:
    return field.error is None and _is_same_for_all(field.value)


def _without_reason(value: object) -> object:
    # A host's template may show it, and it quotes what was sent.
    return type(value)() if isinstance(value, Problem) else value
