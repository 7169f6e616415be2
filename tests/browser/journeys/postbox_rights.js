// What belongs to whoever has a postbox: they look for a decision, take a proof of it along, let their calendar fetch its days, and
// choose paper for the next one.

import assert from "node:assert/strict";
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
  assert.equal((await fetched("#nachweis")).toString().split(".").length, 3, "a signed token");
  assert.match((await fetched("#nachweis-pdf")).subarray(0, 5).toString(), /^%PDF-/);
}

async function putsDaysIntoHerCalendar(renate) {
  await renate.opens("/postfach/fristen");
  await renate.presses("#kalender");
  await renate.sees("calendar");
  await renate.presses("#anlegen");
  await renate.sees("calendar, made");
  const address = new URL(await text(renate, "#adresse")).pathname;
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
