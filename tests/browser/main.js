// Runs every story on every database and tells how it went.

import { execFile } from "node:child_process";
import { setDefaultResultOrder } from "node:dns";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import * as acting from "./journeys/acting.js";
import * as card from "./journeys/card.js";
import * as codes from "./journeys/codes.js";
import * as data from "./journeys/data.js";
import * as demo from "./journeys/demo.js";
import * as desk from "./journeys/desk.js";
import * as device from "./journeys/device.js";
import * as elsewhere from "./journeys/elsewhere.js";
import * as keys from "./journeys/keys.js";
import * as information from "./journeys/information.js";
import * as mandates from "./journeys/mandates.js";
import * as members from "./journeys/members.js";
import * as organisation from "./journeys/organisation.js";
import * as passkey from "./journeys/passkey.js";
import * as postbox from "./journeys/postbox.js";
import * as reply from "./journeys/postbox_reply.js";
import * as postboxRights from "./journeys/postbox_rights.js";
import * as registration from "./journeys/registration.js";
import * as restart from "./journeys/restart.js";
import * as safe from "./journeys/safe.js";
import * as security from "./journeys/security.js";
import * as service from "./journeys/service.js";
import * as signin from "./journeys/signin.js";
import * as stranger from "./journeys/stranger.js";
import * as upstream from "./journeys/upstream.js";
import { Moto, SECRET_VARIABLE } from "../interop/lib/moto.mjs";
import { Demonstration } from "./support/demo.js";
import { ENGLISH_VARIANTS, GERMAN_VARIANTS } from "./support/page_checks.js";
import { forgottenPages, PAGES, PAGES_OF_THE_DEMONSTRATION } from "./support/pages.js";
import { Person } from "./support/person.js";
import { Provider } from "./support/provider.js";
import { Report } from "./support/report.js";
import { Service } from "./support/service.js";

/** Everybody's stories: in German on SQLite, in English on PostgreSQL. */
const STORIES = {
  "Renate registers, looks around and signs out": registration.fromStartToSignedOut,
  "Emre registers and makes every mistake once": registration.everyMistakeOnce,
  "Nadine registers in two browsers with one address": registration.twoBrowsersOneAddress,
  "Emre begins anew in another window": registration.twoWindows,
  "Nadine registers although she has an account": registration.addressHasAccount,
  "Renate signs in, with the wrong password first": signin.wrongThenRight,
  "Emre tries too many passwords": signin.tooManyTimesWrong,
  "Renate has forgotten her password": signin.forgottenPassword,
  "Nadine makes every mistake of a reset": signin.everyMistakeOfAReset,
  "Emre resets a password without an account": signin.resetWithoutAccount,
  "Renate connects a service, once, and withdraws": service.connectsOnceAndWithdraws,
  "Nadine chooses what a service gets": service.choosesWhatIsSent,
  "Emre cancels on the way to a service": service.cancels,
  "Nadine registers on the way to a service": service.registersOnTheWay,
  "Emre has forgotten his password on the way to a service": service.forgotThePasswordOnTheWay,
  "Renate's level is too low for a service": service.levelTooLow,
  "Renate signs in on a ticket machine": device.signsInOnAMachine,
  "Emre is asked for a code on the telephone": device.isAskedForACode,
  "Nadine's level is too low for a machine": device.levelTooLow,
  "Emre meets a service that nobody has checked": stranger.isMetWithCare,
  "Nadine signs out at a service": service.signsOutAtTheService,
  "Renate looks after her account": security.looksAfterTheAccount,
  "Nadine renews her recovery codes": security.renewsRecoveryCodes,
  "Renate signs in with passkeys": passkey.signsInWithPasskeys,
  "Emre does without passkeys": passkey.doesWithout,
  "Nadine does without a password": passkey.doesWithoutAPassword,
  "Nadine registers with a passkey": passkey.registersWithAPasskey,
  "Renate loses her passkey and comes back": passkey.losesItAndComesBack,
  "Emre comes to passkeys without scripts": passkey.registersWithoutScripts,
  "Emre moves to another address": security.movesToAnotherAddress,
  "Renate sets up a code app": codes.setsUpACodeApp,
  "Nadine loses the phone with her code app": codes.losesThePhone,
  "Emre loses the phone and the recovery codes": codes.losesPhoneAndCodes,
  "Renate sees a release that is not hers": codes.seesAReleaseThatIsNotHers,
  "Emre mistypes the code of a device": codes.mistypesADevice,
  "Nadine states more about herself": data.statesMore,
  "Emre takes a copy of his data along": data.takesACopyAlong,
  "Nadine leaves, returns, and leaves": data.leavesAndReturns,
  "Renate's account is locked": data.isLocked,
  "Renate reads about the account": information.readsAboutTheAccount,
  "Emre changes the language": information.changesTheLanguage,
  "Renate asks whether a mail is genuine": information.asksWhetherAMailIsGenuine,
  "Nadine takes wrong turns": information.wrongTurns,
};

/** What needs no second language and no second database. */
const STORIES_OF_A_BROWSER = {
  "Renate does without scripts": (arrives) => signin.fromNothingToANewPassword(arrives, { scripts: false }),
  "Renate does without a pointer": (arrives) => signin.fromNothingToANewPassword(arrives, { keyboard: true }),
  "Renate sets up a code app without scripts": (arrives, here) =>
    codes.setsUpACodeApp(arrives, here, { scripts: false }),
  "Renate sets up a code app without a pointer": (arrives, here) =>
    codes.setsUpACodeApp(arrives, here, { keyboard: true }),
  "Renate uses a ticket machine without scripts": (arrives, here) =>
    device.signsInOnAMachine(arrives, here, { scripts: false }),
  "Renate meets a stranger without scripts": (arrives, here) => stranger.isMetWithCare(arrives, here, { scripts: false }),
  "Renate meets a stranger without a pointer": (arrives, here) => stranger.isMetWithCare(arrives, here, { keyboard: true }),
  "Renate uses a ticket machine without a pointer": (arrives, here) =>
    device.signsInOnAMachine(arrives, here, { keyboard: true }),
};

const STORIES_OF_A_RESTART = {
  "Nobody loses anything in a restart": restart.nothingIsLost,
};

/**
 * Two rows, told side by side: much of their time they wait for the next code of a device. What happens in the one to Renate, Mai and
 * the officers does not happen in the other.
 */
const STORIES_OF_THE_DEMONSTRATION = [
  {
    "Renate tries everything at the demonstration's service": demo.triesEverything,
    "Renate reads a decision in her postbox": postbox.readsADecision,
    "Renate answers questions of an authority": reply.answersAForm,
    "Renate takes care of her postbox": postboxRights.takesCareOfHerPostbox,
    "Renate keeps documents": safe.keepsDocuments,
    "Renate links the account of another Land": upstream.linksTheOtherLand,
    "Renate is confirmed at a registration desk": desk.isConfirmedAtADesk,
    "Suharto orders a letter with a code": desk.ordersALetter,
    // Before one of these cards belongs to an account.
    "Suharto compares cards with his account": card.comparesCards,
    "Renate proves who she is with her card": card.provesWithACard,
  },
  {
    "Emre signs in with the code of his device": demo.signsInWithADevice,
    "Emre climbs to what a service needs": demo.climbs,
    "Nadine acts for her bakery": acting.actsForTheBakery,
    "Nadine reads for her bakery": postbox.readsForTheBakery,
    "Nadine acts for Renate": acting.actsUnderAMandate,
    "Nadine shows her bakery with its account in another Land": elsewhere.showsTheBakery,
    "Nadine lets Emre into her bakery": members.areSeveral,
    "Nadine gives a program a key": keys.givesAProgramAKey,
    "A tax adviser works through a list": mandates.worksThroughAList,
    "Emre registers a company": organisation.registersACompany,
    "Emre meets every end of an Online-Ausweis": card.meetsEveryEnd,
  },
];

const STORIES_OF_FILES = {
  "Renate keeps documents": safe.keepsDocuments,
};

const STORIES_OF_THE_DEMONSTRATION_IN_A_BROWSER = {
  "Mai proves who she is without scripts": (arrives, here) => card.provesWithACard(arrives, here, { scripts: false }),
  "Renate keeps documents without scripts": (arrives, here) => safe.keepsDocuments(arrives, here, { scripts: false }),
  "Suharto proves who he is without a pointer": (arrives, here) =>
    card.provesWithACard(arrives, here, { keyboard: true }),
};

/**
 * Pages are the same in Chromium without its windows, which is a package of its own in Debian: the same engine, network and
 * authenticators, at half the work, most of which is windows that nobody sees.
 */
const BROWSERS = { bare: "/usr/bin/chromium-headless-shell", whole: "/usr/bin/chromium" };

const PORT_OF_BUCKETS = 11_800;

const LAUNCHED = {
  // Signals are for us: we end the browser, and then everything else in its order.
  handleSIGHUP: false,
  handleSIGINT: false,
  handleSIGTERM: false,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
  ],
};

const runCommand = promisify(execFile);
const report = new Report();
const wanted = (process.argv[2] ?? "").toLowerCase();
let isInterrupted = false;
const isWanted = (name) => name.toLowerCase().includes(wanted);

/** What all stories in one language on one database share. */
function makeWorld({ browser, provider, title, language, variants }) {
  const seen = new Set();
  const pictures = process.env.NK_SCREENSHOTS;
  return {
    browser,
    provider,
    report,
    title,
    language,
    variants,
    pictures,
    seen,
    isNew: (page) => !seen.has(page) && Boolean(seen.add(page)),
  };
}

async function tellStories(world, service, stories) {
  const { provider, title } = world;
  for (const [name, tell] of Object.entries(stories).filter(([name]) => isWanted(name))) {
    if (isInterrupted) return;
    const people = [];
    const arrives = async (...who) => {
      const person = await Person.arrive(world, ...who);
      people.push(person);
      return person;
    };
    await report.story(`${title} · ${name}`, async () => {
      try {
        await tell(arrives, { provider, service, demo: provider, issuer: provider.issuer });
      } finally {
        await Promise.all(people.map((person) => person.leaves()));
      }
    });
  }
}

/** Stories of people who have nothing to do with each other, in two rows side by side: much of each is waiting for one of three programs. */
function inRows(stories) {
  const isEven = (_, place) => place % 2 === 0;
  const all = Object.entries(stories);
  return [all.filter(isEven), all.filter((...one) => !isEven(...one))].map(Object.fromEntries);
}

/** All stories on one database, with a program of its own. */
async function onDatabase({ bare, whole }, name, { url, language, variants, alongside = {}, others }) {
  const directory = await mkdtemp(join(tmpdir(), "nutzerkonto-browser-"));
  const provider = new Provider({ binary: process.env.NK_BINARY, database: url(directory), directory });
  const service = new Service();
  try {
    await service.open();
    await provider.start(service.clients(await provider.makeSecret()));
    const world = makeWorld({ browser: bare, provider, title: `${name} · ${language}`, language, variants });
    // Whoever does without something walks on in the whole browser, and leaves looking at the page from all sides to the others.
    const walking = { ...world, browser: whole, isNew: () => false };
    const rows = inRows(STORIES).map((stories) => tellStories(world, service, stories));
    await Promise.all([...rows, tellStories(walking, service, alongside)]);
    if (!wanted) report.check(`${world.title} · every page was seen`, unseen(world, PAGES));
    for (const stories of others) await tellStories(world, service, stories);
    await report.story(`${name} · stops when told to`, () => provider.stop());
    report.check(`${name} · nothing bad stands in the log`, provider.complaints());
  } finally {
    provider.kill();
    service.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** A demonstration of its own for some stories, which ends well. */
async function withDemonstration(title, options, act) {
  const directory = await mkdtemp(join(tmpdir(), "nutzerkonto-demo-"));
  const demonstration = new Demonstration({ binary: process.env.NK_BINARY, directory, ...options });
  try {
    await demonstration.start();
    await act(demonstration);
    await report.story(`${title} · stops when told to`, () => demonstration.stop());
    report.check(`${title} · nothing bad stands in the log`, demonstration.complaints());
  } catch (error) {
    report.check(`${title} · the run itself`, [error.stack ?? String(error)]);
  } finally {
    demonstration.kill();
    await rm(directory, { recursive: true, force: true });
  }
}

/** The demonstration on one database. */
async function onDemonstration({ bare, whole }, name, { database, language, variants, rows, others }) {
  if (![...rows, others].flatMap(Object.keys).some(isWanted) || isInterrupted) return;
  await withDemonstration(`Demonstration on ${name}`, { database }, async (provider) => {
    const title = `Demonstration on ${name} · ${language}`;
    const world = makeWorld({ browser: bare, provider, title, language, variants });
    await Promise.all(rows.map((stories) => tellStories(world, undefined, stories)));
    if (!wanted) report.check(`${title} · every page was seen`, unseen(world, PAGES_OF_THE_DEMONSTRATION));
    await tellStories({ ...world, browser: whole }, undefined, others);
  });
}

/**
 * What has to do with files, with a bucket instead of a directory, on one database and in the language in which it has been told there
 * not yet: with the others each language, database and store comes with each.
 */
async function onBucket({ bare }, name, { moto, database, language }) {
  if (!Object.keys(STORIES_OF_FILES).some(isWanted) || isInterrupted) return;
  const bucket = name.toLowerCase();
  await moto.makeBucket(bucket);
  await withDemonstration(`Bucket and ${name}`, { database, objects: moto.settings(bucket) }, async (provider) => {
    const title = `Bucket and ${name} · ${language}`;
    const world = { ...makeWorld({ browser: bare, provider, title, language }), isNew: () => false };
    await tellStories(world, undefined, STORIES_OF_FILES);
    const files = await moto.files(bucket);
    report.check(`${title} · the files lie there`, files.length > 0 ? [] : ["there are none"]);
  });
}

function unseen({ seen }, pages) {
  return Object.keys(pages).filter((page) => !seen.has(page));
}

/** A fresh database on the server that tests/postgres gives us; gone afterwards. */
async function withPostgres(act, purpose = "browser") {
  const server = process.env.NK_TEST_POSTGRES_URL;
  const name = `nutzerkonto_${purpose}_${process.pid}`;
  const psql = (command) => runCommand("psql", [server, "--quiet", "--command", command]);
  await psql(`CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  try {
    await act(url.href);
  } finally {
    await psql(`DROP DATABASE ${name} WITH (FORCE)`);
  }
}

/**
 * Both databases side by side, because two processors are better than one; each in a language of its own, because no text depends on
 * the database: so every story is told in both languages and on both, and none of them four times.
 */
async function everything(browsers) {
  process.env[SECRET_VARIABLE] = "nur-fuer-den-eimer";
  const moto = await onFreePort((port) => Moto.start(port));
  try {
    const runs = [onSqlite(browsers, moto), onPostgres(browsers, moto)];
    for (const { reason } of await Promise.allSettled(runs)) {
      if (reason) report.check("the run itself", [reason.stack ?? String(reason)]);
    }
  } finally {
    moto.end();
  }
  report.check("every page of src/routes.rs has a story", forgottenPages());
}

/** Below the ports of all other programs of the tests. */
async function onFreePort(start) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await start(PORT_OF_BUCKETS + Math.floor(Math.random() * 100));
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

async function onSqlite(browsers, moto) {
  const looks = { language: "de", variants: GERMAN_VARIANTS };
  await onDatabase(browsers, "SQLite", {
    ...looks,
    url: (directory) => `sqlite:${join(directory, "nutzerkonto.db")}`,
    alongside: STORIES_OF_A_BROWSER,
    others: [STORIES_OF_A_RESTART],
  });
  const rows = STORIES_OF_THE_DEMONSTRATION;
  await onDemonstration(browsers, "SQLite", { ...looks, rows, others: STORIES_OF_THE_DEMONSTRATION_IN_A_BROWSER });
  await onBucket(browsers, "SQLite", { moto, language: "en" });
}

async function onPostgres(browsers, moto) {
  const looks = { language: "en", variants: ENGLISH_VARIANTS };
  await withPostgres((url) =>
    onDatabase(browsers, "PostgreSQL", { ...looks, url: () => url, others: [STORIES_OF_A_RESTART] }),
  );
  const rows = STORIES_OF_THE_DEMONSTRATION;
  await withPostgres(
    (database) => onDemonstration(browsers, "PostgreSQL", { ...looks, database, rows, others: {} }),
    "demo",
  );
  await withPostgres((database) => onBucket(browsers, "PostgreSQL", { moto, database, language: "de" }), "bucket");
}

async function main() {
  // The program listens on 127.0.0.1 alone, which is not what every Node.js means by "localhost".
  setDefaultResultOrder("ipv4first");
  if (process.env.NK_SCREENSHOTS) await mkdir(process.env.NK_SCREENSHOTS, { recursive: true });
  const paths = Object.entries(BROWSERS).map(([name, path]) => [name, process.env.NK_CHROMIUM ?? path]);
  const launched = paths.map(async ([name, executablePath]) => [name, await chromium.launch({ ...LAUNCHED, executablePath })]);
  const browsers = Object.fromEntries(await Promise.all(launched));
  const close = () => Promise.all(Object.values(browsers).map((browser) => browser.close()));
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) {
    process.once(signal, () => {
      isInterrupted = true;
      close();
    });
  }
  try {
    await everything(browsers);
  } finally {
    await close();
  }
  report.say(report.summary());
  const isGood = report.failed === 0 && report.passed > 0 && !isInterrupted;
  process.exitCode = isGood ? 0 : 1;
}

await main();
