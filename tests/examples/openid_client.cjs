// A relying party on openid-client 6 that verifies the signature of every ID token, too (by default it trusts TLS).

const { createServer } = require("node:http");
const { createRequire } = require("node:module");
const client = createRequire(process.env.MODULES)("openid-client");

const origin = `http://localhost:${process.env.PORT}`;
const waiting = new Map();

async function answer(config, request, response) {
  const url = new URL(request.url, origin);
  if (url.pathname === "/sign-in") {
    const verifier = client.randomPKCECodeVerifier();
    const [state, nonce] = [client.randomState(), client.randomNonce()];
    waiting.set(state, { verifier, nonce });
    const there = client.buildAuthorizationUrl(config, {
      redirect_uri: `${origin}/callback`,
      scope: "openid profile email groups",
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state,
      nonce,
    });
    response.writeHead(303, { Location: there.href }).end();
  } else if (url.pathname === "/callback") {
    const state = url.searchParams.get("state");
    const { verifier, nonce } = waiting.get(state);
    const tokens = await client.authorizationCodeGrant(config, url, {
      pkceCodeVerifier: verifier,
      expectedState: state,
      expectedNonce: nonce,
      idTokenExpected: true,
    });
    const user = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
    response.end(`Hello ${user.name}`);
  } else {
    response.end("Hello stranger");
  }
}

client
  .discovery(
    new URL(process.env.OIDC_ISSUER),
    process.env.OIDC_CLIENT_ID,
    undefined,
    client.ClientSecretBasic(process.env.OIDC_CLIENT_SECRET),
    { execute: [client.enableNonRepudiationChecks] },
  )
  .then((config) =>
    createServer((request, response) =>
      answer(config, request, response).catch((error) => response.writeHead(400).end(`Not signed in: ${error.code} ${error.message}`)),
    ).listen(Number(process.env.PORT), "localhost"),
  );
