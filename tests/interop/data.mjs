// The copy of one's data, read by software nobody here wrote, and erasing that is killed again and again.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import AdmZip from 'adm-zip';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { note, skip, test, until } from './lib/check.mjs';
import { Browser } from './lib/browser.mjs';
import { hasSqlite, look, postgres, query } from './lib/databases.mjs';
import { canSignIn, signIn } from './lib/journeys.mjs';
import { Node, SEED_PASSWORD } from './lib/program.mjs';

const ROUNDS = Number(process.env.NK_KILL_ROUNDS ?? 20);
const SCHEMA = new URL('../../docs/export-schema.json', import.meta.url);
const emailOf = (number) => `konto-${number}@example.org`;

export async function run() {
  const databases = { PostgreSQL: { database: { url: postgres() } }, SQLite: undefined };
  for (const [name, sections] of Object.entries(databases)) {
    if (name === 'SQLite' && !hasSqlite) {
      skip('the copy and erasing on SQLite', 'there is no sqlite3 on this machine');
      continue;
    }
    const node = new Node('data', sections);
    await node.seed(ROUNDS + 2);
    await node.start();
    await test(`${name}: the copy says what the database says, in the form of its schema`, () => copy(node));
    await test(`${name}: a copy of ten thousand lines`, () => longCopy(node));
    const eraser = new Eraser(node);
    await test(`${name}: killed ${ROUNDS} times while people leave`, () => eraser.begin());
    await test(`${name}: killed for each of them while their data is removed`, () => eraser.finish());
    await test(`${name}: afterwards nothing of them is left, and the audit trail is sound`, () => eraser.nothingLeft());
    await node.stop();
  }
}

/** Asks for a copy and fetches it; the bytes. */
async function fetchCopy(node, browser) {
  const page = await browser.open('/daten/export');
  const granted = await browser.press(page, 'weiter', { current: SEED_PASSWORD });
  const [token, csrf] = ['schluessel', 'csrf'].map((name) => granted.form('laden').inputs.find((one) => one.name === name));
  const answer = await fetch(`${node.issuer}/daten/export/laden`, {
    method: 'POST',
    headers: { cookie: [...browser.cookies].map(([name, { value }]) => `${name}=${value}`).join('; '), origin: node.issuer },
    body: new URLSearchParams({ schluessel: token.value, csrf: csrf.value }),
  });
  assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'application/zip']);
  return Buffer.from(await answer.arrayBuffer());
}

async function copy(node) {
  const browser = await canSignIn(node.issuer, emailOf(0), SEED_PASSWORD);
  const archive = new AdmZip(await fetchCopy(node, browser));
  assert.ok(archive.test(), 'every file has its checksum');
  const account = JSON.parse(archive.readAsText('konto.json'));
  const ajv = new Ajv2020({ allErrors: true });
  addFormats(ajv);
  const schema = readFileSync(SCHEMA, 'utf8');
  assert.equal(archive.readAsText('konto.schema.json'), schema);
  const isValid = ajv.compile(JSON.parse(schema));
  assert.ok(isValid(account), ajv.errorsText(isValid.errors));

  const id = account.account.id;
  const count = (statement) => Number(look(node.databaseUrl, statement)[0][0]);
  assert.equal(account.addresses.length, count(`SELECT COUNT(*) FROM email_address WHERE account_id = '${id}'`));
  assert.equal(account.attributes.length, count(`SELECT COUNT(*) FROM attribute WHERE account_id = '${id}'`));
  assert.equal(account.sessions.length, count(`SELECT COUNT(*) FROM session WHERE account_id = '${id}'`));
  assert.equal(account.devices.length, count(`SELECT COUNT(*) FROM device WHERE account_id = '${id}'`));
  assert.equal(
    Date.parse(account.addresses[0].confirmed_at),
    Math.floor(count(`SELECT confirmed_at FROM email_address WHERE account_id = '${id}'`) / 1000) * 1000,
  );
  assert.equal(account.addresses[0].email, emailOf(0));
  const recorded = look(node.databaseUrl, `SELECT id FROM audit_event WHERE subject = '${id}' ORDER BY id DESC`);
  const lines = JSON.parse(archive.readAsText('protokoll.json'));
  assert.deepEqual(lines.map((line) => line.id), recorded.map(([event]) => event));
  // RFC 4180: every cell is quoted here, so that a line ends where a quote is followed by one.
  const table = archive.readAsText('protokoll.csv').replace(/^\uFEFF/, '').trimEnd().split('"\r\n');
  assert.equal(table.length, lines.length + 1);
}

/** Ten thousand lines cost no memory that grows with them, and, as it is released, less than two seconds; this is the slow build. */
async function longCopy(node) {
  const browser = await canSignIn(node.issuer, emailOf(0), SEED_PASSWORD);
  const [[id]] = look(node.databaseUrl, "SELECT subject FROM audit_event WHERE kind = 'data.exported' LIMIT 1");
  await fetchCopy(node, browser);
  const before = node.memoryPeak();
  query(
    node.databaseUrl,
    `INSERT INTO audit_event (id, at, kind, actor, subject, detail)
     WITH RECURSIVE line(i) AS (SELECT 10001 UNION ALL SELECT i + 1 FROM line WHERE i < 20000)
     SELECT 'evt_long' || CAST(i AS TEXT), ${Date.now()} + i, 'session.limit_chosen', '${id}', '${id}', '{"minutes":30}'
       FROM line`,
  );
  const start = performance.now();
  const archive = new AdmZip(await fetchCopy(node, browser));
  const seconds = (performance.now() - start) / 1000;
  const lines = JSON.parse(archive.readAsText('protokoll.json')).length;
  const grown = (node.memoryPeak() - before) / 1024 / 1024;
  note(`${lines} lines in ${seconds.toFixed(2)} s, ${grown.toFixed(1)} MiB more memory at the peak`);
  assert.ok(lines > 10000 && seconds < 10 && grown < 16, 'see the line above');
}

/** People leave, and the program is killed meanwhile. */
class Eraser {
  constructor(node) {
    this.node = node;
  }

  /** How long leaving takes if nobody disturbs it. */
  async measure() {
    const start = performance.now();
    await this.#leave(await canSignIn(this.node.issuer, emailOf(ROUNDS + 1), SEED_PASSWORD));
    return performance.now() - start;
  }

  async #leave(browser) {
    const page = await browser.open('/daten/loeschen');
    const form = page.form('weiter');
    const body = new URLSearchParams({ wann: 'sofort', current: SEED_PASSWORD });
    body.append('csrf', form.inputs.find((one) => one.name === 'csrf').value);
    const headers = { origin: this.node.issuer, 'sec-fetch-site': 'same-origin' };
    return browser.request('POST', new URL('/daten/loeschen', this.node.issuer), { body: body.toString(), headers });
  }

  async begin() {
    const duration = await this.measure();
    let gone = 0;
    for (let round = 1; round <= ROUNDS; round += 1) {
      const browser = new Browser(this.node.issuer);
      await signIn(browser, emailOf(round), SEED_PASSWORD);
      const leaving = this.#leave(browser).then((answer) => answer.status, () => undefined);
      await new Promise((done) => setTimeout(done, Math.random() * duration * 1.2));
      await this.node.kill();
      const told = (await leaving) === 303;
      await this.node.start();
      const isThere = await canSignIn(this.node.issuer, emailOf(round), SEED_PASSWORD);
      assert.ok(!(told && isThere), `round ${round}: the browser was told that the account is deleted, and it is there`);
      gone += isThere ? 0 : 1;
    }
    note(`${gone} of ${ROUNDS} accounts were gone, the others unharmed`);
    const odd = "SELECT id FROM account WHERE (status = 'active') <> (key_wrapped IS NOT NULL)";
    assert.deepEqual(look(this.node.databaseUrl, odd), [], 'an account has its key exactly as long as it lives');
  }

  /** Time does not pass here, so what waits for a minute is due at once. */
  async finish() {
    const erasing = () => look(this.node.databaseUrl, "SELECT id FROM account WHERE status = 'erasing' ORDER BY id");
    await this.node.stop();
    for (const [id] of erasing()) {
      query(this.node.databaseUrl, `UPDATE account SET erase_at = 1 WHERE id = '${id}'`);
      this.node.spawn();
      await new Promise((done) => setTimeout(done, 40 + Math.random() * 120));
      await this.node.kill();
    }
    note(`${erasing().length} are still to be removed`);
    await this.node.start();
  }

  async nothingLeft() {
    const erasing = () => look(this.node.databaseUrl, "SELECT id FROM account WHERE status = 'erasing'").length;
    await until('everything is removed', 15, () => erasing() === 0);
    for (const table of ['password', 'session', 'device', 'email_address', 'attribute', 'consent', 'client_grant']) {
      const orphans = `SELECT account_id FROM ${table} WHERE account_id IN (SELECT id FROM account WHERE status = 'erased')`;
      assert.deepEqual(look(this.node.databaseUrl, orphans), [], table);
    }
    const twice = "SELECT subject FROM audit_event WHERE kind = 'account.erased' GROUP BY subject HAVING COUNT(*) > 1";
    assert.deepEqual(look(this.node.databaseUrl, twice), []);
    const told = await this.node.run('audit', 'verify');
    assert.match(told, /sealed events/);
  }
}
