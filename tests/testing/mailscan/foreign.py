"""Small apps that are not ours, with links of their own: good ones and bad ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from flask import Flask, Response, redirect, request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

TOKEN = "eyJ1IjoxfQ.Zm-9vYm_FyYmF6.cXV1eC1xdXV4"
ORIGIN = "https://other.example"
GUARDED = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


@dataclass
class Confirmed:
    """The store of a foreign app: who has confirmed their address."""

    done: list[str] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        return not self.done


def page(body: str, *, status: int = 200, head: str = "") -> Response:
    html = f"<!doctype html><title>Confirm</title>{head}<body>{body}"
    return Response(html, status, headers=GUARDED, mimetype="text/html")


FORM = '<form method="post"><button>Confirm</button></form>'
PASSWORD_FORM = '<form method="post"><input type="password" name="password"><button>Save</button></form>'


def app_that_acts_on_get() -> tuple[Flask, Confirmed]:
    """What is written most often, and what every scanner breaks."""
    app, store = Flask("acts_on_get"), Confirmed()

    @app.get("/confirm/<token>")
    def confirm(token: str) -> Response:
        if token != TOKEN:
            return page("No such link.", status=404)
        if store.done:
            return page("Already confirmed.", status=410)
        store.done.append(token)
        return page("Thank you.")

    return app, store


def app_that_acts_on_post(
    body: str = FORM, *, head: str = "", asks: str = "", shows_on: tuple[str, ...] = ("GET", "HEAD")
) -> tuple[Flask, Confirmed]:
    """Takes the token out of the address, shows on GET, acts on POST. ``asks`` names a field that must be filled."""
    app, store = Flask("acts_on_post"), Confirmed()

    @app.get("/confirm/<token>")
    def go(token: str) -> Response:
        if token != TOKEN:
            return page("No such link.", status=404)
        answer = redirect("/confirm", 303)
        answer.set_cookie("link", token, httponly=True)
        answer.headers.update(GUARDED)
        assert isinstance(answer, Response)
        return answer

    @app.route("/confirm", methods=["GET", "POST"])
    def confirm() -> Response:
        if request.cookies.get("link") != TOKEN:
            return page("No link was opened.", status=400)
        if store.done:
            return page("Already confirmed.", status=410)
        if request.method in shows_on:
            return page(body, head=head)
        if asks and not request.form.get(asks):
            return page("Please fill this in." + body, status=422)
        store.done.append(TOKEN)
        return page("Thank you.")

    return app, store


def plain_wsgi(seen: Callable[[str], None]) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    """No framework at all; the token stands in the query and in the form, and nothing guards it."""
    done: list[str] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen(environ["REQUEST_METHOD"])
        token = parse_qs(environ.get("QUERY_STRING", "")).get("t", [""])[0]
        status, body = (
            "200 OK",
            f'<title>Confirm</title><form method="post" action="/c?t={token}"><button>Yes</button></form>',
        )
        if token != TOKEN:
            status, body = "404 Not Found", "<title>No such link</title>"
        elif done:
            status, body = "410 Gone", "<title>Confirmed already</title>"
        elif environ["REQUEST_METHOD"] == "POST":
            done.append(token)
            body = "<title>Thank you</title>"
        start_response(status, [("Content-Type", "text/html; charset=utf-8")])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body.encode()]

    return app
