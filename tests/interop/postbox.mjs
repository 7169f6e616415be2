// Notices over the delivery interface: what Schemathesis makes of its description, and `kill -9` while authorities deliver.

import assert from 'node:assert/strict';
import { createPrivateKey, randomUUID, sign } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { note, skip, test, until } from './lib/check.mjs';
import { withKey, withSecret } from './lib/clients.mjs';
import { hasSqlite, look, postgres } from './lib/databases.mjs';
import { Node, command } from './lib/program.mjs';
import { SEED, randomFrom } from './lib/random.mjs';
import { Provider, authorized } from './lib/relying-party.mjs';
import { conforms, requireSchemathesis } from './lib/schemathesis.mjs';

const ROUNDS = Number(process.env.NK_KILL_ROUNDS ?? 20);
/** Longer than anything of a round takes. */
const KILL_AFTER_MAX_MS = 250;
const OFFICE = {
  sector: 'stadt',
  own_scopes: ['postbox'],
  postbox: { land: 'RP', notices_per_day: 1_000_000 },
  redirect_uris: [],
  post_logout_redirect_uris: [],
  scopes: [],
  claims: [],
};

export async function run() {
  requireSchemathesis();
  for (const [name, database] of [['SQLite', undefined], ['PostgreSQL', { url: postgres() }]]) {
    if (name === 'SQLite' && !hasSqlite) {
      skip('notices on SQLite', 'there is no sqlite3 on this machine');
      continue;
    }
    const objects = (node) => ({ directory: join(node.directory, 'objects') });
    const office = await Office.opens(`postbox-${name}`, (node) => ({ database, objects: objects(node) }));
    await test(`${name}: Schemathesis finds neither a 5xx nor an answer that is not described`, () => described(office));
    await test(`${name}: whoever has a receipt checks it without us, and sees every change`, () => checked(office));
    await test(`${name}: killed ${ROUNDS} times during delivery: nothing is lost, doubled or torn`, () => killed(office));
    const { code } = await office.node.stop();
    await test(`${name}: it ends well afterwards`, () => assert.equal(code, 0, office.node.log));
  }
}

/** An authority with a program that delivers, and somebody who is connected with its service. */
class Office {
  static async opens(name, sections) {
    const office = new Office();
    office.node = await new Node(name, sections).start();
    const client = await withKey('amt', 'ES256', OFFICE);
    const service = withSecret('wohngeld', 'client_secret_basic', { sector: 'stadt' });
    office.key = client.key;
    const provider = await Provider.with(office.node, { service, client }, 1);
    const { browser } = await provider.person();
    const { tokens } = await authorized(await provider.party('service'), browser);
    office.subject = tokens.claims().sub;
    return office;
  }

  async token() {
    const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const { issuer } = this.node;
    const claims = { iss: 'amt', sub: 'amt', aud: issuer, iat: now, exp: now + 60, jti: randomUUID() };
    const message = `${encoded({ alg: 'ES256', kid: this.key.kid })}.${encoded(claims)}`;
    const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', this.key.key));
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    const signature = sign('sha256', Buffer.from(message), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
    const answer = await fetch(`${issuer}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: `${message}.${signature}`,
      }),
    });
    assert.equal(answer.status, 200);
    return (await answer.json()).access_token;
  }

  notice(reference) {
    return {
      recipient: { subject: this.subject },
      kind: 'decision',
      legal_basis: 'OZG9',
      remedy: 'objection',
      subject: 'Bescheid über Wohngeld',
      reference,
      short: { what: 'Sie bekommen Wohngeld.', to_do: 'Nichts.', by_when: 'Widerspruch ist einen Monat lang möglich.' },
      text: 'Sie bekommen 214 Euro im Monat. '.repeat(300),
    };
  }

  async provide(token, key, notice = this.notice(key)) {
    const answer = await fetch(`${this.node.issuer}/api/postbox/v1/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'idempotency-key': key, 'content-type': 'application/json' },
      body: JSON.stringify(notice),
    });
    return { status: answer.status, body: await answer.json() };
  }
}

async function described(office) {
  const token = await office.token();
  const options = ['--header', `Authorization: Bearer ${token}`];
  const description = `${office.node.issuer}/api/postbox/v1/openapi.json`;
  const cases = await conforms(description, { directory: office.node.directory, options });
  assert.ok(cases > 100, `${cases} requests`);
  note(`${cases} requests`);
}

/** The commands of somebody who has a receipt, the keys and what was delivered; and after a loss. */
async function checked(office) {
  const { node } = office;
  const token = await office.token();
  const file = 'Anlage zum Bescheid.\n';
  const query = new URLSearchParams({ subject: office.subject, name: 'anlage.txt' });
  const sent = await fetch(`${node.issuer}/api/postbox/v1/attachments?${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' },
    body: file,
  });
  assert.equal(sent.status, 201);
  const notice = { ...office.notice('mit Anlage'), attachments: [{ id: (await sent.json()).id }] };
  const { status, body } = await office.provide(token, 'mit-anlage', notice);
  assert.equal(status, 201, JSON.stringify(body));
  const keys = await fetch(`${node.issuer}/api/postbox/v1/receipt-keys`);
  const write = async (name, text) => {
    const path = join(node.directory, name);
    await writeFile(path, text);
    return path;
  };
  await write('keys.json', await keys.text());
  await write('anlage.txt', file);
  const verify = async (receipt, message, attachment) => {
    const paths = [await write('receipt', receipt), await write('message.json', JSON.stringify(message))];
    const options = ['--keys', join(node.directory, 'keys.json'), '--message', paths[1], '--attachment', attachment];
    return command(['verify-receipt', ...options, paths[0]]);
  };
  const attachment = join(node.directory, 'anlage.txt');
  const genuine = await verify(body.receipt, notice, attachment);
  assert.deepEqual([genuine.code, genuine.stdout.includes('the receipt is genuine')], [0, true], genuine.stderr);
  await mkdir(join(node.directory, 'anders'), { recursive: true });
  const other = await write('anders/anlage.txt', 'Anlage zum Bescheid!\n');
  const renamed = await write('beilage.txt', file);
  const changed = body.receipt.slice(0, -6) + (body.receipt.at(-6) === 'A' ? 'B' : 'A') + body.receipt.slice(-5);
  for (const [what, ...given] of [
    ['the receipt', changed, notice, attachment],
    ['the notice', body.receipt, { ...notice, text: 'Sie bekommen nichts.' }, attachment],
    ['the file', body.receipt, notice, other],
    ['its name', body.receipt, notice, renamed],
  ]) {
    const { code } = await verify(...given);
    assert.notEqual(code, 0, `${what} has changed`);
  }
  const list = await write('receipts', `${body.receipt}\n`);
  const here = await node.try('missing-notices', list);
  assert.equal(here.code, 0, here.stderr);
  const more = await write('receipts', `${body.receipt}\n${changed}\n`);
  const unproven = await node.try('missing-notices', more);
  assert.ok(unproven.code !== 0 && unproven.stdout.startsWith('line 2: '), unproven.stdout);
}

/** What an authority was told lies there, once; what it was told nothing about lies there once or not at all, and can be sent again. */
async function killed(office) {
  const { node } = office;
  const random = randomFrom(SEED);
  const told = new Map();
  let unanswered = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const token = await office.token();
    const keys = [0, 1, 2, 3].map((number) => `runde-${round}-${number}`);
    const death = new Promise((done) => setTimeout(done, random() * KILL_AFTER_MAX_MS)).then(() => node.kill());
    const answers = await Promise.allSettled(keys.map((key) => office.provide(token, key)));
    await death;
    await node.start();
    const again = await office.token();
    for (const [number, key] of keys.entries()) {
      const first = answers[number].value;
      unanswered += first ? 0 : 1;
      if (first) assert.equal(first.status, 201, JSON.stringify(first.body));
      const second = await office.provide(again, key);
      assert.ok(first ? second.status === 200 : [200, 201].includes(second.status), `${key}: ${second.status}`);
      if (first) assert.deepEqual([second.body.id, second.body.provided_at], [first.body.id, first.body.provided_at]);
      told.set(key, second.body.id);
    }
  }
  note(`${told.size} notices, ${unanswered} without an answer at first; NK_SEED=${SEED} NK_KILL_ROUNDS=${ROUNDS}`);
  const count = (statement) => Number(look(node.databaseUrl, statement)[0][0]);
  const known = [...told.values()].map((id) => `'${id}'`).join(', ');
  assert.equal(new Set(told.values()).size, told.size, 'no two keys have become one notice');
  const all = `SELECT COUNT(*) FROM postbox_message WHERE id IN (${known})`;
  assert.equal(count(all), told.size, 'nothing is lost');
  assert.equal(count(`${all} AND (content IS NULL OR announced_on IS NULL OR objection_ends_on IS NULL)`), 0, 'nothing is torn');
  const requests = "SELECT COUNT(*) FROM postbox_message WHERE id NOT IN (SELECT message_id FROM postbox_request)";
  assert.equal(count(requests), 0, 'there is nothing that nobody has asked for');
  const provided = `SELECT COUNT(*) FROM postbox_event WHERE kind = 'provided' AND message_id IN (${known})`;
  assert.equal(count(provided), told.size, 'each is told of once');
  // Every person gets a mail about every notice, however often the program was killed before it was sent.
  const waiting = `SELECT COUNT(*) FROM postbox_message WHERE notified_at IS NULL AND id IN (${known})`;
  await until('everybody has been notified', 90, () => count(waiting) === 0);
}
