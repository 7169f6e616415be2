// `kill -9` at random moments: an account exists completely or not at all, and one password is right.

import assert from 'node:assert/strict';
import { note, skip, test } from './lib/check.mjs';
import { Browser } from './lib/browser.mjs';
import { hasSqlite, look, query } from './lib/databases.mjs';
import {
  REGISTRATION_STEPS,
  RESET_STEPS,
  canSignIn,
  isSignedIn,
  register,
  resetPassword,
  signIn,
  somebody,
} from './lib/journeys.mjs';
import { Mailbox } from './lib/mail.mjs';
import { Node, SEED_PASSWORD } from './lib/program.mjs';
import { SEED, randomFrom } from './lib/random.mjs';

const ROUNDS = Number(process.env.NK_KILL_ROUNDS ?? 20);

export async function run() {
  note(`NK_SEED=${SEED} NK_KILL_ROUNDS=${ROUNDS}`);
  const random = randomFrom(SEED);
  await test('killed again and again during the first start, it starts all the same', () => firstStarts(random));
  const victim = await Victim.prepare(random);
  await test(`${ROUNDS} times killed during a registration or a reset`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      await victim.round(round);
    }
    victim.tell();
  });
  await test('afterwards every account is complete, and the program stops and starts as ever', () =>
    victim.wholeness());
  if (hasSqlite) {
    await test('afterwards PRAGMA integrity_check says ok', () => {
      assert.deepEqual(query(victim.node.databaseUrl, 'PRAGMA integrity_check; PRAGMA foreign_key_check'), [['ok']]);
    });
  } else {
    skip('PRAGMA integrity_check, recovery codes, and mails that wait', 'there is no sqlite3 on this machine');
  }
}

async function firstStarts(random) {
  const node = new Node('kill-first-start');
  for (let attempt = 0; attempt < 10; attempt += 1) {
    node.spawn();
    await pause(random() * 60);
    await node.kill();
  }
  await node.start();
  await node.seed(1);
  assert.ok(await canSignIn(node.issuer, 'konto-0@example.org', SEED_PASSWORD));
  const { code } = await node.stop();
  assert.equal(code, 0);
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** The program that is killed, with all that is known about what it should still know. */
class Victim {
  static async prepare(random) {
    const victim = new Victim();
    victim.random = random;
    victim.node = new Node('kill');
    await victim.node.seed(ROUNDS + 1);
    await victim.node.start();
    victim.mailbox = new Mailbox(victim.node.mailDirectory);
    victim.people = [];
    victim.counts = { complete: 0, continued: 0, newPassword: 0, oldPassword: 0, unharmed: 0 };
    victim.durations = new Map();
    await victim.measure();
    return victim;
  }

  /** How long each step takes if nobody disturbs it, so that the moments cover all of it. As cold as every round. */
  async measure() {
    const measured = (kind) => async (name, act) => {
      const start = performance.now();
      const page = await act();
      this.durations.set(`${kind} ${name}`, performance.now() - start);
      return page;
    };
    const { issuer } = this.node;
    const person = somebody('ungestoert');
    await register(new Browser(issuer), this.mailbox, person, { step: measured('registration') });
    this.people.push(person);
    await this.node.stop();
    await this.node.start();
    const email = `konto-${ROUNDS}@example.org`;
    await resetPassword(new Browser(issuer), this.mailbox, email, 'ein-neues-rabe-fenster', {
      step: measured('reset'),
    });
  }

  /** Runs a journey and kills the program a random while after one of its steps has begun. */
  async disturb(kind, steps, journey) {
    // Every other time it is the last step, where everything is decided.
    const chosen = this.random() < 0.5 ? steps.at(-1) : steps[Math.floor(this.random() * steps.length)];
    const delay = this.random() * this.durations.get(`${kind} ${chosen}`) * 1.5;
    let killed;
    let dead = false;
    const step = (name, act) => {
      if (name === chosen && !killed) {
        killed = pause(delay)
          .then(() => this.node.kill())
          .then(() => (dead = true));
      }
      return act();
    };
    // Nobody needs to wait for a mail from the dead.
    const mailbox = {
      peek: (...what) => {
        if (dead) {
          throw Object.assign(new Error('killed'), { code: 'ECONNREFUSED' });
        }
        return this.mailbox.peek(...what);
      },
    };
    try {
      await journey(step, mailbox);
      this.counts.unharmed += 1;
    } catch (error) {
      if (!['ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(error.code)) {
        throw error;
      }
    }
    await killed;
    this.moment = `${kind}, ${delay.toFixed(1)} ms into ${chosen}`;
    await this.node.start();
  }

  async round(number) {
    const registers = this.random() < 0.5;
    try {
      await (registers ? this.registration() : this.reset(number));
    } catch (error) {
      throw new Error(`round ${number} (NK_SEED=${SEED}): ${this.moment}: ${error.message}\n${this.node.log}`, {
        cause: error,
      });
    }
  }

  async registration() {
    const { issuer } = this.node;
    const person = somebody('abgewuergt');
    this.people.push(person);
    const browser = new Browser(issuer);
    await this.disturb('registration', REGISTRATION_STEPS, (step, mailbox) =>
      register(browser, mailbox, person, { step }),
    );
    if (await canSignIn(issuer, person.email, person.password)) {
      this.counts.complete += 1;
    } else {
      assert.notEqual(
        browser.accepted,
        '/registrieren/pruefen',
        'the account was confirmed to the browser, and is not there',
      );
      this.counts.continued += 1;
      const page = await browser.open('/registrieren/pruefen');
      await register(browser, this.mailbox, person, { page, patience: 1 });
    }
    await this.isComplete(person);
  }

  async isComplete(person) {
    const browser = await canSignIn(this.node.issuer, person.email, person.password);
    assert.ok(browser, `${person.email} cannot sign in`);
    const { text } = await browser.open('/profil');
    for (const value of [person.givenNames, person.familyName, '27. März 1987', person.email]) {
      assert.ok(text.includes(value), `${value} is missing: ${text}`);
    }
  }

  async reset(number) {
    const { issuer } = this.node;
    const email = `konto-${number}@example.org`;
    const fresh = `neues-fenster-${number}-rabe`;
    const elsewhere = new Browser(issuer);
    await signIn(elsewhere, email, SEED_PASSWORD);
    const browser = new Browser(issuer);
    await this.disturb('reset', RESET_STEPS, (step, mailbox) =>
      resetPassword(browser, mailbox, email, fresh, { step }),
    );
    const [before, after] = [await canSignIn(issuer, email, SEED_PASSWORD), await canSignIn(issuer, email, fresh)];
    assert.notEqual(Boolean(before), Boolean(after), before ? 'both passwords are right' : 'neither password is right');
    const confirmed = browser.accepted === '/wieder-anmelden/passwort';
    assert.ok(!confirmed || after, 'the new password was confirmed to the browser, and is wrong');
    assert.equal(await isSignedIn(elsewhere), Boolean(before), 'the sessions end with the old password');
    this.counts[after ? 'newPassword' : 'oldPassword'] += 1;
  }

  tell() {
    const { complete, continued, newPassword, oldPassword, unharmed } = this.counts;
    note(`registrations: ${complete} complete at once, ${continued} continued or begun anew`);
    note(`resets: ${newPassword} with the new password, ${oldPassword} with the old one`);
    note(`journeys that were faster than the kill: ${unharmed}`);
  }

  async wholeness() {
    for (const person of this.people) {
      await this.isComplete(person);
    }
    const { code } = await this.node.stop();
    assert.equal(code, 0);
    await this.node.start();
    if (hasSqlite) {
      this.#wholenessOfRows();
    }
    await this.node.stop();
  }

  #wholenessOfRows() {
    const rows = (statement) => look(this.node.databaseUrl, statement);
    const incomplete = rows(`
      SELECT account.id FROM account
       WHERE account.key_wrapped IS NULL
          OR NOT EXISTS (SELECT 1 FROM password WHERE account_id = account.id)
          OR (SELECT COUNT(*) FROM email_address WHERE account_id = account.id) <> 1
          OR (SELECT COUNT(*) FROM attribute WHERE account_id = account.id) <> 3
          OR (SELECT COUNT(*) FROM recovery_code WHERE account_id = account.id) NOT IN (0, 10)`);
    assert.deepEqual(incomplete, []);
    const [[registered]] = rows('SELECT COUNT(DISTINCT account_id) FROM recovery_code');
    assert.equal(Number(registered), this.people.length, 'accounts with ten recovery codes');
    // The mail that welcomes belongs to the same commit: it has been sent, or it waits.
    const [[waiting]] = rows('SELECT COUNT(*) FROM outbox WHERE given_up_at IS NULL');
    const welcomed = (person) => this.mailbox.all(person.email).some((mail) => mail.headers.subject.includes('fertig'));
    const missing = this.people.filter((person) => !welcomed(person)).length;
    assert.ok(missing <= Number(waiting), `${missing} welcome mails are missing, ${waiting} mails wait`);
    note(
      `${this.people.length} registered accounts are complete; ${waiting} mails wait for a dead process to be given up`,
    );
  }
}
