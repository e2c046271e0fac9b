"""Publish this provider's metadata: the same from every process, whatever the Host header says."""

from __future__ import annotations

from typing import Any

from accounts.config import LOCALES
from accounts.core.models.apps import CLIENT_SECRET_BASIC, CLIENT_SECRET_POST, NO_CLIENT_SECRET
from accounts.core.site import Site
from accounts.flows.oidc import claims, signing_keys
from accounts.flows.oidc.responses import FORM_POST, QUERY


def build_metadata(site: Site) -> dict[str, Any]:
    """Return the metadata of OpenID Connect Discovery 1.0 and RFC 8414."""
    page_url = site.link_signer.page_url
    return {
        "issuer": page_url(""),
        "authorization_endpoint": page_url("/oauth/authorize"),
        "token_endpoint": page_url("/oauth/token"),
        "userinfo_endpoint": page_url("/oauth/userinfo"),
        "jwks_uri": page_url("/oauth/jwks"),
        "revocation_endpoint": page_url("/oauth/revoke"),
        "introspection_endpoint": page_url("/oauth/introspect"),
        "end_session_endpoint": page_url("/oauth/logout"),
        "scopes_supported": list(claims.SUPPORTED_SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": [QUERY, FORM_POST],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "acr_values_supported": list(claims.SUPPORTED_ACRS),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(signing_keys.SIGNING_ALGS),
        "token_endpoint_auth_methods_supported": [CLIENT_SECRET_BASIC, CLIENT_SECRET_POST, NO_CLIENT_SECRET],
        "revocation_endpoint_auth_methods_supported": [CLIENT_SECRET_BASIC, CLIENT_SECRET_POST, NO_CLIENT_SECRET],
        "introspection_endpoint_auth_methods_supported": [CLIENT_SECRET_BASIC, CLIENT_SECRET_POST],
        "display_values_supported": ["page"],
        "claim_types_supported": ["normal"],
        "claims_supported": [*claims.PROTOCOL_CLAIMS, *claims.SCOPE_OF_CLAIM],
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        # Absent would mean true (OpenID Connect Discovery 3).
        "request_uri_parameter_supported": False,
        "require_request_uri_registration": False,
        "ui_locales_supported": list(LOCALES),
        "code_challenge_methods_supported": ["S256"],
        "prompt_values_supported": _list_prompt_values(site),
        "authorization_response_iss_parameter_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }


def _list_prompt_values(site: Site) -> list[str]:
    # Initiating User Registration via OpenID Connect 1.0: "create" only where a visitor could do so.
    return ["none", "login", "consent", "select_account", *(["create"] if site.settings.sign_up_offered else [])]
