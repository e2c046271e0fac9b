"""Map OpenID Connect: clients, consents, grants and the keys that sign ID tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from accounts.core.clock import now
from accounts.core.ids import new_id
from accounts.core.models.base import Base

CLIENT_SECRET_BASIC: Final = "client_secret_basic"  # noqa: S105 - the name of a method
CLIENT_SECRET_POST: Final = "client_secret_post"  # noqa: S105 - the name of a method
NO_CLIENT_SECRET: Final = "none"  # noqa: S105 - the name of a method
"""How a client authenticates at the token endpoint (OpenID Connect Core 9)."""
RS256: Final = "RS256"
"""The algorithm of ID tokens unless a client registers another: every relying party can verify it."""
NO_USERNAME: Final = "none"
SUB: Final = "sub"
EMAIL: Final = "email"
LOCAL_PART: Final = "local_part"
"""What ``preferred_username`` is made of. There are no usernames here."""
WEB_APP: Final = "web"
NATIVE_APP: Final = "native"
"""Kinds of clients: a native one runs on the user's device and may be answered at any port of its loopback."""


class App(Base):
    """A client (RFC 6749): its users are sent here to sign in and come back with a code.

    :ivar id: the client id (``client_id``); public, never reused.
    :ivar name: what users are shown when they are asked whether they want to sign in there.
    :ivar secret_hash: SHA-256 of the client secret in hexadecimal. The secret is 256 random bits: nobody can try
        them all, and a slow hash would only slow the token endpoint down. None for a public client, which has none.
    :ivar old_secret_hash, old_secret_until: the secret before that, and until when it is valid, too: so that a
        client that runs in many places can be given the new one without being down.
    :ivar token_endpoint_auth_method: ``NO_CLIENT_SECRET`` for a public client. One with a secret shows it in the
        Authorization header or in the body as it likes: which of the two stands here makes no difference.
    :ivar application_type: ``WEB`` or ``NATIVE``. Only a native client may register ``http`` and only on
        loopback, and only there the port of a redirect is free.
    :ivar redirect_uris: where codes may be sent, compared character by character.
    :ivar post_logout_redirect_uris: where users may be sent after signing out, compared character by character.
    :ivar backchannel_logout_uri: where the client is told that a session has ended; None where it is not told.
    :ivar initiate_login_uri: where the client begins a sign-in, for the list of connected apps; None for none.
    :ivar allowed_groups: users must be in one of these; an empty list lets everybody in.
    :ivar allowed_email_domain: only users whose address is of this domain get in; None lets everybody in.
    :ivar invited_only: only users who were invited, or let in by an admin or operator, get in (``Account.invited``).
    :ivar contact: whom users are told to ask who do not get in: an email address or an https address; None for the
        one of the service.
    :ivar trusted: first-party: users are not asked for consent.
    :ivar require_pkce: every request must have a code challenge (RFC 7636). A public or native client needs one in
        any case.
    :ivar scopes: the scopes that the client may ask for beside ``openid``; others are left out of what it gets.
    :ivar claims: claims of the granted scopes that stand in the ID token, too, for clients that never ask userinfo.
    :ivar claims_in_id_token: all claims of the granted scopes do.
    :ivar preferred_username: what the claim of that name is made of: ``NO_USERNAME`` for none, ``SUB``, ``EMAIL``, or
        ``LOCAL_PART``, which is one user's alone only where the client has an ``allowed_email_domain``.
    :ivar sends_pkce, sends_nonce: whether its last sign-in but for those of the same minute had a code challenge, and
        a nonce; None while there was none.
    :ivar observed_at: when that was last noted down.
    :ivar id_token_signed_response_alg: ``RS256``, ``ES256`` or ``EdDSA``.
    :ivar access_token_seconds, id_token_seconds: lifetimes of these tokens.
    :ivar refresh_token_seconds: how long a grant with ``offline_access`` can be refreshed, counted from the sign-in.
    :ivar logo: the fingerprint of the picture in :class:`AppLogo`; None where it has none.
    :ivar disabled_at: since when nobody signs in to it and all it holds is revoked; None while it is enabled.
    """

    __tablename__ = "apps"

    id: Mapped[str] = mapped_column(String(64), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(100))
    secret_hash: Mapped[str | None] = mapped_column(String(64))
    token_endpoint_auth_method: Mapped[str] = mapped_column(String(32), default=CLIENT_SECRET_BASIC)
    application_type: Mapped[str] = mapped_column(String(8), default=WEB_APP)
    redirect_uris: Mapped[list[str]] = mapped_column(JSON)
    post_logout_redirect_uris: Mapped[list[str]] = mapped_column(JSON, default=list)
    backchannel_logout_uri: Mapped[str | None] = mapped_column(String(1000))
    initiate_login_uri: Mapped[str | None] = mapped_column(String(1000))
    allowed_groups: Mapped[list[str]] = mapped_column(JSON, default=list)
    trusted: Mapped[bool] = mapped_column(default=False)
    require_pkce: Mapped[bool] = mapped_column(default=False)
    scopes: Mapped[list[str]] = mapped_column(JSON)
    claims: Mapped[list[str]] = mapped_column(JSON, default=list)
    id_token_signed_response_alg: Mapped[str] = mapped_column(String(8), default=RS256)
    access_token_seconds: Mapped[int] = mapped_column(default=600)
    id_token_seconds: Mapped[int] = mapped_column(default=3600)
    refresh_token_seconds: Mapped[int] = mapped_column(default=30 * 86400)
    created_at: Mapped[datetime] = mapped_column(default=now)
    disabled_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column()
    old_secret_hash: Mapped[str | None] = mapped_column(String(64))
    old_secret_until: Mapped[datetime | None]
    allowed_email_domain: Mapped[str | None] = mapped_column(String(253))
    claims_in_id_token: Mapped[bool] = mapped_column(default=False, server_default=false())
    invited_only: Mapped[bool] = mapped_column(default=False, server_default=false())
    contact: Mapped[str | None] = mapped_column(String(1000))
    preferred_username: Mapped[str] = mapped_column(String(16), default=NO_USERNAME, server_default=NO_USERNAME)
    sends_pkce: Mapped[bool | None]
    sends_nonce: Mapped[bool | None]
    observed_at: Mapped[datetime | None]
    logo: Mapped[str | None] = mapped_column(String(16))

    __mapper_args__ = {"version_id_col": version}

    @property
    def public(self) -> bool:
        """Whether it is a public client, which has no secret (RFC 6749 2.1)."""
        return self.token_endpoint_auth_method == NO_CLIENT_SECRET

    def __repr__(self) -> str:
        return f"<App {self.id}>"


class AppLogo(Base):
    """The picture of a client, which users see where they sign in to it. Not in ``apps``, which is read often.

    :ivar content_type: of a PNG, WebP or SVG, found in its bytes.
    """

    __tablename__ = "app_logos"

    app_id: Mapped[str] = mapped_column("app", ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True)
    content_type: Mapped[str] = mapped_column(String(32))
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Consent(Base):
    """What a user lets a client know. Revoking it deletes the row and revokes the grants.

    :ivar scope: every scope they have consented to so far, separated by spaces.
    """

    __tablename__ = "consents"

    account_id: Mapped[str] = mapped_column(
        "account", ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True
    )
    app_id: Mapped[str] = mapped_column(
        "app", ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    scope: Mapped[str] = mapped_column(String(500))
    given_at: Mapped[datetime] = mapped_column(default=now)


class Grant(Base):
    """One sign-in to one client: made when its code is redeemed; all of its tokens depend on it.

    No token is stored. Access and refresh tokens are signed and name their grant; they are valid while the grant is
    not revoked, its account is active with the same ``auth_epoch``, and its client is not disabled; without
    ``offline_access`` only until the browser session ends, too.

    :ivar id: also the id of the code that was redeemed, so that a second redemption can revoke the grant.
    :ivar session_id: the browser session in which the user consented. It follows that session when its id changes
        (a step-up), so that the end of a session always finds its grants.
    :ivar sid: what the client was told as ``sid``: the session id of that moment, which never changes here. Logout
        tokens must name this one.
    :ivar scope: granted scopes, separated by spaces.
    :ivar claims: claims asked for one by one (the ``claims`` parameter): ``{"userinfo": [...], "id_token": [...]}``.
    :ivar auth_epoch: the account's ``auth_epoch`` then: the grant is invalid as soon as that has risen.
    :ivar auth_time, amr: when and how the user had authenticated.
    :ivar counter: number of the refresh token that is valid now; 0 is the first. Only ever rises.
    :ivar rotated_at: when ``counter`` last rose: for a few seconds the previous refresh token is valid, too.
    :ivar expires_at: when the last token of this grant has expired. The row may be deleted then.
    :ivar revoked_at: since when everything of this grant is revoked; None while it is not.
    :ivar logged_out_at: when it was recorded that the client must be told of the end of this sign-in; None before.
    """

    __tablename__ = "grants"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    account_id: Mapped[str] = mapped_column("account", ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    app_id: Mapped[str] = mapped_column("app", ForeignKey("apps.id", ondelete="CASCADE"), index=True)
    session_id: Mapped[str] = mapped_column(String(16), index=True)
    sid: Mapped[str] = mapped_column(String(16))
    scope: Mapped[str] = mapped_column(String(500))
    claims: Mapped[dict[str, Any]] = mapped_column(default=dict)
    auth_epoch: Mapped[int]
    auth_time: Mapped[datetime]
    amr: Mapped[list[str]] = mapped_column(JSON)
    counter: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    rotated_at: Mapped[datetime | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]
    logged_out_at: Mapped[datetime | None]


class OidcKey(Base):
    """A key pair that signs ID tokens and logout tokens. Clients fetch the public part.

    :ivar id: its thumbprint (RFC 7638), which tokens name as ``kid``.
    :ivar alg: the one algorithm it signs with.
    :ivar public: the public part as a JWK (RFC 7517); published from the moment the row is there.
    :ivar sealed: the private part as a JWK, encrypted with a key derived from the secret ring.
    :ivar not_before: from when on it signs: later than it was made, so that everybody has fetched it by then.
    :ivar retired_at: when a younger one took over. Published until the last token that it signed has expired.
    """

    __tablename__ = "oidc_keys"

    id: Mapped[str] = mapped_column(String(43), primary_key=True)
    alg: Mapped[str] = mapped_column(String(8))
    public: Mapped[dict[str, Any]]
    sealed: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    not_before: Mapped[datetime]
    retired_at: Mapped[datetime | None]
