// The program under test: its configuration file, its commands, and `serve` as a process.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { atEnd, until, within } from './check.mjs';

const BINARY = process.env.NK_BINARY;
const KEYS = resolve(fileURLToPath(import.meta.url), '../../../../keys-dev');

/** The password of accounts made by `seed`. */
export const SEED_PASSWORD = 'wolke-gondel-tisch-42';

const scratch = mkdtempSync(join(tmpdir(), 'nutzerkonto-interop-'));
const running = new Set();
atEnd(() => {
  for (const child of running) {
    child.kill('SIGKILL');
  }
  rmSync(scratch, { recursive: true, force: true });
});

let directories = 0;
const ports = new Set();

/** A new directory that is gone afterwards. */
export function directory(name) {
  directories += 1;
  const path = join(scratch, `${directories}-${name}`);
  mkdirSync(path);
  return path;
}

/** Below the ports that the kernel hands out for outgoing connections, and below those of tests/postgres. */
export function somePort() {
  for (;;) {
    const port = 12000 + Math.floor(Math.random() * 8000);
    if (!ports.has(port)) {
      ports.add(port);
      return port;
    }
  }
}

// TOML reads basic strings, numbers and booleans as JSON writes them.
export function toml(value) {
  if (Array.isArray(value)) {
    return `[${value.map(toml).join(', ')}]`;
  }
  if (typeof value === 'object') {
    const members = Object.entries(value).map(([key, member]) => `${key} = ${toml(member)}`);
    return `{ ${members.join(', ')} }`;
  }
  return JSON.stringify(value);
}

/** A configuration file: sections of keys, and keys without section. */
export function configuration(sections) {
  const entries = Object.entries(sections);
  const isTable = (value) => typeof value === 'object' && !Array.isArray(value);
  const top = entries.filter(([, value]) => !isTable(value)).map(([key, value]) => `${key} = ${toml(value)}\n`);
  const tables = entries
    .filter(([, value]) => isTable(value))
    .map(([name, keys]) => {
      const lines = Object.entries(keys).map(([key, value]) => `${key} = ${toml(value)}\n`);
      return `\n[${name}]\n${lines.join('')}`;
    });
  return [...top, ...tables].join('');
}

/** With it the program takes the signing keys of keys-dev instead of making its own. */
export const DEVELOPMENT_KEYS = { master_key: `file:${join(KEYS, 'master.key')}` };

// Hashing costs nothing here and strangers may do much, so that tests are fast and do not disturb each other.
const QUICK = {
  keys: DEVELOPMENT_KEYS,
  password: { memory_kibibytes: 64, iterations: 1 },
  limits: {
    attempts_per_account: 100000,
    attempts_per_network: 100000,
    attempts_per_range: 100000,
    mails_per_hour: 100000,
    mails_per_day: 100000,
    mails_per_network: 100000,
  },
};

/** Runs a command to its end, or, if wished, kills it after so many milliseconds. */
export async function command(args, { seconds = 30, killAfter } = {}) {
  const child = spawn(BINARY, args);
  running.add(child);
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (output.stderr += text));
  const ended = new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) => done({ code, signal }));
  });
  const killer = killAfter !== undefined && setTimeout(() => child.kill('SIGKILL'), killAfter);
  try {
    return { ...(await within(`nutzerkonto ${args.join(' ')}`, seconds, ended)), ...output };
  } finally {
    clearTimeout(killer);
    child.kill('SIGKILL');
    running.delete(child);
  }
}

/** Starts a command that goes on until it is told to stop. `hear` gets its log. */
function launch(args, hear, stdout = 'inherit') {
  const child = spawn(BINARY, args, { stdio: ['ignore', stdout, 'pipe'] });
  running.add(child);
  child.stderr.setEncoding('utf8').on('data', hear);
  const ended = new Promise((done) => {
    child.once('close', (code, signal) => {
      running.delete(child);
      done({ code, signal });
    });
  });
  return { child, ended };
}

async function stopped({ child, ended }) {
  const start = performance.now();
  child.kill('SIGTERM');
  const { code, signal } = await within('the program stops', 40, ended);
  return { code, signal, seconds: (performance.now() - start) / 1000 };
}

/** One installation: a directory, a configuration, and a process when it runs. */
export class Node {
  /** `sections` may be a function of the ports, for whatever contains one. */
  constructor(name, sections) {
    this.directory = directory(name);
    this.config = join(this.directory, 'nutzerkonto.toml');
    this.sections = sections;
    this.#choosePorts();
  }

  #choosePorts() {
    this.port = somePort();
    this.operationsPort = somePort();
    const given = typeof this.sections === 'function' ? this.sections(this) : this.sections;
    const merged = { issuer: `http://localhost:${this.port}`, ...QUICK, ...given };
    this.issuer = merged.issuer;
    merged.database ??= { url: `sqlite:${join(this.directory, 'nutzerkonto.db')}` };
    merged.mail ??= { directory: join(this.directory, 'mail') };
    this.mailDirectory = merged.mail.directory;
    this.databaseUrl = merged.database.url;
    merged.server = {
      listen: `127.0.0.1:${this.port}`,
      operations_listen: `127.0.0.1:${this.operationsPort}`,
      ...given?.server,
    };
    writeFileSync(this.config, configuration(merged));
  }

  /** Runs a command with this configuration, which must succeed; returns what it said. */
  async run(...args) {
    const result = await this.try(...args);
    assert.equal(result.code, 0, `nutzerkonto ${args.join(' ')}\n${result.stderr}`);
    return result.stdout;
  }

  /** The file of `client apply` and `client plan` may stand after the configuration. */
  try(...args) {
    return command([...args.slice(0, 2), '--config', this.config, ...args.slice(2)]);
  }

  /** Makes accounts konto-0@example.org and so on. */
  async seed(accounts) {
    const result = await command(['seed', '--config', this.config, '--accounts', String(accounts)]);
    assert.equal(result.code, 0, result.stderr);
  }

  /** Declares clients by the text of a file. */
  async apply(text) {
    const file = join(this.directory, 'clients.toml');
    writeFileSync(file, text);
    return this.run('client', 'apply', file);
  }

  /** Starts `serve` and waits until it answers. A port that somebody has taken is exchanged, at the first start. */
  async start() {
    for (let attempts = 0; ; attempts += 1) {
      this.spawn();
      const ended = this.ended.then(({ code, signal }) => `ended with ${code ?? signal}`);
      const state = await within('serve becomes ready', 30, Promise.race([this.logged(/ ready issuer=/), ended]));
      if (typeof state !== 'string') {
        this.started = true;
        await this.#operations('/health/ready');
        return this;
      }
      if (this.started || attempts > 20 || !this.log.includes('Address already in use')) {
        assert.fail(`serve ${state}\n${this.log}`);
      }
      this.#choosePorts();
    }
  }

  /** Starts `serve` without waiting for anything. */
  spawn() {
    this.log = '';
    const started = launch(['serve', '--config', this.config], (text) => {
      this.log += text;
      for (const listener of this.#listeners) {
        listener();
      }
    });
    Object.assign(this, started);
  }

  #listeners = new Set();

  /** Waits until the log has something; returns the match. Name what is already there with `after`. */
  logged(pattern, { after = 0 } = {}) {
    return new Promise((done) => {
      const look = () => {
        const match = this.log.slice(after).match(pattern);
        if (match) {
          this.#listeners.delete(look);
          done(match);
        }
      };
      this.#listeners.add(look);
      look();
    });
  }

  /** The most memory that the process has ever had, in bytes. */
  memoryPeak() {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
    return Number(status.match(/^VmHWM:\s+(\d+) kB/m)[1]) * 1024;
  }

  /** SIGTERM; returns how it ended and how long that took. */
  stop() {
    return stopped(this);
  }

  /** SIGKILL. */
  async kill() {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  #operations(path) {
    return new Promise((done, fail) => {
      const request = http.get({ host: '127.0.0.1', port: this.operationsPort, path, agent: false }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part) => (body += part));
        response.on('error', fail).on('end', () => done(body));
      });
      request.on('error', fail);
    });
  }

  /** The sum of a counter over all its labels. */
  async metric(name) {
    const lines = (await this.#operations('/metrics')).split('\n').filter((line) => line.startsWith(name));
    return lines.reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
  }
}

/** The command `demo`, on six ports: people whom somebody has seen, an eID-Server, and an eID-Client with test cards. */
export class Demonstration {
  /** Without the address of a database it takes a file. */
  constructor(name, databaseUrl) {
    this.directory = directory(name);
    this.database = databaseUrl ? ['--database', databaseUrl] : [];
  }

  async start() {
    for (let attempts = 0; attempts < 20; attempts += 1) {
      const port = somePort();
      this.issuer = `http://localhost:${port}`;
      this.log = '';
      const where = ['--directory', this.directory, '--port', String(port), ...this.database];
      Object.assign(this, launch(['demo', ...where], (text) => (this.log += text), 'ignore'));
      let end;
      this.ended.then(({ code, signal }) => (end = `ended with ${code ?? signal}`));
      // Its service starts last.
      const answers = () => end ?? fetch(`http://localhost:${port + 1}/`).then((answer) => answer.ok, () => false);
      if ((await until('the demonstration answers', 60, answers)) === true) {
        return this;
      }
      assert.ok(this.log.includes('Address already in use'), `demo ${end}\n${this.log}`);
    }
    return assert.fail('no six free ports found');
  }

  /** Declares clients by the text of a file, beside its own. */
  async apply(text) {
    const file = join(this.directory, 'clients.toml');
    appendFileSync(file, text);
    const { code, stderr } = await command(['client', 'apply', '--config', join(this.directory, 'nutzerkonto.toml'), file]);
    assert.equal(code, 0, stderr);
  }

  stop() {
    return stopped(this);
  }
}
