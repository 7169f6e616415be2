// A decision lies in the postbox: it is looked at, opened, put into a calendar, put away, deleted and restored; another one is locked. The
// bakery has a postbox of its own.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { readsTheDevice, signsInAtTheAccount, text } from "./demo.js";

const DECISION = { de: "Bescheid über Ihren Bewohnerparkausweis", en: "Decision on your resident parking permit" };

export async function readsADecision(arrives, { demo }) {
  const renate = await arrives("renate");
  renate.email = renate.says("renate.muster@example.org", "mai.nguyen@example.org");
  await renate.opens("/anmelden");
  await signsInAtTheAccount(renate);
  await renate.opens("/konto");
  await renate.sees("account, with new messages");
  await renate.presses("#postfach");
  await renate.sees("postbox");
  await renate.reads(renate.says(DECISION.de, DECISION.en));
  await filters(renate);
  await isLocked(renate);
  await opensIt(renate);
  await putsItAway(renate);
}

async function filters(renate) {
  await renate.page.locator("#ungelesen").check();
  await renate.presses("#anwenden");
  await renate.reads(renate.says(DECISION.de, DECISION.en));
  await renate.presses("#zuruecksetzen");
  await renate.chooses("#ablage", "archiv");
  await renate.presses("#anwenden");
  await renate.sees("postbox, nothing there");
  await renate.opens("/postfach");
}

async function isLocked(renate) {
  await renate.follows(renate.says("Bescheid", "Official decision"), { exact: true });
  await renate.sees("message, locked");
  await renate.presses("#niveau");
  await renate.sees("level too low for a message");
  await renate.opens("/postfach");
}

async function opensIt(renate) {
  await renate.follows(renate.says(DECISION.de, DECISION.en));
  await renate.sees("message");
  assert.match(await text(renate, "#verbindlich"), /Text des Bescheids|text of the decision/);
  assert.equal(await renate.page.locator("#kurzfassung").count(), 0, "what it says is not there before it is opened");
  const file = await renate.page.request.get(await renate.page.locator("#kalender").evaluate((link) => link.href));
  assert.match(await file.text(), /^BEGIN:VCALENDAR\r\n[^]*TRIGGER:-P1D/);
  await renate.presses("#oeffnen");
  await renate.sees("message: text");
  await prints(renate);
  await fetchesTheFile(renate);
  await renate.opens("/postfach/fristen");
  await renate.sees("deadlines");
  await renate.page.locator("#fristen a").first().click();
  await renate.sees("message, opened");
}

/** On paper there is what the authority wrote, and neither menu nor buttons. */
async function prints(renate) {
  await renate.page.emulateMedia({ media: "print" });
  const shown = (selector) => renate.page.locator(selector).first().isVisible();
  assert.ok(await shown("#anlagen code"), "files are named with their checksums");
  assert.ok((await shown("#kurzfassung")) && (await shown("#text")) && (await shown("#termine")));
  assert.ok(!(await shown(".nk-nav")) && !(await shown(".nk-back")) && !(await shown(".nk-footer")));
  await renate.page.emulateMedia({ media: null });
}

/** The file that came with it is downloaded, never shown, and is the one of which the checksum is there. */
async function fetchesTheFile(renate) {
  const link = renate.page.locator("#anlagen a").first();
  const [download] = await Promise.all([renate.page.waitForEvent("download"), link.click()]);
  assert.equal(download.suggestedFilename(), renate.says("Bewohnerparkausweis.pdf", "Resident parking permit.pdf"));
  const bytes = await readFile(await download.path());
  assert.equal(bytes.subarray(0, 5).toString(), "%PDF-");
  const digest = createHash("sha256").update(bytes).digest("hex");
  assert.ok((await text(renate, "#anlagen")).includes(digest), "the checksum on the page is that of the file");
}

async function putsItAway(renate) {
  await renate.presses("#archiv");
  await renate.sees("message, archived");
  await renate.presses("#loeschen");
  await renate.sees("message: delete");
  await renate.presses("#loeschen");
  await renate.sees("message, deleted");
  await renate.opens("/postfach?ablage=papierkorb");
  await renate.sees("postbox, deleted ones");
  await renate.follows(renate.says(DECISION.de, DECISION.en));
  await renate.presses("#wiederherstellen");
  await renate.sees("message, restored");
}

export async function readsForTheBakery(arrives, { demo }) {
  const nadine = await arrives("nadine");
  nadine.email = "nadine.weber@example.org";
  await nadine.opens("/anmelden");
  await signsInAtTheAccount(nadine);
  await nadine.types("#code", await readsTheDevice(nadine, demo));
  await nadine.presses("#weiter");
  await nadine.opens("/anmelden/wahl");
  await nadine.page.locator("input[value^=mem_]").first().check();
  await nadine.presses("#weiter");
  await nadine.presses("#postfach-der-partei");
  await nadine.sees("postbox of an organisation");
  await nadine.reads("Bäckerei Weber GmbH");
  await nadine.opens("/anmelden/wahl");
  await nadine.page.locator("#ich").check();
  await nadine.presses("#weiter");
}
