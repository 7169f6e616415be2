// Certificate authorities, and certificates of servers and clients, made with openssl.

import { execFileSync } from 'node:child_process';
import { X509Certificate, createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { directory } from './program.mjs';

const KINDS = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  rsa: ['-newkey', 'rsa:3072'],
};

function openssl(...args) {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function described(certificate, key) {
  return { certificateFile: certificate, keyFile: key, cert: readFileSync(certificate), key: readFileSync(key) };
}

/** `x5t#S256` (RFC 8705 section 3.1). */
export function thumbprint({ cert }) {
  return createHash('sha256').update(new X509Certificate(cert).raw).digest('base64url');
}

export function authority(name) {
  const path = directory(`authority-${name}`);
  const [certificate, key] = [join(path, 'authority.pem'), join(path, 'authority.key')];
  openssl(
    'req',
    '-x509',
    '-nodes',
    ...KINDS.ec,
    '-keyout',
    key,
    '-out',
    certificate,
    '-days',
    '2',
    '-subj',
    `/CN=Authority ${name}`,
    '-addext',
    'keyUsage=critical,keyCertSign,cRLSign',
  );
  return { ...described(certificate, key), path, issued: 0 };
}

/** A certificate for a host name, by an authority, for a server unless something else is said. */
export function issue(by, host, usage = 'serverAuth') {
  by.issued += 1;
  const file = (end) => join(by.path, `${by.issued}.${end}`);
  writeFileSync(file('ext'), `subjectAltName=DNS:${host}\nextendedKeyUsage=${usage}\n`);
  openssl('req', '-nodes', ...KINDS.ec, '-keyout', file('key'), '-out', file('csr'), '-subj', `/CN=${host}`);
  openssl(
    'x509',
    '-req',
    '-in',
    file('csr'),
    '-CA',
    by.certificateFile,
    '-CAkey',
    by.keyFile,
    '-set_serial',
    String(by.issued),
    '-days',
    '2',
    '-extfile',
    file('ext'),
    '-out',
    file('pem'),
  );
  return described(file('pem'), file('key'));
}

/** A certificate that signs itself. */
export function selfSigned(kind, host) {
  const path = directory(`certificate-${kind}`);
  const [certificate, key] = [join(path, 'server.pem'), join(path, 'server.key')];
  openssl(
    'req',
    '-x509',
    '-nodes',
    ...KINDS[kind],
    '-keyout',
    key,
    '-out',
    certificate,
    '-days',
    '2',
    '-subj',
    `/CN=${host}`,
    '-addext',
    `subjectAltName=DNS:${host}`,
  );
  return described(certificate, key);
}
