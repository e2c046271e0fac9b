"""Declare views: their addresses, who may ask, what is sent, what is answered.

``kit.endpoints`` registers them: as pages at ``/``, with or without a language in front, and as JSON at ``/api``.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, cast

from flask import Response, url_for
from pydantic import BaseModel
from werkzeug.utils import import_string
from werkzeug.wrappers import Response as BaseResponse

from accounts.core.errors import Problem
from accounts.core.messages import PluralText
from accounts.core.models.account import ADMIN_GROUP

T = TypeVar("T")


class Built(Protocol):
    """An answer of which a response is made: a ``Reply``, a ``Stream``, a ``PlainResponse``."""

    def response(self) -> Response:
        """Return the response, in the format of this request."""


Answer = BaseResponse | Built
View = Callable[..., Answer]
Preflight = Callable[[], BaseResponse]
Model = type[BaseModel]
ContextBuilder = Callable[..., Mapping[str, Any]]
HTML, JSON, BOTH = frozenset({"html"}), frozenset({"json"}), frozenset({"html", "json"})
MAIN_BLUEPRINT, API_BLUEPRINT, LINK_BLUEPRINT = "accounts", "accounts_api", "accounts_link"
"""Names of the blueprints: pages, JSON, and what those of links begin with."""
SIGN_IN_ENDPOINT = f"{MAIN_BLUEPRINT}.sign_in_form"
CONFIRM_ENDPOINT = f"{MAIN_BLUEPRINT}.confirm_form"
TERMS_ENDPOINT = f"{MAIN_BLUEPRINT}.accept_terms_form"
REQUIRED: Any = object()
IMPORT_LOCK = threading.RLock()
ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Access:
    """Say who may ask for a route.

    :ivar signed_in: whether a session is needed.
    :ivar group: the group that the signed-in account must be in; "" for any account.
    :ivar terms: whether the account must have accepted the terms of today, where there are any. Whoever does not
        accept them can still sign out, take their data along, and close the account.
    """

    signed_in: bool = True
    group: str = ""
    terms: bool = True

    def __bool__(self) -> bool:
        return self.signed_in


@dataclass(frozen=True, slots=True)
class Onward:
    """Say why an act needs no notice: what the page that follows says already."""

    reason: str


ActNotice = str | PluralText | Onward | tuple[str | PluralText | Onward, ...]
PUBLIC, SIGNED_IN, SIGNED_IN_WITHOUT_TERMS = Access(signed_in=False), Access(), Access(terms=False)


def group(name: str) -> Access:
    """Return the access of the members of a group."""
    return Access(group=name)


ADMINS = group(ADMIN_GROUP)


class Importable(Generic[T]):
    """A field of a :class:`Route` that may be given by its import name, and is imported then on first use.

    Flask's documentation, "Lazily Loading Views". With what they import, the views of admins and of OpenID Connect
    would take a quarter of every start.

    :param default: the value where none is given; :data:`REQUIRED` where one must be.
    """

    def __init__(self, default: T) -> None:
        self.default = default

    def __set_name__(self, owner: type[Route], name: str) -> None:
        self.name = name

    def __get__(self, route: Route | None, owner: type[Route]) -> T:
        """Return the value.

        :raises ImportStringError: there is nothing of that name.
        """
        if route is None:
            # What a dataclass takes for the default of the field; an error says that there is none.
            if self.default is REQUIRED:
                raise AttributeError(self.name)
            return self.default
        value = vars(route)[self.name]
        if isinstance(value, str):
            # One at a time: of modules that import each other, two threads from two ends would see one half made.
            with IMPORT_LOCK:
                value = vars(route)[self.name] = import_string(value)
        return cast(T, value)

    def __set__(self, route: Route, value: T | str) -> None:
        vars(route)[self.name] = value


@dataclass(frozen=True, kw_only=True)
class Route:
    """Declare one view. Its fields of :class:`Importable` may be import names, ``package.module:name``.

    :ivar html_rule: what is appended to the rule for browsers, which ask by POST: "/end" where JSON asks by DELETE.
    :ivar formats: which registrations it is part of: ``HTML``, ``JSON`` or ``BOTH``.
    :ivar access: ``PUBLIC``, ``SIGNED_IN`` or ``group("admins")``.
    :ivar csrf: whether a JSON request sends the session's CSRF token, as forms always do. None: where ``access`` asks
        for a session. False: other sites may ask, from any Origin, and no form of ours leads there.
    :ivar unprefixed: not registered below a language: other programs know it by this address.
    :ivar preflight: the view that answers a CORS preflight (Fetch, section 4.8), for scripts of other origins.
    :ivar hot: whether programs ask it so often that it is answered before Flask, where the service runs by itself
        (:mod:`accounts.web.kit.front`). Its view gets the ``RequestState`` as ``state``, asks nothing of Flask, and
        returns a ``PlainResponse`` or a ``Reply``. Of a form it is the page, whose ``context`` gets the state.
    :ivar show_problem: makes the answer to a problem of the view, where it is neither a page nor JSON about it.
    :ivar leave_outdated: returns where a form of ours leads, if anywhere, whose page was shown to another session.
    :ivar step_up: needs a password verified in this session within :data:`~sessions.STEP_UP_MAX_AGE`.
    :ivar max_bytes: size limit of the request body, in bytes; None: that of all forms.
    :ivar form: model of the body, passed to the view as ``form``.
    :ivar page_form: model of the body that a browser sends, passed to the view as ``form`` in its place: with what
        only a page asks, such as a name to be typed before something is lost.
    :ivar query: model of the query of a GET, passed to the view as ``query``.
    :ivar answers: model of the JSON of a success; None where a success has no body, or ``media_types`` says it.
    :ivar media_types: of successes that are no JSON object.
    :ivar line: model of a line of such a success, if its lines are JSON.
    :ivar page_query: model of the query of the form's page, passed to ``context`` as ``query``.
    :ivar any_query: whether another protocol rules what the query of the page says (RFC 6749, section 3.1).
    :ivar template: template of the form that a browser gets at the same address, where there is one.
    :ivar context: returns the context of that form: ``given`` (initial values) and whatever its page shows.
    :ivar notice: what the page says that follows the act in a browser: a text, several of which the view names one,
        or :class:`Onward`, alone or as one of several. Each act that a browser can send declares it.
    :ivar statuses: the status codes of a success.
    :ivar refusals: problems of its own, which the description of the API names beside those of every route.
    """

    rule: str
    method: str
    view: Importable[View] = Importable(REQUIRED)
    html_rule: str = ""
    formats: frozenset[str] = BOTH
    access: Access = PUBLIC
    csrf: bool | None = None
    unprefixed: bool = False
    preflight: Importable[Preflight | None] = Importable(None)
    hot: bool = False
    show_problem: Callable[[Problem], BaseResponse] | None = None
    leave_outdated: Callable[[], BaseResponse | None] | None = None
    step_up: bool = False
    max_bytes: Importable[int | None] = Importable(None)
    form: Importable[Model | None] = Importable(None)
    page_form: Importable[Model | None] = Importable(None)
    query: Importable[Model | None] = Importable(None)
    answers: Importable[Model | None] = Importable(None)
    media_types: tuple[str, ...] = ()
    line: Importable[Model | None] = Importable(None)
    page_query: Importable[Model | None] = Importable(None)
    any_query: bool = False
    template: str = ""
    context: Importable[ContextBuilder] = Importable(lambda **values: {})
    notice: ActNotice | None = None
    statuses: tuple[int, ...] = (200,)
    refusals: tuple[type[Problem], ...] = ()

    @property
    def name(self) -> str:
        """Return the endpoint's name. A view that shares its flow's name has an underscore appended."""
        view = vars(self)["view"]
        name: str = view.rpartition(":")[2] if isinstance(view, str) else view.__name__
        return name.rstrip("_")

    @property
    def summary(self) -> str:
        """Return the first line of the view's docstring."""
        return (self.view.__doc__ or "").strip().splitlines()[0] if self.view.__doc__ else self.name

    @property
    def notices(self) -> tuple[str | PluralText, ...]:
        """Return the texts of which the page that follows the act says one."""
        return tuple(each for each in self._declared_notices if not isinstance(each, Onward))

    @property
    def may_go_onward(self) -> bool:
        """Whether the act may need no notice, by what the page says that follows."""
        return any(isinstance(each, Onward) for each in self._declared_notices)

    @property
    def _declared_notices(self) -> tuple[str | PluralText | Onward, ...]:
        if self.notice is None:
            return ()
        # A plural text is a tuple, too.
        return (self.notice,) if isinstance(self.notice, str | PluralText | Onward) else self.notice

    def form_for(self, answer_format: str) -> Model | None:
        """Return the model of the body as pages or as JSON have it."""
        return (self.page_form if answer_format == "html" else None) or self.form

    @property
    def has_preflight(self) -> bool:
        """Whether it has a view that answers a preflight."""
        return vars(self)["preflight"] is not None

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


IMPORTABLE_FIELDS = frozenset(name for name, value in vars(Route).items() if isinstance(value, Importable))


class Routes:
    """Collect views that belong together, by a decorator for each HTTP method.

    Each takes the fields of :class:`Route`. With ``view="function"`` there is nothing to decorate: the view, and
    whatever else is named by a string in its place, is imported on first use.

    :param module: where those names are, unless they name a module of their own: ``package.module:name``.
    :param defaults: fields that all routes of this collection have, if they do not say otherwise.
    """

    def __init__(self, module: str = "", **defaults: Any) -> None:
        self.declared: list[Route] = []
        self._module = module
        self._defaults = defaults

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
        fields = {**self._defaults, **options}
        for name, value in fields.items():
            if name in IMPORTABLE_FIELDS and isinstance(value, str) and ":" not in value:
                fields[name] = f"{self._module}:{value}"
        view = fields.pop("view", None)

        def decorate(view: View | str) -> Any:
            self.declared.append(Route(rule=rule, method=method, view=view, **fields))
            return view

        if view is not None:
            decorate(view)
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
