// openid-client asks how something was verified (OpenID Connect for Identity Assurance): what the modules of the official
// suite's plan demand, of people of the demonstration whom somebody has seen.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as oidc from 'openid-client';
import { Browser } from './lib/browser.mjs';
import { note, test } from './lib/check.mjs';
import { clientFile, withSecret } from './lib/clients.mjs';
import { postgres } from './lib/databases.mjs';
import { signIn } from './lib/journeys.mjs';
import { Demonstration, SEED_PASSWORD } from './lib/program.mjs';
import { DepositedFlow, Flow, Provider } from './lib/relying-party.mjs';
import { validator } from './lib/verified-claims.mjs';

const GUIDE = resolve(fileURLToPath(import.meta.url), '../../../docs/integrate.md');

/** What stands on Renate's card. */
const RENATE = {
  given_name: 'Renate',
  family_name: 'Muster',
  birthdate: '1959-05-12',
  birth_family_name: 'BEISPIEL',
  place_of_birth: { locality: 'MAINZ' },
  nationalities: ['DE'],
  address: {
    formatted: 'MUSTERSTRASSE 1\n55116 MAINZ\nDE',
    street_address: 'MUSTERSTRASSE 1',
    postal_code: '55116',
    locality: 'MAINZ',
    country: 'DE',
  },
};
const EMAIL = 'renate.muster@example.org';
const CLAIMS = [...Object.keys(RENATE), 'title', 'email'];
const FRAMEWORK = { trust_framework: 'eidas' };

/** Everything there is to know of a verification. */
const EVERYTHING = {
  trust_framework: null,
  assurance_level: null,
  time: null,
  evidence: [
    {
      type: { value: 'document' },
      check_details: [{ check_method: null, organization: null }],
      document_details: { type: null, issuer: null, date_of_expiry: null },
    },
  ],
};

export async function run() {
  for (const [name, database] of [
    ['SQLite', undefined],
    ['PostgreSQL', postgres()],
  ]) {
    const node = await new Demonstration(`verified-claims-${name}`, database).start();
    const clients = { asks: withSecret('nachweise', 'client_secret_basic', { claims: [{ names: CLAIMS }] }) };
    const provider = Object.assign(new Provider(), { node, clients });
    await node.apply(clientFile(Object.values(clients)));
    await provider.known('asks');
    await asks(name, provider);
    const { code } = await node.stop();
    await test(`${name}: the demonstration ends well afterwards`, () => assert.equal(code, 0, node.log));
  }
}

/** Renate, who has just read her card. */
async function renate(issuer) {
  const browser = new Browser(issuer);
  assert.equal((await signIn(browser, EMAIL, SEED_PASSWORD)).path, '/konto');
  const opening = await browser.press(await browser.open('/ausweis'), 'weiter');
  const client = new URL(opening.body.match(/id="computer" href="([^"]*)"/)[1].replace(/&(amp|#38);/g, '&'));
  const reader = new Browser(client.origin);
  const { left } = await reader.press(await reader.open(client), 'karte-renate');
  const shown = await browser.open(left);
  assert.equal(shown.path, '/ausweis/pruefen', shown.text);
  const done = await browser.press(shown, 'uebernehmen');
  assert.equal(done.path, '/identitaet', done.text);
  return browser;
}

/** Emre, whose residence permit an official has seen, with the device that he got there. */
async function emre(issuer) {
  const browser = new Browser(issuer);
  const page = await signIn(browser, 'emre.oeztuerk@example.org', SEED_PASSWORD);
  assert.equal(page.path, '/anmelden/code', page.text);
  const [, code] = (await browser.open('/demo/codegeraet')).body.match(/id="code">(\d+)</);
  const done = await browser.press(page, 'weiter', { code });
  assert.equal(done.path, '/konto', done.text);
  return browser;
}

const pattern = (claims, verification = { trust_framework: null }) => ({ verification, claims });
const told = (claims, verification = FRAMEWORK) => ({ verification, claims });

async function asks(database, provider) {
  const { issuer } = provider.node;
  const party = await provider.party('asks');
  const metadata = party.serverMetadata();
  await advertises(database, metadata);
  const isAllowed = validator(metadata);
  let answers = 0;

  /** Asks by one `claims` parameter; what comes at each place, after it has been held against the schema. */
  const answer = async (browser, claims, Way = Flow) => {
    const flow = new Way(party, { claims: JSON.stringify(claims) });
    await flow.agree(browser);
    const tokens = await flow.redeem();
    const idToken = tokens.claims();
    const userinfo = await oidc.fetchUserInfo(party, tokens.access_token, idToken.sub);
    for (const place of [idToken, userinfo].filter((one) => 'verified_claims' in one)) {
      isAllowed(place.verified_claims);
      answers += 1;
    }
    return { idToken, userinfo };
  };

  /** Asks the same at both places; expected are what userinfo says, and what the ID token says if that is another. */
  const atBoth = async (browser, wanted, ...expected) => {
    const place = { verified_claims: wanted };
    const { idToken, userinfo } = await answer(browser, { id_token: place, userinfo: place });
    const got = [userinfo.verified_claims, idToken.verified_claims];
    assert.deepEqual(got, [expected.at(0), expected.at(-1)], JSON.stringify(wanted));
  };

  const browser = await renate(issuer);
  await oneClaim(database, metadata, browser, answer);
  await unknownAndOther(database, browser, atBoth);
  await evidenceAndWays(database, browser, atBoth);

  await test(`${database}: asked for in one place, told there alone, also if the request is deposited`, async () => {
    const place = { verified_claims: pattern({ given_name: null }) };
    const expected = told({ given_name: 'Renate' });
    for (const Way of [Flow, DepositedFlow]) {
      const first = await answer(browser, { id_token: place }, Way);
      assert.deepEqual([first.idToken.verified_claims, 'verified_claims' in first.userinfo], [expected, false]);
      const second = await answer(browser, { userinfo: place }, Way);
      assert.deepEqual(['verified_claims' in second.idToken, second.userinfo.verified_claims], [false, expected]);
    }
  });

  await test(`${database}: the request of the guide gets the answer of the guide`, async () => {
    const [, section] = readFileSync(GUIDE, 'utf8').split('\n## How something was verified\n');
    const [request, expected] = [...section.matchAll(/```json\n(.*?)```/gs)].map(([, text]) => text);
    const got = (await answer(browser, JSON.parse(request))).userinfo.verified_claims;
    const { verified_claims } = JSON.parse(`{${expected}}`);
    const { time } = got.verification;
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 600_000, time);
    assert.deepEqual(got, { ...verified_claims, verification: { ...verified_claims.verification, time } });
  });

  await test(`${database}: whom an official has seen, and whom nobody has`, async () => {
    const wanted = pattern({ given_name: null, family_name: null, birthdate: null, address: null }, EVERYTHING);
    const place = { userinfo: { verified_claims: wanted } };
    const { userinfo } = await answer(await emre(issuer), place);
    const { time, ...verification } = userinfo.verified_claims.verification;
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 600_000, time);
    assert.deepEqual(verification, {
      ...FRAMEWORK,
      assurance_level: 'substantial',
      evidence: [
        {
          type: 'document',
          check_details: [{ check_method: 'vpip', organization: 'Bürgerbüro Musterhausen' }],
          document_details: { type: 'de_erp', issuer: { country_code: 'DE' }, date_of_expiry: '2031-08-01' },
        },
      ],
    });
    assert.deepEqual(userinfo.verified_claims.claims, {
      given_name: 'Emre Can',
      family_name: 'Öztürk',
      birthdate: '1992-02-29',
    });
    const suharto = new Browser(issuer);
    assert.equal((await signIn(suharto, 'suharto@example.org', SEED_PASSWORD)).path, '/konto');
    assert.equal('verified_claims' in (await answer(suharto, place)).userinfo, false);
  });
  note(`${answers} answers fit the schema`);
}

async function advertises(database, metadata) {
  await test(`${database}: the metadata say what may be asked for`, () => {
    assert.equal(metadata.claims_parameter_supported, true);
    for (const list of [
      'trust_frameworks_supported',
      'evidence_supported',
      'documents_supported',
      'documents_check_methods_supported',
      'electronic_records_supported',
      'claims_in_verified_claims_supported',
      'claims_supported',
    ]) {
      const names = metadata[list];
      assert.ok(Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === 'string'), list);
      assert.equal(new Set(names).size, names.length, list);
    }
    assert.deepEqual([...metadata.evidence_supported].sort(), ['document', 'electronic_record']);
    const isKnown = (name) => metadata.claims_supported.includes(name);
    assert.ok(metadata.claims_in_verified_claims_supported.every(isKnown));
    assert.ok(metadata.acr_values_supported.includes('http://eidas.europa.eu/LoA/high'), 'cards give it');
    // A word of drafts, which the final specification does not have.
    assert.equal('verified_claims_supported' in metadata, false);
  });
}

async function oneClaim(database, metadata, browser, answer) {
  for (const value of [null, {}, { essential: false }]) {
    await test(`${database}: each claim alone, ${JSON.stringify(value)}, beside an ordinary one`, async () => {
      for (const name of metadata.claims_in_verified_claims_supported) {
        const place = { verified_claims: pattern({ [name]: value }), email: value };
        const { idToken, userinfo } = await answer(browser, { id_token: place, userinfo: place });
        // She has no title, and so there is nothing to tell.
        const expected = name in RENATE ? told({ [name]: RENATE[name] }) : undefined;
        for (const got of [idToken, userinfo]) {
          assert.deepEqual([got.verified_claims, got.email, name in got], [expected, EMAIL, false], name);
        }
      }
    });
  }
}

async function unknownAndOther(database, browser, atBoth) {
  await test(`${database}: names that nobody knows are left out, whatever is in them`, async () => {
    const expected = told({ given_name: 'Renate' });
    for (const name of [`unbekannt_${randomUUID()}`, '%/&,.', 'a%2Fb', 'https://claims.example/ä?b=c&d#e', '"\\\u0000', '']) {
      for (const value of [null, { essential: true }]) {
        await atBoth(browser, pattern({ given_name: null, [name]: value }), expected);
        await atBoth(browser, pattern({ [name]: value }), undefined);
      }
    }
  });

  await test(`${database}: another value: nothing in the ID token, the verification alone in userinfo`, async () => {
    for (const name of Object.keys(RENATE)) {
      await atBoth(browser, pattern({ [name]: { value: randomUUID() } }), told({}), undefined);
    }
    const some = pattern({ given_name: { value: randomUUID() }, family_name: { values: ['Muster', randomUUID()] } });
    await atBoth(browser, some, told({ family_name: 'Muster' }));
  });
}

async function evidenceAndWays(database, browser, atBoth) {
  const name = { given_name: null };
  const expected = { given_name: 'Renate' };

  await test(`${database}: one evidence is demanded, and it is so or it is not`, async () => {
    const checked = { type: 'document', check_details: [{ check_method: 'vcrypt' }] };
    const details = { type: 'idcard', issuer: { country_code: 'DE' }, date_of_expiry: '2099-10-31' };
    for (const [evidence, met] of [
      [{ type: { value: 'document' } }, { type: 'document' }],
      [{ type: { value: 'document' }, check_details: [{ check_method: { value: 'vcrypt' } }] }, checked],
      [
        { type: { value: 'document' }, check_details: null, document_details: { type: { value: 'idcard' } } },
        { ...checked, document_details: { type: 'idcard' } },
      ],
      [{ type: null, check_details: null, document_details: null }, { ...checked, document_details: details }],
      [{ type: { value: 'electronic_record' } }, undefined],
      [{ type: { value: 'vouch' } }, undefined],
      [{ type: { value: 'document' }, check_details: [{ check_method: { value: 'vpip' } }] }, undefined],
      [{ type: { value: 'document' }, document_details: { type: { value: 'passport' } } }, undefined],
    ]) {
      const wanted = pattern(name, { trust_framework: null, evidence: [evidence] });
      await atBoth(browser, wanted, met && told(expected, { ...FRAMEWORK, evidence: [met] }));
    }
  });

  await test(`${database}: a framework, a level or an age is demanded`, async () => {
    for (const [verification, met] of [
      [{ trust_framework: { value: 'eidas' } }, FRAMEWORK],
      [{ trust_framework: { values: ['de_aml', 'eidas'] } }, FRAMEWORK],
      [{ trust_framework: { value: 'de_aml' } }, undefined],
      [{ trust_framework: null, assurance_level: { value: 'high' } }, { ...FRAMEWORK, assurance_level: 'high' }],
      [{ trust_framework: null, assurance_level: { values: ['low', 'substantial'] } }, undefined],
      [{ trust_framework: null, time: { max_age: 0 } }, undefined],
      [{ trust_framework: null, verification_process: null }, FRAMEWORK],
    ]) {
      await atBoth(browser, pattern(name, verification), met && told(expected, met));
    }
  });

  await test(`${database}: several ways to ask: what can be met is told, one alone as it is, more as a list`, async () => {
    const never = pattern({ family_name: null }, { trust_framework: { value: 'de_aml' } });
    const level = pattern({ family_name: null }, { trust_framework: null, assurance_level: null });
    const first = told(expected);
    const second = told({ family_name: 'Muster' }, { ...FRAMEWORK, assurance_level: 'high' });
    await atBoth(browser, [never], undefined);
    await atBoth(browser, [never, level], second);
    await atBoth(browser, [pattern(name), never, level], [first, second]);
  });
}
