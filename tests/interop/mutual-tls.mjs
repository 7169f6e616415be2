// Clients with certificates (RFC 8705), as openid-client and oauth4webapi make them: to say who they are, and to bind their
// tokens, at the listener that asks for one.

import assert from 'node:assert/strict';
import * as jose from 'jose';
import * as oauth from 'oauth4webapi';
import * as oidc from 'openid-client';
import { certificateFetch } from './lib/certificate-fetch.mjs';
import { authority, issue, selfSigned, thumbprint } from './lib/certificates.mjs';
import { test } from './lib/check.mjs';
import { REDIRECT_URI, withCertificate, withKey } from './lib/clients.mjs';
import { postgres } from './lib/databases.mjs';
import { bothListeners } from './lib/listeners.mjs';
import { requested } from './lib/plain-client.mjs';
import { Node } from './lib/program.mjs';
import { DepositedFlow, Flow, Provider } from './lib/relying-party.mjs';

const OFFLINE = { scope: 'openid email offline_access', prompt: 'consent' };
const BOUND = { scopes: ['openid', 'profile', 'email', 'offline_access'], certificate_bound_tokens: true };
const FAPI2 = { ...BOUND, profile: 'fapi2' };
// RFC 8705 section 5: a library calls the aliases if it is told that its client uses them.
const ALIASES = { use_mtls_endpoint_aliases: true };

const isError = (code) => (error) => error.error === code || assert.fail(`${code} expected, got ${error.stack}`);

/** What an API says in `WWW-Authenticate`, as the library reads it. */
const isChallenge = (code) => (error) => {
  assert.equal(error.cause?.[0]?.parameters.error, code, error.stack);
  return true;
};

export async function run() {
  for (const [name, database] of [
    ['SQLite', undefined],
    ['PostgreSQL', { url: postgres() }],
  ]) {
    const world = await open(name, database);
    await discovered(name, world);
    await ownCertificate(name, world);
    await issuedCertificate(name, world);
    await fapi2(name, world);
    await withAnother(name, world);
    const { code } = await world.provider.node.stop();
    await test(`${name}: the program ends well afterwards`, () => assert.equal(code, 0));
  }
}

/** A node, its clients, and the certificates of all. */
async function open(name, database) {
  const [web, services] = [authority(`web-${name}`), authority(`services-${name}`)];
  const sections = bothListeners(web, services, database && { database });
  const node = await new Node(`mutual-tls-${name}`, sections).start();
  const own = selfSigned('ec', 'eigen.example');
  const issued = (id) => issue(services, `${id}.example`, 'clientAuth');
  const certificates = {
    own,
    next: selfSigned('rsa', 'eigen.example'),
    stranger: selfSigned('ec', 'eigen.example'),
    issued: issued('ausgestellt'),
    renewed: issued('ausgestellt'),
    forged: issue(authority(`other-${name}`), 'ausgestellt.example', 'clientAuth'),
    both: issued('beides'),
    proof: issued('nachweis'),
    signing: issued('signiert'),
  };
  const vouched = (id, settings) => withCertificate(id, 'tls_client_auth', { san_dns: `${id}.example` }, settings);
  const registered = { certificates: [own, certificates.next].map(thumbprint) };
  const signing = await withKey('signiert', 'ES256');
  const clients = {
    own: withCertificate('eigen', 'self_signed_tls_client_auth', registered, BOUND),
    issued: vouched('ausgestellt', BOUND),
    both: vouched('beides', FAPI2),
    assertion: await withKey('zusicherung', 'PS256', FAPI2),
    proof: vouched('nachweis', { ...FAPI2, certificate_bound_tokens: false }),
    signing: {
      ...vouched('signiert', { ...FAPI2, profile: 'fapi2-message-signing', jwks: signing.authentication.jwks }),
      key: signing.key,
    },
  };
  return { provider: await Provider.with(node, clients, 10, web.cert), certificates, web };
}

/** A client that shows this certificate, or none, wherever it is asked for one. */
async function party({ provider, web }, name, certificate, options) {
  const call = certificateFetch(web, certificate);
  const made = await provider.party(name, { fetch: call, metadata: ALIASES, ...options });
  return Object.assign(made, { call });
}

/** Somebody agrees to a deposited request. */
async function agreed({ provider }, made, options) {
  const { browser } = await provider.person();
  const flow = new DepositedFlow(made, OFFLINE, options);
  await flow.agree(browser);
  return flow;
}

const bindingOf = (tokens) => jose.decodeJwt(tokens.access_token).cnf;
const boundTo = (certificate) => ({ 'x5t#S256': thumbprint(certificate) });

/** Userinfo opens with the certificate alone, at the alias alone. */
async function opensWith(world, made, certificate, others, accessToken, sub) {
  const person = await oidc.fetchUserInfo(made, accessToken, sub);
  assert.ok(person.email);
  const { userinfo_endpoint: ordinary, mtls_endpoint_aliases: aliases } = made.serverMetadata();
  const read = (address, shown) =>
    oauth.protectedResourceRequest(accessToken, 'GET', new URL(address), undefined, undefined, {
      [oauth.customFetch]: certificateFetch(world.web, shown),
    });
  assert.equal((await read(aliases.userinfo_endpoint, certificate)).status, 200);
  for (const other of [...others, undefined]) {
    await assert.rejects(read(aliases.userinfo_endpoint, other), isChallenge('invalid_token'));
  }
  await assert.rejects(read(ordinary, certificate), isChallenge('invalid_token'), 'nobody asks for it there');
}

async function discovered(database, world) {
  await test(`${database}: discovery names the methods, and the addresses that ask for a certificate`, async () => {
    const metadata = (await party(world, 'own', world.certificates.own)).serverMetadata();
    assert.equal(metadata.tls_client_certificate_bound_access_tokens, true);
    for (const method of ['tls_client_auth', 'self_signed_tls_client_auth']) {
      assert.ok(metadata.token_endpoint_auth_methods_supported.includes(method), method);
    }
    const aliases = Object.entries(metadata.mtls_endpoint_aliases);
    assert.equal(aliases.length, 5);
    for (const [name, alias] of aliases) {
      const [there, here] = [new URL(alias), new URL(metadata[name])];
      assert.deepEqual([there.pathname, there.origin === here.origin], [here.pathname, false], name);
    }
  });
}

async function ownCertificate(database, world) {
  const { own, next, stranger } = world.certificates;

  await test(`${database}: a certificate of its own: the whole way, and nothing without it`, async () => {
    const made = await party(world, 'own', own);
    const flow = await agreed(world, made);
    const tokens = await flow.redeem();
    const { sub } = tokens.claims();
    assert.deepEqual([tokens.token_type, bindingOf(tokens)], ['bearer', boundTo(own)]);
    await opensWith(world, made, own, [next, stranger], tokens.access_token, sub);
    const found = await oidc.tokenIntrospection(made, tokens.access_token);
    assert.deepEqual([found.active, found.cnf, found.sub], [true, boundTo(own), sub]);
    const again = await oidc.refreshTokenGrant(made, tokens.refresh_token);
    assert.deepEqual([bindingOf(again), again.claims().sub], [boundTo(own), sub]);
    await opensWith(world, made, own, [next], again.access_token, sub);
    // With its other certificate: what comes of it is bound to that one.
    const changed = await party(world, 'own', next);
    const renewed = await oidc.refreshTokenGrant(changed, tokens.refresh_token);
    assert.deepEqual(bindingOf(renewed), boundTo(next));
    await opensWith(world, changed, next, [own], renewed.access_token, sub);
    await oidc.tokenRevocation(made, tokens.refresh_token);
    assert.deepEqual(await oidc.tokenIntrospection(made, again.access_token), { active: false });
    await assert.rejects(oidc.refreshTokenGrant(made, tokens.refresh_token), isError('invalid_grant'));
    const { mtls_endpoint_aliases: aliases } = made.serverMetadata();
    const addresses = new Set(made.call.seen.map(({ href }) => href));
    for (const alias of Object.values(aliases)) {
      assert.ok(addresses.has(alias), `${alias} was not called`);
    }
  });

  await test(`${database}: another certificate, none, or the right one where nobody asks for it: not this client`, async () => {
    const made = await party(world, 'own', own);
    const flow = await agreed(world, made);
    for (const [what, shown, metadata] of [
      ['another', stranger, ALIASES],
      ['of an authority', world.certificates.issued, ALIASES],
      ['none', undefined, ALIASES],
      ['nobody asks', own, {}],
    ]) {
      const wrong = await party(world, 'own', shown, { metadata });
      const pushed = oidc.buildAuthorizationUrlWithPAR(wrong, flow.parameters);
      await assert.rejects(pushed, isError('invalid_client'), what);
      const redeemed = oidc.authorizationCodeGrant(wrong, flow.answer, flow.checks);
      await assert.rejects(redeemed, isError('invalid_client'), what);
    }
    assert.deepEqual(bindingOf(await flow.redeem()), boundTo(own), 'and the code is still good for its client');
  });
}

/** The same with oauth4webapi alone, for a client whose certificate an authority has issued. */
async function issuedCertificate(database, world) {
  const { issued, renewed, forged, both, own } = world.certificates;

  await test(`${database}: a certificate of an authority: PAR, tokens, refresh and its successor, with oauth4webapi`, async () => {
    const [server, client] = await lowLevel(world);
    const options = (certificate) => ({ [oauth.customFetch]: certificateFetch(world.web, certificate) });
    const proof = oauth.TlsClientAuth();
    const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
    const { verifier, parameters } = requested(world.provider.clients.issued, { ...OFFLINE, state, nonce });
    const push = async (shown) => {
      const answer = await oauth.pushedAuthorizationRequest(server, client, proof, parameters, options(shown));
      return oauth.processPushedAuthorizationResponse(server, client, answer);
    };
    for (const wrong of [forged, both, own, undefined]) {
      await assert.rejects(push(wrong), isError('invalid_client'));
    }
    const left = await answered(world, client, await push(issued));
    const code = oauth.validateAuthResponse(server, client, left, state);
    const redemption = [code, REDIRECT_URI, verifier, options(issued)];
    const redeemed = await oauth.authorizationCodeGrantRequest(server, client, proof, ...redemption);
    const checks = { expectedNonce: nonce, requireIdToken: true };
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, redeemed, checks);
    assert.deepEqual(bindingOf(tokens), boundTo(issued));
    const { sub } = oauth.getValidatedIdTokenClaims(tokens);
    const refresh = async (shown) => {
      const answer = await oauth.refreshTokenGrantRequest(server, client, proof, tokens.refresh_token, options(shown));
      return oauth.processRefreshTokenResponse(server, client, answer);
    };
    for (const certificate of [issued, renewed]) {
      const again = await refresh(certificate);
      assert.deepEqual(bindingOf(again), boundTo(certificate));
      const made = await party(world, 'issued', certificate);
      const others = [issued, renewed, forged].filter((other) => other !== certificate);
      await opensWith(world, made, certificate, others, again.access_token, sub);
    }
    await assert.rejects(refresh(forged), isError('invalid_client'));
  });
}

/** What oauth4webapi discovers, and the client as it sees itself. */
async function lowLevel({ provider, web }) {
  const issuer = new URL(provider.node.issuer);
  const response = await oauth.discoveryRequest(issuer, { [oauth.customFetch]: certificateFetch(web) });
  const server = await oauth.processDiscoveryResponse(issuer, response);
  return [server, { client_id: provider.clients.issued.id, id_token_signed_response_alg: 'ES256', ...ALIASES }];
}

/** Where somebody who agrees is sent back to. */
async function answered({ provider }, client, { request_uri }) {
  const { browser } = await provider.person();
  const url = new URL('/oauth2/authorize', provider.node.issuer);
  url.search = new URLSearchParams({ client_id: client.client_id, request_uri });
  const asked = await browser.open(url, { headers: { 'sec-fetch-site': 'cross-site' } });
  assert.equal(asked.path, '/einwilligung', asked.text);
  return (await browser.press(asked, 'senden')).left;
}

async function fapi2(database, world) {
  const { both, stranger, signing } = world.certificates;
  const assertion = selfSigned('ec', 'zusicherung.example');

  await test(`${database}: fapi2: a certificate says who it is and binds the tokens`, async () => {
    const made = await party(world, 'both', both);
    const open = new Flow(made);
    const { browser } = await world.provider.person();
    await assert.rejects(open.redeem((await open.begin(browser)).left), isError('invalid_request'), 'deposited only');
    const flow = await agreed(world, made);
    assert.equal(flow.answer.searchParams.get('iss'), world.provider.node.issuer);
    const tokens = await flow.redeem();
    assert.deepEqual([tokens.token_type, bindingOf(tokens)], ['bearer', boundTo(both)]);
    const { sub } = tokens.claims();
    await opensWith(world, made, both, [stranger], tokens.access_token, sub);
    const again = await oidc.refreshTokenGrant(made, tokens.refresh_token);
    assert.deepEqual([bindingOf(again), again.claims().sub], [boundTo(both), sub]);
    await opensWith(world, made, both, [stranger], again.access_token, sub);
  });

  await test(`${database}: fapi2: an assertion says who it is, a certificate binds the tokens`, async () => {
    const made = await party(world, 'assertion', assertion);
    const without = await party(world, 'assertion', undefined);
    const unbound = await agreed(world, without);
    await assert.rejects(unbound.redeem(), isError('invalid_request'), 'never unbound instead');
    const flow = await agreed(world, made);
    const tokens = await flow.redeem();
    assert.deepEqual([tokens.token_type, bindingOf(tokens)], ['bearer', boundTo(assertion)]);
    await opensWith(world, made, assertion, [stranger], tokens.access_token, tokens.claims().sub);
    await assert.rejects(oidc.refreshTokenGrant(without, tokens.refresh_token), isError('invalid_request'));
    const again = await oidc.refreshTokenGrant(made, tokens.refresh_token);
    assert.deepEqual(bindingOf(again), boundTo(assertion));
  });

  await test(`${database}: message signing: with a certificate, and a key for the requests`, async () => {
    const made = await party(world, 'signing', signing);
    await assert.rejects(new DepositedFlow(made, OFFLINE).url(), isError('invalid_request'), 'unsigned');
    const wrong = { signingKey: world.provider.clients.assertion.key };
    await assert.rejects(new DepositedFlow(made, OFFLINE, wrong).url(), isError('invalid_request_object'));
    const flow = await agreed(world, made, { signingKey: world.provider.clients.signing.key });
    const tokens = await flow.redeem();
    assert.deepEqual(bindingOf(tokens), boundTo(signing));
    await opensWith(world, made, signing, [stranger], tokens.access_token, tokens.claims().sub);
  });
}

async function withAnother(database, world) {
  const { proof, issued } = world.certificates;

  await test(`${database}: fapi2: a certificate says who it is, a key binds the tokens (DPoP)`, async () => {
    const made = await party(world, 'proof', proof);
    const DPoP = oidc.getDPoPHandle(made, await oidc.randomDPoPKeyPair('ES256'));
    const thief = oidc.getDPoPHandle(made, await oidc.randomDPoPKeyPair('ES256'));
    const bare = await agreed(world, made);
    await assert.rejects(bare.redeem(), isError('invalid_dpop_proof'), 'never unbound instead');
    const flow = await agreed(world, made, { DPoP });
    const tokens = await flow.redeem();
    const { sub } = tokens.claims();
    const binding = { jkt: await DPoP.calculateThumbprint() };
    assert.deepEqual([tokens.token_type, bindingOf(tokens)], ['dpop', binding]);
    assert.ok((await oidc.fetchUserInfo(made, tokens.access_token, sub, { DPoP })).email);
    const stolen = oidc.fetchUserInfo(made, tokens.access_token, sub, { DPoP: thief });
    await assert.rejects(stolen, isChallenge('invalid_token'));
    await assert.rejects(oidc.fetchUserInfo(made, tokens.access_token, sub), isChallenge('invalid_token'));
    // The certificate is not what it is bound to: the key alone opens it, wherever.
    const elsewhere = await party(world, 'proof', issued, { metadata: {} });
    assert.ok((await oidc.fetchUserInfo(elsewhere, tokens.access_token, sub, { DPoP })).email);
    const again = await oidc.refreshTokenGrant(made, tokens.refresh_token, undefined, { DPoP });
    assert.deepEqual([again.token_type, bindingOf(again)], ['dpop', binding]);
    const other = await party(world, 'proof', issued);
    const foreign = oidc.refreshTokenGrant(other, tokens.refresh_token, undefined, { DPoP });
    await assert.rejects(foreign, isError('invalid_client'));
    assert.deepEqual((await oidc.tokenIntrospection(made, tokens.access_token)).cnf, binding);
  });
}
