// Relying parties that use openid-client, and one authorization as they go through it.

import assert from 'node:assert/strict';
import * as oidc from 'openid-client';
import { Browser } from './browser.mjs';
import { REDIRECT_URI, clientFile, withKey, withSecret } from './clients.mjs';
import { until } from './check.mjs';
import { signIn } from './journeys.mjs';
import { SEED_PASSWORD } from './program.mjs';

const LASTING = ['openid', 'profile', 'email', 'offline_access'];

/** The provider as relying parties see it. */
export class Provider {
  /** With one client of each kind. */
  static async prepare(node, listener) {
    const clients = {
      basic: withSecret('basic', 'client_secret_basic'),
      post: withSecret('post', 'client_secret_post', { id_token_algorithm: 'RS256' }),
      es256: await withKey('schluessel-es256', 'ES256'),
      ps256: await withKey('schluessel-ps256', 'PS256', { id_token_algorithm: 'RS256' }),
      core: withSecret('ohne-pkce', 'client_secret_basic', { profile: 'oidc-core' }),
      lasting: withSecret('bleibend', 'client_secret_basic', { scopes: LASTING, id_token_algorithm: 'PS256' }),
      open: { id: 'offen', settings: { scopes: LASTING }, authentication: { method: 'none' } },
      pushed: await withKey('vorab', 'ES256', { require_pushed_authorization_requests: true }),
      machine: await withKey('maschine', 'ES256', {
        own_scopes: ['termine.lesen', 'termine.buchen'],
        resource: 'https://termine.example/',
      }),
      told: withSecret('hoert-zu', 'client_secret_basic', { backchannel_logout_uri: listener.uri }),
      device: { id: 'automat', settings: { device: true }, authentication: { method: 'none' } },
      narrow: withSecret('nur-nummer', 'client_secret_basic', { scopes: ['openid'] }),
    };
    const provider = await Provider.with(node, clients, 40);
    provider.listener = listener;
    return provider;
  }

  /** With these clients, and so many people. `authority` is whom its certificate is of, if it has one. */
  static async with(node, clients, people, authority) {
    const provider = new Provider();
    Object.assign(provider, { node, clients, authority, accounts: 0 });
    await node.apply(clientFile(Object.values(clients)));
    await node.seed(people);
    await provider.known(Object.keys(clients)[0]);
    return provider;
  }

  browser() {
    return new Browser(this.node.issuer, { authority: this.authority });
  }

  /** The registry of clients is read twice a second; waits until this one is in it. */
  async known(name) {
    const url = new URL('/oauth2/authorize', this.node.issuer);
    url.search = new URLSearchParams({ client_id: this.clients[name].id, redirect_uri: REDIRECT_URI });
    const isKnown = async () => (await this.browser().request('GET', url)).status === 303;
    await until(`the client ${name} is known`, 5, isKnown);
  }

  /** A relying party that has discovered the provider. `fetch` sees everything it sends. */
  async party(name, { clientAuthentication, fetch: own, metadata: further } = {}) {
    const client = this.clients[name];
    const { method } = client.authentication;
    const authentication =
      clientAuthentication ??
      {
        client_secret_basic: () => oidc.ClientSecretBasic(client.secret),
        client_secret_post: () => oidc.ClientSecretPost(client.secret),
        private_key_jwt: () => oidc.PrivateKeyJwt(client.key),
        tls_client_auth: () => oidc.TlsClientAuth(),
        self_signed_tls_client_auth: () => oidc.TlsClientAuth(),
        none: () => oidc.None(),
      }[method]();
    const metadata = { id_token_signed_response_alg: client.settings.id_token_algorithm ?? 'ES256', ...further };
    const execute = [oidc.enableNonRepudiationChecks, ...(this.authority ? [] : [oidc.allowInsecureRequests])];
    const options = { execute, ...(own && { [oidc.customFetch]: own }) };
    return oidc.discovery(new URL(this.node.issuer), client.id, metadata, authentication, options);
  }

  /** The next account that no test has used, in a browser of its own that is signed in. */
  async person() {
    const browser = this.browser();
    const email = `konto-${this.accounts}@example.org`;
    this.accounts += 1;
    const page = await signIn(browser, email, SEED_PASSWORD);
    assert.equal(page.path, '/konto', page.text);
    return { browser, email };
  }
}

/** One authorization request, and what it takes to check its answer. */
export class Flow {
  constructor(party, parameters = {}, { pkce = true } = {}) {
    this.party = party;
    this.checks = { expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce(), idTokenExpected: true };
    this.parameters = {
      redirect_uri: REDIRECT_URI,
      scope: 'openid',
      state: this.checks.expectedState,
      nonce: this.checks.expectedNonce,
      ...parameters,
    };
    if (pkce) {
      this.checks.pkceCodeVerifier = oidc.randomPKCECodeVerifier();
    }
    if (parameters.max_age !== undefined) {
      this.checks.maxAge = parameters.max_age;
    }
  }

  async url() {
    if (this.checks.pkceCodeVerifier) {
      this.parameters.code_challenge = await oidc.calculatePKCECodeChallenge(this.checks.pkceCodeVerifier);
      this.parameters.code_challenge_method = 'S256';
    }
    return oidc.buildAuthorizationUrl(this.party, this.parameters);
  }

  /** Sends the browser there as a page of the service would. */
  async begin(browser) {
    return browser.open(await this.url(), { headers: { 'sec-fetch-site': 'cross-site' } });
  }

  /** With somebody who agrees to everything; returns where the browser is sent in the end. */
  async agree(browser) {
    let page = await this.begin(browser);
    if (page.path === '/einwilligung') {
      this.consent = page;
      page = await browser.press(page, 'senden');
    }
    assert.ok(page.left, `${page.url}: ${page.text}`);
    this.answer = page.left;
    return page.left;
  }

  redeem(answer = this.answer, checks = {}) {
    return oidc.authorizationCodeGrant(this.party, answer, { ...this.checks, ...checks });
  }
}

/** The same, deposited before the browser goes; proven with a key, signed with another, if there are such. */
export class DepositedFlow extends Flow {
  constructor(party, parameters, { DPoP, signingKey } = {}) {
    super(party, parameters);
    Object.assign(this, { DPoP, signingKey });
  }

  async url() {
    await super.url();
    const { party, parameters, signingKey, DPoP } = this;
    const signed = signingKey && (await oidc.buildAuthorizationUrlWithJAR(party, parameters, signingKey)).searchParams;
    return oidc.buildAuthorizationUrlWithPAR(party, signed ?? parameters, { DPoP });
  }

  redeem(answer = this.answer, checks = {}, DPoP = this.DPoP) {
    return oidc.authorizationCodeGrant(this.party, answer, { ...this.checks, ...checks }, undefined, { DPoP });
  }
}

/** The whole way to tokens, with somebody who agrees. */
export async function authorized(party, browser, parameters, options) {
  const flow = new Flow(party, parameters, options);
  await flow.agree(browser);
  return { flow, tokens: await flow.redeem() };
}
