// A scripted browser: cookies, redirects and forms as a browser treats them, without running anything.

import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

/** Text as HTML means it. */
export function plain(text) {
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (all, decimal, hexadecimal, name) => {
    if (name) {
      return ENTITIES[name] ?? all;
    }
    return String.fromCodePoint(decimal ? Number(decimal) : parseInt(hexadecimal, 16));
  });
}

/** The text between tags, blanks merged. */
export function textOf(html) {
  return plain(html.replace(/<[^>]*>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim();
}

function attributes(tag) {
  const found = {};
  for (const [, name, , quoted, bare] of tag.matchAll(/\s([\w-]+)(=(?:"([^"]*)"|([^\s">]+)))?/g)) {
    found[name.toLowerCase()] = plain(quoted ?? bare ?? '');
  }
  return found;
}

/** One answer. */
export class Page {
  constructor(url, status, headers, body) {
    this.url = url;
    this.status = status;
    this.headers = headers;
    this.body = body;
  }

  get path() {
    return this.url.pathname;
  }

  get title() {
    return textOf(this.body.match(/<title>(.*?)<\/title>/s)?.[1] ?? '');
  }

  get text() {
    return textOf(this.body.match(/<main.*<\/main>/s)?.[0] ?? this.body);
  }

  /** The form around the button with this id, with the values a browser would send. */
  form(button) {
    for (const [, head, content] of this.body.matchAll(/<form([^>]*)>(.*?)<\/form>/gs)) {
      const tags = [...content.matchAll(/<(input|button|textarea)(\s[^>]*)>/g)].map(([, kind, tag]) => [kind, attributes(tag)]);
      const pressed = tags.find(([kind, tag]) => kind === 'button' && tag.id === button)?.[1];
      if (pressed) {
        const inputs = tags.filter(([kind, tag]) => kind !== 'button' && tag.name).map(([, tag]) => tag);
        return { ...attributes(head), pressed, inputs };
      }
    }
    return assert.fail(`no form with a button #${button} on ${this.url} (${this.status}): ${this.text.slice(0, 300)}`);
  }
}

/** A browser with its own cookies. `port` leads it to another node without changing what it believes to talk to. */
export class Browser {
  constructor(issuer, { language = 'de', port, authority } = {}) {
    this.issuer = issuer;
    this.language = language;
    this.port = port ?? Number(new URL(issuer).port);
    this.authority = authority;
    this.cookies = new Map();
    // The path of the last form, if it was answered with what comes next.
    this.accepted = undefined;
  }

  /** One request, redirects not followed. */
  async request(method, url, { body, headers = {} } = {}) {
    const isHttps = url.protocol === 'https:';
    const sent = {
      host: url.host,
      accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8',
      'accept-language': this.language,
      'sec-fetch-dest': 'document',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-site': 'none',
      ...headers,
    };
    if (this.cookies.size > 0) {
      sent.cookie = [...this.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');
    }
    if (body !== undefined) {
      sent['content-type'] ??= 'application/x-www-form-urlencoded';
      sent['content-length'] = Buffer.byteLength(body);
    }
    const options = {
      method,
      host: '127.0.0.1',
      port: this.port,
      path: url.pathname + url.search,
      headers: sent,
      agent: false,
      servername: 'localhost',
      ca: this.authority,
    };
    const page = await new Promise((done, fail) => {
      const request = (isHttps ? https : http).request(options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part) => (text += part));
        response.on('error', fail).on('end', () => done(new Page(url, response.statusCode, response.headers, text)));
      });
      request.on('error', fail);
      request.end(body);
    });
    for (const line of page.headers['set-cookie'] ?? []) {
      this.#store(line, isHttps);
    }
    return page;
  }

  #store(line, isHttps) {
    const [pair, ...rest] = line.split(';').map((part) => part.trim());
    const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
    const flags = Object.fromEntries(rest.map((flag) => [flag.split('=')[0].toLowerCase(), flag.split('=')[1] ?? '']));
    const secure = 'secure' in flags;
    // RFC 6265bis section 5.7: what a browser would not take, nobody here has either.
    if (secure && !isHttps) {
      return;
    }
    if (name.startsWith('__Host-') && !(secure && flags.path === '/' && !('domain' in flags))) {
      return;
    }
    const gone = flags['max-age'] === '0' || (flags.expires && Date.parse(flags.expires) <= Date.now());
    if (gone) {
      this.cookies.delete(name);
    } else {
      this.cookies.set(name, { value, line });
    }
  }

  /** Opens an address and follows redirects until something is shown, or until they lead elsewhere. */
  async open(address, options) {
    const url = new URL(address, this.issuer);
    return this.#follow(await this.request('GET', url, options));
  }

  async #follow(page) {
    for (let hops = 0; page.status >= 300 && page.status < 400; hops += 1) {
      assert.ok(hops < 10, `too many redirects at ${page.url}`);
      const next = new URL(page.headers.location, page.url);
      if (next.origin !== this.issuer) {
        page.left = next;
        return page;
      }
      page = await this.request('GET', next);
    }
    return page;
  }

  /** Presses a button: sends its form with these fields, which the form must have. */
  async press(page, button, fields = {}) {
    const form = page.form(button);
    const body = new URLSearchParams();
    for (const input of form.inputs) {
      if (input.name in fields) {
        // Of several choices one is sent.
        if (input.type !== 'radio' || input.value === fields[input.name]) {
          body.append(input.name, fields[input.name]);
        }
      } else if (!['checkbox', 'radio'].includes(input.type) || 'checked' in input) {
        body.append(input.name, input.value ?? '');
      }
    }
    const unknown = Object.keys(fields).filter((name) => !form.inputs.some((input) => input.name === name));
    assert.deepEqual(unknown, [], `fields that ${page.url} does not have`);
    if (form.pressed.name) {
      body.append(form.pressed.name, form.pressed.value ?? '');
    }
    assert.equal(form.method?.toLowerCase(), 'post');
    const url = new URL(form.action ?? page.url, page.url);
    // Fetch standard, "append a request Origin header": this policy hides the origin from a form's target, too.
    const hidden = page.headers['referrer-policy'] === 'no-referrer';
    const headers = { origin: hidden ? 'null' : page.url.origin, 'sec-fetch-site': 'same-origin' };
    const answer = await this.request('POST', url, { body: body.toString(), headers });
    this.accepted = answer.status === 303 ? url.pathname : undefined;
    return this.#follow(answer);
  }
}
