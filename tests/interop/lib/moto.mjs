// moto's S3 server, which pretends to be S3, on loopback. Needs the Python environment of this directory's parent, or NK_PYTHON.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PYTHON = process.env.NK_PYTHON ?? fileURLToPath(new URL('../.venv/bin/python', import.meta.url));
const START_LIMIT_MILLISECONDS = 60_000;
export const BUCKET = 'konto';
/** Where the program under test finds the secret of the bucket. */
export const SECRET_VARIABLE = 'NK_TEST_S3_SECRET';

export class Moto {
  /** Starts on this port, with an empty bucket. */
  static async start(port) {
    assert.ok(existsSync(PYTHON), `${PYTHON} is missing; tests/run makes it from requirements.txt`);
    const server = new Moto();
    server.address = `http://127.0.0.1:${port}`;
    server.child = spawn(PYTHON, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
    try {
      await server.#answers();
      await server.makeBucket(BUCKET);
    } catch (error) {
      server.end();
      throw error;
    }
    return server;
  }

  async makeBucket(name) {
    assert.equal((await fetch(`${this.address}/${name}`, { method: 'PUT' })).status, 200);
  }

  async #answers() {
    const end = Date.now() + START_LIMIT_MILLISECONDS;
    while (!(await fetch(this.address).then((answer) => answer.ok, () => false))) {
      assert.ok(Date.now() < end && this.child.exitCode === null, `moto does not answer at ${this.address}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  /** The section `objects` of a program that keeps its files here. */
  settings(bucket = BUCKET) {
    return {
      s3_endpoint: this.address,
      s3_bucket: bucket,
      s3_access_key_id: 'konto',
      s3_secret_access_key: `env:${SECRET_VARIABLE}`,
    };
  }

  /** What lies in a bucket, by name and length. */
  async files(bucket = BUCKET) {
    const list = await (await fetch(`${this.address}/${bucket}?list-type=2`)).text();
    const names = [...list.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, name]) => name);
    return names.map((name, place) => ({ name, length: Number([...list.matchAll(/<Size>(\d+)</g)][place][1]) }));
  }

  async uploads() {
    const list = await (await fetch(`${this.address}/${BUCKET}?uploads`)).text();
    return [...list.matchAll(/<Upload>/g)].length;
  }

  end() {
    this.child.kill('SIGKILL');
  }
}
