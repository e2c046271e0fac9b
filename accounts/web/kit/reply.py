"""One answer, spoken as a page or as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import Response, current_app, json, redirect, render_template
from pydantic import BaseModel
from werkzeug.exceptions import HTTPException

from accounts.core.clock import format_timestamp
from accounts.flows.sessions.notice import Notice
from accounts.flows.shared.app_targets import AUTHORIZE_PATH
from accounts.web.kit import context
from accounts.web.kit.cookies import deleted_cookie_header
from accounts.web.kit.kept_pages import render_page
from accounts.web.kit.notices import notice_header
from accounts.web.kit.plain_response import HeaderList, PlainResponse, add_vary
from accounts.web.kit.request_state import RequestState
from accounts.web.kit.routes import LINK_BLUEPRINT, MAIN_BLUEPRINT
from accounts.web.kit.timing import measure_render

OWN_BLUEPRINTS = (MAIN_BLUEPRINT, LINK_BLUEPRINT)
LANGUAGE_PARAMETER = "language"
"""In the query of an app's request, beside what is the app's: the language that somebody has chosen on the way."""
OWN_TEMPLATES = "accounts/"
"""What the name of a template of ours begins with in a host app."""


@dataclass
class Reply:
    """What a view answers. It does not know who asks: the same reply is a page at ``/`` and JSON at ``/api``.

    Any Flask app can return one from a view: it is a WSGI application, which is how Flask takes answers of
    types that are not its own. There it is what the client asks for (Accept).

    :ivar template: the template: in a view of a host app one of the host's, or ``accounts/...`` for one of ours.
        Without one, the answer is JSON for everybody.
    :ivar json: the JSON body, and what the page is told: the model of an answer, or a mapping.
    :ivar status: of the JSON answer; a page that follows a POST is a redirect instead.
    :ivar location: the path where a browser goes after a POST (303, RFC 9110 15.4.4).
    :ivar context: what only the page needs.
    :ivar notice: what the page says that a browser sees next, of those that the route declares.
    :ivar deleted_cookie: a cookie that has served.
    """

    template: str = ""
    json: BaseModel | Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    location: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
    notice: Notice | None = None
    deleted_cookie: str = ""

    def response(self) -> Response:
        """Return the answer in the format of this request."""
        state = context.state()
        if self.location is None or state.format == "json":
            return self.plain_response(state).response()
        response = redirect(with_language(self.location), 303, Response=Response)
        response.headers.extend(self._own_headers(state))
        if self.notice is not None:
            response.headers.add(*notice_header(state, self.notice))
        return response  # type: ignore[return-value] # as its Response says

    @measure_render
    def plain_response(self, state: RequestState) -> PlainResponse:
        """Return the answer in the format of a request, where it is no redirect."""
        if state.format == "json" or not self.template:
            body, content_type = b"" if self.status == 204 else to_json(self.json).encode(), self.media_type
        else:
            body, content_type = self._render(state), "text/html; charset=utf-8"
        content_headers = [] if self.status == 204 else [("Content-Type", content_type)]
        return PlainResponse(body, self.status, [*content_headers, *self._own_headers(state)])

    def _own_headers(self, state: RequestState) -> HeaderList:
        headers = [*self.headers.items()]
        if not state.own_view:
            add_vary(headers, "Accept")
        if self.deleted_cookie:
            headers.append(deleted_cookie_header(state, self.deleted_cookie))
        return headers

    def _render(self, state: RequestState) -> bytes:
        values = {**_template_values(self.json), **self.context}
        state.notice = self.notice
        if state.own_view or self.template.startswith(OWN_TEMPLATES):
            return render_page(state, self.template.removeprefix(OWN_TEMPLATES), values)
        return render_template(self.template, **values).encode()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        return self.response()(environ, start_response)


def with_language(target: str) -> str:
    """Return a path of ours with the language in front that the address of this request has.

    A return target names the page, and was perhaps made before somebody chose another language. What stands at one
    address only, such as ``/oauth/authorize``, is told the language in its query.
    """
    state = context.state()
    parts, mount = urlsplit(target), state.site.url_prefix
    if not state.prefix or not target.startswith(f"{mount}/"):
        return target
    prefixed = f"{mount}/{state.prefix}{parts.path.removeprefix(mount)}"
    try:
        endpoint, values = current_app.url_map.bind("localhost").match(prefixed, method="GET")
    except HTTPException:
        if parts.path != f"{mount}{AUTHORIZE_PATH}":
            return target
        query = [(name, value) for name, value in parse_qsl(parts.query, True) if name != LANGUAGE_PARAMETER]
        return f"{parts.path}?{urlencode([*query, (LANGUAGE_PARAMETER, state.prefix)])}"
    is_ours = endpoint.startswith(OWN_BLUEPRINTS) and values.get("prefix") == state.prefix
    return urlunsplit(parts._replace(path=prefixed)) if is_ours else target


def to_json(data: BaseModel | Mapping[str, Any]) -> str:
    """Return a body as JSON text; moments as RFC 3339 in UTC."""
    if isinstance(data, BaseModel):
        return data.model_dump_json()
    return json.dumps(data, default=_json_default, separators=(",", ":"))


def _template_values(data: BaseModel | Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a body by name; those of a model that were said, their values as they are."""
    if isinstance(data, BaseModel):
        return {name: value for name, value in data if name in data.model_fields_set}
    return dict(data)


def _json_default(value: object) -> Any:
    if isinstance(value, datetime):
        return format_timestamp(value)
    raise TypeError(f"{type(value).__name__} cannot be said in JSON")
