"""What one page may know of its request, while it is made.

Our templates have an environment of their own, and see nothing there but this: no header, no cookie, no query. So a
page depends on its template, on what it is told, and on one :class:`Rendering`. That is why some can be kept.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from gettext import NullTranslations
from typing import Any

from flask import url_for

from accounts.flows.sessions.notice import Notice
from accounts.flows.sessions.session import CurrentAccount
from accounts.web.kit import context
from accounts.web.kit.notices import take_notice
from accounts.web.kit.request_state import RequestState
from accounts.web.kit.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Rendering:
    """One page that is being made.

    :ivar prefix: the language in front of the address, "" or such as "de".
    :ivar translations: into the language of the page, by the English text.
    :ivar account: who is signed in; None, too, where the store does not answer.
    :ivar notice: what the page tells of the act before it.
    :ivar has_fixed_urls: whether addresses depend on nothing of this request but ``prefix``.
    :ivar csrf_token: returns the token for the forms of the page; a visitor without a session gets one.
    """

    runtime: Runtime
    language: str
    prefix: str
    translations: NullTranslations
    account: CurrentAccount | None
    notice: Notice | None
    has_fixed_urls: bool
    csrf_token: Callable[[], str]

    @classmethod
    def of(cls, state: RequestState) -> Rendering:
        """Return what a page of a request may know."""
        account = state.find_account()  # whose language it is then
        language = state.get_language()
        return cls(
            runtime=state.runtime,
            language=language,
            prefix=state.prefix,
            translations=state.runtime.languages.translations(language),
            account=account,
            notice=take_notice(state),
            has_fixed_urls=_has_fixed_urls(state),
            csrf_token=functools.cache(state.csrf_token),
        )

    @classmethod
    def of_request(cls) -> Rendering:
        """Return what a page of the request may know that Flask answers now."""
        return cls.of(context.state())

    def render(self, template: str, values: Mapping[str, Any]) -> str:
        """Return the page.

        :raises jinja2.TemplateNotFound: there is no template of that name.
        """
        with self._current():
            return self.runtime.templates.render(template, values)

    def stream(self, template: str, values: Mapping[str, Any]) -> Iterator[str]:
        """Return the page piece by piece; between two of them another page may be made.

        :raises jinja2.TemplateNotFound: there is no template of that name.
        """
        pieces = self.runtime.templates.stream(template, values)
        while True:
            with self._current():
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece

    def url(self, endpoint: str, values: Mapping[str, Any]) -> str:
        """Return an address."""
        return url_for(endpoint, **values) if values else self.fixed_url(endpoint)

    def fixed_url(self, endpoint: str, **values: Any) -> str:
        """Return an address whose values stand in a template: it is made once for each language in front."""
        if not self.has_fixed_urls:
            return url_for(endpoint, **values)
        urls, key = self.runtime.fixed_urls, (self.prefix, endpoint, *values.values())
        if key not in urls:
            urls[key] = url_for(endpoint, **values)
        return urls[key]

    @contextmanager
    def _current(self) -> Iterator[None]:
        token = _rendering.set(self)
        try:
            yield
        finally:
            _rendering.reset(token)


_rendering: ContextVar[Rendering] = ContextVar("accounts_rendering")
current_rendering = _rendering.get
"""Return the page that is being made."""


def _has_fixed_urls(state: RequestState) -> bool:
    """Return whether the addresses in a page depend on nothing in its request but the language in front.

    ``SCRIPT_NAME`` may come from a header (X-Forwarded-Prefix), a host name from another, and a host app may add to
    each address what it likes: none of this may stand in what the next one gets.
    """
    app = state.runtime.templates.app
    is_bound = app.url_default_functions.get(None) or app.subdomain_matching or app.url_map.host_matching
    return not (state.environ.get("SCRIPT_NAME") or is_bound)
