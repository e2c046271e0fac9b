// An app on passport-openidconnect, as its README has it. It knows no discovery.
import express from "express";
import session from "express-session";
import passport from "passport";
import OpenIDConnectStrategy from "passport-openidconnect";

const { ISSUER, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, PORT, SAFER } = process.env;
passport.use(
  new OpenIDConnectStrategy(
    {
      issuer: ISSUER,
      authorizationURL: `${ISSUER}/oauth/authorize`,
      tokenURL: `${ISSUER}/oauth/token`,
      userInfoURL: `${ISSUER}/oauth/userinfo`,
      clientID: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      callbackURL: REDIRECT_URI,
      scope: ["profile", "email"],
      nonce: Boolean(SAFER),
    },
    (issuer, profile, done) =>
      done(null, { sub: profile.id, name: profile.displayName, email: profile.emails?.[0]?.value }),
  ),
);
passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user, done) => done(null, user));

const app = express();
app.use(session({ secret: "a secret of a test", resave: false, saveUninitialized: false }));
app.use(passport.authenticate("session"));
app.get("/login", passport.authenticate("openidconnect"));
app.get("/callback", passport.authenticate("openidconnect", { failWithError: true }), (request, response) =>
  response.redirect("/"),
);
app.get("/", (request, response) => response.json(request.user ?? {}));
app.use((error, request, response, next) => response.status(500).json({ error: String(error) }));
app.listen(Number(PORT), "127.0.0.1", () => process.stdout.write("listening\n"));
