// openid-client at a service for organisations: who acts for a bakery, and what the library and the API behind it are told.

import assert from 'node:assert/strict';
import * as oidc from 'openid-client';
import { Browser } from './lib/browser.mjs';
import { test } from './lib/check.mjs';
import { clientFile, withSecret } from './lib/clients.mjs';
import { postgres } from './lib/databases.mjs';
import { signIn } from './lib/journeys.mjs';
import { Demonstration, SEED_PASSWORD } from './lib/program.mjs';
import { Flow, Provider } from './lib/relying-party.mjs';
import { validator } from './lib/verified-claims.mjs';

const SCOPES = ['openid', 'profile', 'email', 'organisation', 'offline_access'];
const CLAIMS = [{ names: ['given_name', 'family_name', 'email'] }];
const API = 'https://api.example/';
const PRIVATE = ['Nadine', 'nadine.weber@example.org', 'acc_'];

export async function run() {
  for (const [name, database] of [
    ['SQLite', undefined],
    ['PostgreSQL', postgres()],
  ]) {
    const node = await new Demonstration(`organisations-${name}`, database).start();
    const serving = (id, serves) => withSecret(id, 'client_secret_basic', { serves, scopes: SCOPES, claims: CLAIMS });
    const api = withSecret('schnittstelle', 'client_secret_basic', {
      serves: ['organisations'],
      scopes: ['openid', 'organisation'],
      resource_server: API,
      organisation_scopes: [{ name: 'meldung.senden', label: { de: 'Meldungen senden', en: 'Send reports' } }],
    });
    const clients = {
      api,
      both: serving('beides', ['persons', 'organisations']),
      only: serving('nur-firmen', ['organisations']),
      persons: withSecret('buergerdienst', 'client_secret_basic', { mandates: true, scopes: ['openid', 'profile'], claims: CLAIMS }),
    };
    const provider = Object.assign(new Provider(), { node, clients });
    await node.apply(clientFile(Object.values(clients)));
    await provider.known('only');
    // The device has another code only in half a minute.
    const browser = await nadine(node.issuer);
    await acts(name, provider, browser);
    await verified(name, provider, browser);
    await machine(name, provider, browser);
    const { code } = await node.stop();
    await test(`${name}: the demonstration ends well afterwards`, () => assert.equal(code, 0, node.log));
  }
}

/** Nadine, who represents the bakery, with the device of the demonstration. */
async function nadine(issuer) {
  const browser = new Browser(issuer);
  const page = await signIn(browser, 'nadine.weber@example.org', SEED_PASSWORD);
  assert.equal(page.path, '/anmelden/code', page.text);
  const [, code] = (await browser.open('/demo/codegeraet')).body.match(/id="code">(\d+)</);
  const done = await browser.press(page, 'weiter', { code });
  assert.equal(done.path, '/konto', done.text);
  return browser;
}

/** Goes through whatever comes; `choice` is the text of a label, or `ich`. */
async function arrives(browser, flow, choice) {
  let page = await flow.begin(browser);
  if (page.path === '/anmelden/wahl') {
    const membership = page.body.match(new RegExp(`value="(m(?:em|dt)_\\w+)"[^>]*>\\s*<label[^>]*>${choice}`))?.[1] ?? 'ich';
    page = await browser.press(page, 'weiter', { wahl: membership });
  }
  if (page.path === '/einwilligung') {
    flow.consent = page;
    page = await browser.press(page, 'senden');
  }
  assert.ok(page.left, `${page.url}: ${page.text}`);
  flow.answer = page.left;
  return flow.redeem();
}

async function acts(database, provider, browser) {
  const [both, only, persons] = await Promise.all(['both', 'only', 'persons'].map((name) => provider.party(name)));
  const scope = SCOPES.join(' ');
  let bakery;

  await test(`${database}: discovery names scope and claims`, () => {
    const metadata = both.serverMetadata();
    assert.ok(metadata.scopes_supported.includes('organisation'));
    assert.ok(['act', 'organisation'].every((claim) => metadata.claims_supported.includes(claim)));
    assert.ok(metadata.prompt_values_supported.includes('select_account'));
  });

  await test(`${database}: the subject is the bakery, and act says that somebody acts`, async () => {
    const flow = new Flow(both, { scope });
    const tokens = await arrives(browser, flow, 'Bäckerei Weber GmbH');
    assert.match(flow.consent.text, /Sie handeln für Bäckerei Weber GmbH\./);
    bakery = tokens.claims();
    assert.equal(bakery.act.role, 'representative');
    assert.notEqual(bakery.act.sub, bakery.sub);
    const told = await oidc.fetchUserInfo(both, tokens.access_token, bakery.sub);
    assert.deepEqual(
      { ...told, organisation: { ...told.organisation, level: undefined } },
      {
        sub: bakery.sub,
        act: bakery.act,
        organisation: {
          name: 'Bäckerei Weber GmbH',
          legal_form: 'gmbh',
          register: { kind: 'HRB', court: 'Mainz', number: '1234' },
          seat: 'Mainz',
          level: undefined,
        },
      },
    );
    const known = await oidc.tokenIntrospection(both, tokens.access_token);
    assert.deepEqual([known.active, known.sub, known.act], [true, bakery.sub, bakery.act]);
    const text = JSON.stringify([bakery, told, known, JSON.parse(Buffer.from(tokens.access_token.split('.')[1], 'base64url'))]);
    assert.ok(!PRIVATE.some((word) => text.includes(word)), text);
    const refreshed = await oidc.refreshTokenGrant(both, tokens.refresh_token);
    assert.deepEqual([refreshed.claims().sub, refreshed.claims().act], [bakery.sub, bakery.act]);
  });

  await test(`${database}: the same person for herself is another subject, without act`, async () => {
    const tokens = await arrives(browser, new Flow(both, { scope, prompt: 'select_account' }), 'mich selbst');
    const claims = tokens.claims();
    assert.ok(claims.sub !== bakery.sub && claims.sub !== bakery.act.sub && !('act' in claims));
    const told = await oidc.fetchUserInfo(both, tokens.access_token, claims.sub);
    assert.deepEqual([told.given_name, told.organisation], ['Nadine', undefined]);
  });

  await test(`${database}: under a mandate the subject is a person, and act says which mandate`, async () => {
    const tokens = await arrives(browser, new Flow(persons, { scope: 'openid profile', prompt: 'select_account' }), 'Renate Muster');
    const claims = tokens.claims();
    assert.equal(claims.act.role, 'mandate');
    assert.deepEqual(claims.act.scope, ['read', 'answer', 'submit']);
    const told = await oidc.fetchUserInfo(persons, tokens.access_token, claims.sub);
    assert.deepEqual([told.given_name, told.email, told.act], ['Renate', undefined, claims.act]);
    assert.ok(!PRIVATE.some((word) => JSON.stringify([claims, told]).includes(word)));
  });

  await test(`${database}: a service for organisations takes nobody for themselves`, async () => {
    const silent = await new Flow(only, { scope, prompt: 'none' }).begin(browser);
    assert.equal(silent.left.searchParams.get('error'), 'account_selection_required');
    const claims = (await arrives(browser, new Flow(only, { scope }), 'Bäckerei Weber GmbH')).claims();
    assert.ok(claims.act && claims.sub !== bakery.sub && claims.act.sub !== bakery.act.sub, 'other numbers at another service');
  });
}

/** What is known of the bakery, before and after it has been shown with its account in the other Land. */
async function verified(database, provider, browser) {
  const both = await provider.party('both');
  const wanted = {
    verification: {
      trust_framework: { value: 'eidas' },
      assurance_level: { value: 'substantial' },
      time: { max_age: 600 },
      evidence: [{ type: null, check_details: [{ check_method: null }], record: { type: null, source: null } }],
    },
    claims: { organisation: null, given_name: null },
  };
  const claims = JSON.stringify({ userinfo: { verified_claims: wanted }, id_token: { verified_claims: wanted } });
  const asks = async () => {
    const flow = new Flow(both, { scope: SCOPES.join(' '), claims, prompt: 'select_account' });
    const tokens = await arrives(browser, flow, 'Bäckerei Weber GmbH');
    const told = await oidc.fetchUserInfo(both, tokens.access_token, tokens.claims().sub);
    return [tokens.claims().verified_claims, told.verified_claims, tokens];
  };

  await test(`${database}: of a bakery that nothing has shown nothing is told as verified`, async () => {
    assert.deepEqual((await asks()).slice(0, 2), [undefined, undefined]);
  });

  await test(`${database}: the bakery is shown with its account in the other Land`, async () => {
    const list = await browser.open('/organisation');
    const bakery = list.body.match(/href="(\/organisation\/org_\w+)"[^>]*>Bäckerei Weber GmbH/)[1];
    const away = await browser.press(await browser.open(`${bakery}/nachweis`), 'mit-nordmark-organisationen');
    assert.equal(away.left.searchParams.get('code_challenge_method'), 'S256');
    const there = new Browser(away.left.origin);
    let page = await there.open(away.left);
    page = await there.press(page, 'weiter', { email: 'nadine.weber@nordmark.example', password: SEED_PASSWORD });
    const [, code] = (await there.open('/demo/codegeraet')).body.match(/id="code">(\d+)</);
    page = await there.press(page, 'weiter', { code });
    const firm = page.body.match(/value="(mem_\w+)"[^>]*>\s*<label[^>]*>Bäckerei Weber GmbH/)[1];
    page = await there.press(page, 'weiter', { wahl: firm });
    page = await there.press(page, 'senden');
    const back = await browser.open(page.left);
    assert.equal(back.path, bakery, back.text);
    assert.match(back.text, /substanziell/);
  });

  await test(`${database}: a service reads how the bakery was verified, in the ID token and in userinfo`, async () => {
    const [token, told, tokens] = await asks();
    assert.deepEqual(token, told);
    const { time, ...verification } = told.verification;
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 600_000, time);
    assert.deepEqual(verification, {
      trust_framework: 'eidas',
      assurance_level: 'substantial',
      evidence: [
        {
          type: 'electronic_record',
          check_details: [{ check_method: 'auth' }],
          record: { type: 'organisation_account', source: { name: 'Land Nordmark' } },
        },
      ],
    });
    assert.deepEqual(told.claims, {
      organisation: { name: 'Bäckerei Weber GmbH', legal_form: 'gmbh', seat: 'Mainz', register: { kind: 'HRB', court: 'Mainz', number: '1234' } },
    });
    const metadata = both.serverMetadata();
    assert.ok(metadata.claims_in_verified_claims_supported.includes('organisation'));
    assert.ok(metadata.electronic_records_supported.includes('organisation_account'));
    assert.ok(metadata.documents_check_methods_supported.includes('auth'));
    validator(metadata)(told);
    const refreshed = await oidc.refreshTokenGrant(both, tokens.refresh_token);
    assert.deepEqual(refreshed.claims().verified_claims, told);
    assert.ok(!PRIVATE.some((word) => JSON.stringify([token, told]).includes(word)));
  });
}

/** A program of the bakery gets tokens with a key that Nadine has given it. */
async function machine(database, provider, browser) {
  const { issuer } = provider.node;
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const list = await browser.open('/organisation');
  const bakery = list.body.match(/href="(\/organisation\/org_\w+)"[^>]*>Bäckerei Weber GmbH/)[1];
  const jwk = JSON.stringify(await crypto.subtle.exportKey('jwk', keys.publicKey));
  const page = await browser.open(`${bakery}/schluessel/neu`);
  const form = { name: 'Lohnbuchhaltung', schluessel: jwk, recht: 'schnittstelle meldung.senden' };
  const made = await browser.press(await browser.press(page, 'weiter', form), 'anlegen');
  const [, id] = made.body.match(/id="client-id">(oky_\w+)</);
  const [, kid] = made.body.match(/id="kid">([^<]+)</);
  const api = await provider.party('api');
  const discover = () => oidc.discovery(new URL(issuer), id, {}, oidc.PrivateKeyJwt({ key: keys.privateKey, kid }), { execute: [oidc.allowInsecureRequests] });

  await test(`${database}: a program with a key of the bakery gets tokens in its name`, async () => {
    const program = await discover();
    const tokens = await oidc.clientCredentialsGrant(program, { scope: 'meldung.senden' });
    assert.deepEqual([tokens.token_type, tokens.refresh_token, tokens.id_token], ['bearer', undefined, undefined]);
    const known = await oidc.tokenIntrospection(api, tokens.access_token);
    assert.deepEqual([known.active, known.client_id, known.aud, known.act], [true, id, API, undefined]);
    assert.equal(known.organisation.name, 'Bäckerei Weber GmbH');
    const bound = await oidc.clientCredentialsGrant(program, {}, { DPoP: oidc.getDPoPHandle(program, await oidc.randomDPoPKeyPair()) });
    assert.equal(bound.token_type, 'dpop');
    await assert.rejects(oidc.tokenIntrospection(program, tokens.access_token), { error: 'unauthorized_client' });
    const ended = await browser.press(await browser.open(`${bakery}/schluessel/${id}`), 'aktion');
    assert.equal(ended.path, `${bakery}/schluessel`, ended.text);
    assert.deepEqual(await oidc.tokenIntrospection(api, tokens.access_token), { active: false });
    await assert.rejects(oidc.clientCredentialsGrant(program, {}), { error: 'invalid_client' });
  });
}
