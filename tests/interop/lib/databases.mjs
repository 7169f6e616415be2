// Databases for the program under test, and a look into them from outside.

import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';

const SERVER = process.env.NK_TEST_POSTGRES_URL;

/** A new, empty database; its server belongs to the test run and goes with it. */
export function postgres() {
  const name = `interop_${randomBytes(6).toString('hex')}`;
  query(SERVER, `CREATE DATABASE ${name}`);
  const url = new URL(SERVER);
  url.pathname = `/${name}`;
  return url.href;
}

/** Whether SQLite files can be looked into. */
export const hasSqlite = spawnSync('sqlite3', ['--version']).status === 0;

/** Runs statements with the database's own client; returns rows as lists of texts. */
export function query(url, statements) {
  const file = url.startsWith('sqlite:') && url.slice('sqlite:'.length);
  const [program, args] = file
    ? ['sqlite3', ['-bail', '-separator', '\t', file, '.timeout 5000', statements]]
    : [
        'psql',
        [
          '--no-psqlrc',
          '--quiet',
          '--tuples-only',
          '--no-align',
          '--field-separator',
          '\t',
          '--set',
          'ON_ERROR_STOP=1',
          '--dbname',
          url,
          '--command',
          statements,
        ],
      ];
  const output = execFileSync(program, args, { encoding: 'utf8' });
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));
}

/** As `query`, with a connection that cannot write, so that it is safe beside the running program. */
export function look(url, statement) {
  const file = url.startsWith('sqlite:') && url.slice('sqlite:'.length);
  return query(file && existsSync(file) ? `sqlite:file:${encodeURI(file)}?mode=ro` : url, statement);
}
