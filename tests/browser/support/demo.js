// The demonstration: the command `demo` with an account, a municipal service and its register, an eID-Server and an eID-Client,
// on ports of its own.

import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { complaints } from "./log.js";
import { Mailbox } from "./mailbox.js";
import { until } from "./wait.js";

const START_LIMIT_MILLISECONDS = 120_000;
const STOP_LIMIT_MILLISECONDS = 30_000;

export class Demonstration {
  #binary;
  #database;
  #objects;
  #directory;
  #process;

  /** Without a database it takes a file in its directory; without settings for `[objects]`, a directory in it for the files of people. */
  constructor({ binary, database, objects, directory }) {
    this.#binary = binary;
    this.#database = database;
    this.#objects = objects;
    this.#directory = directory;
    this.mailbox = new Mailbox(join(directory, "demo", "mail"));
  }

  /** Starts on the first seven ports that are free. */
  async start() {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      // Below the range that the kernel hands out for outgoing connections, above that of the other programs here.
      const port = 26_100 + Math.floor(Math.random() * 1_000) * 7;
      if (await this.#runs(port)) return;
    }
    throw new Error("no seven free ports found");
  }

  async #runs(port) {
    this.issuer = `http://localhost:${port}`;
    this.service = `http://localhost:${port + 1}`;
    this.cards = `http://127.0.0.1:${port + 4}`;
    // The other Land has another host: browsers do not tell cookies apart by port.
    this.otherLand = `http://127.0.0.1:${port + 5}`;
    const log = openSync(this.#log, "w");
    const database = this.#database ? ["--database", this.#database] : [];
    const settings = ["--directory", join(this.#directory, "demo"), "--port", String(port), ...database, ...(await this.#store())];
    const running = spawn(this.#binary, ["demo", ...settings], { stdio: ["ignore", log, log] });
    closeSync(log);
    let end;
    running.ended = new Promise((resolve) => {
      running.once("exit", (code, signal) => resolve((end = { code, signal })));
    });
    this.#process = running;
    const answer = () => (end ? "ended" : this.#answers());
    const state = await until(answer, () => "the demonstration does not answer", START_LIMIT_MILLISECONDS);
    if (state === "answers") return true;
    const said = readFileSync(this.#log, "utf8");
    if (/in use/i.test(said)) return false;
    throw new Error(`the demonstration ended with ${end.code ?? end.signal}:\n${said}`);
  }

  /** The program is told by a file where it keeps files. */
  async #store() {
    if (!this.#objects) return [];
    const file = join(this.#directory, "objects.toml");
    const lines = Object.entries(this.#objects).map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`);
    await writeFile(file, lines.join(""));
    return ["--objects", file];
  }

  async #answers() {
    try {
      return (await fetch(`${this.service}/`)).ok ? "answers" : undefined;
    } catch {
      return undefined; // it does not listen yet
    }
  }

  /** Asks it to stop, as Ctrl-C would. */
  async stop() {
    this.#process.kill("SIGTERM");
    const tooLong = setTimeout(() => this.kill(), STOP_LIMIT_MILLISECONDS);
    const { code, signal } = await this.#process.ended;
    clearTimeout(tooLong);
    if (code !== 0) throw new Error(`the demonstration ended with ${code ?? signal}`);
  }

  kill() {
    this.#process?.kill("SIGKILL");
  }

  /** Lines of its log that should not be there. */
  complaints() {
    return complaints(readFileSync(this.#log, "utf8").split("\n"));
  }

  get #log() {
    return join(this.#directory, "demo.log");
  }
}
