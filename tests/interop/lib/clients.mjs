// Relying parties: what they keep for themselves, and what the program is told about them.

import { createHash, randomBytes } from 'node:crypto';
import { toml } from './program.mjs';

export const REDIRECT_URI = 'https://rp.example/rueckkehr';
export const REDIRECT_URI_WITH_QUERY = 'https://rp.example/rueckkehr?mandant=1';
export const LOGOUT_URI = 'https://rp.example/abgemeldet';

/** A secret with everything that could go wrong in a header or a form. */
export function secret() {
  return `a+b=c&d:100% ~/?"${randomBytes(18).toString('base64')}`;
}

/** As the program's own command makes them: for libraries that do not encode what they send. */
export function plainSecret() {
  return randomBytes(32).toString('base64url');
}

export function withSecret(id, method, settings = {}, own = secret()) {
  const secret_sha256 = createHash('sha256').update(own).digest('hex');
  return { id, secret: own, settings, authentication: { method, secret_sha256 } };
}

const KEY_TYPES = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256', modulusLength: 3072, publicExponent: new Uint8Array([1, 0, 1]) },
};

export async function withKey(id, algorithm, settings = {}) {
  const pair = await crypto.subtle.generateKey(KEY_TYPES[algorithm], true, ['sign', 'verify']);
  const { key_ops: _, ext: __, ...jwk } = await crypto.subtle.exportKey('jwk', pair.publicKey);
  const kid = `${id}-1`;
  const keys = [{ ...jwk, kid, alg: algorithm, use: 'sig' }];
  return {
    id,
    key: { key: pair.privateKey, kid },
    settings,
    authentication: { method: 'private_key_jwt', jwks: { keys } },
  };
}

/** One that authenticates with a certificate: `how` says with which (see `certificates` and `san_dns` in docs/clients.md). */
export function withCertificate(id, method, how, settings = {}) {
  return { id, settings, authentication: { method, ...how } };
}

/** The file that declares these clients. */
export function clientFile(clients) {
  return clients
    .map(({ id, settings, authentication }) => {
      const all = {
        id,
        name: { de: `Dienst ${id}`, en: `Service ${id}` },
        operator: { de: 'Stadt Musterhausen', en: 'City of Musterhausen' },
        purpose: { de: 'Ihren Antrag bearbeiten', en: 'To process your application' },
        privacy_uri: 'https://rp.example/datenschutz',
        redirect_uris: [REDIRECT_URI, REDIRECT_URI_WITH_QUERY],
        post_logout_redirect_uris: [LOGOUT_URI],
        scopes: ['openid', 'profile', 'email'],
        claims: [{ names: ['name', 'given_name', 'family_name', 'birthdate', 'email'] }],
        authentication,
        ...settings,
      };
      return `[[client]]\n${Object.entries(all)
        .map(([key, value]) => `${key} = ${toml(value)}\n`)
        .join('')}`;
    })
    .join('\n');
}
