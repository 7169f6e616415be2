// A person's data as a whole: who received it, a copy of it, leaving.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { hasAccount, signsOut } from "./registration.js";
import { signsIn } from "./signin.js";

const WRONG = "das ist es nicht";

/** States address and telephone, with a mistake first, and takes one back. */
export async function statesMore(arrives) {
  const nadine = await arrives("nadine");
  await hasAccount(nadine);
  await nadine.opens("/profil");
  await nadine.presses("#angaben");
  await nadine.sees("further data");
  await nadine.types("#phone_number", "Apparat 12");
  await nadine.types("#street_address", "Hauptstr. 5a\nHinterhaus");
  await nadine.types("#postal_code", "1011");
  await nadine.chooses("#country", "DE");
  await nadine.types("#website", "nadine.example");
  await nadine.ticks("#gender-diverse");
  await nadine.presses("#weiter");
  await nadine.sees("further data, refused");
  await nadine.types("#phone_number", "0151 2345678");
  await nadine.types("#postal_code", "10115");
  await nadine.types("#website", "");
  await nadine.presses("#weiter");
  await nadine.sees("profile, saved");
  const data = await nadine.page.locator("main").innerText();
  for (const value of ["+491512345678", "Hauptstr. 5a, Hinterhaus", "10115", nadine.says("Deutschland", "Germany")]) {
    assert.ok(data.includes(value), value);
  }
  await nadine.presses("#angaben");
  await nadine.sees("further data, filled");
  await nadine.types("#phone_number", "");
  await nadine.presses("#weiter");
  await nadine.sees("profile, saved");
  assert.doesNotMatch(await nadine.page.locator("main").innerText(), /\+49151/);
}

/** Reads the record, and takes everything along in one file. */
export async function takesACopyAlong(arrives) {
  const emre = await arrives("emre");
  await hasAccount(emre);
  await emre.opens("/konto");
  await emre.presses('nav a[href="/daten/protokoll"]');
  await emre.sees("record");
  const table = await emre.downloads("#csv");
  assert.match(await readFile(table.path, "utf8"), emre.says(/Konto angelegt/, /Account created/));
  await emre.presses("#art-dienste");
  await emre.sees("record: services");
  await emre.presses("#export");
  await emre.sees("copy");
  await emre.types("#current", WRONG);
  await emre.presses("#weiter");
  await emre.sees("copy, refused");
  await emre.types("#current", emre.password);
  await emre.presses("#weiter");
  await emre.sees("copy, ready");
  const file = await emre.downloads("#laden");
  assert.equal(file.name, "nutzerkonto.zip");
  const bytes = await readFile(file.path);
  assert.equal(bytes.subarray(0, 4).toString("latin1"), "PK\u0003\u0004");
  const mail = await emre.receivesMail();
  const subject = emre.says("Eine Kopie Ihrer Daten wurde geladen", "A copy of your data was downloaded");
  assert.equal(mail.subject, subject);
}

/** Leaves with time to return, returns, and leaves for good. */
export async function leavesAndReturns(arrives) {
  const nadine = await arrives("nadine");
  await hasAccount(nadine);
  await nadine.opens("/daten/protokoll");
  await nadine.presses("#loeschen");
  await nadine.sees("leave");
  await nadine.types("#current", WRONG);
  await nadine.presses("#weiter");
  await nadine.sees("leave, refused");
  await nadine.types("#current", nadine.password);
  await nadine.presses("#weiter");
  await nadine.sees("left, may return");
  const mail = await nadine.receivesMail();
  assert.equal(mail.subject, nadine.says("Ihr Nutzerkonto wird gelöscht", "Your account is going to be deleted"));
  await nadine.presses("#anmelden");
  await nadine.sees("sign-in");
  await signsIn(nadine);
  await nadine.sees("return");
  await nadine.presses("#behalten");
  await nadine.sees("account");
  await nadine.receivesMail();
  await nadine.opens("/daten/loeschen");
  await nadine.ticks("#sofort");
  await nadine.types("#current", nadine.password);
  await nadine.presses("#weiter");
  await nadine.sees("left");
  const last = await nadine.receivesMail();
  assert.equal(last.subject, nadine.says("Ihr Nutzerkonto ist gelöscht", "Your account is deleted"));
  await nadine.opens("/anmelden");
  await signsIn(nadine);
  await nadine.sees("sign-in, wrong");
}

/** The operator locks the account; its owner reads why, and who looked. */
export async function isLocked(arrives, { provider }) {
  const renate = await arrives("renate");
  await hasAccount(renate);
  await signsOut(renate);
  const reason = "Anruf der Inhaberin wegen fremder Anmeldungen";
  await provider.account("lock", renate.email, reason);
  const mail = await renate.receivesMail();
  assert.equal(mail.subject, renate.says("Ihr Nutzerkonto ist gesperrt", "Your account is locked"));
  await renate.opens("/anmelden");
  await signsIn(renate);
  await renate.sees("locked");
  assert.match(await renate.page.locator("main").innerText(), new RegExp(reason));
  await provider.account("unlock", renate.email, "Die Inhaberin hat ihr Passwort geändert");
  await renate.receivesMail();
  await renate.opens("/anmelden");
  await signsIn(renate);
  await renate.sees("account");
  await renate.opens("/daten/protokoll?art=support");
  assert.match(await renate.page.locator("main").innerText(), new RegExp(reason));
}
