"""Settings of a host app: from its configuration, then from the environment."""

from __future__ import annotations

import os
from typing import Any

from flask import Flask

from accounts.config import Settings
from accounts.config_sources import ENV_PREFIX, SettingsError


def load_host_settings(app: Flask) -> Settings:
    """Return the settings that an app's ``ACCOUNTS_*`` name; where none names keys, its own ring serves.

    :raises SettingsError: settings or keys that may not be used.
    """
    app_settings = {name: value for name, value in app.config.items() if name.startswith(ENV_PREFIX)}
    if isinstance(app_settings.get(f"{ENV_PREFIX}SECRET_KEYS"), str):
        raise SettingsError("ACCOUNTS_SECRET_KEYS: must be a list of keys, oldest first, not one text")
    environ: dict[str, Any] = {f"{ENV_PREFIX}INSTANCE": app.instance_path, **os.environ, **app_settings}
    if not any(f"{ENV_PREFIX}SECRET_KEYS{end}" in environ for end in ("", "_FILE")) and app.secret_key:
        environ[f"{ENV_PREFIX}SECRET_KEYS"] = _host_keys(app)
    return Settings.load(environ)


def _host_keys(app: Flask) -> list[str]:
    # The host's own ring serves: Flask signs with SECRET_KEY and accepts its fallbacks.
    fallbacks = app.config.get("SECRET_KEY_FALLBACKS") or []
    if isinstance(fallbacks, str | bytes):
        raise SettingsError("SECRET_KEY_FALLBACKS must be a list of keys, not one text")
    keys = [*fallbacks, app.secret_key]
    return [key.decode("latin-1") if isinstance(key, bytes) else str(key) for key in keys]
