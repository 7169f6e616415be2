// What belongs to whoever has a postbox: they look for a decision, take a proof of it along, let their calendar fetch its days,
// choose paper for the next one, and say when they are away.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { signsInAtTheAccount, text } from "./demo.js";

export async function takesCareOfHerPostbox(arrives) {
  const renate = await arrives("renate");
  renate.email = renate.says("renate.muster@example.org", "mai.nguyen@example.org");
  await renate.opens("/anmelden");
  await signsInAtTheAccount(renate);
  await searches(renate);
  await takesAProof(renate);
  await putsDaysIntoHerCalendar(renate);
  await choosesPaper(renate);
  await isAway(renate);
}

async function searches(renate) {
  await renate.opens("/postfach");
  await renate.types("#suche", renate.says("bewohnerparkausweis", "RESIDENT permit"));
  await renate.presses("#anwenden");
  await renate.sees("postbox, searched");
  assert.equal(await renate.page.locator("#nachrichten li").count(), 1);
  await renate.page.locator("#nachrichten a").first().click();
}

async function takesAProof(renate) {
  const fetched = async (selector) => {
    const file = await renate.page.request.get(await renate.page.locator(selector).evaluate((link) => link.href));
    assert.equal(file.status(), 200);
    return file.body();
  };
  await isGenuine(renate, await fetched("#nachweis"));
  assert.match((await fetched("#nachweis-pdf")).subarray(0, 5).toString(), /^%PDF-/);
}

/** As whoever doubts it checks it: with the published keys and the program, and nothing else. */
async function isGenuine(renate, proof) {
  const directory = await mkdtemp(join(tmpdir(), "nachweis-"));
  const [keys, file] = [join(directory, "keys.json"), join(directory, "nachweis.jwt")];
  const published = await renate.page.request.get(new URL("/api/postbox/v1/receipt-keys", renate.page.url()).href);
  await Promise.all([writeFile(keys, await published.body()), writeFile(file, proof)]);
  const { stdout } = await promisify(execFile)(process.env.NK_BINARY, ["verify-receipt", "--keys", keys, file]);
  assert.match(stdout, /"issued_at"[^]*the receipt is genuine/);
  await rm(directory, { recursive: true });
}

async function putsDaysIntoHerCalendar(renate) {
  await renate.opens("/postfach/fristen");
  await renate.presses("#kalender");
  await renate.sees("calendar");
  await renate.presses("#anlegen");
  await renate.sees("calendar, made");
  const address = await text(renate, "#adresse");
  const file = await renate.page.request.get(address);
  assert.match(await file.text(), /^BEGIN:VCALENDAR\r\n[^]*DTSTART;VALUE=DATE:/);
  await renate.presses("#beenden");
  await renate.sees("calendar, ended");
  assert.equal((await renate.page.request.get(address)).status(), 404);
}

async function choosesPaper(renate) {
  await renate.opens("/postfach");
  await renate.presses("#papier");
  await renate.sees("paper");
  await renate.types("#aktenzeichen", "9".repeat(101));
  await renate.presses("#weiter");
  await renate.sees("paper, refused");
  await renate.types("#aktenzeichen", "BP 2026/4711");
  await renate.presses("#weiter");
  await renate.sees("paper: check");
  await renate.presses("#papier");
  await renate.sees("paper, chosen");
  await renate.reads("BP 2026/4711");
  await renate.page.locator("#auf-papier button").first().click();
  await renate.sees("paper, taken back");
}

/** From yesterday for some days; then she is back. */
async function isAway(renate) {
  const types = async (field, after) => {
    const day = new Intl.DateTimeFormat("de", { timeZone: "Europe/Berlin" }).format(Date.now() + after * 86_400_000);
    for (const [place, part] of ["tag", "monat", "jahr"].entries()) {
      await renate.types(`#${field}_${part}`, day.split(".")[place]);
    }
  };
  await renate.opens("/postfach");
  await renate.presses("#abwesenheit");
  await renate.sees("absence");
  await types("von", -1);
  await types("bis", -2);
  await renate.presses("#aktion");
  await renate.sees("absence, refused");
  await types("bis", 5);
  await renate.presses("#aktion");
  await renate.sees("absence, entered");
  await renate.opens("/konto");
  await renate.presses("#abwesenheit");
  await renate.presses("#beenden");
  await renate.sees("absence, ended");
}
