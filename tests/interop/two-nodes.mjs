// Two processes on one PostgreSQL database are one provider.

import assert from 'node:assert/strict';
import http from 'node:http';
import { join } from 'node:path';
import { atEnd, note, test, until } from './lib/check.mjs';
import { Browser } from './lib/browser.mjs';
import { clientFile, withSecret } from './lib/clients.mjs';
import { postgres } from './lib/databases.mjs';
import { canSignIn, isSignedIn, register, resetPassword, signIn, somebody } from './lib/journeys.mjs';
import { Mailbox, sixDigits } from './lib/mail.mjs';
import { authorization, basic, codeForm, consent } from './lib/plain-client.mjs';
import { Node, SEED_PASSWORD, directory } from './lib/program.mjs';

const ROUNDS = Number(process.env.NK_ROUNDS ?? 50);
const PARALLEL = 64;
const SCOPE = { scope: 'openid email' };

export async function run() {
  const database = { url: postgres() };
  const mail = { directory: join(directory('two-nodes'), 'mail') };
  // Nobody reaches the nodes under the issuer's own address, as behind a load balancer.
  const issuer = 'http://localhost:1';
  const start = (name) => new Node(name, { issuer, database, mail }).start();
  let nodes;
  await test('two nodes start at once on an empty database', async () => {
    nodes = await Promise.all([start('node-a'), start('node-b')]);
  });
  const [a, b] = nodes;
  const at = (node, options) => new Browser(issuer, { port: node.port, ...options });
  const mailbox = new Mailbox(mail.directory);
  await a.seed(3);

  await test('signed in on A, known on B; signed out on B, refused by A within a second', async () => {
    const browser = at(a);
    await signIn(browser, 'konto-0@example.org', SEED_PASSWORD);
    browser.port = b.port;
    const page = await browser.open('/konto');
    assert.deepEqual([page.path, page.status], ['/konto', 200]);
    const copy = at(a);
    copy.cookies = new Map(browser.cookies);
    assert.equal(await isSignedIn(copy), true);
    const left = await browser.press(page, 'abmelden');
    assert.equal(left.path, '/abgemeldet');
    await until('A refuses the old cookie', 1, async () => !(await isSignedIn(copy)));
  });

  await test('a registration that changes the node at every step', async () => {
    const person = somebody('zwei-knoten');
    const browser = at(a);
    const step = async (_name, act) => {
      browser.port = browser.port === a.port ? b.port : a.port;
      return act();
    };
    const { page } = await register(browser, mailbox, person, { step });
    assert.equal(page.status, 200);
    for (const node of nodes) {
      assert.ok(await canSignIn(issuer, person.email, person.password, { port: node.port }));
    }
  });

  await test('a new password set on B ends the sessions on A and counts there', async () => {
    const before = at(a);
    await signIn(before, 'konto-1@example.org', SEED_PASSWORD);
    const password = 'neue-wolke-am-zweiten-knoten';
    await resetPassword(at(b), mailbox, 'konto-1@example.org', password);
    await until('A refuses the old session', 1, async () => !(await isSignedIn(before)));
    const on = { port: a.port };
    assert.ok(await canSignIn(issuer, 'konto-1@example.org', password, on));
    assert.equal(await canSignIn(issuer, 'konto-1@example.org', SEED_PASSWORD, on), undefined);
  });

  await test('a mailed code can be guessed five times in all, not five times on each node', async () => {
    const browser = at(a);
    const { email } = somebody('rater');
    let page = await browser.press(await browser.open('/registrieren/email'), 'weiter', { email });
    const code = sixDigits(await mailbox.take(email));
    for (let guess = 0; guess < 5; guess += 1) {
      browser.port = guess % 2 ? a.port : b.port;
      page = await browser.press(page, 'weiter', { code: code === '123456' ? '654321' : '123456' });
      assert.equal(page.status, 422);
    }
    page = await browser.press(page, 'weiter', { code });
    assert.equal(page.status, 422, 'the sixth try fails even with the right code');
  });

  const client = withSecret('zweiknoten', 'client_secret_basic');
  await test('a client applied at the command line is known on both nodes within a second', async () => {
    await a.apply(clientFile([client]));
    const known = (node) => async () => (await authorization(at(node), client, SCOPE)).page.status === 303;
    await Promise.all([until('A knows the client', 1, known(a)), until('B knows the client', 1, known(b))]);
  });

  await test(`${PARALLEL} parallel redemptions of one code over both nodes: one succeeds, ${ROUNDS} times`, async () => {
    const browser = at(a);
    await signIn(browser, 'konto-2@example.org', SEED_PASSWORD);
    await consent(browser, client, SCOPE);
    const agent = new http.Agent({ keepAlive: true });
    atEnd(() => agent.destroy());
    const began = performance.now();
    const winners = [0, 0];
    for (let round = 0; round < ROUNDS; round += 1) {
      browser.port = nodes[round % 2].port;
      const winner = await race(round, { agent, browser, client, issuer, nodes });
      winners[winner] += 1;
    }
    agent.destroy();
    const seconds = (performance.now() - began) / 1000;
    note(
      `${ROUNDS} rounds, ${ROUNDS * PARALLEL} redemptions in ${seconds.toFixed(1)} s; A won ${winners[0]}, B ${winners[1]}`,
    );
  });

  for (const node of nodes) {
    const { code } = await node.stop();
    await test(`${node === a ? 'A' : 'B'} ends well and has met no error`, () => {
      assert.equal(code, 0);
      assert.doesNotMatch(node.log, / ERROR /);
    });
  }
}

/** Everybody redeems one code at once. Returns the index of the node that gave the tokens. */
async function race(round, { agent, browser, client, issuer, nodes }) {
  const body = new URLSearchParams(await codeForm(browser, client, SCOPE)).toString();
  const headers = {
    host: new URL(issuer).host,
    authorization: basic(client),
    'content-type': 'application/x-www-form-urlencoded',
  };
  const redeem = async (index) => {
    const answer = await send(
      agent,
      { method: 'POST', port: nodes[index % 2].port, path: '/oauth2/token', headers },
      body,
    );
    return { ...answer, node: index % 2 };
  };
  const answers = await Promise.all(Array.from({ length: PARALLEL }, (_, index) => redeem(index)));
  const good = answers.filter((answer) => answer.status === 200);
  assert.equal(good.length, 1, `round ${round}: ${answers.map((answer) => answer.status).join(' ')}`);
  const others = answers.filter((answer) => answer.status !== 200);
  for (const { status, json } of others) {
    assert.deepEqual([status, json.error], [400, 'invalid_grant'], `round ${round}`);
  }
  // The other 63 were a second use of the code.
  for (const node of nodes) {
    const bearer = { host: headers.host, authorization: `Bearer ${good[0].json.access_token}` };
    const answer = await send(agent, { method: 'GET', port: node.port, path: '/oauth2/userinfo', headers: bearer });
    assert.equal(answer.status, 401, `round ${round}: the token of a code that came twice`);
  }
  return good[0].node;
}

function send(agent, options, body) {
  return new Promise((done, fail) => {
    const request = http.request({ host: '127.0.0.1', agent, ...options }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => (text += part));
      response.on('error', fail).on('end', () => done({ status: response.statusCode, json: JSON.parse(text) }));
    });
    request.on('error', fail);
    request.end(body);
  });
}
