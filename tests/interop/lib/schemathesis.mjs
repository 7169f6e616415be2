// Schemathesis makes requests of the description of an interface, and compares the answers with it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../.venv/bin/st', import.meta.url));
const EXAMPLES = Number(process.env.NK_EXAMPLES ?? 15);
const CHECKS = 'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance';

export function requireSchemathesis() {
  assert.ok(existsSync(PROGRAM), `${PROGRAM} is missing; tests/run makes it from requirements.txt`);
}

/** No 5xx and no answer that is not described; returns how many requests that were. `directory` may have a schemathesis.toml. */
export async function conforms(description, { directory, options }) {
  const all = ['--checks', CHECKS, '--max-examples', String(EXAMPLES), '--seed', '1', '--workers', '2', '--no-color', ...options];
  const url = new URL(description).origin;
  const child = spawn(PROGRAM, ['run', description, '--url', url, ...all], { stdio: ['ignore', 'pipe', 'pipe'], cwd: directory });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (said += text));
  }
  const code = await new Promise((done) => child.once('close', done));
  assert.equal(code, 0, said);
  const cases = Number(said.match(/(\d+) generated/)?.[1]);
  assert.ok(cases > 0, said);
  return cases;
}
