// The program stops or is killed, and starts again: whoever was signed in, in the middle of something or holds tokens goes
// on as if nothing had happened.

import assert from 'node:assert/strict';
import { test } from './lib/check.mjs';
import { Browser } from './lib/browser.mjs';
import { LOGOUT_URI, clientFile, withSecret } from './lib/clients.mjs';
import { postgres } from './lib/databases.mjs';
import { isSignedIn, signIn } from './lib/journeys.mjs';
import {
  ask,
  askForTokens,
  authorization,
  codeForm,
  consent,
  granted,
  refreshForm,
  refused,
  requested,
  userinfo,
} from './lib/plain-client.mjs';
import { Node, SEED_PASSWORD } from './lib/program.mjs';

const SCOPES = ['openid', 'email', 'offline_access'];
const OFFLINE = { scope: SCOPES.join(' ') };
const ONLINE = { scope: 'openid email' };

export async function run() {
  for (const [name, database] of [
    ['SQLite', undefined],
    ['PostgreSQL', { url: postgres() }],
  ]) {
    const node = new Node(`restart-${name}`, database && { database });
    const own = withSecret('eigen', 'client_secret_basic', { scopes: SCOPES });
    const open = { id: 'offen', settings: { scopes: SCOPES }, authentication: { method: 'none' } };
    await node.apply(clientFile([own, open]));
    await node.seed(4);
    await node.start();
    for (const [how, end, first] of [
      ['stopped', () => node.stop(), 0],
      ['killed', () => node.kill(), 2],
    ]) {
      await test(`${name}: ${how} and started again, it has lost nothing`, async () => {
        const town = new Town(node, { own, open }, first);
        await town.prepare();
        await end();
        await node.start();
        await town.goesOn();
      });
    }
    const { code } = await node.stop();
    assert.equal(code, 0);
  }
}

/** Renate, who is signed in and connected; Emre, who is not signed in yet; and two clients that hold tokens. */
class Town {
  constructor(node, clients, first) {
    this.node = node;
    Object.assign(this, clients);
    this.emails = { renate: `konto-${first}@example.org`, emre: `konto-${first + 1}@example.org` };
  }

  tokens(client, form) {
    return askForTokens(this.node, client, form);
  }

  async prepare() {
    const { node, own, open } = this;
    this.renate = new Browser(node.issuer);
    await signIn(this.renate, this.emails.renate, SEED_PASSWORD);
    await consent(this.renate, own, OFFLINE);

    this.session = granted(await this.tokens(own, await codeForm(this.renate, own, ONLINE)), 'for a session');
    this.lasting = granted(await this.tokens(own, await codeForm(this.renate, own, OFFLINE)), 'for longer');
    this.given = granted(await this.tokens(own, await codeForm(this.renate, own, OFFLINE)), 'for longer');
    granted(await ask(node, own, '/oauth2/revoke', { token: this.given.refresh_token }), 'given back');
    this.spentForm = await codeForm(this.renate, own, ONLINE);
    this.spent = granted(await this.tokens(own, this.spentForm), 'a code of which the client knows nothing any more');
    this.waitingForm = await codeForm(this.renate, own, ONLINE);

    // On the consent page of a second service, with its first request.
    this.asked = await authorization(this.renate, open, OFFLINE);
    this.consentPage = await this.renate.open(this.asked.page.headers.location);
    assert.equal(this.consentPage.path, '/einwilligung', this.consentPage.text);

    // On the sign-in page, sent there by a service.
    this.emre = new Browser(node.issuer);
    this.arrival = await authorization(this.emre, own, ONLINE);
    this.signInPage = await this.emre.open(this.arrival.page.headers.location);
    assert.equal(this.signInPage.path, '/anmelden', this.signInPage.text);

    this.pushed = await this.push();
    this.usedPushed = await this.push();
    assert.ok(await this.codeOfPushed(this.usedPushed));
  }

  async push() {
    const { verifier, parameters } = requested(this.own, ONLINE);
    const answer = await ask(this.node, this.own, '/oauth2/par', parameters);
    assert.equal(answer?.status, 201, JSON.stringify(answer));
    return { verifier, uri: answer.json.request_uri };
  }

  /** The code that comes of a pushed request; `undefined` if it is refused. */
  async codeOfPushed({ uri }) {
    const url = new URL('/oauth2/authorize', this.node.issuer);
    url.search = new URLSearchParams({ client_id: this.own.id, request_uri: uri });
    const { left } = await this.renate.open(url);
    return left?.searchParams.get('code');
  }

  async goesOn() {
    await this.sessionsAndGrants();
    await this.whatMayHappenOnce();
    await this.requestsUnderWay();
    await this.whatWasEndedStaysEnded();
  }

  async sessionsAndGrants() {
    const { node, own, session, lasting } = this;
    assert.equal(await isSignedIn(this.renate), true, 'the session');
    const sub = granted(await userinfo(node, session.access_token), 'a grant of the session').sub;
    const found = await ask(node, own, '/oauth2/introspect', { token: session.access_token });
    assert.deepEqual([found?.status, found?.json.active, found?.json.sub], [200, true, sub]);
    const refreshed = granted(await this.tokens(own, refreshForm(lasting.refresh_token)), 'a refresh token');
    assert.equal(granted(await userinfo(node, refreshed.access_token), 'what it gave').sub, sub);
    assert.ok(await codeForm(this.renate, own, OFFLINE), 'the consent: nobody is asked');
  }

  async whatMayHappenOnce() {
    granted(await this.tokens(this.own, this.waitingForm), 'a code that waited');
    refused(await this.tokens(this.own, this.spentForm), 'invalid_grant', 'a code that was spent before');
    const late = await userinfo(this.node, this.spent.access_token);
    assert.equal(late?.status, 401, 'it takes with it what it gave');
    assert.ok(await this.codeOfPushed(this.pushed), 'a pushed request');
    assert.equal(await this.codeOfPushed(this.usedPushed), undefined, 'one that was used before');
  }

  async requestsUnderWay() {
    const { left, text } = await this.renate.press(this.consentPage, 'senden');
    assert.ok(left, `agreeing on the page that was open: ${text}`);
    const form = (code, verifier, redirect_uri) => ({
      grant_type: 'authorization_code',
      code,
      redirect_uri,
      code_verifier: verifier,
    });
    const back = left.origin + left.pathname;
    const answer = await this.tokens(this.open, form(left.searchParams.get('code'), this.asked.verifier, back));
    this.agreed = granted(answer, 'agreed on the page that was open');
    const fields = { email: this.emails.emre, password: SEED_PASSWORD };
    const page = await this.emre.press(this.signInPage, 'weiter', fields);
    assert.equal(page.path, '/einwilligung', page.text);
    const arrived = (await this.emre.press(page, 'senden')).left;
    const code = arrived.searchParams.get('code');
    granted(await this.tokens(this.own, form(code, this.arrival.verifier, back)), 'signed in on the page that was open');
  }

  async whatWasEndedStaysEnded() {
    const { node, own, open } = this;
    refused(await this.tokens(own, refreshForm(this.given.refresh_token)), 'invalid_grant', 'a token that was given back');
    const next = granted(await this.tokens(open, refreshForm(this.agreed.refresh_token)), 'a generation').refresh_token;
    const url = new URL('/oauth2/logout', node.issuer);
    url.search = new URLSearchParams({ id_token_hint: this.session.id_token, post_logout_redirect_uri: LOGOUT_URI });
    assert.equal((await this.renate.open(url)).left?.href, LOGOUT_URI, 'the ID token still names the session');
    assert.equal(await isSignedIn(this.renate), false);
    assert.equal((await userinfo(node, this.session.access_token))?.status, 401, 'the session is over');
    await node.kill();
    await node.start();
    assert.equal(await isSignedIn(this.renate), false, 'after another restart, too');
    granted(await this.tokens(open, refreshForm(next)), 'what outlives the session');
  }
}
