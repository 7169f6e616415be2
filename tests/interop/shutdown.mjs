// Stopping while somebody waits for an answer; TLS as node:tls sees it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import { selfSigned } from './lib/certificates.mjs';
import { note, test, within } from './lib/check.mjs';
import { Browser } from './lib/browser.mjs';
import { signIn } from './lib/journeys.mjs';
import { Node, SEED_PASSWORD } from './lib/program.mjs';

/** What the program allows itself for requests under way. */
const SHUTDOWN_SECONDS = 20;

export async function run() {
  await test('SIGTERM and SIGINT without requests', async () => {
    for (const signal of ['SIGTERM', 'SIGINT']) {
      const node = await new Node('stop').start();
      node.child.kill(signal);
      assert.deepEqual(await within('serve stops', 5, node.ended), { code: 0, signal: null });
    }
  });
  await test('SIGTERM as soon as it says that it is ready', async () => {
    const node = new Node('early');
    await node.start();
    await node.stop();
    for (let round = 0; round < 30; round += 1) {
      node.spawn();
      await within('serve becomes ready', 30, node.logged(/ ready issuer=/));
      node.child.kill('SIGTERM');
      assert.deepEqual(await within('serve stops', 5, node.ended), { code: 0, signal: null }, `round ${round}`);
    }
  });
  await test('SIGTERM while a slow request is under way: it is answered first', slowRequest);
  await test('SIGTERM while browsers keep idle connections open', idleConnections);
  await test('SIGTERM while somebody sends a request that never ends', endlessRequest);
  for (const kind of ['ec', 'rsa']) {
    await protocols(kind);
  }
}

/** A connection of its own, on which bytes are written as they come. */
class Connection {
  constructor(node) {
    this.socket = net.connect(node.port, '127.0.0.1');
    this.text = '';
    this.closed = new Promise((done) => this.socket.once('close', done).on('error', () => {}));
    this.socket.setEncoding('utf8').on('data', (part) => (this.text += part));
  }

  send(text) {
    this.socket.write(text);
  }

  async answered(pattern) {
    while (!pattern.test(this.text)) {
      await within(`an answer like ${pattern}`, 30, new Promise((done) => this.socket.once('data', done)));
    }
  }
}

/** A sign-in as bytes, for whoever has opened the page. */
async function signInRequest(node, email) {
  const browser = new Browser(node.issuer);
  const page = await browser.open('/anmelden');
  const csrf = page.form('weiter').inputs.find((input) => input.name === 'csrf').value;
  const body = new URLSearchParams({ csrf, email, password: SEED_PASSWORD }).toString();
  const cookie = [...browser.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');
  const host = new URL(node.issuer).host;
  const head =
    `POST /anmelden HTTP/1.1\r\nhost: ${host}\r\ncookie: ${cookie}\r\n` +
    `content-type: application/x-www-form-urlencoded\r\ncontent-length: ${body.length}\r\n\r\n`;
  return { host, head, body };
}

/**
 * Begins a request on a connection so that the server certainly has its head: it comes together with another one, and
 * that one has been answered.
 */
async function underWay(node, { host, head, body }) {
  const connection = new Connection(node);
  connection.send(`GET /static/favicon.svg HTTP/1.1\r\nhost: ${host}\r\n\r\n${head}${body.slice(0, 10)}`);
  await connection.answered(/<\/svg>/);
  connection.text = '';
  connection.send(body.slice(10, 20));
  return connection;
}

async function slowRequest() {
  // One hash takes a while, too.
  const node = await new Node('slow', { password: { memory_kibibytes: 262144, iterations: 4 } }).start();
  await node.seed(1);
  const request = await signInRequest(node, 'konto-0@example.org');
  const connection = await underWay(node, request);
  const start = performance.now();
  node.child.kill('SIGTERM');
  await within('the signal is seen', 5, node.logged(/ stopping/));
  connection.send(request.body.slice(20));
  await connection.answered(/\r\n\r\n/);
  const answered = (performance.now() - start) / 1000;
  assert.match(connection.text, /^HTTP\/1\.1 303 /);
  assert.match(connection.text, /\r\nlocation: \/konto\r\n/i);
  assert.match(connection.text, /\r\nset-cookie: nk_s=/i);
  const { code } = await within('serve stops', SHUTDOWN_SECONDS + 10, node.ended);
  const seconds = (performance.now() - start) / 1000;
  note(`answered ${answered.toFixed(1)} s after the signal, ended after ${seconds.toFixed(1)} s`);
  assert.equal(code, 0);
  assert.ok(seconds < SHUTDOWN_SECONDS, `${seconds} s`);
}

async function idleConnections() {
  const node = await new Node('idle').start();
  const { host } = new URL(node.issuer);
  const connections = Array.from({ length: 4 }, () => new Connection(node));
  for (const connection of connections) {
    connection.send(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    await connection.answered(/<\/html>/);
  }
  const { code, seconds } = await node.stop();
  note(`ended after ${seconds.toFixed(1)} s`);
  assert.equal(code, 0);
  assert.ok(seconds < 5, `idle connections held it up for ${seconds.toFixed(1)} s`);
}

async function endlessRequest() {
  const node = await new Node('endless').start();
  await node.seed(1);
  const connection = await underWay(node, await signInRequest(node, 'konto-0@example.org'));
  const { code, seconds } = await node.stop();
  await connection.closed;
  note(`ended after ${seconds.toFixed(1)} s`);
  assert.equal(code, 0);
  assert.ok(seconds < SHUTDOWN_SECONDS + 3, `${seconds} s`);
}

function handshake(node, certificate, options) {
  return within(
    'a handshake',
    10,
    new Promise((done, fail) => {
      const socket = tls.connect(
        { port: node.port, host: '127.0.0.1', servername: 'localhost', ca: certificate.cert, ...options },
        () => {
          done({ protocol: socket.getProtocol(), cipher: socket.getCipher().name });
          socket.destroy();
        },
      );
      socket.once('error', fail);
    }),
  );
}

async function protocols(kind) {
  const certificate = selfSigned(kind, 'localhost');
  const node = await new Node(`tls-${kind}`, ({ port }) => ({
    issuer: `https://localhost:${port}`,
    server: { tls_certificate_file: certificate.certificateFile, tls_key_file: certificate.keyFile },
  })).start();
  await node.seed(1);
  const signature = kind === 'ec' ? 'ECDSA' : 'RSA';
  const only = (version, ciphers) => ({ minVersion: version, maxVersion: version, ciphers });

  await test(`TLS with ${signature}: 1.3, and 1.2 with ECDHE and AES-GCM`, async () => {
    for (const cipher of ['TLS_AES_256_GCM_SHA384', 'TLS_AES_128_GCM_SHA256', 'TLS_CHACHA20_POLY1305_SHA256']) {
      assert.deepEqual(await handshake(node, certificate, only('TLSv1.3', cipher)), { protocol: 'TLSv1.3', cipher });
    }
    for (const strength of ['AES256-GCM-SHA384', 'AES128-GCM-SHA256']) {
      const cipher = `ECDHE-${signature}-${strength}`;
      assert.deepEqual(await handshake(node, certificate, only('TLSv1.2', cipher)), { protocol: 'TLSv1.2', cipher });
    }
  });

  await test(`TLS with ${signature}: 1.2 with CBC, CHACHA20 or without forward secrecy is refused, and so are 1.1 and 1.0`, async () => {
    const weak = [
      ['TLSv1.2', `ECDHE-${signature}-AES128-SHA256`],
      ['TLSv1.2', `ECDHE-${signature}-AES256-SHA384`],
      ['TLSv1.2', `ECDHE-${signature}-AES128-SHA`],
      ['TLSv1.2', `ECDHE-${signature}-CHACHA20-POLY1305`],
      ['TLSv1.2', 'AES128-GCM-SHA256'],
      ['TLSv1.2', 'DHE-RSA-AES128-GCM-SHA256'],
      ['TLSv1.1', 'ALL'],
      ['TLSv1', 'ALL'],
    ];
    for (const [version, ciphers] of weak) {
      // Level 0 makes sure that it is the server who refuses.
      const options = only(version, `${ciphers}:@SECLEVEL=0`);
      await assert.rejects(handshake(node, certificate, options), /alert|ECONNRESET/i, `${version} ${ciphers}`);
    }
  });

  await test(`TLS with ${signature}: __Host- cookies, Secure, HSTS`, async () => {
    const browser = new Browser(node.issuer, { authority: certificate.cert });
    const page = await signIn(browser, 'konto-0@example.org', SEED_PASSWORD);
    assert.equal(page.path, '/konto', page.text);
    assert.deepEqual([...browser.cookies.keys()].sort(), ['__Host-nk_g', '__Host-nk_s', '__Host-nk_t']);
    for (const { line } of browser.cookies.values()) {
      for (const flag of [/; Secure/i, /; HttpOnly/i, /; Path=\/(;|$)/i, /; SameSite=Lax/i]) {
        assert.match(line, flag);
      }
      assert.doesNotMatch(line, /domain/i);
    }
    const seconds = Number(page.headers['strict-transport-security'].match(/max-age=(\d+)/)[1]);
    assert.ok(seconds >= 31536000);
    const out = await browser.press(page, 'abmelden');
    assert.equal(out.path, '/abgemeldet');
    assert.deepEqual([...browser.cookies.keys()].sort(), ['__Host-nk_g', '__Host-nk_t'], 'no session');
  });

  await test(`TLS with ${signature}: plain HTTP gets no answer, and the key is not in the log`, async () => {
    const connection = new Connection(node);
    connection.send('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await within('the connection is closed', 15, connection.closed);
    assert.doesNotMatch(connection.text, /^HTTP/);
    assert.ok(!node.log.includes(readFileSync(certificate.keyFile, 'utf8').split('\n')[1]));
    const { code } = await node.stop();
    assert.equal(code, 0);
  });
}
