// An Express app whose people sign in with accounts, and are signed out here when they are signed out there.

import express from "express";
import openid from "express-openid-connect";
import session from "express-session";

const port = process.env.PORT ?? "5003";
const app = express();
app.disable("x-powered-by");

// begin sign-in
const { auth, requiresAuth } = openid;
app.use(
  auth({
    issuerBaseURL: process.env.OIDC_ISSUER,
    clientID: process.env.OIDC_CLIENT_ID,
    clientSecret: process.env.OIDC_CLIENT_SECRET,
    clientAuthMethod: "client_secret_basic",
    baseURL: process.env.BASE_URL ?? `http://localhost:${port}`,
    secret: process.env.SECRET,
    authRequired: false,
    authorizationParams: { response_type: "code", scope: "openid profile email groups" },
    idpLogout: true,
    // Signed out there, by a password change or by an admin: signed out here with the next request.
    // With more than one process, a store that they share.
    backchannelLogout: { store: new session.MemoryStore() },
    routes: { login: "/sign-in", logout: false },
    enableTelemetry: false,
  }),
);
app.post("/sign-out", (request, response) => response.oidc.logout());
// end sign-in

const page = (body) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Express example</title>${body}</html>`;
const escaped = (text) => String(text).replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);

app.get("/", (request, response) => {
  const user = request.oidc.user;
  if (!user) {
    response.send(page('<h1>Hello stranger</h1><p><a href="/sign-in">Sign in</a></p>'));
    return;
  }
  const groups = escaped(user.groups.join(", ") || "none");
  response.send(
    page(
      `<h1>Hello ${escaped(user.name ?? user.email)}</h1><p>Your groups: ${groups}</p>` +
        '<form method="post" action="/sign-out"><button>Sign out</button></form>',
    ),
  );
});

// begin guarded
app.get("/members", requiresAuth(), (request, response) => {
  response.send(page(`<h1>Members only</h1><p>You are ${escaped(request.oidc.user.sub)}.</p>`));
});
// end guarded

app.use((error, request, response, next) => {
  if (response.headersSent) return next(error);
  response.status(error.statusCode ?? 500);
  response.send(page(`<p role="alert">Not signed in: ${escaped(error.error ?? error.message)}</p>`));
});

app.listen(Number(port), "localhost");
