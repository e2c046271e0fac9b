// A page without a server of its own: no secret, PKCE, tokens in memory only.

import { beginSignIn, finishSignIn, signOut, userinfo } from "./oidc.js";

const show = (id, text) => (document.getElementById(id).textContent = text);
const settings = await (await fetch("settings.json")).json();
let tokens = null;

document.getElementById("sign-in").addEventListener("click", () => beginSignIn(settings));
document.getElementById("sign-out").addEventListener("click", () => signOut(settings, tokens));

try {
  tokens = await finishSignIn(settings);
  if (tokens) {
    const user = await userinfo(settings, tokens);
    show("greeting", `Hello ${user.name ?? user.email}`);
    show("groups", `Your groups: ${user.groups.join(", ") || "none"}`);
    document.getElementById("sign-in").hidden = true;
    document.getElementById("sign-out").hidden = false;
  }
} catch (error) {
  show("trouble", `Not signed in: ${error.message}`);
}
