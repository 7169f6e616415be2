// Documents: `kill -9` while they are uploaded, and uploads that never end. What can be seen is whole, what cannot leaves nothing.
// And documents that are shared: the interface for services as it is described.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { note, skip, test, until, within } from './lib/check.mjs';
import { hasSqlite, look, postgres, query } from './lib/databases.mjs';
import { canSignIn } from './lib/journeys.mjs';
import { Node, SEED_PASSWORD, directory } from './lib/program.mjs';
import { SEED, randomFrom } from './lib/random.mjs';
import { requireSchemathesis } from './lib/schemathesis.mjs';
import { shares } from './shares.mjs';

const ROUNDS = Number(process.env.NK_KILL_ROUNDS ?? 20);
const PERSON = 'konto-0@example.org';
/** Long enough that a random moment falls into its way, its last piece, or its transaction. */
const LENGTH = 3_000_000;
/** Of one safe a node takes 8 files at a time (src/store/object/receive.rs): the slow ones leave a place. */
const SLOW = 7;
/** Whoever sends less than 32 KiB in 30 seconds is not waited for (src/store/object/write.rs). */
const PATIENCE_SECONDS = 30;

export async function run() {
  requireSchemathesis();
  note(`NK_SEED=${SEED} NK_KILL_ROUNDS=${ROUNDS}`);
  for (const [name, database] of [['SQLite', undefined], ['PostgreSQL', { url: postgres() }]]) {
    if (name === 'SQLite' && !hasSqlite) {
      skip('documents on SQLite', 'there is no sqlite3 on this machine');
      continue;
    }
    const safe = await Safe.opens(`safe-${name}`, database && { database });
    await test(`${name}: killed ${ROUNDS} times during an upload: a document is there and whole, or not at all`, () =>
      safe.killed());
    await test(`${name}: what nobody finished is removed, and what is counted is what is there`, () => safe.wholeness());
    await test(`${name}: ten bytes a second: ended in time, no place is held, nothing is seen, others go on`, () => safe.slow());
    const { code } = await safe.node.stop();
    await test(`${name}: it ends well afterwards`, () => assert.equal(code, 0, safe.node.log));
    await shares(name, database);
  }
}

/** A text of so many bytes that no other round sends. */
const text = (round) => Buffer.from(`Runde ${round}\n`.repeat(LENGTH).slice(0, LENGTH + round));
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

class Safe {
  static async opens(name, sections) {
    const safe = new Safe();
    const room = { safe: { quota_mebibytes: 100_000 } };
    // Only beside SQLite there is a place for files by itself.
    safe.shelf = join(directory(name), 'objects');
    safe.node = new Node(name, { ...sections, ...room, objects: { directory: safe.shelf } });
    await safe.node.seed(1);
    await safe.node.start();
    safe.random = randomFrom(SEED);
    safe.known = new Map();
    return safe;
  }

  async browser() {
    const browser = await canSignIn(this.node.issuer, PERSON, SEED_PASSWORD);
    const page = await browser.open('/safe/hochladen');
    this.csrf = page.body.match(/name="csrf" value="([^"]*)"/)[1];
    this.cookie = [...browser.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');
    return browser;
  }

  async upload(round) {
    const form = new FormData();
    form.set('csrf', this.csrf);
    form.set('dateien', new Blob([text(round)]), `runde-${round}.txt`);
    const { issuer } = this.node;
    const answer = await fetch(`${issuer}/safe/hochladen`, {
      method: 'POST',
      headers: { cookie: this.cookie, origin: issuer },
      body: form,
    });
    return { status: answer.status, body: await answer.text() };
  }

  /** How long an upload takes if nobody disturbs it. */
  async measure() {
    await this.browser();
    const start = performance.now();
    const { status, body } = await this.upload(ROUNDS);
    assert.equal(status, 200, body);
    this.known.set(`runde-${ROUNDS}.txt`, true);
    return performance.now() - start;
  }

  async killed() {
    const usual = await this.measure();
    let answered = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      await this.browser();
      const death = new Promise((done) => setTimeout(done, this.random() * usual * 1.3)).then(() => this.node.kill());
      const first = await this.upload(round).catch(() => undefined);
      await death;
      await this.node.start();
      if (first?.status === 200) {
        answered += 1;
        this.known.set(`runde-${round}.txt`, true);
      }
      await this.compares((name) => name === `runde-${round}.txt`);
    }
    await this.compares(() => true);
    const visible = (await this.documents()).size;
    note(`${visible} documents, ${answered} of them with an answer, in ${ROUNDS} rounds`);
    assert.ok(answered < ROUNDS, 'some were killed');
  }

  /** Every document on every page, by name. */
  async documents() {
    const browser = await canSignIn(this.node.issuer, PERSON, SEED_PASSWORD);
    this.cookie = [...browser.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');
    const found = new Map();
    for (let path = '/safe'; path;) {
      const page = await browser.open(path);
      assert.equal(page.status, 200);
      for (const [, id, name] of page.body.matchAll(/id="(doc_\w+)" href="[^"]*"><bdi>([^<]*)</g)) {
        assert.ok(!found.has(name), `${name} is there twice`);
        found.set(name, id);
      }
      path = page.body.match(/id="weitere" href="([^"]*)"/)?.[1].replaceAll(/&(?:amp|#38);/g, '&');
    }
    return found;
  }

  /** What can be seen is whole; what its sender was told of can be seen. */
  async compares(isMeant) {
    const found = await this.documents();
    for (const name of this.known.keys()) {
      assert.ok(found.has(name), `${name} is lost`);
    }
    for (const [name, id] of [...found].filter(([name]) => isMeant(name))) {
      const answer = await fetch(`${this.node.issuer}/safe/${id}/1/datei`, { headers: { cookie: this.cookie } });
      assert.equal(answer.status, 200, name);
      const bytes = Buffer.from(await answer.arrayBuffer());
      assert.equal(sha256(bytes), sha256(text(Number(name.match(/\d+/)[0]))), `${name} is torn`);
    }
  }

  async wholeness() {
    const { databaseUrl } = this.node;
    const number = (statement) => Number(look(databaseUrl, statement)[0][0]);
    assert.equal(number('SELECT SUM(bytes) FROM safe'), number('SELECT SUM(bytes) FROM safe_version'));
    assert.equal(number('SELECT SUM(documents) FROM safe'), number('SELECT COUNT(*) FROM safe_document'));
    // An hour passes for whatever was left.
    query(databaseUrl, "UPDATE sealed_object SET created_at = 0 WHERE state <> 'whole'");
    const left = () => number("SELECT COUNT(*) FROM sealed_object WHERE state <> 'whole'");
    await until('everything unfinished is removed', 60, () => left() === 0);
    const rows = look(databaseUrl, 'SELECT path FROM sealed_object ORDER BY path').map(([path]) => path);
    const files = readdirSync(this.shelf, { recursive: true }).filter((file) => file.includes('/'));
    assert.deepEqual(files.sort(), rows.sort(), 'no bytes without a row, no row without bytes');
    assert.equal(rows.length, number('SELECT COUNT(*) FROM safe_version'), 'no file that no document has');
  }
  /** What lies in the shelf of files that are not whole, and rows of such. */
  unfinished() {
    const whole = new Set(look(this.node.databaseUrl, "SELECT path FROM sealed_object WHERE state = 'whole'").map(([path]) => path));
    return readdirSync(this.shelf, { recursive: true }).filter((file) => file.includes('/') && !whole.has(file));
  }

  async slow() {
    const before = (await this.documents()).size;
    await this.browser();
    const start = performance.now();
    const slow = this.trickles();
    await until('their bytes come', 10, () => this.unfinished().length === SLOW);
    // Others find places meanwhile, and what nobody has finished is not seen.
    for (const round of [1, 2, 3]) {
      assert.equal((await this.upload(ROUNDS + round)).status, 200);
    }
    assert.equal((await this.documents()).size, before + 3);
    await until('what came too slowly is removed', PATIENCE_SECONDS + 20, () => this.unfinished().length === 0);
    const seconds = (performance.now() - start) / 1000;
    assert.ok(seconds >= PATIENCE_SECONDS - 1, `after ${seconds.toFixed(1)} s already`);
    // Their places are free again: as many others find some, more than one safe has altogether. Whoever goes away leaves nothing either.
    await this.browser();
    const others = this.trickles();
    await until('others have places', 10, () => this.unfinished().length === SLOW);
    for (const { socket } of others) socket.destroy();
    await until('nothing of theirs is left', 10, () => this.unfinished().length === 0);
    for (const one of slow) assert.match(await one.answer(), /^HTTP\/1\.1 (408|422) /);
    const last = (performance.now() - start) / 1000;
    note(`${SLOW} senders: their files gone after ${seconds.toFixed(1)} s, they themselves after ${last.toFixed(1)} s`);
    assert.equal((await this.documents()).size, before + 3, 'nothing of theirs is seen');
  }

  trickles() {
    return Array.from({ length: SLOW }, (_, number) => new Trickle(this, `langsam-${number}.txt`));
  }
}

/** An upload with ten bytes a second, and no end. */
class Trickle {
  constructor(safe, name) {
    const { issuer, port } = safe.node;
    const part = (head, body) => `--grenze\r\ncontent-disposition: form-data; ${head}\r\n\r\n${body}`;
    const body = `${part('name="csrf"', `${safe.csrf}\r\n`)}${part(`name="dateien"; filename="${name}"`, '')}`;
    const head = [
      'POST /safe/hochladen HTTP/1.1',
      `host: ${new URL(issuer).host}`,
      `origin: ${issuer}`,
      `cookie: ${safe.cookie}`,
      'content-type: multipart/form-data; boundary=grenze',
      'content-length: 50000000',
    ];
    this.socket = connect(port, '127.0.0.1', () => this.socket.write(`${head.join('\r\n')}\r\n\r\n${body}`));
    this.said = '';
    this.socket.setEncoding('utf8').on('data', (text) => (this.said += text));
    this.socket.on('error', () => {});
    const drip = setInterval(() => this.socket.write('zehn Byte\n'), 1000);
    this.ended = once(this.socket, 'close').finally(() => clearInterval(drip));
  }

  /** What it was told before the connection ended. */
  async answer() {
    await within('the connection ends', 20, this.ended);
    return this.said;
  }
}
