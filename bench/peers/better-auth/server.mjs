// better-auth as its documentation sets it up for email and password, on SQLite with the pragmas of the accounts
// service. Messages are built whole and not delivered; the link of each goes into the file that LETTERS names.
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { Algorithm, hash, verify } from "@node-rs/argon2";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import Database from "better-sqlite3";
import MailComposer from "nodemailer/lib/mail-composer/index.js";

const { PORT, DATABASE, PEOPLE, ARGON2, LETTERS, PASSWORD } = process.env;
const [memoryCost, timeCost] = ARGON2.split(",").map(Number);
const parameters = { algorithm: Algorithm.Argon2id, memoryCost, timeCost, parallelism: 1 };

const database = new Database(DATABASE);
database.pragma("journal_mode = WAL");
database.pragma("synchronous = FULL");

async function buildLetter(to, subject, url) {
  const text = `Hello,\n\nopen this link:\n\n${url}\n\nIf that was not you, do nothing.\n`;
  const html = `<p>Hello,</p><p>open this link:</p><p><a href="${url}">${url}</a></p><p>If that was not you, do nothing.</p>`;
  await new MailComposer({ from: "peer@example.org", to, subject, text, html }).compile().build();
  appendFileSync(LETTERS, JSON.stringify({ to, link: url }) + "\n");
}

const options = {
  database,
  baseURL: `http://127.0.0.1:${PORT}`,
  secret: "a secret of a benchmark, on loopback",
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { level: "error" },
  emailAndPassword: {
    enabled: true,
    requireEmailVerification: true,
    sendResetPassword: ({ user, url }) => buildLetter(user.email, "Reset your password", url),
    password: {
      hash: (password) => hash(password, parameters),
      verify: ({ hash: stored, password }) => verify(stored, password),
    },
  },
  emailVerification: {
    sendOnSignUp: true,
    autoSignInAfterVerification: true,
    sendVerificationEmail: ({ user, url }) => buildLetter(user.email, "Confirm your address", url),
  },
};
await (await getMigrations(options)).runMigrations();
const auth = betterAuth(options);

const stored = await hash(PASSWORD, parameters);
const moment = new Date().toISOString();
const addUser = database.prepare("INSERT INTO user (id, name, email, emailVerified, createdAt, updatedAt) VALUES (?, ?, ?, 1, ?, ?)");
const addLogin = database.prepare(
  "INSERT INTO account (id, accountId, providerId, userId, password, createdAt, updatedAt) VALUES (?, ?, 'credential', ?, ?, ?, ?)",
);
database.transaction(() => {
  for (let i = 0; i < Number(PEOPLE); i++) {
    addUser.run(`u${i}`, `Person ${i}`, `person${i}@example.org`, moment, moment);
    addLogin.run(`a${i}`, `u${i}`, `u${i}`, stored, moment, moment);
  }
})();

createServer(toNodeHandler(auth)).listen(Number(PORT), "127.0.0.1");
