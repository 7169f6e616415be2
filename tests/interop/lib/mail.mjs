// Mails: read as a mail program reads them, and waited for in the directory where the program puts them.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './check.mjs';

/** Header fields by lower-case name, and the decoded text. */
export function parseMail(source) {
  const end = source.indexOf('\r\n\r\n');
  assert.ok(end > 0, 'a mail has header and body');
  const lines = source
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  const headers = {};
  for (const line of lines) {
    const name = line.slice(0, line.indexOf(':')).toLowerCase();
    assert.ok(!(name in headers), `header ${name} stands twice`);
    headers[name] = words(line.slice(line.indexOf(':') + 1).trim());
  }
  const text = body(source.slice(end + 4), headers['content-transfer-encoding'] ?? '7bit');
  return { headers, text: text.replace(/\r\n/g, '\n'), source };
}

// RFC 2047
function words(value) {
  const joined = value.replace(/\?=\s+=\?/g, '?==?');
  return joined.replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_, kind, text) =>
    kind.toLowerCase() === 'b' ? Buffer.from(text, 'base64').toString() : quoted(text.replace(/_/g, ' ')),
  );
}

function body(text, encoding) {
  switch (encoding.toLowerCase()) {
    case 'base64':
      return Buffer.from(text, 'base64').toString();
    case 'quoted-printable':
      return quoted(text.replace(/=\r\n/g, ''));
    default:
      return Buffer.from(text, 'latin1').toString();
  }
}

function quoted(text) {
  const bytes = text.replace(/=([0-9A-F]{2})/gi, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

/** The six digits of a mail, or `undefined`. */
export function sixDigits(mail) {
  return mail.text.match(/^.*(?:ist|is): (\d{6})$/m)?.[1];
}

/** The code by which `/echt` knows a mail. */
export function checkCode(mail) {
  return mail.text.match(/(?:Prüfcode|check code) ([0-9A-Z]{4}-[0-9A-Z]{4}) /)?.[1];
}

/** The directory into which the program writes mails. */
export class Mailbox {
  constructor(directory) {
    this.directory = directory;
    this.known = new Map();
    this.taken = new Set();
  }

  /** All mails to an address, oldest first; what is still being written is not there yet. */
  all(to) {
    for (const name of readdirSync(this.directory).filter((one) => one.endsWith('.eml') && !this.known.has(one))) {
      const source = readFileSync(join(this.directory, name), 'latin1');
      const mail = source.includes('\r\n\r\n') ? parseMail(source) : undefined;
      if (mail && checkCode(mail)) {
        this.known.set(name, { name, ...mail });
      }
    }
    const mails = [...this.known.values()].filter((mail) => mail.headers.to === to);
    return mails.sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** The newest mail to this address that was not taken before; waits for it. */
  async take(to, { seconds = 15, having = () => true } = {}) {
    return until(`a mail to ${to}`, seconds, () => this.peek(to, having));
  }

  /** As `take`, but `undefined` if there is none yet. */
  peek(to, having = () => true) {
    const mail = this.all(to)
      .filter((one) => !this.taken.has(one.name) && having(one))
      .at(-1);
    if (mail) {
      this.taken.add(mail.name);
    }
    return mail;
  }
}
