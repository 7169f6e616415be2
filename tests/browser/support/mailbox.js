// The mails the program has written into its directory, read as a mail program would read them.

import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { until } from "./wait.js";

export class Mailbox {
  #directory;
  #taken = new Set();

  constructor(directory) {
    this.#directory = directory;
  }

  /** The next mail to an address that nobody has taken yet. Waits for it. */
  async next(address) {
    return until(
      () => this.#look(address),
      () => `no mail for ${address} arrived`,
    );
  }

  async #look(address) {
    // Names begin with a time, so that their order is the order of sending.
    for (const name of (await readdir(this.#directory)).sort()) {
      if (!name.endsWith(".eml") || this.#taken.has(name)) continue;
      const mail = parse(await readFile(join(this.#directory, name), "latin1"));
      if (mail?.to !== address) continue;
      this.#taken.add(name);
      return mail;
    }
    return undefined;
  }
}

/** Headers and text of a mail; undefined while it is still being written. */
function parse(raw) {
  const end = raw.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const headers = new Map();
  for (const line of raw.slice(0, end).replace(/\r\n[ \t]+/g, " ").split("\r\n")) {
    const colon = line.indexOf(":");
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const text = decodeBody(raw.slice(end + 4), headers.get("content-transfer-encoding") ?? "7bit");
  const checkCode = text.match(/\b[0-9A-Z]{4}-[0-9A-Z]{4}\b/)?.[0];
  if (!checkCode) return undefined;
  return {
    to: headers.get("to"),
    subject: decodeWords(headers.get("subject")),
    text,
    /** The six digits that a registration or a new password needs. */
    code: text.match(/\b\d{6}\b/)?.[0],
    /** What /echt asks for. */
    checkCode,
  };
}

function decodeBody(body, encoding) {
  switch (encoding.toLowerCase()) {
    case "base64":
      return Buffer.from(body, "base64").toString("utf8");
    case "quoted-printable":
      return decodeQuoted(body.replace(/=\r\n/g, ""));
    default:
      return Buffer.from(body, "latin1").toString("utf8");
  }
}

function decodeQuoted(text) {
  const bytes = text.replace(/=([0-9A-F]{2})/gi, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}

/** Encoded words in a header: RFC 2047. */
function decodeWords(text = "") {
  return text
    .replace(/\?=\s+=\?/g, "?==?")
    .replace(/=\?utf-8\?([bq])\?([^?]*)\?=/gi, (_, kind, word) =>
      kind.toLowerCase() === "b" ? Buffer.from(word, "base64").toString("utf8") : decodeQuoted(word.replace(/_/g, " ")),
    );
}
