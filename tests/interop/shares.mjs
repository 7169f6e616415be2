// Documents that are shared with a service: what Schemathesis makes of the description of their interface, with a token that is
// bound to a certificate, and with that token without it.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { certificateFetch } from './lib/certificate-fetch.mjs';
import { authority, selfSigned, thumbprint } from './lib/certificates.mjs';
import { note, test } from './lib/check.mjs';
import { withCertificate } from './lib/clients.mjs';
import { bothListeners } from './lib/listeners.mjs';
import { Node } from './lib/program.mjs';
import { Flow, Provider } from './lib/relying-party.mjs';
import { conforms } from './lib/schemathesis.mjs';

const INTERFACE = '/api/safe/v1';
/** What a service asks for; for so long that it may fetch as often as it likes. */
const ASKED = [{ type: 'document', kinds: ['Geburtsurkunde'], purpose: 'Antrag auf Elterngeld', days: 30 }];
const TERM = '30';
const TEXT = 'Geboren am 27. März 2026.\n';

export async function shares(name, database) {
  const office = await Office.opens(name, database);
  await test(`${name}: the interface for shared documents: no 5xx, and no answer that is not described`, () => office.described());
  const { code } = await office.node.stop();
  await test(`${name}: the program with shared documents ends well`, () => assert.equal(code, 0, office.node.log));
}

/** A service with a certificate, and somebody who has shared a document with it. */
class Office {
  static async opens(name, database) {
    const office = new Office();
    const [web, services] = [authority(`shares-web-${name}`), authority(`shares-services-${name}`)];
    const place = (node) => ({ objects: { directory: join(node.directory, 'objects') }, ...(database && { database }) });
    const listeners = bothListeners(web, services);
    office.node = await new Node(`shares-${name}`, (node) => ({ ...listeners(node), ...place(node) })).start();
    const certificate = selfSigned('ec', 'elterngeld.example');
    const how = { certificates: [thumbprint(certificate)] };
    const client = withCertificate('elterngeld', 'self_signed_tls_client_auth', how, { certificate_bound_tokens: true });
    const provider = await Provider.with(office.node, { client }, 1, web.cert);
    const made = await provider.party('client', {
      fetch: certificateFetch(web, certificate),
      metadata: { use_mtls_endpoint_aliases: true },
    });
    const { mtls_endpoint_aliases: aliases } = made.serverMetadata();
    const { origin } = new URL(aliases.token_endpoint);
    return Object.assign(office, { web, certificate, provider, made, origin });
  }

  /** The token of the service, and the name of the share. */
  async isGiven() {
    const { browser } = await this.provider.person();
    await upload(browser);
    const flow = new Flow(this.made, { authorization_details: JSON.stringify(ASKED) });
    let page = await flow.begin(browser);
    if (page.path === '/einwilligung') page = await browser.press(page, 'senden');
    const [, dokument] = page.body.match(/name="dokument" type="radio" value="(doc_\w+)"/) ?? assert.fail(page.text);
    page = await browser.press(page, 'pruefen', { dokument, dauer: TERM });
    page = await browser.press(page, 'freigeben');
    assert.ok(page.left, page.text);
    const tokens = await flow.redeem(page.left);
    return { token: tokens.access_token, share: tokens.authorization_details[0].share };
  }

  async described() {
    const { token, share } = await this.isGiven();
    const { certificateFile, keyFile } = this.certificate;
    const shown = ['--request-cert', certificateFile, '--request-cert-key', keyFile];
    const bearer = ['--header', `Authorization: Bearer ${token}`];
    const fetched = (certificate) =>
      certificateFetch(this.web, certificate)(`${this.origin}${INTERFACE}/documents/${share}/file`, {
        headers: { authorization: `Bearer ${token}` },
      });
    const file = await fetched(this.certificate);
    assert.deepEqual([file.status, await file.text()], [200, TEXT]);
    assert.equal((await fetched()).status, 401, 'the token alone opens nothing');
    // Any share, that share, and nobody who may have it.
    const counts = [
      await this.conforms([...shown, ...bearer]),
      await this.conforms([...shown, ...bearer], share),
      await this.conforms(bearer, share),
    ];
    assert.ok(counts.every((count) => count > 50), `${counts}`);
    note(`${counts.join(' + ')} requests`);
  }

  async conforms(options, share) {
    const { directory } = this.node;
    await writeFile(join(directory, 'schemathesis.toml'), share ? `[parameters]\nshare = "${share}"\n` : '');
    const trusted = ['--tls-verify', this.web.certificateFile];
    return conforms(`${this.origin}${INTERFACE}/openapi.json`, { directory, options: [...trusted, ...options] });
  }
}

/** Somebody puts a document into the safe. */
async function upload(browser) {
  const page = await browser.open('/safe/hochladen');
  const form = new FormData();
  form.set('csrf', page.body.match(/name="csrf" value="([^"]*)"/)[1]);
  form.set('dateien', new Blob([TEXT]), 'Geburtsurkunde.txt');
  const sent = new Response(form);
  const headers = { 'content-type': sent.headers.get('content-type'), origin: browser.issuer, 'sec-fetch-site': 'same-origin' };
  const answer = await browser.request('POST', page.url, { body: await sent.text(), headers });
  assert.equal(answer.status, 200, answer.text);
}
