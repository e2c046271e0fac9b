// An app on express-openid-connect: everything behind it needs a signed-in person.
import express from "express";
import openid from "express-openid-connect";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, PORT } = process.env;
const app = express();
app.use(
  openid.auth({
    issuerBaseURL: ISSUER,
    baseURL: `http://localhost:${PORT}`,
    clientID: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    secret: "a secret of thirty-two characters or more",
    authorizationParams: { response_type: "code", scope: "openid email" },
  }),
);
app.get("/", async (request, response) => response.json(await request.oidc.fetchUserInfo()));
app.listen(Number(PORT), "127.0.0.1", () => process.stdout.write("listening\n"));
