// Clients of the profiles `fapi2` and `fapi2-message-signing`, as openid-client and oauth4webapi make them, and what others
// can do with their tokens: nothing.

import assert from 'node:assert/strict';
import * as jose from 'jose';
import * as oauth from 'oauth4webapi';
import * as oidc from 'openid-client';
import { test } from './lib/check.mjs';
import { withKey } from './lib/clients.mjs';
import { postgres } from './lib/databases.mjs';
import { Node } from './lib/program.mjs';
import { DepositedFlow, Flow, Provider } from './lib/relying-party.mjs';
import { sealed, sealedClients } from './sealed.mjs';

const LASTING = ['openid', 'profile', 'email', 'offline_access'];
const OFFLINE = { scope: 'openid email offline_access', prompt: 'consent' };
// What this client expects to be signed, and with what.
const SIGNED = { authorization_signed_response_alg: 'ES256', introspection_signed_response_alg: 'ES256' };
const ON_LOOPBACK = { [oauth.allowInsecureRequests]: true };

const isError = (code) => (error) => error.error === code || assert.fail(`${code} expected, got ${error.stack}`);

export async function run() {
  for (const [name, database] of [
    ['SQLite', undefined],
    ['PostgreSQL', { url: postgres() }],
  ]) {
    const node = await new Node(`fapi2-${name}`, database && { database }).start();
    const clients = {
      bound: await withKey('gebunden', 'ES256', { profile: 'fapi2', scopes: LASTING }),
      signing: await withKey('signiert', 'ES256', { profile: 'fapi2-message-signing', scopes: LASTING }),
      other: await withKey('fremd', 'ES256', { profile: 'fapi2-message-signing' }),
      ...(await sealedClients()),
    };
    const provider = await Provider.with(node, clients, 20);
    await bound(name, provider);
    await signing(name, provider);
    await refusals(name, provider);
    await sealed(name, provider);
    await node.stop();
  }
}

/** A relying party with a key of its own to bind tokens to; `seen` has every answer that it got. */
async function holder(provider, name, metadata) {
  const seen = [];
  const watched = async (url, options) => {
    const response = await fetch(url, options);
    const body = await response.clone().text();
    seen.push({ url, sent: options, status: response.status, headers: response.headers, body });
    return response;
  };
  const party = await provider.party(name, { fetch: watched, metadata });
  const DPoP = oidc.getDPoPHandle(party, await oidc.randomDPoPKeyPair('ES256'));
  return { party, DPoP, seen };
}

async function agreed(provider, held, parameters = OFFLINE, options = {}) {
  const { browser } = await provider.person();
  const flow = new DepositedFlow(held.party, parameters, { DPoP: held.DPoP, ...options });
  await flow.agree(browser);
  return { browser, flow };
}

async function bound(database, provider) {
  await test(`${database}: fapi2: deposited, bound to a key, refreshed, looked up, revoked`, async () => {
    const held = await holder(provider, 'bound');
    const { party, DPoP, seen } = held;
    const { flow } = await agreed(provider, held);
    assert.equal(flow.answer.searchParams.get('iss'), provider.node.issuer);
    const tokens = await flow.redeem();
    const { sub } = tokens.claims();
    const jkt = await DPoP.calculateThumbprint();
    assert.deepEqual([tokens.token_type, jose.decodeJwt(tokens.access_token).cnf], ['dpop', { jkt }]);
    assert.ok((await oidc.fetchUserInfo(party, tokens.access_token, sub, { DPoP })).email);
    const refused = seen.filter(({ body }) => body.includes('use_dpop_nonce'));
    assert.equal(refused.length, 1, 'only the very first proof lacks a nonce');
    // RFC 9449 section 5: it may bring another key.
    const another = oidc.getDPoPHandle(party, await oidc.randomDPoPKeyPair('ES256'));
    for (const key of [DPoP, another, DPoP]) {
      const again = await oidc.refreshTokenGrant(party, tokens.refresh_token, undefined, { DPoP: key });
      assert.deepEqual([again.token_type, again.claims().sub, again.refresh_token], ['dpop', sub, undefined]);
      assert.ok((await oidc.fetchUserInfo(party, again.access_token, sub, { DPoP: key })).email);
      const other = key === DPoP ? another : DPoP;
      const stolen = oidc.fetchUserInfo(party, again.access_token, sub, { DPoP: other });
      await assert.rejects(stolen, isChallenge('invalid_token'));
    }
    const found = await oidc.tokenIntrospection(party, tokens.access_token);
    assert.deepEqual([found.active, found.token_type, found.cnf, found.sub], [true, 'DPoP', { jkt }, sub]);
    await oidc.tokenRevocation(party, tokens.access_token);
    assert.deepEqual(await oidc.tokenIntrospection(party, tokens.access_token), { active: false });
    await assert.rejects(oidc.fetchUserInfo(party, tokens.access_token, sub, { DPoP }), isChallenge('invalid_token'));
    await oidc.tokenRevocation(party, tokens.refresh_token);
    const late = oidc.refreshTokenGrant(party, tokens.refresh_token, undefined, { DPoP });
    await assert.rejects(late, isError('invalid_grant'));
  });

  await test(`${database}: fapi2: a request that comes by the browser is refused, and one without PKCE`, async () => {
    const { party, DPoP } = await holder(provider, 'bound');
    const { browser } = await provider.person();
    const open = new Flow(party);
    await assert.rejects(open.redeem((await open.begin(browser)).left), isError('invalid_request'));
    const { redirect_uri, scope, state } = open.parameters;
    const bare = oidc.buildAuthorizationUrlWithPAR(party, { redirect_uri, scope, state }, { DPoP });
    await assert.rejects(bare, isError('invalid_request'));
  });
}

async function signing(database, provider) {
  const signingKey = provider.clients.signing.key;

  await test(`${database}: message signing: request, answer and introspection are signed`, async () => {
    const held = await holder(provider, 'signing', SIGNED);
    oidc.useJwtResponseMode(held.party);
    const { flow } = await agreed(provider, held, OFFLINE, { signingKey });
    assert.deepEqual([...flow.answer.searchParams.keys()], ['response']);
    const tokens = await flow.redeem();
    const { sub } = tokens.claims();
    const { party, DPoP, seen } = held;
    assert.ok((await oidc.fetchUserInfo(party, tokens.access_token, sub, { DPoP })).email);
    // Its signature is checked by the library, too (enableNonRepudiationChecks).
    const found = await oidc.tokenIntrospection(party, tokens.access_token);
    assert.deepEqual([found.active, found.cnf.jkt], [true, await DPoP.calculateThumbprint()]);
    const type = ({ headers }) => headers.get('content-type')?.split(';')[0];
    assert.equal(type(seen.filter(({ url }) => url.endsWith('/introspect')).at(-1)), 'application/token-introspection+jwt');
    assert.deepEqual(await oidc.tokenIntrospection(party, 'falsch'), { active: false });
    const again = await oidc.refreshTokenGrant(party, tokens.refresh_token, undefined, { DPoP });
    assert.equal(again.claims().sub, sub);
  });

  await test(`${database}: message signing: a refusal is signed as well, and only this client believes it`, async () => {
    const { party, DPoP } = await holder(provider, 'signing', SIGNED);
    oidc.useJwtResponseMode(party);
    const { browser } = await provider.person();
    const flow = new DepositedFlow(party, {}, { DPoP, signingKey });
    const { left } = await browser.press(await flow.begin(browser), 'nicht-senden');
    await assert.rejects(flow.redeem(left), isError('access_denied'));
    const elsewhere = await provider.party('other', { metadata: SIGNED });
    oidc.useJwtResponseMode(elsewhere);
    const theirs = oidc.authorizationCodeGrant(elsewhere, left, flow.checks);
    await assert.rejects(theirs, (error) => /"aud"/.test(`${error.message} ${error.cause?.message}`) || assert.fail(error));
    const [head, , signature] = left.searchParams.get('response').split('.');
    const claims = { ...jose.decodeJwt(left.searchParams.get('response')), error: 'server_error' };
    left.searchParams.set('response', [head, jose.base64url.encode(JSON.stringify(claims)), signature].join('.'));
    await assert.rejects(flow.redeem(left), (error) => /signature/.test(`${error.message} ${error.cause?.message}`));
  });

  await test(`${database}: message signing: unsigned, signed by another, or addressed to another`, async () => {
    const { party, DPoP } = await holder(provider, 'signing', SIGNED);
    const push = (options) => new DepositedFlow(party, {}, { DPoP, ...options }).url();
    await assert.rejects(push({}), isError('invalid_request'));
    await assert.rejects(push({ signingKey: provider.clients.other.key }), isError('invalid_request_object'));
    const flow = new DepositedFlow(party, {}, { DPoP });
    await Flow.prototype.url.call(flow);
    const second = Math.floor(Date.now() / 1000);
    for (const change of [
      { aud: 'https://other.example' },
      { exp: undefined },
      { nbf: undefined },
      { exp: second - 60 },
      { exp: second + 7200 },
      { iss: 'fremd' },
    ]) {
      const modify = { [oidc.modifyAssertion]: (_header, payload) => Object.assign(payload, change) };
      const url = await oidc.buildAuthorizationUrlWithJAR(party, flow.parameters, signingKey, modify);
      const pushed = oidc.buildAuthorizationUrlWithPAR(party, url.searchParams, { DPoP });
      await assert.rejects(pushed, isError('invalid_request_object'), JSON.stringify(change));
    }
  });
}

/** What an API says in `WWW-Authenticate`, as the library reads it. */
const isChallenge = (code) => (error) => {
  const [challenge] = error.cause ?? [];
  assert.equal(challenge?.parameters.error, code, error.stack);
  return true;
};

async function refusals(database, provider) {
  await test(`${database}: a stolen token: without proof, with another key, with a proof that was used, without nonce`, async () => {
    const held = await holder(provider, 'bound');
    const { party, DPoP, seen } = held;
    const { flow } = await agreed(provider, held);
    const { access_token, refresh_token, ...tokens } = await flow.redeem();
    const { sub } = jose.decodeJwt(tokens.id_token);
    const userinfo = new URL(party.serverMetadata().userinfo_endpoint);
    const read = (handle) =>
      oauth.protectedResourceRequest(access_token, 'GET', userinfo, undefined, undefined, {
        ...ON_LOOPBACK,
        ...(handle && { DPoP: handle }),
      });
    await assert.rejects(read(), isChallenge('invalid_token'));
    const thief = oauth.DPoP(party.clientMetadata(), await oauth.generateKeyPair('ES256'));
    await assert.rejects(read(thief), (error) => {
      assert.ok(oauth.isDPoPNonceError(error), error.stack);
      assert.equal(error.response.status, 401);
      assert.ok(error.response.headers.get('dpop-nonce'));
      return true;
    });
    await assert.rejects(read(thief), isChallenge('invalid_token'));
    await oidc.fetchUserInfo(party, access_token, sub, { DPoP });
    const { sent } = seen.filter(({ url }) => url === userinfo.href).at(-1);
    const replayed = await fetch(userinfo, { headers: sent.headers });
    assert.equal(replayed.status, 401);
    assert.match(replayed.headers.get('www-authenticate'), /^DPoP error="invalid_dpop_proof"/);
    // The proof for one token is none for another, nor for another address.
    const headers = new Headers(sent.headers);
    const elsewhere = await fetch(party.serverMetadata().token_endpoint, { method: 'POST', headers, body: 'x=1' });
    assert.ok(elsewhere.status >= 400);
    await assert.rejects(oidc.refreshTokenGrant(party, refresh_token), isError('invalid_dpop_proof'));
    const stranger = await provider.party('other');
    const stolen = oidc.refreshTokenGrant(stranger, refresh_token, undefined, { DPoP: thief });
    await assert.rejects(stolen, isError('invalid_grant'));
    const late = oidc.refreshTokenGrant(party, refresh_token, undefined, { DPoP });
    await assert.rejects(late, isError('invalid_grant'), 'that somebody else had it has ended it');
  });

  await test(`${database}: a stolen code is nothing without the key that it was asked for with`, async () => {
    const held = await holder(provider, 'bound');
    const thief = oidc.getDPoPHandle(held.party, await oidc.randomDPoPKeyPair('ES256'));
    const { flow } = await agreed(provider, held);
    await assert.rejects(flow.redeem(undefined, {}, thief), isError('invalid_grant'));
    await assert.rejects(flow.redeem(), isError('invalid_grant'), 'and is burnt');
    const { flow: without } = await agreed(provider, held);
    const bare = oidc.authorizationCodeGrant(held.party, without.answer, without.checks);
    await assert.rejects(bare, isError('invalid_dpop_proof'));
  });
}
