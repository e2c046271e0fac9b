"""Compile what builds the addresses of a rule on first use."""

from __future__ import annotations

import functools
from collections.abc import Callable

from werkzeug.routing import Rule


class LazyRule(Rule):
    """A rule that compiles the builder of its addresses on first use.

    Werkzeug compiles two for each rule when it is added. Few of our four hundred ever build an address in one
    process, and to compile them all takes a seventh of a start. Rules match as ever: that part is made when they are
    added.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        # Werkzeug's own hook, though it has an underscore: under another name it would only not be called any more.
        compile_builder = functools.cache(super()._compile_builder)

        def build(rule: Rule, /, **values: object) -> tuple[str, str]:
            return compile_builder(append_unknown)(rule, **values)

        return build
