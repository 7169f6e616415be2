// A relying party that registers itself with openid-client.

import assert from 'node:assert/strict';
import * as oidc from 'openid-client';
import { test } from './lib/check.mjs';
import { REDIRECT_URI } from './lib/clients.mjs';
import { postgres } from './lib/databases.mjs';
import { Node } from './lib/program.mjs';
import { Flow, Provider } from './lib/relying-party.mjs';

export async function run() {
  for (const [name, database] of [
    ['SQLite', undefined],
    ['PostgreSQL', { url: postgres() }],
  ]) {
    const sections = { ...(database && { database }), registration: { enabled: true } };
    const node = await new Node(`registration-${name}`, sections).start();
    await node.seed(4);
    const provider = Object.assign(new Provider(), { node, clients: {}, accounts: 0 });
    await registers(name, provider);
    const { code } = await node.stop();
    await test(`${name}: the program ends well afterwards`, () => assert.equal(code, 0));
  }
}

async function token(node) {
  const told = await node.run('client', 'registration-token', '--note', 'Hofladen', '--operator', 'k.muster');
  return told.match(/^token = (\S+)/m)[1];
}

function register(node, metadata, initialAccessToken) {
  const said = { redirect_uris: [REDIRECT_URI], client_name: 'Hofladen', ...metadata };
  const options = { initialAccessToken, execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] };
  // Unless it is told, the library sends a secret in the body, whatever the registration says.
  const authentication = metadata.token_endpoint_auth_method ? undefined : oidc.ClientSecretBasic();
  return oidc.dynamicClientRegistration(new URL(node.issuer), said, authentication, options);
}

/** With somebody who goes on to a service that nobody has checked, and gives their address. */
async function goesOn(flow, browser) {
  let page = await flow.begin(browser);
  assert.equal(page.path, '/dienst/pruefen', page.text);
  page = await browser.press(page, 'trotzdem');
  assert.equal(page.path, '/einwilligung', page.text);
  page = await browser.press(page, 'senden', { 'daten-email': 'ja' });
  assert.ok(page.left, page.text);
  return page.left;
}

async function registers(database, provider) {
  const { node } = provider;
  for (const [method, metadata] of [
    ['client_secret_basic', {}],
    ['client_secret_post', { token_endpoint_auth_method: 'client_secret_post', id_token_signed_response_alg: 'ES256' }],
    ['none', { token_endpoint_auth_method: 'none', id_token_signed_response_alg: 'PS256' }],
  ]) {
    await test(`${database}: registers itself, ${method}, and signs somebody in`, async () => {
      const party = await register(node, metadata, await token(node));
      const told = party.clientMetadata();
      assert.equal(told.token_endpoint_auth_method, method);
      const { browser, email } = await provider.person();
      const flow = new Flow(party, { scope: 'openid email' });
      const tokens = await flow.redeem(await goesOn(flow, browser));
      const { sub } = tokens.claims();
      const person = await oidc.fetchUserInfo(party, tokens.access_token, sub);
      assert.deepEqual([person.sub, person.email], [sub, email]);
      const again = new Flow(party, { scope: 'openid email' });
      await again.redeem(await again.agree(browser));
    });
  }

  await test(`${database}: nobody registers without a token, or with one that is used up`, async () => {
    const once = await token(node);
    await register(node, {}, once);
    for (const wrong of [undefined, 'geraten', once]) {
      await assert.rejects(register(node, {}, wrong), (error) => /401|invalid_token/.test(`${error.message} ${error.cause}`) || error.status === 401);
    }
  });
}
