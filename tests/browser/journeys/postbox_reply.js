// An authority asks: a form is filled in, saved, checked, changed and sent, and what was sent can be proven. Another notice takes a text.

import assert from "node:assert/strict";
import { signsInAtTheAccount, text } from "./demo.js";

const QUESTIONS = { de: "Fragen zu Ihrem Fahrzeug", en: "Questions about your vehicle" };
const ZONES = { de: "Neue Parkzonen ab Januar", en: "New parking zones from January" };

export async function answersAForm(arrives) {
  const renate = await arrives("renate");
  renate.email = renate.says("renate.muster@example.org", "mai.nguyen@example.org");
  await renate.opens("/anmelden");
  await signsInAtTheAccount(renate);
  await opens(renate, QUESTIONS);
  await renate.sees("message that wants a reply");
  await renate.presses("#antworten");
  await renate.sees("reply");
  await writes(renate);
  await sends(renate);
  await answersInWords(renate);
}

async function opens(renate, subject) {
  await renate.opens("/postfach");
  await renate.follows(renate.says(subject.de, subject.en));
  await renate.presses("#oeffnen");
}

/** It is not finished at once. */
async function writes(renate) {
  await renate.types("#feld-1", "MH-RM 12");
  await renate.presses("#speichern");
  await renate.sees("reply, saved");
  await renate.presses("#pruefen");
  await renate.sees("reply, refused");
  assert.equal(await renate.page.locator("#feld-1").inputValue(), "MH-RM 12", "what was typed stays");
  await renate.page.locator("#feld-2").check();
  await renate.chooses("#feld-3", "2");
  await renate.types("#feld-4_tag", "3");
  await renate.types("#feld-4_monat", "2");
  await renate.types("#feld-4_jahr", "2024");
  await renate.types("#feld-5", renate.says("Es steht meist im Hof.", "It is mostly in the yard."));
  await renate.presses("#pruefen");
  await renate.sees("reply: check");
}

async function sends(renate) {
  assert.match(await text(renate, "#eile"), /nicht zurückholen|take the reply back/);
  assert.match(await text(renate, "#antwort"), /MH-RM 12[^]*(Strom|Electricity)[^]*2024/);
  await renate.presses("#aendern");
  assert.equal(await renate.page.locator("#feld-3").inputValue(), "2");
  await renate.presses("#pruefen");
  await renate.presses("#senden");
  await renate.sees("reply, sent");
  assert.match(await text(renate, "#antwort"), /MH-RM 12/);
  const file = await renate.page.request.get(await renate.page.locator("#nachweis").evaluate((link) => link.href));
  const [header] = (await file.text()).split(".");
  assert.equal(JSON.parse(Buffer.from(header, "base64url")).typ, "postbox-reply-receipt+jwt");
  await prints(renate);
  await renate.presses(".nk-back a");
  await renate.sees("message, answered");
  await renate.opens("/postfach");
  await renate.reads(renate.says("Beantwortet", "Answered"));
}

async function prints(renate) {
  await renate.page.emulateMedia({ media: "print" });
  const shown = (selector) => renate.page.locator(selector).first().isVisible();
  assert.ok((await shown("#antwort")) && (await shown("#gesendet")));
  assert.ok(!(await shown("#nachweis")) && !(await shown(".nk-footer")));
  await renate.page.emulateMedia({ media: null });
}

async function answersInWords(renate) {
  await opens(renate, ZONES);
  await renate.presses("#antworten");
  await renate.sees("reply: text");
  await renate.types("#feld-1", renate.says("Gilt mein Ausweis weiter?", "Does my permit stay valid?"));
  await renate.presses("#speichern");
  await renate.presses("#verwerfen");
  await renate.reads(renate.says("Der Entwurf ist verworfen.", "The draft has been discarded."));
}
