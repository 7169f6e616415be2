// What stands ready for the OpenID Foundation's conformance suite, without the suite: conformance/test.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test, within } from './lib/check.mjs';

const PROGRAM = resolve(fileURLToPath(import.meta.url), '../../../conformance/test');

export async function run() {
  await test('conformance: the runner judges, and the account is as the suite wants to meet it', async () => {
    const child = spawn('python3', [PROGRAM], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    }
    const ended = new Promise((done) => child.once('close', done));
    try {
      assert.equal(await within('conformance/test', 180, ended), 0, output);
    } finally {
      child.kill();
    }
  });
}
