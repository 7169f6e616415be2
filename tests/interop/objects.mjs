// Files where they lie: in a bucket of moto's S3 server, in a directory, on a disk that is full; `kill -9` while they are written.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { atEnd, note, skip, test, until, within } from './lib/check.mjs';
import { hasSqlite, look, postgres, query } from './lib/databases.mjs';
import { Moto, SECRET_VARIABLE } from './lib/moto.mjs';
import { Node, command, directory, somePort } from './lib/program.mjs';
import { SEED, randomFrom } from './lib/random.mjs';

const KILL_SECONDS = Number(process.env.NK_OBJECT_SECONDS ?? 20);
const SECRET = 'nur-fuer-den-eimer';
/** moto looks at whether a request is signed, not at how. */
const SIGNED = { authorization: 'AWS4-HMAC-SHA256 Credential=konto/20261127/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0' };
/** What is written to measure with; far more than the program may hold. moto reads all of it for each part that is asked for. */
const LONG = 300_000_000;
const LONG_IN_BUCKET = 60_000_000;
const MEGABYTE = 1024 * 1024;

export async function run() {
  process.env[SECRET_VARIABLE] = SECRET;
  const server = await Moto.start(somePort());
  atEnd(() => server.end());
  const bucket = new Node('objects-bucket', { database: { url: postgres() }, objects: server.settings() });
  await test('a bucket takes, keeps and gives back what it should, in one part and in several', () =>
    takesAndGives(bucket, server));
  await test('a file that is missing in the bucket is found', () => missing(bucket, server));
  await test('the secret of the bucket is shown nowhere', () => secret(bucket));
  await test('a bucket that is not there, and a server that is gone: a sentence', () => unreachable(server));
  const shelf = new Node('objects-directory');
  await test('what is long goes through a few MB of memory', async () => {
    await memory(shelf, LONG);
    await memory(bucket, LONG_IN_BUCKET);
  });
  await fullDisk();
  note(`NK_SEED=${SEED} NK_OBJECT_SECONDS=${KILL_SECONDS}`);
  await test(`killed for ${KILL_SECONDS} s while files are written into a directory`, () => killed());
  server.end();
}

const tried = (bytes, ...more) => ['try', '--bytes', String(bytes), ...more];
const objects = (node, ...args) => command(['objects', args[0], '--config', node.config, ...args.slice(1)], { seconds: 120 });

async function good(node, ...args) {
  const result = await objects(node, ...args);
  assert.equal(result.code, 0, result.stderr);
  return result.stdout.trim();
}

async function takesAndGives(node, server) {
  for (const bytes of [0, 1, 65_536, 5 * MEGABYTE, 20_000_000]) {
    assert.match(await good(node, ...tried(bytes)), /read back as they were, and removed$/);
    assert.deepEqual(await server.files(), [], `${bytes}`);
  }
  await good(node, ...tried(20_000_000, '--keep'));
  const [file, ...others] = await server.files();
  // A byte before all, and 16 for each of 306 chunks.
  assert.deepEqual([file.length, others, await server.uploads()], [20_000_000 + 1 + 306 * 16, [], 0]);
  assert.match(await good(node, 'check'), /^1 read, 0 unfinished, 0 to be removed$/);
}

async function missing(node, server) {
  const [file] = await server.files();
  const call = async (method, body) => {
    const answer = await fetch(`${server.address}/konto/${file.name}`, { method, body, headers: SIGNED });
    assert.ok(answer.ok, `${method} ${answer.status}`);
    return Buffer.from(await answer.arrayBuffer());
  };
  const stored = await call('GET');
  await call('DELETE');
  const found = await objects(node, 'check');
  assert.equal(found.code, 1);
  assert.match(found.stdout, /^obj_\w+ version 1 {2}system {2}its bytes are missing$/m);
  const told = await command(['audit', 'show', '--config', node.config, '--kind', 'object.damaged']);
  assert.equal(told.stdout.trim().split('\n').length, 1, told.stdout);
  stored[1_000_000] ^= 1;
  await call('PUT', stored);
  assert.match((await objects(node, 'check')).stdout, /its bytes are not those that were written/);
  stored[1_000_000] ^= 1;
  await call('PUT', stored);
  assert.match(await good(node, 'check'), /^1 read/);
}

async function secret(node) {
  const shown = await command(['check-config', '--config', node.config]);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /s3_secret_access_key = "env:NK_TEST_S3_SECRET"/);
  assert.ok(!shown.stdout.includes(SECRET));
  delete process.env[SECRET_VARIABLE];
  const refused = await command(['check-config', '--config', node.config]);
  process.env[SECRET_VARIABLE] = SECRET;
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /NK_TEST_S3_SECRET: not set/);
}

async function unreachable(server) {
  const elsewhere = { ...server.settings(), s3_endpoint: `http://127.0.0.1:${somePort()}` };
  for (const settings of [server.settings('niemand'), elsewhere]) {
    const node = new Node('objects-unreachable', { objects: settings });
    const refused = await objects(node, ...tried(1000));
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /objects: /);
    assert.ok(!refused.stderr.includes(SECRET));
    // People sign in all the same.
    await node.start();
    assert.equal((await node.stop()).code, 0);
  }
}

/** Runs a command and looks at how much memory it has had at most. */
async function peak(args) {
  const child = spawn(process.env.NK_BINARY, args, { stdio: 'ignore' });
  let most = 0;
  const watch = setInterval(() => {
    try {
      most = Number(readFileSync(`/proc/${child.pid}/status`, 'utf8').match(/^VmHWM:\s+(\d+) kB/m)[1]) * 1024;
    } catch {
      // It has ended.
    }
  }, 10);
  const code = await within('the file goes through', 300, new Promise((done) => child.once('close', done)));
  clearInterval(watch);
  assert.equal(code, 0);
  return most;
}

async function memory(node, length) {
  const trial = (bytes) => peak(['objects', 'try', '--config', node.config, '--bytes', String(bytes)]);
  const [short, long] = [await trial(1000), await trial(length)];
  note(`${(short / MEGABYTE).toFixed(1)} MB at the most for 1 kB, ${(long / MEGABYTE).toFixed(1)} MB for ${length / 1e6} MB`);
  assert.ok(long - short < 40 * MEGABYTE, 'what is written and read is not held');
}

/** A file system of two megabytes, where one may be made. */
async function fullDisk() {
  const name = 'a full disk: nothing half is kept, what is there is read, and with room all is well';
  const place = join(directory('objects-small'), 'disk');
  mkdirSync(place);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', place]);
  if (mounted.status !== 0) {
    skip(name, 'no file system may be mounted here');
    return;
  }
  atEnd(() => spawnSync('umount', [place]));
  await test(name, async () => {
    const shelf = join(place, 'objects');
    const node = new Node('objects-full', { objects: { directory: shelf } });
    await good(node, ...tried(500_000, '--keep'));
    const fill = spawnSync('dd', ['if=/dev/zero', `of=${join(place, 'other')}`, 'bs=64k', 'count=16']);
    assert.equal(fill.status, 0);
    assert.match(await good(node, 'check'), /^1 read/);
    const refused = await objects(node, ...tried(3_000_000));
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /there is no room where they are kept/);
    await until('nothing half is kept', 10, () => files(shelf).every((file) => !file.endsWith('.half')));
    spawnSync('rm', [join(place, 'other')]);
    assert.match(await good(node, ...tried(1_000_000)), /read back/);
  });
}

const files = (place) => readdirSync(place, { recursive: true }).filter((file) => file.includes('/'));

async function killed() {
  const node = new Node('objects-killed');
  const shelf = join(node.directory, 'objects');
  const random = randomFrom(SEED);
  const start = performance.now();
  await good(node, ...tried(20_000_000, '--keep'));
  const usual = performance.now() - start;
  const counts = { killed: 0, ended: 0 };
  while (performance.now() - start < KILL_SECONDS * 1000) {
    const bytes = String(1 + Math.floor(random() * 20_000_000));
    const args = ['objects', 'try', '--config', node.config, '--bytes', bytes, '--keep'];
    const { signal, code, stderr } = await command(args, { killAfter: random() * usual });
    counts[signal === 'SIGKILL' ? 'killed' : 'ended'] += 1;
    assert.ok(signal === 'SIGKILL' || code === 0, stderr);
    if (counts.killed % 5 === 0) {
      assert.match(await good(node, 'check'), /read, \d+ unfinished/);
    }
  }
  note(`${counts.killed} times killed, ${counts.ended} times too late`);
  assert.ok(counts.killed > 0);
  await good(node, 'check');
  if (!hasSqlite) {
    skip('what was left is removed', 'there is no sqlite3 on this machine');
    return;
  }
  // An hour passes for whatever was left.
  query(node.databaseUrl, "UPDATE sealed_object SET created_at = 0 WHERE state <> 'whole'");
  await node.start();
  const left = () => look(node.databaseUrl, "SELECT id FROM sealed_object WHERE state <> 'whole'").length;
  await until('everything unfinished is removed', 60, () => left() === 0);
  assert.equal((await node.stop()).code, 0);
  const known = look(node.databaseUrl, 'SELECT path FROM sealed_object ORDER BY path').map(([path]) => path);
  assert.deepEqual(files(shelf).sort(), known, 'no bytes without a row, no row without bytes');
}
