// The certified provider on Node, with one app, to be asked the same questions as this one.
import Provider from "oidc-provider";

const { PORT, REDIRECT_URI } = process.env;
const provider = new Provider(`http://127.0.0.1:${PORT}`, {
  clients: [{ client_id: "c", client_secret: "s", redirect_uris: [REDIRECT_URI] }],
  cookies: { keys: ["only for this test"] },
});
provider.listen(Number(PORT), "127.0.0.1", () => process.stdout.write("listening\n"));
