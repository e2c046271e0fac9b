// An app on Auth.js, as the documentation of @auth/express has it.
import { ExpressAuth, getSession } from "@auth/express";
import express from "express";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, PORT, SAFER } = process.env;
const config = {
  trustHost: true,
  secret: "a secret of thirty-two characters or more",
  providers: [
    {
      id: "accounts",
      name: "accounts",
      type: "oidc",
      issuer: ISSUER,
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      ...(SAFER && { checks: ["pkce", "nonce"] }),
    },
  ],
  callbacks: { session: ({ session, token }) => ({ ...session, user: { ...session.user, sub: token.sub } }) },
};
const app = express();
app.use("/auth/*", ExpressAuth(config));
app.get("/", async (request, response) => response.json((await getSession(request, config))?.user ?? {}));
app.listen(Number(PORT), "127.0.0.1", () => process.stdout.write("listening\n"));
