// Authlib, the OpenID Connect library of many Python services, against the provider.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { atEnd, test, within } from './lib/check.mjs';
import { Browser } from './lib/browser.mjs';
import { REDIRECT_URI, clientFile, plainSecret, withKey, withSecret } from './lib/clients.mjs';
import { postgres } from './lib/databases.mjs';
import { signIn } from './lib/journeys.mjs';
import { Node, SEED_PASSWORD } from './lib/program.mjs';

const PYTHON = process.env.NK_PYTHON ?? fileURLToPath(new URL('.venv/bin/python', import.meta.url));

export async function run() {
  assert.ok(existsSync(PYTHON), `${PYTHON} is missing; tests/run makes it from requirements.txt`);
  for (const [name, database] of [
    ['SQLite', undefined],
    ['PostgreSQL', { url: postgres() }],
  ]) {
    const node = new Node(`authlib-${name}`, database && { database });
    const offline = { scopes: ['openid', 'email', 'offline_access'] };
    const machine = { own_scopes: ['termine.lesen'], resource: 'https://termine.example/' };
    const clients = {
      // Authlib sends identifier and secret as they are, not form-encoded as RFC 6749 section 2.3.1 wants it.
      basic: withSecret('basic', 'client_secret_basic', {}, plainSecret()),
      lasting: withSecret('bleibend', 'client_secret_basic', offline, plainSecret()),
      key: await withKey('schluessel', 'ES256'),
      machine: await withKey('maschine', 'ES256', machine),
    };
    await node.apply(clientFile(Object.values(clients)));
    await node.seed(1);
    await node.start();
    const browser = new Browser(node.issuer);
    await signIn(browser, 'konto-0@example.org', SEED_PASSWORD);
    const party = new Party(browser);
    const known = { issuer: node.issuer, redirect_uri: REDIRECT_URI, clients: {} };
    for (const [which, client] of Object.entries(clients)) {
      const own = client.secret ? { secret: client.secret } : { key: await exported(client) };
      known.clients[which] = { id: client.id, ...own };
    }
    const { checks } = await party.ask(known);
    assert.ok(checks.length >= 7);
    for (const check of checks) {
      await test(`${name}: ${check}`, () => party.check(check));
    }
    party.end();
    assert.equal((await node.stop()).code, 0);
  }
}

async function exported({ key }) {
  const { key_ops: _, ext: __, ...jwk } = await crypto.subtle.exportKey('jwk', key.key);
  return { ...jwk, kid: key.kid };
}

/** The Python program, and the browser of the person whom it sends around. */
class Party {
  constructor(browser) {
    this.browser = browser;
    const script = fileURLToPath(new URL('authlib_party.py', import.meta.url));
    // Deprecation warnings of its libraries are nobody's concern here; a proxy of the machine is not for loopback.
    const env = { ...process.env, NO_PROXY: '*', PYTHONDONTWRITEBYTECODE: '1' };
    this.child = spawn(PYTHON, ['-W', 'ignore', script], { stdio: ['pipe', 'pipe', 'inherit'], env });
    atEnd(() => this.end());
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** Says something and hears what comes next. */
  async ask(message) {
    this.child.stdin.write(`${JSON.stringify(message)}\n`);
    const { value, done } = await within('an answer from Python', 60, this.lines.next());
    assert.ok(!done, 'Python has ended');
    return JSON.parse(value);
  }

  async check(name) {
    let said = await this.ask({ run: name });
    while (said.open) {
      said = await this.ask({ answer: await this.agree(new URL(said.open)) });
    }
    if (said.failed) {
      throw new Error(said.failed);
    }
    assert.equal(said.passed, name);
  }

  async agree(url) {
    let page = await this.browser.open(url, { headers: { 'sec-fetch-site': 'cross-site' } });
    if (page.path === '/einwilligung') {
      page = await this.browser.press(page, 'senden');
    }
    assert.ok(page.left, `${page.url}: ${page.text}`);
    // As a server gets it: what stands behind '#' stays with the browser.
    page.left.hash = '';
    return page.left.href;
  }

  end() {
    this.child.kill();
  }
}
