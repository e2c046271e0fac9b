"""One answer, spoken as a page or as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import Response, json, redirect

from accounts.web.kit.context import bound, runtime
from accounts.web.kit.cookies import drop


@dataclass
class Reply:
    """What a view answers. It does not know who asks: the same reply is a page at ``/`` and JSON at ``/api``.

    Any Flask app can return one from a view: it is a WSGI application, which is how Flask takes answers of
    types that are not its own.

    :ivar page: the template.
    :ivar says: the JSON body, and what the page is told.
    :ivar status: of the JSON answer; a page that follows a POST is a redirect instead.
    :ivar then: the path where a browser goes after a POST (303, RFC 9110 15.4.4).
    :ivar shows: what only the page needs.
    :ivar drops: a cookie that has served.
    """

    page: str = ""
    says: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    then: str | None = None
    shows: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
    drops: str = ""

    def response(self) -> Response:
        """The answer in the way this request speaks."""
        if bound().speaks == "json":
            answer = Response("" if self.status == 204 else spoken(self.says), self.status)
            answer.content_type = self.media_type
            if self.status == 204:
                del answer.headers["Content-Type"]
        elif self.then is not None:
            answer = redirect(self.then, 303, Response=Response)  # type: ignore[assignment] # as its Response says
        else:
            answer = Response(runtime().pages.render(self.page, **self.says, **self.shows), self.status)
            answer.content_type = "text/html; charset=utf-8"
        answer.headers.extend(self.headers)
        if self.drops:
            drop(answer, self.drops)
        return answer

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return self.response()(environ, start_response)


def spoken(says: Mapping[str, Any]) -> str:
    """A body as JSON text; moments as RFC 3339 in UTC."""
    return json.dumps(says, default=_plain, separators=(",", ":"))


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} cannot be said in JSON")
