// Answers that are signed, and encrypted for one client: opened and checked with jose, beside openid-client.

import assert from 'node:assert/strict';
import * as jose from 'jose';
import * as oidc from 'openid-client';
import { test } from './lib/check.mjs';
import { LOGOUT_URI, withSecret } from './lib/clients.mjs';
import { isSignedIn } from './lib/journeys.mjs';
import { Flow } from './lib/relying-party.mjs';

const ANSWERS = ['id_token', 'userinfo', 'introspection'];
const PERSONAL = { scope: 'openid profile email' };

/** One client for each way of encryption, and one whose userinfo is signed only. */
export async function sealedClients() {
  const clients = { told: withSecret('unterschrieben', 'client_secret_basic', { userinfo_algorithm: 'PS256' }) };
  for (const management of ['ECDH-ES', 'RSA-OAEP-256']) {
    const pair = await jose.generateKeyPair(management, { extractable: true, modulusLength: 3072 });
    const bare = { ...(await jose.exportJWK(pair.publicKey)), kid: 'lesen-1', use: 'enc' };
    for (const content of ['A128GCM', 'A256GCM']) {
      // Some keys say for what they are, some do not.
      const key = content === 'A128GCM' ? { ...bare, alg: management } : bare;
      const id = `versiegelt-${management}-${content}`.toLowerCase();
      const settings = { userinfo_algorithm: 'ES256', encryption: { key, content, answers: ANSWERS } };
      clients[id] = { ...withSecret(id, 'client_secret_basic', settings), management, content, reader: pair.privateKey };
    }
  }
  return clients;
}

/** A relying party, and the last answer from each of its endpoints as it came. */
async function watched(provider, name, metadata) {
  const answers = {};
  const watch = async (url, options) => {
    const response = await fetch(url, options);
    answers[new URL(url).pathname] = { response, body: await response.clone().text() };
    return response;
  };
  return { party: await provider.party(name, { fetch: watch, metadata }), answers };
}

export async function sealed(database, provider) {
  const { issuer } = provider.node;

  await test(`${database}: userinfo is signed for whoever wants that`, async () => {
    const { browser } = await provider.person();
    const { party, answers } = await watched(provider, 'told', { userinfo_signed_response_alg: 'PS256' });
    const flow = new Flow(party, PERSONAL);
    await flow.agree(browser);
    const tokens = await flow.redeem();
    const { sub } = tokens.claims();
    const told = await oidc.fetchUserInfo(party, tokens.access_token, sub);
    assert.ok(told.email && told.family_name);
    const { response, body } = answers['/oauth2/userinfo'];
    assert.equal(response.headers.get('content-type'), 'application/jwt');
    const { payload } = await verify(party, body, 'PS256');
    assert.deepEqual([payload.iss, payload.aud, payload.sub], [issuer, 'unterschrieben', sub]);
  });

  for (const [name, client] of Object.entries(provider.clients).filter(([, { reader }]) => reader)) {
    const { management, content, reader } = client;
    await test(`${database}: ${management} with ${content}: ID token, userinfo and introspection, then the end`, async () => {
      const { browser } = await provider.person();
      const { party, answers } = await watched(provider, name, {
        userinfo_signed_response_alg: 'ES256',
        introspection_signed_response_alg: 'ES256',
      });
      oidc.enableDecryptingResponses(party, [content], { key: reader, alg: management, kid: 'lesen-1' });
      const flow = new Flow(party, PERSONAL);
      await flow.agree(browser);
      const tokens = await flow.redeem();
      const { sub } = tokens.claims();
      assert.ok((await oidc.fetchUserInfo(party, tokens.access_token, sub)).email);
      assert.equal((await oidc.tokenIntrospection(party, tokens.access_token)).active, true);
      // The same once more, without what the library does for one.
      const open = async (token) => {
        const { plaintext, protectedHeader } = await jose.compactDecrypt(token, reader, {
          keyManagementAlgorithms: [management],
          contentEncryptionAlgorithms: [content],
        });
        const { alg, enc, cty, kid } = protectedHeader;
        assert.deepEqual([alg, enc, cty, kid], [management, content, 'JWT', 'lesen-1']);
        return new TextDecoder().decode(plaintext);
      };
      const idToken = await open(JSON.parse(answers['/oauth2/token'].body).id_token);
      const { payload: id } = await verify(party, idToken, 'ES256');
      assert.deepEqual([id.iss, id.aud, id.sub, id.nonce], [issuer, client.id, sub, flow.checks.expectedNonce]);
      const { payload: info } = await verify(party, await open(answers['/oauth2/userinfo'].body), 'ES256');
      assert.deepEqual([info.sub, info.iss, info.email], [sub, issuer, info.email]);
      const { payload: about } = await verify(party, await open(answers['/oauth2/introspect'].body), 'ES256');
      assert.equal(about.token_introspection.sub, sub);
      for (const { body } of Object.values(answers)) {
        assert.ok(!body.includes('@example.org'), 'nothing of it stands in the open');
      }
      // What was inside names the session; nobody is asked.
      const parameters = { id_token_hint: idToken, post_logout_redirect_uri: LOGOUT_URI, state: 'fertig' };
      const page = await browser.open(oidc.buildEndSessionUrl(party, parameters));
      assert.equal(page.left?.href, `${LOGOUT_URI}?state=fertig`, page.text);
      assert.equal(await isSignedIn(browser), false);
    });
  }
}

function verify(party, token, algorithm) {
  const { jwks_uri, issuer } = party.serverMetadata();
  return jose.jwtVerify(token, jose.createRemoteJWKSet(new URL(jwks_uri)), {
    issuer,
    audience: party.clientMetadata().client_id,
    algorithms: [algorithm],
  });
}
