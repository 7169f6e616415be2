// The program under test: configured, started, asked whether it is ready, told to stop.

import { execFile, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { complaints } from "./log.js";
import { Mailbox } from "./mailbox.js";
import { until } from "./wait.js";

const run = promisify(execFile);
const KEYS = fileURLToPath(new URL("../../../keys-dev", import.meta.url));
const START_LIMIT_MILLISECONDS = 60_000;
const STOP_LIMIT_MILLISECONDS = 30_000;

export class Provider {
  #binary;
  #database;
  #directory;
  #process;

  /** `directory` is empty and ours; `database` is the URL as the configuration has it. */
  constructor({ binary, database, directory }) {
    this.#binary = binary;
    this.#database = database;
    this.#directory = directory;
    this.mails = join(directory, "mails");
    this.mailbox = new Mailbox(this.mails);
  }

  /** Makes a client's secret: what the service keeps, and the hash that the provider stores. */
  async makeSecret() {
    const { stdout } = await run(this.#binary, ["client", "secret"]);
    const [, secret] = stdout.match(/^secret\s+=\s+(\S+)/m);
    const [, hash] = stdout.match(/^secret_sha256\s+=\s+"([0-9a-f]{64})"/m);
    return { secret, hash };
  }

  /** What the operator does to an account at the command line. */
  async account(act, email, reason) {
    const who = ["--email", email, "--operator", "k.muster", "--reason", reason];
    await run(this.#binary, ["account", act, ...this.#config(), ...who]);
  }

  /** A token with which one service may register itself. */
  async registrationToken() {
    const note = ["--note", "Hofladen", "--operator", "k.muster"];
    const { stdout } = await run(this.#binary, ["client", "registration-token", ...this.#config(), ...note]);
    return stdout.match(/^token = (\S+)/m)[1];
  }

  /** Declares the clients and starts, on the first port that is free. */
  async start(clients) {
    await mkdir(this.mails, { recursive: true });
    await writeFile(this.#file("clients.toml"), clients);
    for (let attempt = 0; attempt < 20; attempt += 1) {
      await this.#configure();
      if (attempt === 0) await run(this.#binary, ["client", "apply", ...this.#config(), this.#file("clients.toml")]);
      if (await this.#serve()) return;
    }
    throw new Error("no free port found");
  }

  /** Stops and starts again, as for an update. */
  async restart() {
    await this.stop();
    if (!(await this.#serve())) throw new Error("the port is not free any more after a restart");
  }

  /** Asks it to stop, as systemd would. It must say goodbye in time and with exit code 0. */
  async stop() {
    const serving = this.#process;
    this.#process = undefined;
    serving.kill("SIGTERM");
    let timer;
    const tooLong = new Promise((resolve) => {
      timer = setTimeout(() => resolve({ late: true }), STOP_LIMIT_MILLISECONDS);
    });
    const end = await Promise.race([serving.ended, tooLong]);
    clearTimeout(timer);
    if (end.late) {
      serving.kill("SIGKILL");
      throw new Error(`still running ${STOP_LIMIT_MILLISECONDS / 1000} s after SIGTERM`);
    }
    if (end.code !== 0) throw new Error(`ended with ${end.code ?? end.signal} after SIGTERM`);
  }

  /** For when everything else has gone wrong. */
  kill() {
    this.#process?.kill("SIGKILL");
  }

  /** Lines of its log that should not be there. */
  complaints() {
    return complaints(this.#log());
  }

  // Below the range that the kernel hands out for outgoing connections.
  async #configure() {
    const port = 20_000 + Math.floor(Math.random() * 6_000) * 2;
    this.issuer = `http://localhost:${port}`;
    this.operations = `http://127.0.0.1:${port + 1}`;
    await writeFile(this.#file("nutzerkonto.toml"), this.#settings(port));
  }

  #settings(port) {
    const text = JSON.stringify;
    return `issuer = ${text(this.issuer)}

[server]
listen = "127.0.0.1:${port}"
operations_listen = "127.0.0.1:${port + 1}"

[database]
url = ${text(this.#database)}

[keys]
master_key = ${text(`file:${KEYS}/master.key`)}

[mail]
directory = ${text(this.mails)}

# Cheap, which only a loopback address may be.
[password]
memory_kibibytes = 1024
iterations = 1

# Everybody here comes from one network; the limit for one account stays as it is.
[limits]
attempts_per_network = 100000
attempts_per_range = 100000
mails_per_hour = 100
mails_per_day = 100
mails_per_network = 100000

[registration]
enabled = true

# The service that registers itself is on this machine, and with it its picture.
[outbound]
allowed_hosts = ["localhost"]

[operator]
name = "Stadt Musterhausen"
address = "Musterstraße 1, 12345 Musterhausen, Telefon 01234 5678-0, konto@musterhausen.example"
contact = "Telefon 01234 5678-0 oder hilfe@musterhausen.example"
`;
  }

  /** True once it is ready, false if somebody else had the port. */
  async #serve() {
    const log = openSync(this.#file("log"), "a");
    const serving = spawn(this.#binary, ["serve", ...this.#config()], { stdio: ["ignore", "ignore", log] });
    closeSync(log);
    let end;
    serving.ended = new Promise((resolve) => {
      const ended = (how) => resolve((end = how));
      serving.once("error", (error) => ended({ code: error.message }));
      serving.once("exit", (code, signal) => ended({ code, signal }));
    });
    this.#process = serving;
    const answer = () => (end ? "ended" : this.#isReady());
    const state = await until(answer, () => "the program does not become ready", START_LIMIT_MILLISECONDS);
    if (state === "ready") return true;
    this.#process = undefined;
    const last = this.#log().slice(-20).join("\n");
    if (/in use/i.test(last)) return false;
    throw new Error(`the program ended with ${end.code ?? end.signal}:\n${last}`);
  }

  async #isReady() {
    try {
      const response = await fetch(`${this.operations}/health/ready`);
      return response.ok ? "ready" : undefined;
    } catch {
      return undefined; // it does not listen yet
    }
  }

  #config() {
    return ["--config", this.#file("nutzerkonto.toml")];
  }

  #file(name) {
    return join(this.#directory, name);
  }

  #log() {
    return readFileSync(this.#file("log"), "utf8").trimEnd().split("\n");
  }
}
