// Another master key takes over, `kill -9` at random moments: nothing is lost, and the end is reached all the same.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { note, skip, test } from './lib/check.mjs';
import { hasSqlite, look, postgres, query } from './lib/databases.mjs';
import { canSignIn } from './lib/journeys.mjs';
import { Node, SEED_PASSWORD, command, directory } from './lib/program.mjs';
import { SEED, randomFrom } from './lib/random.mjs';

const ROUNDS = Number(process.env.NK_MASTER_ROUNDS ?? 20);
const ACCOUNTS = 1000;
const CLOSED = 100;
/** The first that cannot be among the closed ones: `seed` makes 500 at the same instant. */
const FIRST_OPEN = 500;

export async function run() {
  note(`NK_SEED=${SEED} NK_MASTER_ROUNDS=${ROUNDS}`);
  const name = (database) => `${database}: ${ROUNDS} times killed while ${ACCOUNTS} keys are wrapped anew`;
  await test(name('PostgreSQL'), () => rounds('PostgreSQL', { url: postgres() }));
  if (hasSqlite) {
    await test(name('SQLite'), () => rounds('SQLite', undefined));
  } else {
    skip(name('SQLite'), 'there is no sqlite3 on this machine');
  }
}

function masterKey(path, name) {
  const file = join(path, name);
  writeFileSync(file, randomBytes(32).toString('base64'));
  return `file:${file}`;
}

async function rounds(name, database) {
  const random = randomFrom(SEED);
  const path = directory('master-keys');
  const [old, fresh] = [masterKey(path, 'old.key'), masterKey(path, 'new.key')];
  const node = new Node(`master-key-${name}`, {
    keys: { master_key: old, other_master_key: fresh },
    ...(database && { database }),
  });
  await node.seed(ACCOUNTS);
  query(
    node.databaseUrl,
    `UPDATE account SET key_wrapped = NULL, status = 'closed'
      WHERE id IN (SELECT id FROM account ORDER BY id LIMIT ${CLOSED})`,
  );
  await node.start();
  const text = readFileSync(node.config, 'utf8');
  const write = (current, other) => {
    const file = join(path, `${current === old ? 'back' : 'forth'}${other ? '' : '-alone'}.toml`);
    const keys = `master_key = "${current}"\n${other ? `other_master_key = "${other}"\n` : ''}`;
    writeFileSync(file, text.replace(/^master_key.*\nother_master_key.*\n/m, keys));
    return file;
  };
  const [forth, back] = [write(fresh, old), write(old, fresh)];
  const rotate = (config, killAfter) => command(['keys', 'rotate', '--master', '--config', config], { killAfter });

  // There and back undisturbed; the first way is slower than all that follow.
  let duration;
  for (const config of [forth, back]) {
    const start = performance.now();
    assert.equal((await rotate(config)).code, 0);
    duration = performance.now() - start;
  }
  let [config, killed, finished] = [forth, 0, 0];
  for (let round = 0; round < ROUNDS; round += 1) {
    // Sometimes it is killed before it has begun, sometimes not at all.
    const { code, signal, stderr } = await rotate(config, random() * duration);
    if (signal) {
      killed += 1;
    } else {
      assert.equal(code, 0, `round ${round}: ${stderr}`);
      finished += 1;
      config = config === back ? forth : back;
    }
    if (round % 10 === 0) {
      const email = `konto-${FIRST_OPEN + Math.floor(random() * (ACCOUNTS - FIRST_OPEN))}@example.org`;
      assert.ok(await canSignIn(node.issuer, email, SEED_PASSWORD), `round ${round}: ${email}`);
    }
  }
  note(`${killed} times killed, ${finished} times it was faster; a whole way takes ${duration.toFixed(0)} ms`);
  assert.ok(killed > ROUNDS / 3);
  await rotate(forth);
  const { code, stdout } = await rotate(forth);
  assert.equal(code, 0);
  assert.match(stdout, /wrapped anew: 0 accounts, 0 registrations, 0 organisations, 0 root secret/);
  await node.stop();

  const alone = write(fresh);
  writeFileSync(node.config, readFileSync(alone, 'utf8'));
  await node.start();
  for (let number = FIRST_OPEN; number < ACCOUNTS; number += 100) {
    assert.ok(await canSignIn(node.issuer, `konto-${number}@example.org`, SEED_PASSWORD), `konto-${number}`);
  }
  await node.stop();
  const [[closed]] = look(node.databaseUrl, 'SELECT COUNT(*) FROM account WHERE key_wrapped IS NULL');
  assert.equal(Number(closed), CLOSED, 'what was destroyed stays destroyed');
}
