// Apache with mod_auth_openidc, as a municipal data centre puts it in front of an old service.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atEnd, test, until, within } from './lib/check.mjs';
import { Browser } from './lib/browser.mjs';
import { clientFile, plainSecret, withSecret } from './lib/clients.mjs';
import { postgres } from './lib/databases.mjs';
import { isSignedIn } from './lib/journeys.mjs';
import { Node, SEED_PASSWORD, somePort } from './lib/program.mjs';

const MODULES = '/usr/lib/apache2/modules';
const PROTECTED = '/amt/';

export async function run() {
  assert.ok(existsSync(`${MODULES}/mod_auth_openidc.so`), 'libapache2-mod-auth-openidc is missing; tests/run installs it');
  for (const [name, database] of [
    ['SQLite', undefined],
    ['PostgreSQL', { url: postgres() }],
  ]) {
    const apache = new Apache();
    const sections = { ...(database && { database }), outbound: { allowed_hosts: ['127.0.0.1'] } };
    const node = new Node(`apache-${name}`, sections);
    const client = withSecret('apache', 'client_secret_basic', apache.registration, plainSecret());
    await node.apply(clientFile([client]));
    await node.seed(2);
    await node.start();
    await apache.start(node, client);
    await journeys(name, { node, apache });
    await apache.stop();
    assert.equal((await node.stop()).code, 0);
  }
}

async function journeys(name, { node, apache }) {
  const told = (error) => {
    throw new Error(`${error.message}\n${apache.log()}`, { cause: error });
  };
  const journey = (what, act) => test(`${name}: ${what}`, () => act().catch(told));

  await journey('who comes to Apache signs in here, agrees, and is known there', async () => {
    const person = new Person(node, apache, 'konto-0@example.org');
    const page = await person.arrives();
    assert.match(page.text, /sub [\w-]{43} /);
    assert.match(page.text, / name Anna \w+ email konto-0@example\.org /);
    assert.ok(page.text.includes(`iss ${node.issuer} `), page.text);
    assert.equal((await person.there.open(PROTECTED)).path, PROTECTED, 'without asking again');
  });

  await journey('signing out at Apache signs out here, and leads back', async () => {
    const person = new Person(node, apache, 'konto-0@example.org');
    await person.arrives();
    const url = new URL(apache.registration.redirect_uris[0]);
    url.searchParams.set('logout', apache.goodbye);
    const { left } = await person.there.open(url);
    assert.equal(left.origin + left.pathname, `${node.issuer}/oauth2/logout`);
    assert.ok(left.searchParams.get('id_token_hint'));
    const back = (await person.here.open(left)).left;
    assert.equal(back.href, apache.goodbye);
    assert.match((await person.there.open(back)).text, /Auf Wiedersehen/);
    assert.equal(await isSignedIn(person.here), false);
    await person.isStopped();
  });

  await journey("signing out here ends the session at Apache, and nobody else's", async () => {
    const [anna, other] = ['konto-0@example.org', 'konto-1@example.org'].map((email) => new Person(node, apache, email));
    await anna.arrives();
    await other.arrives();
    const elsewhere = new Person(node, apache, 'konto-0@example.org');
    await elsewhere.arrives();
    await anna.here.press(await anna.here.open('/konto'), 'abmelden');
    await until('Apache has been told', 30, async () => (await anna.there.open(PROTECTED)).left);
    await anna.isStopped();
    for (const person of [other, elsewhere]) {
      assert.equal((await person.there.open(PROTECTED)).left, undefined, 'another session');
    }
    assert.match((await anna.arrives()).text, /email konto-0@example\.org/, 'and back again');
  });
}

/** Somebody with a browser, which keeps the cookies of both places apart as it does for two hosts. */
class Person {
  constructor(node, apache, email) {
    this.email = email;
    this.here = new Browser(node.issuer);
    this.there = new Browser(apache.origin);
  }

  /** Wants to see the page at Apache and does whatever is asked on the way. */
  async arrives() {
    const { left } = await this.there.open(PROTECTED);
    assert.equal(left?.pathname, '/oauth2/authorize', `${left}`);
    assert.equal(left.searchParams.get('code_challenge_method'), 'S256');
    let page = await this.here.open(left, { headers: { 'sec-fetch-site': 'cross-site' } });
    assert.equal(page.path, '/anmelden', page.text);
    page = await this.here.press(page, 'weiter', { email: this.email, password: SEED_PASSWORD });
    if (page.path === '/einwilligung') {
      page = await this.here.press(page, 'senden');
    }
    page = await this.there.open(page.left, { headers: { 'sec-fetch-site': 'cross-site' } });
    assert.deepEqual([page.path, page.status], [PROTECTED, 200], page.text);
    return page;
  }

  /** The next visit leads to our sign-in page again. */
  async isStopped() {
    const { left } = await this.there.open(PROTECTED);
    assert.equal(left?.pathname, '/oauth2/authorize', `${left}`);
    assert.equal((await this.here.open(left)).path, '/anmelden');
  }
}

/** Apache in the foreground, with nothing but its own directory. */
class Apache {
  constructor() {
    // Not below the directory of the other programs: as root, Apache serves as somebody who may not enter that.
    this.directory = mkdtempSync(join(tmpdir(), 'nutzerkonto-apache-'));
    chmodSync(this.directory, 0o755);
    atEnd(async () => {
      await this.stop();
      rmSync(this.directory, { recursive: true, force: true });
    });
    this.port = somePort();
    this.origin = `http://127.0.0.1:${this.port}`;
    this.goodbye = `${this.origin}/abgemeldet.html`;
    const back = `${this.origin}${PROTECTED}rueckkehr`;
    this.registration = {
      redirect_uris: [back],
      post_logout_redirect_uris: [this.goodbye],
      backchannel_logout_uri: `${back}?logout=backchannel`,
    };
  }

  async start(node, client) {
    const pages = join(this.directory, 'pages');
    mkdirSync(join(pages, PROTECTED), { recursive: true });
    writeFileSync(join(pages, 'abgemeldet.html'), '<main>Auf Wiedersehen</main>\n');
    const shown = ['sub', 'name', 'email', 'iss'].map((claim) => `${claim} <!--#echo var="OIDC_CLAIM_${claim}" -->`);
    writeFileSync(join(pages, PROTECTED, 'index.html'), `<main>${shown.join('\n')}\n.</main>\n`);
    const file = join(this.directory, 'apache.conf');
    writeFileSync(file, this.#configuration(node, client, pages));
    this.child = spawn('/usr/sbin/apache2', ['-D', 'FOREGROUND', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.said = '';
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.said += text));
    this.ended = new Promise((done) => this.child.once('close', done));
    const answers = async () => {
      assert.equal(this.child.exitCode, null, this.log());
      return new Browser(this.origin).open('/abgemeldet.html').catch(() => undefined);
    };
    await until('Apache answers', 20, answers);
  }

  #configuration(node, client, pages) {
    const modules = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'auth_openidc', 'dir', 'mime', 'filter', 'include'];
    const { redirect_uris } = this.registration;
    return `
      ServerRoot "${this.directory}"
      DefaultRuntimeDir "${this.directory}"
      PidFile "${this.directory}/apache.pid"
      ErrorLog "${this.directory}/error.log"
      LogLevel warn auth_openidc:info
      ServerName 127.0.0.1
      Listen 127.0.0.1:${this.port}
      ${modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
      ${process.getuid() === 0 ? 'User www-data\nGroup www-data' : ''}
      StartServers 1
      TypesConfig /dev/null
      AddType text/html .html
      AddOutputFilter INCLUDES .html
      DocumentRoot "${pages}"
      DirectoryIndex index.html
      <Directory "${pages}">
        Options +Includes
        Require all granted
      </Directory>

      OIDCProviderMetadataURL ${node.issuer}/.well-known/openid-configuration
      OIDCClientID ${client.id}
      OIDCClientSecret ${client.secret}
      OIDCProviderTokenEndpointAuth client_secret_basic
      OIDCRedirectURI ${redirect_uris[0]}
      OIDCCryptoPassphrase ${plainSecret()}
      OIDCScope "openid profile email"
      OIDCPKCEMethod S256
      OIDCIDTokenSignedResponseAlg ES256
      <Location ${PROTECTED}>
        AuthType openid-connect
        Require valid-user
      </Location>
    `;
  }

  log() {
    const file = join(this.directory, 'error.log');
    return `${this.said}${existsSync(file) ? readFileSync(file, 'utf8') : ''}`;
  }

  async stop() {
    if (this.child) {
      this.child.kill('SIGTERM');
      await within('Apache stops', 20, this.ended);
    }
  }
}
