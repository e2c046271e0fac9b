// oidc-provider keeps its own artifacts; this keeps them in SQLite with the pragmas that the accounts service uses.
import Database from "better-sqlite3";

export function adapterOn(path) {
  const db = new Database(path);
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  db.exec(`CREATE TABLE IF NOT EXISTS artifacts (
    kind TEXT, id TEXT, payload TEXT, grant_id TEXT, consumed_at INTEGER, expires_at INTEGER, PRIMARY KEY (kind, id))`);
  db.exec("CREATE INDEX IF NOT EXISTS by_grant ON artifacts (grant_id)");
  const put = db.prepare("INSERT OR REPLACE INTO artifacts VALUES (?, ?, ?, ?, NULL, ?)");
  const get = db.prepare("SELECT payload, consumed_at, expires_at FROM artifacts WHERE kind = ? AND id = ?");
  const use = db.prepare("UPDATE artifacts SET consumed_at = ? WHERE kind = ? AND id = ?");
  const drop = db.prepare("DELETE FROM artifacts WHERE kind = ? AND id = ?");
  const revoke = db.prepare("DELETE FROM artifacts WHERE grant_id = ?");
  const seconds = () => Math.floor(Date.now() / 1000);

  return class {
    constructor(kind) {
      this.kind = kind;
    }
    async upsert(id, payload, expiresIn) {
      put.run(this.kind, id, JSON.stringify(payload), payload.grantId ?? null, expiresIn ? seconds() + expiresIn : null);
    }
    async find(id) {
      const row = get.get(this.kind, id);
      if (!row || (row.expires_at && row.expires_at < seconds())) return undefined;
      const payload = JSON.parse(row.payload);
      return row.consumed_at ? { ...payload, consumed: row.consumed_at } : payload;
    }
    async findByUid() {
      return undefined;
    }
    async findByUserCode() {
      return undefined;
    }
    async consume(id) {
      use.run(seconds(), this.kind, id);
    }
    async destroy(id) {
      drop.run(this.kind, id);
    }
    async revokeByGrantId(grantId) {
      revoke.run(grantId);
    }
  };
}
