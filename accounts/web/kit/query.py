"""Queries of addresses: read by a declared model, and what happens to names that nobody declared."""

from __future__ import annotations

from collections.abc import Collection

from flask import request
from pydantic import BaseModel, ConfigDict

from accounts.core.errors import Malformed
from accounts.flows.shared.validation import validate
from accounts.web.kit.context import state

PAGE_QUERY_NAMES = frozenset({"next", "done", "count"})
"""What the query of any page may say beside its own: where to go then, and what was just done."""


class NoQuery(BaseModel):
    """The query of a route that declares none."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


def read_query(model: type[BaseModel] | None, *, is_strict: bool) -> dict[str, BaseModel]:
    """Return what the query of this request says as the argument ``query`` of a view, where a model is declared.

    JSON and strict pages refuse names that nobody declared: a filter with a typing mistake in it must not look like a
    list without one. Other pages ignore them: people come there by links to which mail programs and other sites add
    names of their own.

    :param is_strict: whether this is such a page.
    :raises InvalidInput: a name that nobody declared, or a value that is wrong.
    :raises Malformed: a name that stands twice.
    """
    ignored: Collection[str] = ()
    if state().format == "html":
        declared = model.model_fields if model is not None else {}
        ignored = PAGE_QUERY_NAMES if is_strict else set(request.args) - set(declared)
    data: dict[str, str] = {}
    for name, values in request.args.lists():
        if name in ignored:
            continue
        if len(values) > 1:
            raise Malformed(f"a field was said {len(values)} times: {name[:40]!r}")
        data[name] = values[0]
    query = validate(model or NoQuery, data)
    return {"query": query} if model is not None else {}
