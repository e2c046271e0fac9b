"""Render templates in an environment of their own: a host's filters and globals stay its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask
from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, Template

TEMPLATES_FOLDER = Path(__file__).parents[2] / "templates"
STATIC_FOLDER = Path(__file__).parents[2] / "static"
HOST_TEMPLATES_FOLDER = "accounts"


class Templates:
    """Renders pages.

    :param app: the app; ``accounts/<name>`` among its templates wins over our ``<name>``.
    """

    def __init__(self, app: Flask) -> None:
        self.app = app
        own_loader, host_loader = FileSystemLoader(TEMPLATES_FOLDER), app.jinja_loader
        host_loaders = [_SubfolderLoader(HOST_TEMPLATES_FOLDER, host_loader)] if host_loader else []
        self._environment = _Environment(
            loader=ChoiceLoader([*host_loaders, own_loader]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def add(self, *, globals: Mapping[str, object], filters: Mapping[str, Callable[..., Any]]) -> None:
        """Record globals and filters for our templates only."""
        self._environment.globals.update(globals)
        self._environment.filters.update(filters)

    @property
    def auto_reload(self) -> bool:
        """Whether changed files are read again: as Flask decides for the app's own, ``TEMPLATES_AUTO_RELOAD``."""
        configured: bool | None = self.app.config["TEMPLATES_AUTO_RELOAD"]
        return self.app.debug if configured is None else configured

    def render(self, name: str, context: Mapping[str, Any]) -> str:
        """One page.

        :raises jinja2.TemplateNotFound: there is none of that name.
        """
        return self._template(name).render(context)

    def stream(self, name: str, context: Mapping[str, Any]) -> Iterator[str]:
        """One page, piece by piece: what its loops run over is asked for as the page is written.

        :raises jinja2.TemplateNotFound: there is none of that name.
        """
        return self._template(name).generate(context)

    def _template(self, name: str) -> Template:
        # An app may be put into debug mode when it has all its routes, by app.run(debug=True).
        self._environment.auto_reload = self.auto_reload
        return self._environment.get_template(name)


class _Environment(Environment):
    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Return the globals of a template: those of all as they are, not in Jinja's chain of two, which is slow."""
        return super().make_globals(d) if d else self.globals


class _SubfolderLoader(BaseLoader):
    """Looks for ``name`` as ``<folder>/name`` in another loader."""

    def __init__(self, folder: str, loader: BaseLoader) -> None:
        super().__init__()
        self._folder, self._loader = folder, loader

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        return self._loader.get_source(environment, f"{self._folder}/{template}")


@lru_cache(maxsize=64)
def static_fingerprint(name: str) -> str:
    """Eight characters that change with the content of a static file, so that it may be cached for ever."""
    return hashlib.sha256((STATIC_FOLDER / name).read_bytes()).hexdigest()[:8]
