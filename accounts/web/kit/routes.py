"""Declare views: their addresses, who may ask, what is sent, what is answered.

``kit.endpoints`` registers them: as pages at ``/``, with or without a language in front, and as JSON at ``/api``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from flask import Response, url_for
from pydantic import BaseModel
from werkzeug.utils import import_string
from werkzeug.wrappers import Response as BaseResponse

from accounts.core.models.account import ADMIN_GROUP


class Built(Protocol):
    """An answer of which a response is made: a ``Reply``, a ``Stream``, a ``PlainResponse``."""

    def response(self) -> Response:
        """Return the response, in the format of this request."""


Answer = BaseResponse | Built
View = Callable[..., Answer]
ContextBuilder = Callable[..., Mapping[str, Any]]
HTML, JSON, BOTH = frozenset({"html"}), frozenset({"json"}), frozenset({"html", "json"})
MAIN_BLUEPRINT, API_BLUEPRINT, LINK_BLUEPRINT = "accounts", "accounts_api", "accounts_link"
"""Names of the blueprints: pages, JSON, and what those of links begin with."""
SIGN_IN_ENDPOINT = f"{MAIN_BLUEPRINT}.sign_in_form"
CONFIRM_ENDPOINT = f"{MAIN_BLUEPRINT}.confirm_form"
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


PUBLIC, SIGNED_IN = Access(signed_in=False), Access()


def group(name: str) -> Access:
    """Return the access of the members of a group."""
    return Access(group=name)


ADMINS = group(ADMIN_GROUP)


class LazyView:
    """Load a view on its first use (Flask's documentation, "Lazily Loading Views").

    :param import_name: ``package.module:function``; what that module imports takes a good part of a start.
    """

    def __init__(self, import_name: str) -> None:
        self.import_name = import_name
        self.__module__, _, self.__name__ = import_name.partition(":")

    @cached_property
    def view(self) -> View:
        """Import the view.

        :raises ImportStringError: there is none of that name.
        """
        view: View = import_string(self.import_name)
        return view

    def __call__(self, *args: Any, **values: Any) -> Answer:
        """Call the view."""
        return self.view(*args, **values)


@dataclass(frozen=True, kw_only=True)
class Route:
    """Declare one view.

    :ivar html_rule: what is appended to the rule for browsers, which ask by POST: "/end" where JSON asks by DELETE.
    :ivar formats: which registrations it is part of: ``HTML``, ``JSON`` or ``BOTH``.
    :ivar access: ``PUBLIC``, ``SIGNED_IN`` or ``group("admins")``.
    :ivar csrf: whether a JSON request sends the session's CSRF token, as forms always do. None: where ``access`` asks
        for a session. False: other sites may ask, from any Origin, and no form of ours leads there.
    :ivar unprefixed: not registered below a language: other programs know it by this address.
    :ivar preflight: the view that answers a CORS preflight (Fetch, section 4.8), for scripts of other origins.
    :ivar step_up: needs a password verified in this session within :data:`~sessions.STEP_UP_MAX_AGE`.
    :ivar max_bytes: size limit of the request body, in bytes; None: that of all forms.
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
    preflight: Callable[..., BaseResponse] | None = None
    step_up: bool = False
    max_bytes: int | None = None
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
        """Return the first line of the view's docstring; loads a lazy view."""
        view = self.view.view if isinstance(self.view, LazyView) else self.view
        return (view.__doc__ or "").strip().splitlines()[0] if view.__doc__ else self.name

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
    """Collect views that belong together, by a decorator for each HTTP method.

    Each takes the fields of :class:`Route`. With ``view="package.module:function"`` the view is loaded on first use,
    and there is nothing to decorate.
    """

    def __init__(self) -> None:
        self.declared: list[Route] = []

    def get(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Declare a view that only looks."""
        return self._add(rule, "GET", options)

    def post(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Declare a view that changes something; ``form`` and ``template`` make it a form for browsers."""
        return self._add(rule, "POST", options)

    def patch(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Declare a view that JSON asks by PATCH and a browser by POST."""
        return self._add(rule, "PATCH", options)

    def delete(self, rule: str, **options: Any) -> Callable[[View], View]:
        """Declare a view that JSON asks by DELETE, and a browser by POST at ``rule + html_rule``."""
        return self._add(rule, "DELETE", options)

    def _add(self, rule: str, method: str, options: dict[str, Any]) -> Callable[[View], View]:
        def decorate(view: View) -> View:
            self.declared.append(Route(rule=rule, method=method, view=view, **options))
            return view

        import_name = options.pop("view", None)
        if import_name is not None:
            decorate(LazyView(import_name))
        return decorate


def page_url(name: str, **values: Any) -> str:
    """Return the address of a view as a page, in the language of this request's address where it has one."""
    return url_for(f"{MAIN_BLUEPRINT}.{name}", **values)


def api_url(name: str, **values: Any) -> str:
    """Return the address of a view as JSON."""
    return url_for(f"{API_BLUEPRINT}.{name}", **values)


def link_url(purpose: str, name: str = "show", **values: Any) -> str:
    """Return the address of a view of one kind of link as a page, in the language of this request's address."""
    return url_for(f"{LINK_BLUEPRINT}_{purpose}.{name}", **values)
