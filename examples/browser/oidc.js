// Authorization code with PKCE (RFC 7636) for a page. What waits for the answer rests in sessionStorage, of this tab
// alone; tokens never do: whatever reads the storage could use them.

const WAITING = "oidc-waiting";
const LEEWAY = 60;

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
const sha256 = async (text) => base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
const here = () => location.origin + location.pathname;

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function claimsOf(token) {
  const part = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0))));
}

async function asked(url, how) {
  const answer = await fetch(url, { credentials: "omit", redirect: "error", ...how });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error ?? `${answer.status}`);
  return said;
}

async function discover({ issuer }) {
  const found = await asked(`${issuer}/.well-known/openid-configuration`);
  if (found.issuer !== issuer) throw new Error("another issuer");
  return found;
}

// Leaves the page.
export async function beginSignIn(settings) {
  const { authorization_endpoint } = await discover(settings);
  const waiting = { state: random(), nonce: random(), verifier: random() };
  sessionStorage.setItem(WAITING, JSON.stringify(waiting));
  location.assign(`${authorization_endpoint}?${new URLSearchParams({
    client_id: settings.client_id,
    redirect_uri: here(),
    response_type: "code",
    scope: "openid profile email groups",
    state: waiting.state,
    nonce: waiting.nonce,
    code_challenge: await sha256(waiting.verifier),
    code_challenge_method: "S256",
  })}`);
}

// The tokens, where this page is opened with the answer of the service; null where it is not.
export async function finishSignIn(settings) {
  const said = new URLSearchParams(location.search);
  const waiting = JSON.parse(sessionStorage.getItem(WAITING));
  sessionStorage.removeItem(WAITING);
  if (!said.has("state")) return null;
  history.replaceState(null, "", here()); // the code is for nobody's history
  if (!waiting || said.get("state") !== waiting.state) return null; // signed out, or somebody else's answer
  if (said.get("iss") !== settings.issuer) throw new Error("another issuer"); // RFC 9207
  if (said.has("error")) throw new Error(said.get("error"));
  const { token_endpoint } = await discover(settings);
  const tokens = await asked(token_endpoint, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: settings.client_id,
      redirect_uri: here(),
      code: said.get("code"),
      code_verifier: waiting.verifier,
    }),
  });
  // Straight from the token endpoint over TLS: that is what vouches for it here (OpenID Connect Core 3.1.3.7, 6).
  const { iss, aud, exp, nonce } = claimsOf(tokens.id_token);
  const good = iss === settings.issuer && aud === settings.client_id && nonce === waiting.nonce;
  if (!good || exp + LEEWAY < Date.now() / 1000) throw new Error("not an ID token for this page");
  return tokens;
}

export async function userinfo(settings, tokens) {
  const { userinfo_endpoint } = await discover(settings);
  const user = await asked(userinfo_endpoint, { headers: { Authorization: `Bearer ${tokens.access_token}` } });
  if (user.sub !== claimsOf(tokens.id_token).sub) throw new Error("somebody else");
  return user;
}

// Leaves the page.
export async function signOut(settings, tokens) {
  const { end_session_endpoint } = await discover(settings);
  location.assign(`${end_session_endpoint}?${new URLSearchParams({
    id_token_hint: tokens.id_token,
    post_logout_redirect_uri: here(),
  })}`);
}
