// Runs the suites named on the command line; behind `--except` all but those; without a name all.

import { cleanUp, note, sum } from './lib/check.mjs';

const SUITES = [
  'openid-client',
  'registration',
  'verified-claims',
  'organisations',
  'fapi2',
  'mutual-tls',
  'authlib',
  'apache',
  'smtp',
  'two-nodes',
  'kill',
  'kill-tokens',
  'restart',
  'data',
  'master-key',
  'objects',
  'postbox',
  'safe',
  'startup',
  'shutdown',
  'conformance',
];

const isExcept = process.argv[2] === '--except';
const named = process.argv.slice(isExcept ? 3 : 2);
const unknown = named.filter((name) => !SUITES.includes(name));
if (unknown.length > 0) {
  console.error(`no such suite: ${unknown.join(' ')}; there are: ${SUITES.join(' ')}`);
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => cleanUp().finally(() => process.exit(130)));
}

let good = false;
try {
  for (const name of SUITES.filter((suite) => named.length === 0 || named.includes(suite) !== isExcept)) {
    const start = performance.now();
    console.log(`\n-- ${name}`);
    const { run } = await import(`./${name}.mjs`);
    await run();
    note(`${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
  good = true;
} catch (error) {
  console.log(`FAILED  ${error.stack}`);
} finally {
  await cleanUp();
  good = sum() && good;
}
process.exit(good ? 0 : 1);
