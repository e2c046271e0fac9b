"""Talk to one upstream provider: its metadata, its keys, a code for an ID token, and the checks of that.

Authlib's client asks; joserfc verifies. Every answer is bounded in time and size, no redirect is followed, and what
is wrong with one goes to the log, never to the user: they get one plain message.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from accounts.config_upstream import Upstream
from accounts.core.clock import LEEWAY, now
from accounts.core.errors import NotFound, UpstreamFailed
from accounts.core.site import Site
from accounts.flows.upstream.waiting import PendingSignIn

if TYPE_CHECKING:
    from authlib.integrations.requests_client import OAuth2Session
    from requests.adapters import HTTPAdapter

ID_TOKEN_ALGS = ("RS256", "PS256", "ES256")
"""What an ID token may be signed with. Neither ``none`` nor a shared secret, whatever the issuer says of itself."""
TIMEOUTS_SECONDS = (5.0, 10.0)
"""Until connected, and until the next byte comes."""
RESPONSE_DEADLINE_SECONDS = 15.0
"""For a whole answer, however slowly it drips."""
MAX_RESPONSE_BYTES = 256 * 1024
METADATA_TTL_SECONDS, REFETCH_AFTER_SECONDS = 3600.0, 30.0
"""How long what an issuer publishes is believed; how soon its keys may be asked for again over an unknown one."""
DISCOVERY_PATH = "/.well-known/openid-configuration"
REQUIRED_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class UpstreamUser:
    """A user as an upstream provider states them. Only ``issuer`` and ``subject`` identify; the rest is shown.

    :ivar email: "" where it says none. Never a proof of anything: mail may be sent to it, as to one that was typed.
    """

    issuer: str
    subject: str
    display_name: str
    name: str
    email: str = ""


class UpstreamProviders:
    """The upstreams of one installation: ``site.get(UpstreamProviders)``."""

    def __init__(self, site: Site) -> None:
        base = site.link_signer.page_url("")
        self._providers = {name: UpstreamProvider(each, base) for name, each in site.settings.upstreams.items()}

    def get(self, name: str) -> UpstreamProvider:
        """Return an upstream by name.

        :raises NotFound: there is none of that name.
        """
        if name not in self._providers:
            raise NotFound("no such upstream")
        return self._providers[name]

    def all(self) -> list[Upstream]:
        """Return all upstreams, in the order of the settings."""
        return [each.upstream for each in self._providers.values()]

    def label_of(self, issuer: str) -> str:
        """Return the label of an issuer; its address where it is not configured any more."""
        return next((each.label for each in self.all() if each.issuer == issuer), issuer)


class UpstreamProvider:
    """One upstream. May be used by several threads."""

    def __init__(self, upstream: Upstream, base_url: str) -> None:
        self.upstream = upstream
        # An address of its own for each: an answer of one issuer cannot be passed off as another's (RFC 9700 4.4).
        self.redirect_uri = f"{base_url}/upstream/{upstream.name}/callback"
        self._cache: dict[str, tuple[float, Mapping[str, Any]]] = {}
        self._fetch_lock = threading.Lock()

    def authorization_url(self, pending: PendingSignIn) -> str:
        """Where the browser goes to be recognised.

        :raises UpstreamFailed: the issuer does not answer as it should.
        """
        endpoint = self._metadata()["authorization_endpoint"]
        with self._make_client() as client:
            url, _ = client.create_authorization_url(
                endpoint, state=pending.state, nonce=pending.nonce, code_verifier=pending.code_verifier
            )
        return str(url)

    def fetch_user(self, pending: PendingSignIn, params: Mapping[str, str]) -> UpstreamUser:
        """Return the user of an answer.

        :param params: the parameters of the answer, each once.
        :raises UpstreamFailed: the answer is not valid, for a reason that is for the log.
        """
        self._check_response_issuer(params)
        if "error" in params or not params.get("code"):
            raise UpstreamFailed(f"answered {params.get('error', 'without a code')[:60]!r}")
        claims = self._verify_id_token(self._fetch_id_token(params["code"], pending))
        self._check_claims(claims, pending)
        texts = {
            name: claims[name] for name in ("email", "name", "preferred_username") if _is_printable_text(claims, name)
        }
        display_name = texts.get("email") or texts.get("preferred_username") or texts.get("name") or ""
        email, name = texts.get("email", "")[:254], texts.get("name", "")[:100]
        return UpstreamUser(self.upstream.issuer, claims["sub"], display_name[:254], name, email)

    def _check_response_issuer(self, params: Mapping[str, str]) -> None:
        issuer = params.get("iss")
        issuer_required = self._metadata().get("authorization_response_iss_parameter_supported") is True
        if (issuer is None and issuer_required) or (issuer is not None and issuer != self.upstream.issuer):
            raise UpstreamFailed("answer of another issuer, or of none (RFC 9207)")

    def _fetch_id_token(self, code: str, pending: PendingSignIn) -> str:
        # Imported here: Authlib and requests take 155 ms of every start.
        from authlib.integrations.base_client import OAuthError
        from requests import RequestException

        try:
            with self._make_client() as client:
                response = client.fetch_token(
                    self._metadata()["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=pending.code_verifier,
                    allow_redirects=False,
                )
        except (RequestException, OAuthError, ValueError) as error:
            raise UpstreamFailed(f"no token: {type(error).__name__}") from None
        id_token = response.get("id_token")
        if not isinstance(id_token, str) or len(id_token) > MAX_RESPONSE_BYTES:
            raise UpstreamFailed("no ID token")
        return id_token

    def _verify_id_token(self, token: str) -> Mapping[str, Any]:
        """Return the claims of an ID token, its signature verified by a key that the issuer publishes."""
        # Imported here: joserfc takes 95 ms of every start.
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        for refetch in (False, True):
            keys = self._get_published("jwks", self._metadata()["jwks_uri"], refetch=refetch)
            try:
                return jwt.decode(token, KeySet.import_key_set(keys), algorithms=list(ID_TOKEN_ALGS)).claims  # type: ignore[arg-type] # as published
            except (JoseError, ValueError, TypeError, KeyError) as error:
                # Perhaps signed by a key that is newer than what we hold.
                if refetch:
                    raise UpstreamFailed(f"ID token: {type(error).__name__}") from None
        raise AssertionError("the second round answers or raises")

    def _check_claims(self, claims: Mapping[str, Any], pending: PendingSignIn) -> None:
        moment, leeway, client_id = now().timestamp(), LEEWAY.total_seconds(), self.upstream.client_id
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        exp, iat, sub = claims.get("exp"), claims.get("iat"), claims.get("sub")
        flaws = {
            "issuer": claims.get("iss") != self.upstream.issuer,
            "audience": client_id not in audiences,
            "authorized party": claims.get("azp", client_id if len(audiences) == 1 else None) != client_id,
            "age": not isinstance(exp, int | float) or exp + leeway < moment,
            "issued later": not isinstance(iat, int | float) or iat - leeway > moment,
            "nonce": claims.get("nonce") != pending.nonce,
            # Of characters that every database takes.
            "subject": not isinstance(sub, str) or not 0 < len(sub) <= 255 or not sub.isprintable(),
        }
        failed = [name for name, is_wrong in flaws.items() if is_wrong]
        if failed:
            raise UpstreamFailed(f"ID token: {', '.join(failed)}")

    def _metadata(self) -> Mapping[str, Any]:
        metadata = self._get_published("metadata", self.upstream.issuer.rstrip("/") + DISCOVERY_PATH)
        schemes = ("https://",) if self.upstream.secure else ("https://", "http://")
        if metadata.get("issuer") != self.upstream.issuer:
            raise UpstreamFailed("its discovery is of another issuer")
        if not all(str(metadata.get(name, "")).startswith(schemes) for name in REQUIRED_ENDPOINTS):
            raise UpstreamFailed("its discovery names no endpoints")
        return metadata

    def _make_client(self) -> OAuth2Session:
        # Imported here: Authlib and requests take 155 ms of every start.
        from authlib.integrations.requests_client import OAuth2Session

        methods = self._metadata().get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        method = "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
        client = OAuth2Session(
            self.upstream.client_id,
            self.upstream.client_secret,
            token_endpoint_auth_method=method if self.upstream.client_secret else "none",
            scope=self.upstream.scope,
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
            default_timeout=TIMEOUTS_SECONDS,
        )
        client.mount("https://", bounded := _make_bounded_adapter())
        client.mount("http://", bounded)
        return client

    def _get_published(self, name: str, url: str, *, refetch: bool = False) -> Mapping[str, Any]:
        max_age = REFETCH_AFTER_SECONDS if refetch else METADATA_TTL_SECONDS
        # One asks; whoever comes meanwhile waits for what it finds.
        with self._fetch_lock:
            fetched_at, document = self._cache.get(name, (float("-inf"), {}))
            if time.monotonic() - fetched_at > max_age:
                document = _fetch_json(url)
                self._cache[name] = (time.monotonic(), document)
            return document


def _fetch_json(url: str) -> Mapping[str, Any]:
    # Imported here: requests takes 100 ms of every start.
    import requests

    try:
        with requests.Session() as client:
            client.mount("https://", bounded := _make_bounded_adapter())
            client.mount("http://", bounded)
            response = client.get(url, timeout=TIMEOUTS_SECONDS, allow_redirects=False)
            if response.status_code != 200:
                raise UpstreamFailed(f"answered {response.status_code}")
            document = json.loads(response.content)
    except (requests.RequestException, ValueError, OSError) as error:
        raise UpstreamFailed(f"not reached: {type(error).__name__}") from None
    if not isinstance(document, dict):
        raise UpstreamFailed("not a JSON object")
    return document


def _make_bounded_adapter() -> HTTPAdapter:
    """Return an adapter that takes answers up to a size and a time, whatever a library behind it would wait for."""
    # Imported here: requests takes 100 ms of every start.
    import requests
    from requests.adapters import HTTPAdapter

    class Bounded(HTTPAdapter):
        def send(self, request: requests.PreparedRequest, *args: Any, **how: Any) -> requests.Response:
            ends, body = time.monotonic() + RESPONSE_DEADLINE_SECONDS, bytearray()
            answer = super().send(request, *args, **how | {"stream": True})
            while piece := answer.raw.read1(8192, decode_content=True):
                body += piece
                if len(body) > MAX_RESPONSE_BYTES or time.monotonic() > ends:
                    answer.close()
                    raise requests.ReadTimeout("too much, or too slow")
            answer._content = bytes(body)  # what the library itself would have read
            return answer

    return Bounded()


def _is_printable_text(claims: Mapping[str, Any], name: str) -> bool:
    value = claims.get(name)
    return isinstance(value, str) and value.isprintable()
