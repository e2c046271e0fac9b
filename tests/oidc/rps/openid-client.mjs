// An app on openid-client 6. Says where to send the person; takes back the address they arrive at, line by line.
import * as client from "openid-client";
import * as readline from "node:readline";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI } = process.env;
const config = await client.discovery(new URL(ISSUER), CLIENT_ID, undefined, client.ClientSecretBasic(CLIENT_SECRET));
client.enableNonRepudiationChecks(config); // verify signatures, although TLS vouches already
const say = (said) => process.stdout.write(JSON.stringify(said) + "\n");

const ask = async () => {
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
  };
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT_URI,
    scope: "openid email offline_access",
    code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: "S256",
    state: checks.expectedState,
    nonce: checks.expectedNonce,
  });
  say({ url: url.href });
  return checks;
};

let checks = await ask();
for await (const line of readline.createInterface({ input: process.stdin })) {
  try {
    const tokens = await client.authorizationCodeGrant(config, new URL(line), checks);
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
    const info = await client.fetchUserInfo(config, refreshed.access_token, tokens.claims().sub);
    const kid = JSON.parse(Buffer.from(tokens.id_token.split(".")[0], "base64url")).kid;
    say({ sub: tokens.claims().sub, email: info.email, kid });
  } catch (wrong) {
    say({ wrong: String(wrong), cause: String(wrong.cause ?? "") });
  }
  checks = await ask();
}
