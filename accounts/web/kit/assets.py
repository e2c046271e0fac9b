"""Serve what pages load, all of it from our own origin: static files, and how an installation looks.

Each address has a fingerprint of what it leads to, and may be cached for ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

from flask import Response, request, send_from_directory

from accounts.config import Settings
from accounts.config_colours import Accent
from accounts.config_images import Image
from accounts.web.kit.templates import STATIC_FOLDER, static_fingerprint

ASSET_ENDPOINT = "accounts_asset"
CACHED_FOR_EVER = f"public, max-age={int(timedelta(days=365).total_seconds())}, immutable"
"""Nobody need ask again (RFC 8246)."""
STYLE, FAVICON, LOGO, LOGO_DARK = "style.css", "brand/favicon", "brand/logo", "brand/logo-dark"
IMAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""An SVG is a document: opened by itself, it must run nothing and load nothing."""
IMAGE_HEADERS = {
    "Content-Security-Policy": IMAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    # A mail program on the web shows the logo of a letter, too.
    "Cross-Origin-Resource-Policy": "cross-origin",
}
DEFAULT_ACCENT = "#1d4ed8"
"""What our own favicon is painted in, until a setting names another accent."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that is made at start."""

    content_type: str
    data: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=lambda: {"X-Content-Type-Options": "nosniff"})

    @property
    def fingerprint(self) -> str:
        """Return what changes with its bytes."""
        return hashlib.sha256(self.data).hexdigest()[:16]

    def response(self) -> Response:
        """Return it, or that it has not changed."""
        response = Response(self.data, content_type=self.content_type, headers=dict(self.headers))
        response.headers["Cache-Control"] = CACHED_FOR_EVER
        response.set_etag(self.fingerprint)
        response.make_conditional(request)
        return response


class Assets:
    """The files that the pages of one installation load.

    :param settings: what they are made of, beside our static files.
    """

    def __init__(self, settings: Settings) -> None:
        images = {FAVICON: settings.favicon, LOGO: settings.logo, LOGO_DARK: settings.logo_dark}
        self._made = {name: image_asset(file.image) for name, file in images.items() if file is not None}
        self._made.setdefault(FAVICON, _default_favicon(settings.accent))
        rules = [describe_theme(settings.accent)] if settings.accent else []
        rules += [settings.stylesheet.text] if settings.stylesheet else []
        if rules:
            text = "\n".join([(STATIC_FOLDER / STYLE).read_text("utf-8"), *rules])
            self._made[STYLE] = Asset("text/css; charset=utf-8", text.encode())
        self._fingerprints = {name: asset.fingerprint for name, asset in self._made.items()}

    def fingerprint(self, name: str) -> str:
        """Return what changes with a file."""
        return self._fingerprints.get(name) or static_fingerprint(name)

    def send(self, name: str) -> Response:
        """Return a file.

        :raises werkzeug.exceptions.NotFound: there is none of that name.
        """
        made = self._made.get(name)
        if made is not None:
            return made.response()
        response = send_from_directory(STATIC_FOLDER, name)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = CACHED_FOR_EVER
        return response


def image_asset(image: Image) -> Asset:
    """Return a picture as it is served."""
    return Asset(image.content_type, image.data, IMAGE_HEADERS)


def describe_theme(accent: Accent) -> str:
    """Return the rules that put an accent colour into pages, light and dark."""
    light = f"--accent: {accent.light}; --accent-strong: {accent.light_strong}; --on-accent: {accent.on_light};"
    dark = f"--accent: {accent.dark}; --accent-strong: {accent.dark_strong}; --on-accent: {accent.on_dark};"
    return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"


def describe_letter_brand(settings: Settings, page_url: Callable[[str], str]) -> dict[str, Any]:
    """Return how emails look, by the fields of their brand: as pages do, with addresses that lead here from anywhere.

    :param page_url: returns the whole address of a path of ours.
    """
    logo, accent, origin = settings.logo, settings.accent, settings.public_origin
    # Few mail programs show an SVG or a WebP.
    is_shown = logo is not None and logo.image.content_type == "image/png"
    colours = {"accent": accent.light, "accent_dark": accent.dark} if accent else {}
    return {
        "name": settings.service_name,
        "logo_url": page_url(f"/assets/{LOGO}?v={logo.image.fingerprint}") if logo and is_shown else "",
        "support": settings.support or "",
        "links": [(link.label, urljoin(origin, link.url)) for link in settings.links],
        **colours,
    }


def _default_favicon(accent: Accent | None) -> Asset:
    text = (STATIC_FOLDER / "favicon.svg").read_text("utf-8")
    return Asset("image/svg+xml", text.replace(DEFAULT_ACCENT, str(accent or DEFAULT_ACCENT)).encode(), IMAGE_HEADERS)
