// What `serve` refuses to start with, and what the other commands say.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { skip, test } from './lib/check.mjs';
import { clientFile, withKey, withSecret } from './lib/clients.mjs';
import { hasSqlite, postgres, query } from './lib/databases.mjs';
import { canSignIn } from './lib/journeys.mjs';
import { DEVELOPMENT_KEYS, Node, SEED_PASSWORD, command, configuration, directory, somePort } from './lib/program.mjs';

export async function run() {
  await refusals();
  await newerSchema('PostgreSQL', { url: postgres() });
  if (hasSqlite) {
    await newerSchema('SQLite', undefined);
  } else {
    skip('SQLite: a schema of a newer program', 'there is no sqlite3 on this machine');
  }
  await otherMasterKey('PostgreSQL', { url: postgres() });
  await otherMasterKey('SQLite', undefined);
  await commands();
}

/** `serve` with this configuration must end by itself, soon, and say why. */
async function refuses(sections, ...reasons) {
  const file = join(directory('refused'), 'nutzerkonto.toml');
  writeFileSync(file, typeof sections === 'string' ? sections : configuration(sections));
  const { code, signal, stderr } = await command(['serve', '--config', file], { seconds: 10 });
  assert.deepEqual([code, signal], [1, null], stderr);
  for (const reason of reasons) {
    assert.match(stderr, reason);
  }
  assert.doesNotMatch(stderr, /panicked/);
  return stderr;
}

/** Sections that are right by themselves. */
function sound(changes = {}) {
  const path = directory('sound');
  return {
    issuer: 'http://localhost:8080',
    keys: DEVELOPMENT_KEYS,
    server: { listen: `127.0.0.1:${somePort()}`, operations_listen: `127.0.0.1:${somePort()}` },
    database: { url: `sqlite:${join(path, 'nutzerkonto.db')}` },
    mail: { directory: join(path, 'mail') },
    ...changes,
  };
}

/** A master key that nobody else has; the program makes the others. */
function ownKeys() {
  const file = join(directory('keys'), 'master.key');
  writeFileSync(file, `${randomBytes(32).toString('base64')}\n`);
  return { master_key: `file:${file}` };
}

async function refusals() {
  const own = ownKeys();
  const public_ = { issuer: 'https://konto.example.org' };

  await test('refused: signing keys from keys-dev outside loopback, under another master key', async () => {
    const file = join(directory('moved'), 'nutzerkonto.toml');
    const begun = sound();
    writeFileSync(file, configuration(begun));
    const { code } = await command(['migrate', '--config', file]);
    const moved = { ...begun, keys: { ...own, other_master_key: DEVELOPMENT_KEYS.master_key } };
    writeFileSync(file, configuration(moved));
    const { code: rotated } = await command(['keys', 'rotate', '--master', '--config', file]);
    assert.deepEqual([code, rotated], [0, 0]);
    await refuses({ ...begun, ...public_, keys: own }, /signing key/, /keys-dev/);
  });

  await test('refused: the master key from keys-dev outside loopback', async () => {
    await refuses(
      sound({ ...public_, keys: { ...own, master_key: DEVELOPMENT_KEYS.master_key } }),
      /master_key/,
      /keys-dev/,
    );
  });

  await test('refused: an issuer outside loopback without https', async () => {
    for (const issuer of ['http://konto.example.org', 'http://localhost.example.org', 'http://192.0.2.1']) {
      await refuses(sound({ issuer, keys: own }), /issuer/, /https/);
    }
  });

  await test('refused: an issuer with a path, a slash, or no scheme', async () => {
    for (const issuer of ['https://konto.example.org/konto', 'https://konto.example.org/', 'konto.example.org']) {
      await refuses(sound({ issuer, keys: own }), /issuer/);
    }
  });

  await test('refused: an unknown key, with its line', async () => {
    const text = configuration(sound());
    const lines = text.split('\n');
    const line = lines.findIndex((one) => one === '[server]') + 2;
    lines.splice(line - 1, 0, 'listen_on = "127.0.0.1:1"');
    await refuses(lines.join('\n'), new RegExp(`line ${line}\\b`), /listen_on/);
    await refuses(`${text}\n[servers]\nlisten = "127.0.0.1:1"\n`, /line \d+/, /servers/);
  });

  await test('refused: a wrong type, a missing file, a missing key', async () => {
    await refuses(sound({ password: { iterations: 'zwei' } }), /line \d+/, /iterations/);
    await refuses(sound({ keys: { ...own, master_key: 'file:/gibt/es/nicht' } }), /\/gibt\/es\/nicht/);
    await refuses(sound({ keys: { ...own, master_key: 'env:NK_GIBT_ES_NICHT' } }), /NK_GIBT_ES_NICHT/);
    await refuses(sound({ keys: { ...own, signing: [] } }), /line \d+/, /signing/);
    await refuses(sound({ keys: { ...own, other_master_key: 'file:/gibt/es/nicht' } }), /\/gibt\/es\/nicht/);
    const files = { tls_certificate_file: '/gibt/es/nicht.pem', tls_key_file: '/gibt/es/nicht.key' };
    const server = { ...sound().server, ...files };
    await refuses(sound({ server }), /tls_certificate_file/);
    const result = await command(['serve', '--config', '/gibt/es/nicht.toml']);
    assert.equal(result.code, 1);
    assert.match(result.stderr, /\/gibt\/es\/nicht\.toml/);
  });

  await test('refused: hashing too cheap outside loopback', async () => {
    await refuses(sound({ ...public_, keys: own, password: { memory_kibibytes: 1024 } }), /password/, /19456/);
  });

  await test('refused: a port that is taken', async () => {
    const node = await new Node('taken').start();
    const taken = { listen: `127.0.0.1:${node.port}`, operations_listen: `127.0.0.1:${somePort()}` };
    await refuses(sound({ server: taken }), new RegExp(`127\\.0\\.0\\.1:${node.port}`), /in use/);
    await node.stop();
  });

  await test('refused: a database that does not answer; its password is not told', async () => {
    const url = new URL(process.env.NK_TEST_POSTGRES_URL);
    [url.username, url.password, url.port] = ['nk', 'geheimes-wort', String(somePort())];
    const stderr = await refuses(sound({ database: { url: url.href } }), /database/);
    assert.doesNotMatch(stderr, /geheimes-wort/);
  });

  await test('own keys, a public issuer: nothing is refused', async () => {
    const node = await new Node('public', { ...public_, keys: own, password: {} }).start();
    const { code } = await node.stop();
    assert.equal(code, 0);
  });
}

async function newerSchema(name, database) {
  await test(`${name}: refused: a schema of a newer program, which is left alone`, async () => {
    const node = new Node(`newer-${name}`, database ? { database } : {});
    await node.run('migrate');
    const bytes = database ? "'\\x00'" : "x'00'";
    query(
      node.databaseUrl,
      `INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time)
      VALUES (99991231, 'future', CURRENT_TIMESTAMP, TRUE, ${bytes}, 0)`,
    );
    for (const subcommand of ['serve', 'migrate']) {
      const { code, stderr } = await command([subcommand, '--config', node.config], { seconds: 10 });
      assert.equal(code, 1);
      assert.match(stderr, /newer than this program/);
      assert.match(stderr, /99991231/);
    }
    query(node.databaseUrl, 'DELETE FROM _sqlx_migrations WHERE version = 99991231');
    await node.start();
    await node.stop();
  });
}

async function otherMasterKey(name, database) {
  await test(`${name}: refused: another master key than the database was made with`, async () => {
    const key = join(directory('master'), 'master.key');
    const keys = { ...DEVELOPMENT_KEYS, master_key: `file:${key}` };
    const right = randomBytes(32).toString('base64');
    writeFileSync(key, right);
    const node = new Node(`master-${name}`, { keys, ...(database && { database }) });
    await node.seed(1);
    for (const wrong of [randomBytes(32).toString('base64'), right.slice(0, 20), 'kein base64!']) {
      writeFileSync(key, wrong);
      const { code, stderr } = await command(['serve', '--config', node.config], { seconds: 10 });
      assert.equal(code, 1, stderr);
      assert.match(stderr, /keys\.master_key/);
      assert.ok(!stderr.includes(wrong));
    }
    writeFileSync(key, `${right}\n`);
    await node.start();
    assert.ok(await canSignIn(node.issuer, 'konto-0@example.org', SEED_PASSWORD), 'nothing was lost meanwhile');
    await node.stop();
  });
}

async function commands() {
  await test('check-config prints what is in force, and no secret', async () => {
    const secret = `geheim-${randomBytes(8).toString('hex')}`;
    const file = join(directory('secret'), 'secret');
    writeFileSync(file, secret);
    const node = new Node('check-config', {
      database: { url: `postgres://nk:${secret}@localhost/nk`, password: `file:${file}` },
      mail: { smtp_user: 'nk', smtp_password: `file:${file}` },
    });
    const said = await node.run('check-config');
    assert.match(said, new RegExp(`listen = "127\\.0\\.0\\.1:${node.port}"`));
    assert.match(said, /smtp_tls = "starttls"/);
    assert.ok(
      !said.includes(secret) && !said.includes(readFileSync(DEVELOPMENT_KEYS.master_key.slice(5), 'utf8').trim()),
    );
    const again = join(directory('again'), 'nutzerkonto.toml');
    writeFileSync(again, said);
    assert.equal((await command(['check-config', '--config', again])).stdout, said, 'what it prints can be read again');
    writeFileSync(again, `${said}\nx = 1\n`);
    const wrong = await command(['check-config', '--config', again]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /line \d+/);
  });

  await test('keys list says what each key does, and nothing of the private ones; keys rotate changes them', async () => {
    const node = await new Node('keys').start();
    const lines = async (...args) => (await node.run('keys', ...args)).trim().split('\n');
    const { keys } = await (await fetch(`${node.issuer}/oauth2/jwks`)).json();
    const said = await lines('list');
    assert.equal(said.length, 6);
    assert.ok(keys.every((key) => said.some((line) => line.startsWith(`${key.kid}  ${key.alg ?? 'RS256'}  `))));
    assert.ok(said.every((line) => / signs since /.test(line) && !/PRIVATE/.test(line)));
    const made = await lines('rotate', '--purpose', 'id-token');
    assert.deepEqual(made.slice(0, 3).map((line) => /id-token +next, signs from /.test(line)), [true, true, true]);
    assert.deepEqual((await lines('list')).slice(6).sort(), made.slice(0, 3).sort());
    const [leaked] = said.find((line) => line.includes('access-token')).split(' ');
    const [revoked, instead] = await lines('rotate', '--revoke', leaked);
    assert.match(revoked, /revoked/);
    assert.match(instead, /ES256 +access-token +signs since/);
    await new Promise((done) => setTimeout(done, 1500));
    const published = (await (await fetch(`${node.issuer}/oauth2/jwks`)).json()).keys.map((key) => key.kid);
    assert.equal(published.length, 7);
    assert.ok(published.includes(instead.split(' ')[0]) && !published.includes(leaked));
    for (const [args, reason] of [
      [['--purpose', 'alles'], /one of id-token, access-token, audit/],
      [['--revoke', 'gibt-es-nicht'], /no such key/],
      [['--revoke', leaked], /revoked already/],
      [['--master', '--revoke', leaked], /cannot be used with/],
    ]) {
      const { code, stderr } = await node.try('keys', 'rotate', ...args);
      assert.notEqual(code, 0);
      assert.match(stderr, reason);
    }
    await node.stop();
  });

  await test('client plan, apply and list', async () => {
    const node = new Node('clients');
    const clients = [
      withSecret('eins', 'client_secret_basic'),
      withSecret('zwei', 'client_secret_post'),
      await withKey('drei', 'ES256'),
    ];
    const file = join(node.directory, 'clients.toml');
    const lines = (text) => text.trim().split('\n').sort();
    const write = (list) => writeFileSync(file, clientFile(list));
    write(clients);
    const added = ['add  drei', 'add  eins', 'add  zwei'];
    assert.deepEqual(lines(await node.run('client', 'plan', file)), added);
    assert.deepEqual(lines(await node.run('client', 'list')), [''], 'a plan changes nothing');
    assert.deepEqual(lines(await node.run('client', 'apply', file)), added);
    assert.deepEqual(lines(await node.run('client', 'apply', file)), ['nothing to change']);
    const list = await node.run('client', 'list');
    assert.deepEqual(
      lines(list).map((line) => line.split(' ')[0]),
      ['drei', 'eins', 'zwei'],
    );
    for (const { secret, authentication } of clients) {
      assert.ok(!list.includes(secret ?? '§') && !list.includes(authentication.secret_sha256 ?? '§'));
    }
    clients[0].settings.scopes = ['openid'];
    write([clients[0], clients[2]]);
    const changes = ['change  eins', 'remove  zwei'];
    assert.deepEqual(lines(await node.run('client', 'plan', file)), changes);
    assert.deepEqual(lines(await node.run('client', 'apply', file)), changes);
  });

  await test('client apply refuses a file as a whole, and does not repeat a private key', async () => {
    const node = new Node('client-refused');
    const good = withSecret('gut', 'client_secret_basic');
    const bad = await withKey('schlecht', 'ES256');
    const { d } = await crypto.subtle.exportKey('jwk', bad.key.key);
    bad.authentication.jwks.keys[0].d = d;
    const file = join(node.directory, 'clients.toml');
    for (const [broken, reason] of [
      [bad, /private/],
      [withSecret('schlecht', 'client_secret_basic', { redirect_uris: ['http://rp.example/cb'] }), /redirect_uris/],
      [withSecret('schlecht', 'client_secret_basic', { unbekannt: 1 }), /unbekannt/],
      [withSecret('gut', 'client_secret_basic'), /twice/],
    ]) {
      writeFileSync(file, clientFile([good, broken]));
      const { code, stderr } = await node.try('client', 'apply', file);
      assert.equal(code, 1);
      assert.match(stderr, reason);
      assert.ok(!stderr.includes(d), stderr);
    }
    assert.equal(await node.run('client', 'list'), '');
  });

  await test('client secret makes a secret and its hash', async () => {
    const { code, stdout } = await command(['client', 'secret']);
    assert.equal(code, 0);
    const [secret, hash] = [
      stdout.match(/secret\s+= (\S{43}) /)[1],
      stdout.match(/secret_sha256 = "([0-9a-f]{64})"/)[1],
    ];
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(secret));
    assert.equal(Buffer.from(digest).toString('hex'), hash);
  });
}
