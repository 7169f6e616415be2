// `kill -9` while codes are redeemed and refresh tokens used: a code yields at most one family of tokens, what was
// acknowledged counts after the restart, and no family is lost but by the rule that a token which comes twice ends it.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { note, skip, test, until } from './lib/check.mjs';
import { Browser } from './lib/browser.mjs';
import { clientFile, withSecret } from './lib/clients.mjs';
import { hasSqlite, look, postgres, query } from './lib/databases.mjs';
import { signIn } from './lib/journeys.mjs';
import { askForTokens, codeForm, consent, granted, refreshForm, refused, userinfo } from './lib/plain-client.mjs';
import { Node, SEED_PASSWORD } from './lib/program.mjs';
import { SEED, randomFrom } from './lib/random.mjs';

const ROUNDS = Number(process.env.NK_KILL_ROUNDS ?? 20);
const SCOPE = { scope: 'openid email offline_access' };

export async function run() {
  note(`NK_SEED=${SEED} NK_KILL_ROUNDS=${ROUNDS}`);
  const name = (database) => `${database}: ${ROUNDS} times killed while two codes are redeemed and two tokens refreshed`;
  await test(name('PostgreSQL'), () => rounds('PostgreSQL', { url: postgres() }));
  if (hasSqlite) {
    await test(name('SQLite'), () => rounds('SQLite', undefined));
  } else {
    skip(name('SQLite'), 'there is no sqlite3 on this machine');
  }
}

async function rounds(name, database) {
  const victim = await Victim.prepare(name, database);
  for (let number = 0; number < ROUNDS; number += 1) {
    try {
      await victim.round();
    } catch (error) {
      const text = `round ${number} (NK_SEED=${SEED}): ${error.message}\n${victim.node.log}`;
      throw new Error(text, { cause: error });
    }
  }
  await victim.wholeness();
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const hashOf = (text) => createHash('sha256').update(text).digest('hex');
const familyOf = (token) => hashOf(token.slice(0, 43));
const generationOf = (token) => hashOf(token.slice(43));

/** The program that is killed, and what its clients hold. */
class Victim {
  static async prepare(name, database) {
    const victim = new Victim();
    victim.random = randomFrom(SEED);
    victim.node = new Node(`kill-tokens-${name}`, database && { database });
    victim.clients = {
      // Its refresh token changes with every use.
      open: { id: 'offen', settings: { scopes: SCOPE.scope.split(' ') }, authentication: { method: 'none' } },
      // This one keeps its own.
      own: withSecret('eigen', 'client_secret_basic', { scopes: SCOPE.scope.split(' ') }),
    };
    victim.counts = { acknowledged: 0, unanswered: 0, untouched: 0 };
    victim.ended = new Set();
    victim.kept = [];
    await victim.node.apply(clientFile(Object.values(victim.clients)));
    await victim.node.seed(1);
    await victim.node.start();
    victim.browser = new Browser(victim.node.issuer);
    await signIn(victim.browser, 'konto-0@example.org', SEED_PASSWORD);
    for (const client of Object.values(victim.clients)) {
      await consent(victim.browser, client, SCOPE);
    }
    victim.rotating = await victim.family('open');
    victim.repeating = await victim.family('own');
    await victim.measure();
    return victim;
  }

  tokens(kind, form) {
    return askForTokens(this.node, this.clients[kind], form);
  }

  async refresh(kind, token, what) {
    return granted(await this.tokens(kind, refreshForm(token)), what).refresh_token ?? token;
  }

  /** A new family of tokens, undisturbed. */
  async family(kind) {
    const form = await codeForm(this.browser, this.clients[kind], SCOPE);
    return granted(await this.tokens(kind, form), 'a new family').refresh_token;
  }

  /** What a round interrupts: two codes of one commit each, a token that changes and one that does not. */
  async acts() {
    const redemption = async (kind) => {
      const form = await codeForm(this.browser, this.clients[kind], SCOPE);
      return {
        code: form.code,
        send: () => this.tokens(kind, form),
        judge: (answer) => this.judgeCode(kind, form, answer),
      };
    };
    const [rotating, repeating] = [this.rotating, this.repeating];
    return [
      await redemption('open'),
      await redemption('own'),
      {
        token: rotating,
        send: () => this.tokens('open', refreshForm(rotating)),
        judge: (answer) => this.judgeRotation(rotating, answer),
      },
      {
        token: repeating,
        send: () => this.tokens('own', refreshForm(repeating)),
        judge: (answer) => this.judgeRepetition(repeating, answer),
      },
    ];
  }

  /** How long they take together when nobody disturbs them, as cold as in every round. */
  async measure() {
    await this.node.stop();
    await this.node.start();
    const acts = await this.acts();
    const start = performance.now();
    const answers = await Promise.all(acts.map((act) => act.send()));
    this.duration = performance.now() - start;
    this.rotating = granted(answers[2], 'undisturbed').refresh_token;
  }

  async round() {
    const acts = await this.acts();
    const sent = acts.map(async (act) => {
      await pause(this.random() * this.duration);
      return act.send();
    });
    // However fast the machine is today: every other time as soon as one of them has been answered.
    const moment = this.random() * this.duration;
    await (this.random() < 0.5 ? pause(moment * 2) : Promise.race(sent).then(() => pause(moment / 4)));
    await this.node.kill();
    const answers = await Promise.all(sent);
    await this.quiet();
    await this.node.start();
    this.found = this.find(acts);
    for (const [index, act] of acts.entries()) {
      await act.judge(answers[index]);
    }
  }

  /** PostgreSQL may still be about to commit what the dead asked for. */
  async quiet() {
    if (!this.node.databaseUrl.startsWith('sqlite:')) {
      const others = 'SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()';
      await until('nobody is connected', 30, () => look(this.node.databaseUrl, others)[0][0] === '0');
    }
  }

  #look(statement) {
    return look(this.node.databaseUrl, statement);
  }

  /** What the database holds of these codes and refresh tokens, with one look. */
  find(acts) {
    const isSqlite = this.node.databaseUrl.startsWith('sqlite:');
    const hex = (column) => (isSqlite ? `lower(hex(${column}))` : `encode(${column}, 'hex')`);
    const bytes = (hash) => (isSqlite ? `X'${hash}'` : `'\\x${hash}'`);
    const among = (hashes) => hashes.filter(Boolean).map(bytes).join(', ') || 'NULL';
    const rows = this.#look(
      `SELECT ${hex('code_hash')}, CASE WHEN used_at IS NULL THEN '0' ELSE '1' END,
              CAST((SELECT COUNT(*) FROM client_grant WHERE client_grant.id = authorization_code.grant_id) AS TEXT)
         FROM authorization_code WHERE code_hash IN (${among(acts.map(({ code }) => code && hashOf(code)))})
        UNION ALL
       SELECT ${hex('family_hash')}, ${hex('generation_hash')}, CASE WHEN ended_at IS NULL THEN '0' ELSE '1' END
         FROM client_grant WHERE family_hash IN (${among(acts.map(({ token }) => token && familyOf(token)))})`,
    );
    return (hash) => {
      const found = rows.filter(([known]) => known === hash);
      assert.equal(found.length, 1, 'one row of a code, one generation of a family');
      return found[0].slice(1);
    };
  }

  /** Whether a code has been spent. That and its grant are one commit, and there is one grant at most. */
  spent(code) {
    const [used, grants] = this.found(hashOf(code));
    assert.equal(used, grants, `the code is ${used === '1' ? 'spent' : 'whole'} and has ${grants} grants`);
    return used === '1';
  }

  /** The present generation of a family, and whether it has ended. */
  stored(token, found = this.found) {
    const [generation, ended] = found(familyOf(token));
    return { generation, ended: ended === '1' };
  }

  async judgeCode(kind, form, answer) {
    const spent = this.spent(form.code);
    if (!answer && spent) {
      this.counts.unanswered += 1;
      refused(await this.tokens(kind, form), 'invalid_grant', 'a spent code whose answer was lost');
      return;
    }
    this.counts[answer ? 'acknowledged' : 'untouched'] += 1;
    assert.equal(spent, Boolean(answer), 'an acknowledged code is spent');
    const tokens = granted(answer ?? (await this.tokens(kind, form)), 'the first answer, or that to a code still whole');
    granted(await userinfo(this.node, tokens.access_token), 'the access token counts after the restart');
    const next = await this.refresh(kind, tokens.refresh_token, 'the refresh token counts after the restart');
    if (this.kept.length < 100 && this.random() < 0.2) {
      this.kept.push([kind, next]);
      return;
    }
    refused(await this.tokens(kind, form), 'invalid_grant', 'a code that comes twice');
    const late = await userinfo(this.node, tokens.access_token);
    assert.equal(late?.status, 401, 'what it gave has ended');
    refused(await this.tokens(kind, refreshForm(next)), 'invalid_grant', 'its refresh token has ended');
  }

  async judgeRotation(presented, answer) {
    const { generation, ended } = this.stored(presented);
    assert.equal(ended, false, 'the family was lost');
    const used = generation !== generationOf(presented);
    if (answer) {
      this.counts.acknowledged += 1;
      const successor = granted(answer, 'a refresh').refresh_token;
      assert.equal(generation, generationOf(successor), 'the acknowledged generation is the present one');
      this.rotating = await this.refresh('open', successor, 'the acknowledged refresh token');
      if (this.random() < 0.25) {
        await this.replay(presented, this.rotating);
      }
    } else if (used) {
      this.counts.unanswered += 1;
      await this.replay(presented);
    } else {
      this.counts.untouched += 1;
      this.rotating = await this.refresh('open', presented, 'a retry of what was not committed');
    }
  }

  /** An older generation comes again: it ends the family. The client begins anew. */
  async replay(presented, present) {
    refused(await this.tokens('open', refreshForm(presented)), 'invalid_grant', 'an older generation');
    const { ended } = this.stored(presented, this.find([{ token: presented }]));
    assert.equal(ended, true, 'a token that comes twice ends its family');
    if (present) {
      refused(await this.tokens('open', refreshForm(present)), 'invalid_grant', 'the present generation of an ended family');
    }
    this.ended.add(familyOf(presented));
    this.rotating = await this.family('open');
  }

  async judgeRepetition(token, answer) {
    const { generation, ended } = this.stored(token);
    assert.deepEqual([generation, ended], [generationOf(token), false], 'who authenticates keeps the token');
    if (answer) {
      granted(answer, 'a refresh');
    }
    this.counts[answer ? 'acknowledged' : 'untouched'] += 1;
    await this.refresh('own', token, 'a retry');
  }

  /** At the end every family counts that was not ended by that rule, and the program stops and starts as ever. */
  async wholeness() {
    const { acknowledged, unanswered, untouched } = this.counts;
    note(`${acknowledged} acknowledged, ${unanswered} committed without an answer, ${untouched} not committed or as before`);
    note(`the four take ${this.duration.toFixed(0)} ms undisturbed; ${this.ended.size} families ended by a replay`);
    const { code } = await this.node.stop();
    assert.equal(code, 0);
    await this.node.start();
    for (const [kind, token] of [...this.kept, ['open', this.rotating], ['own', this.repeating]]) {
      await this.refresh(kind, token, 'a family that nobody ended');
    }
    await this.node.stop();
    const torn = `SELECT COUNT(*) FROM authorization_code
                    LEFT JOIN client_grant ON client_grant.id = authorization_code.grant_id
                   WHERE (used_at IS NULL) <> (client_grant.id IS NULL)`;
    assert.deepEqual(this.#look(torn), [['0']], 'codes and grants belong together');
    if (this.node.databaseUrl.startsWith('sqlite:')) {
      assert.deepEqual(query(this.node.databaseUrl, 'PRAGMA integrity_check; PRAGMA foreign_key_check'), [['ok']]);
    }
  }
}
