// npm smtp-server as the mail server: what arrives, and what happens when it does not want to.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { atEnd, note, test, until, within } from './lib/check.mjs';
import { authority, issue } from './lib/certificates.mjs';
import { Browser } from './lib/browser.mjs';
import { postgres, query } from './lib/databases.mjs';
import { canSignIn, register, resetPassword, somebody } from './lib/journeys.mjs';
import { checkCode, parseMail, sixDigits } from './lib/mail.mjs';
import { Node, SEED_PASSWORD, directory, somePort } from './lib/program.mjs';

const USER = 'nutzerkonto';
const PASSWORD = 'nur für den Postausgang';
/** The first pause of the outbox is 20 s; the rest is for slow machines. */
const FIRST_RETRY_SECONDS = 40;

export async function run() {
  const good = authority('good');
  const certificate = issue(good, 'localhost');
  const context = { good, certificate };
  await test('STARTTLS and AUTH: registration, welcome, reset, change; German and English', () =>
    letters(context, false));
  await test('implicit TLS and AUTH: the same', () => letters(context, true));
  await test('the headers that other mail programs rely on', () => headers(context));
  await test('a server without STARTTLS gets neither mail nor password', () => noDowngrade(context));
  await test('two nodes on one database: every mail once', () => twoNodes(context));
  // Each of these waits for the outbox to try again; side by side they wait once.
  const waiting = [
    ['a certificate of another authority: no mail, until it is the right one', () => wrongAuthority(context)],
    ['a certificate for another name: no mail, until it is the right one', () => wrongName(context)],
    ['451 at first, then accepted: delivered once', () => greylisted(context)],
    ['550 for a mailbox that does not exist: given up at once, and told', () => noSuchMailbox(context)],
    ['a server that is down at first: delivered once it is up', () => downAtFirst(context)],
    ['a wrong password at first: delivered once it is right', () => refusedLogin(context)],
  ];
  const outcomes = waiting.map(([, act]) =>
    act().then(
      () => undefined,
      (error) => error,
    ),
  );
  for (const [index, [name]] of waiting.entries()) {
    await test(name, async () => {
      const failure = await outcomes[index];
      if (failure) {
        throw failure;
      }
    });
  }
}

/** A mail server that keeps what it gets. */
class MailServer {
  constructor(options = {}) {
    this.mails = [];
    this.attempts = [];
    this.refusals = [];
    this.password = PASSWORD;
    this.port = somePort();
    this.server = new SMTPServer({
      authMethods: ['PLAIN', 'LOGIN'],
      onAuth: (auth, session, done) => {
        this.attempts.push({ secure: session.secure, user: auth.username });
        const known = auth.username === USER && auth.password === this.password;
        done(known ? null : new Error('wrong'), { user: auth.username });
      },
      onRcptTo: (_address, _session, done) => {
        const refusal = this.refusals.shift();
        done(refusal && Object.assign(new Error('come back later'), { responseCode: refusal }));
      },
      onData: (stream, session, done) => {
        const parts = [];
        stream
          .on('data', (part) => parts.push(part))
          .on('end', () => {
            const { mailFrom, rcptTo } = session.envelope;
            const envelope = { from: mailFrom.address, to: rcptTo.map((one) => one.address) };
            const { secure, user, tlsOptions } = session;
            this.mails.push({
              envelope,
              secure,
              user,
              tlsOptions,
              ...parseMail(Buffer.concat(parts).toString('latin1')),
            });
            done();
          });
      },
      closeTimeout: 100,
      ...options,
    });
    this.errors = [];
    this.server.on('error', (error) => this.errors.push(error));
  }

  async start() {
    await new Promise((done, fail) => {
      this.server.once('error', fail);
      this.server.listen(this.port, '127.0.0.1', done);
    });
    atEnd(() => this.stop());
    return this;
  }

  stop() {
    return new Promise((done) => this.server.close(done));
  }

  /** Waits for the newest mail to an address that fulfils a condition, and takes it away. */
  async take(to, { seconds = 15, having = () => true } = {}) {
    return until(`a mail to ${to} at the mail server`, seconds, () => this.peek(to, having));
  }

  /** As a `Mailbox` does. */
  peek(to, having = () => true) {
    const index = this.mails.findIndex((mail) => mail.envelope.to.includes(to) && having(mail));
    return index < 0 ? undefined : this.mails.splice(index, 1)[0];
  }
}

/** `serve` that sends to this server and trusts this authority. */
async function sender(server, by, { implicit = false, database } = {}) {
  const password = join(directory('smtp'), 'password');
  writeFileSync(password, `${PASSWORD}\n`);
  return new Node('smtp', {
    ...(database && { database: { url: database } }),
    mail: {
      from: 'Nutzerkonto Müsterhausen <konto@example.org>',
      smtp_host: 'localhost',
      smtp_port: server.port,
      smtp_tls: implicit ? 'implicit' : 'starttls',
      smtp_user: USER,
      smtp_password: `file:${password}`,
      smtp_authority_file: by.certificateFile,
    },
  }).start();
}

/** Asks for a code, so that a mail is due. */
async function askForCode(node, email, language) {
  const browser = new Browser(node.issuer, { language });
  const page = await browser.press(await browser.open('/registrieren/email'), 'weiter', { email });
  assert.equal(page.path, '/registrieren/code');
}

const SUBJECTS = {
  de: {
    registration: 'Ihr Code für das Nutzerkonto',
    welcome: 'Ihr Nutzerkonto ist fertig',
    reset: 'Ihr Code für ein neues Passwort',
    changed: 'Ihr Passwort wurde geändert',
    device: 'Neue Anmeldung bei Ihrem Nutzerkonto',
    known: 'Sie haben schon ein Nutzerkonto',
    stranger: 'Zu dieser Adresse gibt es kein Nutzerkonto',
  },
  en: {
    registration: 'Your code for the Nutzerkonto',
    welcome: 'Your Nutzerkonto is ready',
    reset: 'Your code for a new password',
    changed: 'Your password has been changed',
    device: 'New sign-in to your Nutzerkonto',
    known: 'You already have a Nutzerkonto',
    stranger: 'There is no Nutzerkonto for this address',
  },
};

async function letters({ good, certificate }, implicit) {
  const server = await new MailServer({ ...certificate, secure: implicit }).start();
  const node = await sender(server, good, { implicit });
  for (const language of ['de', 'en']) {
    const person = somebody(`post-${language}`);
    const browser = new Browser(node.issuer, { language });
    const seen = [];
    // Passes the codes on to the journeys and keeps every mail.
    const mailbox = {
      peek: (to, having) => {
        const mail = server.peek(to, having);
        seen.push(...(mail ? [mail] : []));
        return mail;
      },
    };
    const take = async () => seen.push(await server.take(person.email));
    await register(browser, mailbox, person);
    await take();
    const password = `neue-wolke-${language}-laterne`;
    await resetPassword(new Browser(node.issuer, { language }), mailbox, person.email, password);
    await take();
    assert.ok(await canSignIn(node.issuer, person.email, password));
    await take();
    await askForCode(node, person.email, language);
    await take();
    const subjects = seen.map((mail) => mail.headers.subject);
    const { registration, welcome, reset, changed, device, known } = SUBJECTS[language];
    assert.deepEqual(subjects, [registration, welcome, reset, changed, device, known]);
    const stranger = somebody('fremd');
    const page = await new Browser(node.issuer, { language }).open('/wieder-anmelden/email');
    const asking = new Browser(node.issuer, { language });
    await asking.press(await asking.open(page.path), 'weiter', { email: stranger.email });
    const answer = await server.take(stranger.email);
    assert.equal(answer.headers.subject, SUBJECTS[language].stranger);
    for (const mail of seen) {
      await isProper(mail, person.email, node, language);
    }
    await isProper(answer, stranger.email, node, language);
  }
  assert.ok(server.attempts.every((attempt) => attempt.secure && attempt.user === USER));
  note(`${server.attempts.length} connections for 14 mails`);
  assert.deepEqual(server.mails, [], 'nothing else was sent');
  await node.stop();
}

/** What holds for every mail of ours. */
async function isProper(mail, to, node, language) {
  assert.equal(mail.secure, true);
  assert.equal(mail.user, USER);
  assert.deepEqual(mail.envelope, { from: 'konto@example.org', to: [to] });
  assert.equal(mail.headers.to, to);
  assert.match(mail.headers.from, /^"?Nutzerkonto Müsterhausen"? <konto@example\.org>$/);
  assert.match(mail.headers['content-type'], /^text\/plain; charset=utf-8$/i);
  assert.ok(Math.abs(Date.parse(mail.headers.date) - Date.now()) < 60_000, mail.headers.date);
  const lines = mail.source.split('\r\n');
  assert.ok(
    lines.every((line) => line.length <= 998 && !line.includes('\n')),
    'RFC 5322 section 2.1.1',
  );
  assert.ok(mail.text.startsWith({ de: 'Guten Tag,\n', en: 'Hello,\n' }[language]), mail.text);
  // Addresses to type, none that does anything by being opened.
  const links = mail.text.match(/https?:\/\/[^\s"<>]+/g) ?? [];
  assert.ok(links.length > 0);
  for (const link of links) {
    assert.ok([node.issuer, `${node.issuer}/echt`].includes(link.replace(/\.$/, '')), link);
  }
  const browser = new Browser(node.issuer, { language });
  const page = await browser.press(await browser.open('/echt'), 'weiter', { code: checkCode(mail) });
  assert.match(page.text, { de: /Diese E-Mail ist von uns/, en: /This email is from us/ }[language]);
}

async function headers({ good, certificate }) {
  const server = await new MailServer(certificate).start();
  const node = await sender(server, good);
  await askForCode(node, 'anna@example.org');
  await askForCode(node, 'anna@example.org');
  const mails = [await server.take('anna@example.org'), await server.take('anna@example.org')];
  await node.stop();
  const missing = Object.entries({
    // RFC 2045 section 4: without it nobody has to decode the umlauts.
    'mime-version': /^1\.0$/,
    // RFC 5322 section 3.6.4
    'message-id': /^<[^<>\s]+@[^<>\s]+>$/,
    // RFC 3834 section 5: no automatic answers, please.
    'auto-submitted': /^auto-generated/,
  }).filter(([name, pattern]) => !mails.every((mail) => pattern.test(mail.headers[name] ?? '')));
  assert.deepEqual(
    missing.map(([name]) => name),
    [],
  );
  assert.notEqual(mails[0].headers['message-id'], mails[1].headers['message-id']);
}

async function twoNodes({ good, certificate }) {
  const server = await new MailServer(certificate).start();
  const database = postgres();
  const nodes = await Promise.all([1, 2].map(() => sender(server, good, { database })));
  const addresses = Array.from({ length: 40 }, (_, number) => `viele-${number}@example.org`);
  await Promise.all(addresses.map((email, number) => askForCode(nodes[number % 2], email)));
  await until('the outbox is empty', 30, () => query(database, 'SELECT id FROM outbox').length === 0);
  assert.deepEqual(server.mails.map((mail) => mail.headers.to).sort(), addresses.sort());
  for (const node of nodes) {
    await node.stop();
  }
}

async function noDowngrade({ good }) {
  for (const options of [{ hideSTARTTLS: true }, { disabledCommands: ['STARTTLS'] }]) {
    const server = await new MailServer({ ...options, allowInsecureAuth: true, authOptional: true }).start();
    const node = await sender(server, good);
    await askForCode(node, 'anna@example.org');
    await within('the outbox notices', 15, node.logged(/will be tried again/));
    assert.deepEqual([server.mails, server.attempts], [[], []]);
    assert.ok(!node.log.includes('anna@') && !node.log.includes(PASSWORD), node.log);
    await node.stop();
  }
}

async function wrongAuthority(context) {
  return wrongCertificate(context, issue(authority('other'), 'localhost'));
}

async function wrongName(context) {
  return wrongCertificate(context, issue(context.good, 'mail.example.org'));
}

async function wrongCertificate({ good, certificate }, wrong) {
  const server = await new MailServer(wrong).start();
  const node = await sender(server, good);
  await askForCode(node, 'anna@example.org');
  await within('the outbox notices', 15, node.logged(/will be tried again/));
  assert.deepEqual([server.mails, server.attempts], [[], []], 'neither mail nor password');
  server.server.updateSecureContext(certificate);
  const mail = await server.take('anna@example.org', { seconds: FIRST_RETRY_SECONDS });
  assert.ok(sixDigits(mail));
  await node.stop();
}

async function greylisted({ good, certificate }) {
  const server = await new MailServer(certificate).start();
  server.refusals.push(451);
  const database = postgres();
  const node = await sender(server, good, { database });
  await askForCode(node, 'anna@example.org');
  await within('the outbox notices', 15, node.logged(/SMTP failed \(server answered 451\)/));
  await askForCode(node, 'berta@example.org');
  await server.take('berta@example.org');
  assert.deepEqual(server.mails, [], 'others do not wait for the one that was refused');
  await server.take('anna@example.org', { seconds: FIRST_RETRY_SECONDS });
  await until('the outbox is empty', 5, () => query(database, 'SELECT id FROM outbox').length === 0);
  assert.deepEqual(server.mails, []);
  assert.equal(await node.metric('nutzerkonto_jobs_failed_total'), 1);
  await node.stop();
}

async function noSuchMailbox({ good, certificate }) {
  const server = await new MailServer(certificate).start();
  server.refusals.push(550);
  const database = postgres();
  const node = await sender(server, good, { database });
  await askForCode(node, 'anna@example.org');
  await within('the outbox gives up', 15, node.logged(/given up/));
  assert.deepEqual(query(database, 'SELECT failure FROM outbox WHERE given_up_at IS NOT NULL'), [
    ['SMTP refused (server answered 550)'],
  ]);
  assert.equal(await node.metric('nutzerkonto_jobs_given_up_total'), 1);
  await node.stop();
}

async function downAtFirst({ good, certificate }) {
  const server = new MailServer(certificate);
  const node = await sender(server, good);
  await node.seed(1);
  const browser = new Browser(node.issuer);
  const page = await browser.press(await browser.open('/wieder-anmelden/email'), 'weiter', { email: 'konto-0@example.org' });
  assert.equal(page.path, '/wieder-anmelden/code', 'nobody on the page notices');
  await within('the outbox notices', 15, node.logged(/will be tried again/));
  await server.start();
  const mail = await server.take('konto-0@example.org', { seconds: FIRST_RETRY_SECONDS });
  assert.equal(mail.headers.subject, SUBJECTS.de.reset);
  const next = await browser.press(page, 'weiter', { code: sixDigits(mail) });
  assert.equal(next.path, '/wieder-anmelden/passwort', 'the code in it is still good');
  assert.ok(await canSignIn(node.issuer, 'konto-0@example.org', SEED_PASSWORD));
  await node.stop();
}

async function refusedLogin({ good, certificate }) {
  const server = await new MailServer(certificate).start();
  server.password = 'ein anderes';
  const node = await sender(server, good);
  await askForCode(node, 'anna@example.org');
  await within('the outbox notices', 15, node.logged(/SMTP refused \(server answered 535\)/));
  assert.ok(!node.log.includes(PASSWORD) && !node.log.includes('anna@'), node.log);
  server.password = PASSWORD;
  await server.take('anna@example.org', { seconds: FIRST_RETRY_SECONDS });
  await node.stop();
}
