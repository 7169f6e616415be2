// A relying party without a library, for whoever wants to see every answer, or that none came.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import { REDIRECT_URI } from './clients.mjs';

const CUT_OFF = ['ECONNRESET', 'ECONNREFUSED', 'EPIPE'];

/** The parameters of an authorization request with PKCE, and the verifier that belongs to them. */
export function requested(client, parameters) {
  const verifier = randomBytes(32).toString('base64url');
  return {
    verifier,
    parameters: {
      response_type: 'code',
      client_id: client.id,
      redirect_uri: REDIRECT_URI,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...parameters,
    },
  };
}

/** One request for a code; the page is not followed. */
export async function authorization(browser, client, given) {
  const { verifier, parameters } = requested(client, given);
  const url = new URL('/oauth2/authorize', browser.issuer);
  url.search = new URLSearchParams(parameters);
  return { verifier, page: await browser.request('GET', url) };
}

/** Somebody who is signed in agrees for the first time. */
export async function consent(browser, client, parameters) {
  const { page } = await authorization(browser, client, parameters);
  const asked = await browser.open(page.headers.location);
  assert.equal(asked.path, '/einwilligung', asked.text);
  const { left } = await browser.press(asked, 'senden');
  assert.ok(left.searchParams.get('code'));
}

/** A code for somebody who has agreed before, as the form that redeems it. */
export async function codeForm(browser, client, parameters) {
  const { verifier, page } = await authorization(browser, client, { prompt: 'none', ...parameters });
  const code = new URL(page.headers.location).searchParams.get('code');
  assert.ok(code, page.headers.location);
  return { grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI, code_verifier: verifier };
}

export const refreshForm = (refresh_token) => ({ grant_type: 'refresh_token', refresh_token });

/** RFC 6749 section 2.3.1 */
export function basic(client) {
  const credentials = [client.id, client.secret].map((part) => encodeURIComponent(part)).join(':');
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

/** Sends a form as a client; `undefined` if the whole answer did not come. */
export function ask(node, client, path, form) {
  const named = client.secret ? form : { ...form, client_id: client.id };
  const authorization = client.secret && basic(client);
  const headers = { 'content-type': 'application/x-www-form-urlencoded', ...(authorization && { authorization }) };
  return send(node, { method: 'POST', path, headers }, new URLSearchParams(named).toString());
}

export const askForTokens = (node, client, form) => ask(node, client, '/oauth2/token', form);

export function userinfo(node, access) {
  return send(node, { path: '/oauth2/userinfo', headers: { authorization: `Bearer ${access}` } });
}

function send(node, options, body) {
  const headers = { host: new URL(node.issuer).host, ...options.headers };
  return new Promise((done, fail) => {
    const end = (error) => (CUT_OFF.includes(error.code) ? done(undefined) : fail(error));
    const target = { host: '127.0.0.1', port: node.port, agent: false, ...options, headers };
    const request = http.request(target, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => (text += part));
      response.on('error', end).on('end', () => done({ status: response.statusCode, json: text && JSON.parse(text) }));
    });
    request.on('error', end);
    request.end(body);
  });
}

/** The tokens, or a failure that shows the answer. */
export function granted(answer, what) {
  assert.equal(answer?.status, 200, `${what}: ${JSON.stringify(answer)}`);
  return answer.json;
}

export function refused(answer, error, what) {
  assert.deepEqual([answer?.status, answer?.json.error], [400, error], `${what}: ${JSON.stringify(answer)}`);
}
