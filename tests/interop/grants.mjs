// Refresh, pushed requests, client credentials and back-channel logout, each with software nobody here wrote.

import assert from 'node:assert/strict';
import http from 'node:http';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as oidc from 'openid-client';
import { atEnd, test, until } from './lib/check.mjs';
import { REDIRECT_URI } from './lib/clients.mjs';
import { Flow, authorized } from './lib/relying-party.mjs';

const isError = (code) => (error) => error.error === code || assert.fail(`${code} expected, got ${error.stack}`);
const OFFLINE = { scope: 'openid email offline_access', prompt: 'consent' };

/** A service that wants to be told of ended sessions; what it was told. */
export async function listener() {
  const told = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part) => (body += part));
    request.on('end', () => {
      told.push(new URLSearchParams(body).get('logout_token'));
      response.end();
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  atEnd(() => server.close());
  return { told, uri: `http://127.0.0.1:${server.address().port}/abgemeldet` };
}

export async function grants(database, provider) {
  await test(`${database}: a service with a secret refreshes, asks for less, and gives it back`, async () => {
    const { browser } = await provider.person();
    const party = await provider.party('lasting');
    const { tokens } = await authorized(party, browser, OFFLINE);
    const { sub } = tokens.claims();
    const again = await oidc.refreshTokenGrant(party, tokens.refresh_token);
    assert.equal(again.claims().sub, sub);
    assert.ok((await oidc.fetchUserInfo(party, again.access_token, sub)).email);
    const less = await oidc.refreshTokenGrant(party, tokens.refresh_token, { scope: 'openid' });
    assert.equal(less.scope, 'openid');
    assert.equal((await oidc.fetchUserInfo(party, less.access_token, sub)).email, undefined);
    const more = oidc.refreshTokenGrant(party, tokens.refresh_token, { scope: 'openid profile' });
    await assert.rejects(more, isError('invalid_scope'));
    await oidc.tokenRevocation(party, tokens.refresh_token);
    await assert.rejects(oidc.refreshTokenGrant(party, tokens.refresh_token), isError('invalid_grant'));
  });

  await test(`${database}: a public client gets another refresh token each time, and a replay ends them all`, async () => {
    const { browser } = await provider.person();
    const party = await provider.party('open');
    const { tokens } = await authorized(party, browser, OFFLINE);
    const second = await oidc.refreshTokenGrant(party, tokens.refresh_token);
    assert.notEqual(second.refresh_token, tokens.refresh_token);
    const third = await oidc.refreshTokenGrant(party, second.refresh_token);
    await assert.rejects(oidc.refreshTokenGrant(party, tokens.refresh_token), isError('invalid_grant'));
    await assert.rejects(oidc.refreshTokenGrant(party, third.refresh_token), isError('invalid_grant'));
  });

  await test(`${database}: a device without keyboard gets its tokens when its person has allowed it`, async () => {
    const { browser } = await provider.person();
    const party = await provider.party('device');
    const begun = await oidc.initiateDeviceAuthorization(party, { scope: 'openid email' });
    const polling = oidc.pollDeviceAuthorizationGrant(party, begun);
    let page = await browser.open(new URL(begun.verification_uri).pathname);
    page = await browser.press(page, 'weiter', { code: begun.user_code });
    page = await browser.press(page, 'erlauben');
    page = await browser.press(page, 'senden');
    assert.equal(page.path, '/geraet/fertig', page.text);
    const tokens = await polling;
    assert.ok((await oidc.fetchUserInfo(party, tokens.access_token, tokens.claims().sub)).email);
    const refused = await oidc.initiateDeviceAuthorization(party, { scope: 'openid' });
    const denied = oidc.pollDeviceAuthorizationGrant(party, refused);
    page = await browser.open('/geraet');
    page = await browser.press(page, 'weiter', { code: refused.user_code });
    await Promise.all([assert.rejects(denied, isError('access_denied')), browser.press(page, 'ablehnen')]);
  });

  await test(`${database}: a request is pushed, used once, and demanded of who agreed to that`, async () => {
    const { browser } = await provider.person();
    const party = await provider.party('pushed');
    const plain = new Flow(party);
    const answer = (await plain.begin(browser)).left;
    await assert.rejects(plain.redeem(answer), isError('invalid_request'));
    const flow = new Flow(party);
    await flow.url();
    const url = await oidc.buildAuthorizationUrlWithPAR(party, flow.parameters);
    assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri']);
    const page = await browser.press(await browser.open(url), 'senden');
    assert.ok((await flow.redeem(page.left)).claims().sub);
    assert.equal((await browser.open(url)).status, 400, 'a second time');
  });

  await test(`${database}: a service in its own name`, async () => {
    const party = await provider.party('machine');
    const tokens = await oidc.clientCredentialsGrant(party, { scope: 'termine.lesen' });
    assert.deepEqual([tokens.scope, tokens.id_token], ['termine.lesen', undefined]);
    const keys = createRemoteJWKSet(new URL(party.serverMetadata().jwks_uri));
    const { payload, protectedHeader } = await jwtVerify(tokens.access_token, keys, {
      issuer: provider.node.issuer,
      audience: 'https://termine.example/',
      typ: 'at+jwt',
    });
    assert.deepEqual([payload.sub, payload.client_id, protectedHeader.alg], ['maschine', 'maschine', 'ES256']);
    await assert.rejects(oidc.clientCredentialsGrant(party, { scope: 'openid' }), isError('invalid_scope'));
  });

  await test(`${database}: a service is told that a session has ended`, async () => {
    const { browser } = await provider.person();
    const party = await provider.party('told');
    const { tokens } = await authorized(party, browser);
    const { sid, sub } = tokens.claims();
    await browser.press(await browser.open('/konto'), 'abmelden');
    const { told } = provider.listener;
    const token = await until('the service is told', 10, () => told.find((one) => one));
    const keys = createRemoteJWKSet(new URL(party.serverMetadata().jwks_uri));
    const { payload } = await jwtVerify(token, keys, {
      issuer: provider.node.issuer,
      audience: 'hoert-zu',
      typ: 'logout+jwt',
      maxTokenAge: '5 minutes',
    });
    assert.deepEqual([payload.sid, payload.sub ?? sub, payload.nonce], [sid, sub, undefined]);
    assert.deepEqual(payload.events, { 'http://schemas.openid.net/event/backchannel-logout': {} });
    told.length = 0;
  });

  await test(`${database}: the answer comes as a form, without script`, async () => {
    const { browser } = await provider.person();
    const party = await provider.party('basic');
    const flow = new Flow(party, { response_mode: 'form_post' });
    const page = await browser.press(await flow.begin(browser), 'senden');
    const form = page.body.match(/<form[^>]*action="([^"]*)"/)[1];
    assert.equal(form, REDIRECT_URI);
    const fields = [...page.body.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
    const body = new URLSearchParams(fields.map(([, name, value]) => [name, value]));
    const sent = new Request(REDIRECT_URI, { method: 'POST', body });
    const tokens = await flow.redeem(sent);
    assert.ok(tokens.claims().sub);
  });
}
