"""Somebody's own Flask app, with accounts mounted in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, session

from accounts import Accounts, Settings
from accounts.extension import get_app_state
from tests.people import Service
from tests.servers.smtp import SmtpSink

HOST_KEY = "b3P9xW2mQ7vL5tR8nY1cK6dF4hJ0sGaZ-host"
TEMPLATES = {
    "own.html": "own page of {{ name }}{{ config['SECRET'] if 'SECRET' in config }}",
    "accounts/base.html": "<html lang='{{ language() }}'><b>The Shop</b>{% block main %}{% endblock %}</html>",
    "accounts/hello.html": "{% extends 'base.html' %}{% block main %}hello {{ who }}{% endblock %}",
}


def make_host(folder: Path, templates: dict[str, str] | None = None, **config: Any) -> Flask:
    """A Flask app in a folder of its own, with a session, static files, templates and error pages of its own."""
    for name, text in (TEMPLATES if templates is None else templates).items():
        path = folder / "templates" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    (folder / "static").mkdir(exist_ok=True)
    (folder / "static" / "style.css").write_text("/* the host's */", "utf-8")
    app = Flask("host", root_path=str(folder), instance_path=str(folder / "instance"))
    app.config.update({"SECRET_KEY": HOST_KEY, "TESTING": True} | config)

    @app.get("/")
    def front() -> str:
        return "the shop"

    @app.get("/count")
    def count() -> str:
        session["seen"] = session.get("seen", 0) + 1
        return str(session["seen"])

    @app.errorhandler(404)
    @app.errorhandler(405)
    @app.errorhandler(413)
    @app.errorhandler(500)
    def own_error(error: Exception) -> tuple[str, int]:
        return "an error page of the host", getattr(error, "code", None) or 500

    return app


@pytest.fixture
def mount(settings: Callable[..., Settings], sink: SmtpSink, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Mounts accounts in a host app: ``mount(url_prefix="/auth")``; ``changes`` go to the settings."""
    mounted: list[Flask] = []

    def make(app: Flask | None = None, changes: dict[str, Any] | None = None, **options: Any) -> Service:
        app = app or make_host(tmp_path / "host")
        Accounts(app, settings=settings(**(changes or {})), **options)
        mounted.append(app)
        return Service(app, sink)

    yield make
    for app in mounted:
        get_app_state(app).site.store.close()


@pytest.fixture
def auth(settings: Callable[..., Settings]) -> Accounts:
    """The extension of a host that declares links of its own, under ``/auth``."""
    return Accounts(settings=settings(), url_prefix="/auth")


@pytest.fixture
def mount_links(auth: Accounts, tmp_path: Path, sink: SmtpSink) -> Iterator[Callable[..., Service]]:
    """Mounts ``auth`` in a host app, with the links that were declared."""
    services: list[Service] = []

    def make(**config: Any) -> Service:
        app = make_host(tmp_path / "host", **config)
        auth.init_app(app)
        services.append(Service(app, sink))
        return services[-1]

    yield make
    for service in services:
        service.close()
