// openid-client, a certified relying party library, against the provider.

import assert from 'node:assert/strict';
import * as oidc from 'openid-client';
import { grants, listener } from './grants.mjs';
import { note, test } from './lib/check.mjs';
import { Browser } from './lib/browser.mjs';
import { LOGOUT_URI, REDIRECT_URI, REDIRECT_URI_WITH_QUERY } from './lib/clients.mjs';
import { postgres } from './lib/databases.mjs';
import { isSignedIn, register, somebody } from './lib/journeys.mjs';
import { Mailbox } from './lib/mail.mjs';
import { Node, SEED_PASSWORD } from './lib/program.mjs';
import { Flow, Provider, authorized } from './lib/relying-party.mjs';

const BASIC_LEVEL = 'http://bsi.bund.de/eID/LoA/undefined';
const PERSONAL = ['name', 'given_name', 'family_name', 'birthdate', 'email', 'email_verified'];

export async function run() {
  for (const [name, database] of [
    ['SQLite', undefined],
    ['PostgreSQL', { url: postgres() }],
  ]) {
    const sections = { ...(database && { database }), outbound: { allowed_hosts: ['127.0.0.1'] } };
    const node = await new Node(`openid-client-${name}`, sections).start();
    const provider = await Provider.prepare(node, await listener());
    await protocol(name, provider);
    await sessions(name, provider);
    await refusals(name, provider);
    await grants(name, provider);
    const { code } = await node.stop();
    await test(`${name}: the program ends well afterwards`, () => assert.equal(code, 0));
  }
}

const isError = (code) => (error) => error.error === code || assert.fail(`${code} expected, got ${error.stack}`);

async function protocol(database, provider) {
  const { issuer } = provider.node;

  await test(`${database}: discovery`, async () => {
    const metadata = (await provider.party('basic')).serverMetadata();
    assert.equal(metadata.issuer, issuer);
    assert.ok(metadata.supportsPKCE('S256'));
    assert.equal(metadata.authorization_response_iss_parameter_supported, true);
    assert.deepEqual(metadata.acr_values_supported, [BASIC_LEVEL, ...['low', 'substantial'].map((level) => `http://eidas.europa.eu/LoA/${level}`)]);
    const { keys } = await (await fetch(metadata.jwks_uri)).json();
    assert.ok(keys.length >= 3 && keys.every((key) => !('d' in key) && key.kid && key.use === 'sig' && (key.alg || key.kty === 'RSA')));
  });

  for (const name of ['basic', 'post', 'es256', 'ps256', 'core']) {
    const client = provider.clients[name];
    const algorithm = client.settings.id_token_algorithm ?? 'ES256';
    await test(`${database}: ${client.id}: code, ${client.authentication.method}, ID token ${algorithm}`, async () => {
      const { browser } = await provider.person();
      const party = await provider.party(name);
      const { flow, tokens } = await authorized(party, browser, {}, { pkce: name !== 'core' });
      const claims = tokens.claims();
      assert.equal(flow.answer.searchParams.get('iss'), issuer);
      assert.deepEqual([claims.iss, claims.aud, claims.acr, claims.amr], [issuer, client.id, BASIC_LEVEL, ['pwd']]);
      assert.ok(Math.abs(claims.auth_time - Date.now() / 1000) < 60);
      assert.equal(JSON.parse(Buffer.from(tokens.id_token.split('.')[0], 'base64url')).alg, algorithm);
      assert.deepEqual([tokens.token_type, tokens.expires_in, tokens.scope], ['bearer', 300, 'openid']);
      assert.deepEqual(
        PERSONAL.filter((claim) => claim in claims),
        [],
        'no personal data in an ID token',
      );
      const { sub, ...others } = await oidc.fetchUserInfo(party, tokens.access_token, claims.sub);
      assert.deepEqual([sub, others], [claims.sub, {}]);
      const found = await oidc.tokenIntrospection(party, tokens.access_token);
      assert.deepEqual([found.active, found.client_id, found.sub], [true, client.id, claims.sub]);
      await oidc.tokenRevocation(party, tokens.access_token);
      assert.deepEqual(await oidc.tokenIntrospection(party, tokens.access_token), { active: false });
      await assert.rejects(oidc.fetchUserInfo(party, tokens.access_token, claims.sub));
    });
  }

  await test(`${database}: the library refuses an answer without iss, or with another`, async () => {
    const { browser } = await provider.person();
    const flow = new Flow(await provider.party('basic'));
    const answer = await flow.agree(browser);
    for (const iss of [undefined, 'https://other.example']) {
      const changed = new URL(answer);
      changed.searchParams.delete('iss');
      if (iss) {
        changed.searchParams.set('iss', iss);
      }
      await assert.rejects(flow.redeem(changed), (error) => /"iss"/.test(error.cause?.message) || assert.fail(error));
    }
    await flow.redeem(answer);
  });

  // The library leaves the query out of the redirect_uri that it sends with the code.
  await test(`${database}: a registered redirect_uri keeps its query`, async () => {
    const { browser } = await provider.person();
    const flow = new Flow(await provider.party('post'), { redirect_uri: REDIRECT_URI_WITH_QUERY });
    const answer = await flow.agree(browser);
    assert.equal(answer.searchParams.get('mandant'), '1');
    const { id, secret } = provider.clients.post;
    const redeem = (redirect_uri) =>
      fetch(`${issuer}/oauth2/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          code: answer.searchParams.get('code'),
          code_verifier: flow.checks.pkceCodeVerifier,
          redirect_uri,
          client_id: id,
          client_secret: secret,
        }),
      });
    const response = await redeem(REDIRECT_URI_WITH_QUERY);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('cache-control'), 'no-store');
  });

  await test(`${database}: claims of each scope, by GET and POST, and on the consent page`, async () => {
    const { browser, email } = await provider.person();
    const party = await provider.party('basic');
    const profile = {
      name: /^Anna /,
      given_name: /^Anna$/,
      family_name: /^(Muster|Beispiel|Probe)$/,
      birthdate: /^1980-01-31$/,
      updated_at: /^\d+$/,
    };
    const address = { email: new RegExp(`^${email}$`), email_verified: /^true$/ };
    for (const [scope, expected] of [
      ['openid', {}],
      ['openid email', address],
      ['openid profile', profile],
      ['openid profile email', { ...profile, ...address }],
    ]) {
      const { flow, tokens } = await authorized(party, browser, { scope, prompt: 'consent' });
      const { sub } = tokens.claims();
      const got = await oidc.fetchUserInfo(party, tokens.access_token, sub);
      assert.deepEqual(Object.keys(got).sort(), ['sub', ...Object.keys(expected)].sort(), scope);
      for (const [claim, value] of Object.entries(expected)) {
        assert.match(String(got[claim]), value, claim);
      }
      assert.equal(flow.consent.text.includes(email), scope.includes('email'), `the consent page for ${scope}`);
      assert.equal(
        flow.consent.text.includes('31. Januar 1980'),
        scope.includes('profile'),
        `the consent page for ${scope}`,
      );
      const url = new URL(party.serverMetadata().userinfo_endpoint);
      const posted = await oidc.fetchProtectedResource(party, tokens.access_token, url, 'POST');
      assert.deepEqual(await posted.json(), got);
      const asForm = await fetch(url, {
        method: 'POST',
        body: new URLSearchParams({ access_token: tokens.access_token }),
      });
      assert.deepEqual(await asForm.json(), got);
    }
  });

  await test(`${database}: sub is pairwise`, async () => {
    const { browser } = await provider.person();
    const sub = async (name) => (await authorized(await provider.party(name), browser)).tokens.claims().sub;
    const [one, again, other] = [await sub('basic'), await sub('basic'), await sub('post')];
    assert.equal(one, again);
    assert.notEqual(one, other);
    const stranger = await authorized(await provider.party('basic'), (await provider.person()).browser);
    assert.notEqual(stranger.tokens.claims().sub, one);
  });

  await test(`${database}: somebody without an account registers on the way to a service`, async () => {
    const browser = new Browser(issuer, { language: 'en' });
    const party = await provider.party('es256');
    const flow = new Flow(party, { scope: 'openid profile email' });
    let page = await flow.begin(browser);
    assert.equal(page.path, '/anmelden');
    page = await browser.open(page.body.match(/href="(\/registrieren[^"]*)"/)[1]);
    const person = somebody('auf-dem-weg');
    const done = await register(browser, new Mailbox(provider.node.mailDirectory), person, { page });
    assert.equal(new Set(done.codes).size, 10);
    page = await browser.open(done.page.body.match(/id="weiter" href="([^"]*)"/)[1]);
    assert.equal(page.path, '/einwilligung', page.text);
    page = await browser.press(page, 'senden');
    const tokens = await flow.redeem(page.left);
    const claims = await oidc.fetchUserInfo(party, tokens.access_token, tokens.claims().sub);
    assert.deepEqual(
      [claims.given_name, claims.family_name, claims.name, claims.birthdate, claims.email, claims.email_verified],
      [
        person.givenNames,
        person.familyName,
        `${person.givenNames} ${person.familyName}`,
        person.birthDate,
        person.email,
        true,
      ],
    );
  });
}

async function sessions(database, provider) {
  await test(`${database}: max_age`, async () => {
    const { browser, email } = await provider.person();
    const party = await provider.party('basic');
    const first = (await authorized(party, browser, { max_age: 3600 })).tokens.claims();
    const again = (await authorized(party, browser, { max_age: 3600 })).tokens.claims();
    assert.equal(first.auth_time, again.auth_time, 'young enough: nobody signs in');
    const flow = new Flow(party, { max_age: 0 });
    let page = await flow.begin(browser);
    assert.equal(page.path, '/anmelden', 'max_age=0 always asks');
    page = await browser.press(page, 'weiter', { email, password: SEED_PASSWORD });
    const { auth_time } = (await flow.redeem(page.left)).claims();
    assert.ok(auth_time >= first.auth_time && Math.abs(auth_time - Date.now() / 1000) < 30);
  });

  await test(`${database}: prompt=none`, async () => {
    const party = await provider.party('basic');
    const silent = new Flow(party, { prompt: 'none' });
    const nobody = await silent.begin(new Browser(provider.node.issuer));
    await assert.rejects(silent.redeem(nobody.left), isError('login_required'));
    const { browser } = await provider.person();
    await assert.rejects(silent.redeem((await silent.begin(browser)).left), isError('consent_required'));
    await authorized(party, browser);
    const { tokens } = await authorized(party, browser, { prompt: 'none' });
    assert.ok(tokens.claims().sub);
  });

  await test(`${database}: prompt=login asks even a person who is signed in`, async () => {
    const { browser, email } = await provider.person();
    const party = await provider.party('basic');
    const before = (await authorized(party, browser)).tokens.claims();
    const flow = new Flow(party, { prompt: 'login' });
    let page = await flow.begin(browser);
    assert.equal(page.path, '/anmelden');
    page = await browser.press(page, 'weiter', { email, password: SEED_PASSWORD });
    const after = (await flow.redeem(page.left)).claims();
    assert.equal(after.sub, before.sub);
    assert.ok(after.auth_time >= before.auth_time);
  });

  await test(`${database}: a person who cancels or refuses`, async () => {
    const { browser } = await provider.person();
    const party = await provider.party('basic');
    for (const button of ['nicht-senden', 'abbrechen']) {
      const flow = new Flow(party);
      const page = await browser.press(await flow.begin(browser), button);
      await assert.rejects(flow.redeem(page.left), isError('access_denied'), button);
    }
  });

  await test(`${database}: end session with id_token_hint, target and state`, async () => {
    const { browser } = await provider.person();
    const party = await provider.party('basic');
    const { tokens } = await authorized(party, browser);
    const parameters = { id_token_hint: tokens.id_token, post_logout_redirect_uri: LOGOUT_URI, state: 'zurück & gut' };
    const page = await browser.open(oidc.buildEndSessionUrl(party, parameters));
    assert.equal(page.left.origin + page.left.pathname, LOGOUT_URI);
    assert.equal(page.left.searchParams.get('state'), parameters.state);
    assert.equal(await isSignedIn(browser), false);
    await refusedAtUserinfo(party, tokens);
  });

  await test(`${database}: end session asks if it cannot know, and never sends to strangers`, async () => {
    const { browser } = await provider.person();
    const party = await provider.party('basic');
    await authorized(party, browser);
    let page = await browser.open(oidc.buildEndSessionUrl(party, { post_logout_redirect_uri: LOGOUT_URI, state: 's' }));
    assert.equal(page.path, '/oauth2/logout');
    assert.equal(await isSignedIn(browser), true);
    const stranger = { post_logout_redirect_uri: 'https://evil.example/' };
    const refused = await browser.open(oidc.buildEndSessionUrl(party, stranger));
    assert.deepEqual([refused.status, refused.left], [400, undefined]);
    page = await browser.press(page, 'abmelden-ja');
    assert.equal(page.left.href, `${LOGOUT_URI}?state=s`);
    assert.equal(await isSignedIn(browser), false);
  });
}

async function refusedAtUserinfo(party, tokens) {
  await assert.rejects(oidc.fetchUserInfo(party, tokens.access_token, tokens.claims().sub), (error) => {
    assert.equal(error.response?.status ?? error.cause?.response?.status ?? error.status, 401, error.stack);
    return true;
  });
}

async function refusals(database, provider) {
  const { issuer } = provider.node;

  await test(`${database}: a code that comes twice is refused and takes its first token with it`, async () => {
    const { browser } = await provider.person();
    const party = await provider.party('basic');
    const { flow, tokens } = await authorized(party, browser);
    await oidc.fetchUserInfo(party, tokens.access_token, tokens.claims().sub);
    await assert.rejects(flow.redeem(), isError('invalid_grant'));
    await refusedAtUserinfo(party, tokens);
  });

  await test(`${database}: a wrong verifier burns the code`, async () => {
    const { browser } = await provider.person();
    const flow = new Flow(await provider.party('basic'));
    await flow.agree(browser);
    const wrong = { pkceCodeVerifier: oidc.randomPKCECodeVerifier() };
    await assert.rejects(flow.redeem(flow.answer, wrong), isError('invalid_grant'));
    await assert.rejects(flow.redeem(), isError('invalid_grant'));
  });

  await test(`${database}: a verifier without a challenge, and a challenge without a verifier`, async () => {
    const { browser } = await provider.person();
    const party = await provider.party('core');
    const without = new Flow(party, {}, { pkce: false });
    await without.agree(browser);
    const verifier = { pkceCodeVerifier: oidc.randomPKCECodeVerifier() };
    await assert.rejects(without.redeem(without.answer, verifier), isError('invalid_grant'));
    const withChallenge = new Flow(party);
    await withChallenge.agree(browser);
    await assert.rejects(
      withChallenge.redeem(withChallenge.answer, { pkceCodeVerifier: undefined }),
      isError('invalid_grant'),
    );
    const baseline = new Flow(await provider.party('basic'), {}, { pkce: false });
    await assert.rejects(baseline.redeem((await baseline.begin(browser)).left), isError('invalid_request'));
  });

  await test(`${database}: another client's code, a wrong secret, a method that is not registered`, async () => {
    const { browser } = await provider.person();
    const flow = new Flow(await provider.party('basic'));
    await flow.agree(browser);
    const wrong = {
      secret: oidc.ClientSecretBasic('falsch'),
      method: oidc.ClientSecretPost(provider.clients.basic.secret),
    };
    for (const clientAuthentication of Object.values(wrong)) {
      const party = await provider.party('basic', { clientAuthentication });
      await assert.rejects(oidc.authorizationCodeGrant(party, flow.answer, flow.checks), (error) => {
        const { status, headers } = error.response ?? error.cause;
        assert.equal(status, 401, error.stack);
        assert.ok(clientAuthentication !== wrong.secret || headers.get('www-authenticate')?.startsWith('Basic'));
        return true;
      });
    }
    await flow.redeem();
    const stolen = new Flow(await provider.party('basic'));
    await stolen.agree(browser);
    const thief = await provider.party('post');
    await assert.rejects(oidc.authorizationCodeGrant(thief, stolen.answer, stolen.checks), isError('invalid_grant'));
    await assert.rejects(stolen.redeem(), isError('invalid_grant'), 'a code that was seen elsewhere is burnt');
  });

  await test(`${database}: an unregistered redirect_uri is a page and no redirect`, async () => {
    const { browser } = await provider.person();
    const party = await provider.party('basic');
    for (const redirect_uri of [
      'https://evil.example/cb',
      `${REDIRECT_URI}?x=1`,
      `${REDIRECT_URI}/`,
      REDIRECT_URI.toUpperCase(),
    ]) {
      const page = await new Flow(party, { redirect_uri }).begin(browser);
      assert.deepEqual([page.status, page.headers.location, page.left], [400, undefined, undefined], redirect_uri);
      assert.match(page.headers['content-type'], /^text\/html/);
    }
    const unknown = await new Flow(await provider.party('basic')).url();
    unknown.searchParams.set('client_id', 'niemand');
    assert.equal((await browser.open(unknown)).status, 400);
  });

  await test(`${database}: a scope that the client may not ask for`, async () => {
    const { browser } = await provider.person();
    const flow = new Flow(await provider.party('narrow'), { scope: 'openid email' });
    await assert.rejects(flow.redeem((await flow.begin(browser)).left), isError('invalid_scope'));
  });

  for (const name of ['es256', 'ps256']) {
    await test(`${database}: ${provider.clients[name].id}: assertions replayed, addressed elsewhere, expired, of another`, async () => {
      const { browser } = await provider.person();
      let sent;
      const spying = (url, options) => {
        sent = options.body instanceof URLSearchParams ? new URLSearchParams(options.body) : sent;
        return fetch(url, options);
      };
      const party = await provider.party(name, { fetch: spying });
      await authorized(party, browser);
      const used = sent.get('client_assertion');
      const flow = new Flow(party);
      await flow.agree(browser);
      const replay = new URLSearchParams(sent);
      replay.set('code', flow.answer.searchParams.get('code'));
      replay.set('code_verifier', flow.checks.pkceCodeVerifier);
      replay.set('client_assertion', used);
      const answer = await fetch(`${issuer}/oauth2/token`, { method: 'POST', body: replay });
      assert.deepEqual([answer.status, (await answer.json()).error], [401, 'invalid_client']);
      const { key } = provider.clients[name];
      const seconds = Math.floor(Date.now() / 1000);
      for (const change of [
        { aud: 'https://other.example' },
        { aud: [issuer] },
        { aud: `${issuer}/oauth2/token` },
        { iat: seconds - 600, nbf: seconds - 600, exp: seconds - 300 },
        { exp: seconds + 3600 },
        { iss: 'basic' },
        { sub: 'basic' },
        { jti: undefined },
      ]) {
        const modify = { [oidc.modifyAssertion]: (_header, payload) => Object.assign(payload, change) };
        const other = await provider.party(name, { clientAuthentication: oidc.PrivateKeyJwt(key, modify) });
        await assert.rejects(
          oidc.authorizationCodeGrant(other, flow.answer, flow.checks),
          isError('invalid_client'),
          JSON.stringify(change),
        );
      }
      await flow.redeem();
    });
  }
  note(`${provider.accounts} accounts used`);
}
