"""Filters of the list pages of admins: what their links to the next page carry along."""

from __future__ import annotations

from flask import request
from pydantic import BaseModel


def query_filters(model: type[BaseModel]) -> dict[str, str]:
    """Return what the query of this request says for a list, without the place where its page begins.

    :param model: the query of the list.
    """
    names = model.model_fields.keys() - {"after"}
    return {name: value for name in sorted(names) if (value := request.args.get(name))}
