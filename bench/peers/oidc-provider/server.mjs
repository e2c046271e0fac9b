// A provider as its documentation sets one up: one confidential client, PKCE, claims, artifacts in SQLite.
// GET /bench/codes?n=500&scope=openid makes codes of one signed-in person, outside of what is measured.
import { createHash } from "node:crypto";
import { generateKeyPairSync } from "node:crypto";
import { Provider } from "oidc-provider";
import { adapterOn } from "./adapter.mjs";

const { PORT, DATABASE, ALG, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, CHALLENGE } = process.env;
const pair = ALG === "RS256" ? generateKeyPairSync("rsa", { modulusLength: 2048 }) : generateKeyPairSync("ed25519");
const jwk = { ...pair.privateKey.export({ format: "jwk" }), use: "sig", alg: ALG };
const ACCOUNT = createHash("sha256").update("person").digest("base64url").slice(0, 16);

const provider = new Provider(`http://127.0.0.1:${PORT}`, {
  adapter: adapterOn(DATABASE),
  jwks: { keys: [jwk] },
  enabledJWA: { idTokenSigningAlgValues: [ALG] },
  clients: [
    {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      redirect_uris: [REDIRECT_URI],
      grant_types: ["authorization_code", "refresh_token"],
      id_token_signed_response_alg: ALG,
    },
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "locale", "updated_at"] },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  cookies: { keys: ["cookies of a benchmark, on loopback"] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: "person@example.org", email_verified: true, name: "Person", locale: "en", updated_at: 0 }),
  }),
  features: { devInteractions: { enabled: false } },
});

provider.use(async (ctx, next) => {
  if (ctx.path !== "/bench/codes") return next();
  const client = await provider.Client.find(CLIENT_ID);
  const codes = [];
  for (let i = 0; i < Number(ctx.query.n); i++) {
    const grant = new provider.Grant({ accountId: ACCOUNT, clientId: CLIENT_ID });
    grant.addOIDCScope(ctx.query.scope);
    const code = new provider.AuthorizationCode({
      client,
      accountId: ACCOUNT,
      grantId: await grant.save(),
      authTime: Math.floor(Date.now() / 1000),
      codeChallenge: CHALLENGE,
      codeChallengeMethod: "S256",
      redirectUri: REDIRECT_URI,
      scope: ctx.query.scope,
      gty: "authorization_code",
    });
    codes.push(await code.save());
  }
  ctx.body = codes;
});

provider.listen(Number(PORT), "127.0.0.1");
