// The security page and the addresses of an account.

import assert from "node:assert/strict";
import { hasAccount } from "./registration.js";
import { signsIn } from "./signin.js";

/** Another device appears; its owner looks after it. */
export async function looksAfterTheAccount(arrives) {
  const renate = await arrives("renate");
  await hasAccount(renate);
  const tablet = await renate.onAnotherDevice();
  await tablet.opens("/anmelden");
  await signsIn(tablet);
  await tablet.sees("account");
  const mail = await renate.receivesMail();
  assert.equal(mail.subject, renate.says("Neue Anmeldung bei Ihrem Nutzerkonto", "New sign-in to your Nutzerkonto"));
  await renate.opens("/sicherheit");
  await renate.sees("security");
  await renate.presses("#niveau");
  await renate.sees("identity");
  await renate.opens("/sicherheit");
  await renate.presses("#verlauf");
  await renate.sees("security: history");
  await renate.opens("/sicherheit");
  await renate.presses('button[id^="beenden-"]');
  await renate.sees("security, done");
  await tablet.reloads();
  await tablet.sees("sign-in");
  await tablet.leaves();
  await renate.ticks("#dauer-30");
  await renate.presses("#dauer-speichern");
  await renate.sees("security, done");
  await renate.presses("#notfall");
  await renate.sees("security: emergency");
  await renate.presses("#alles-beenden");
  await renate.sees("security: emergency, ended");
  await renate.presses("#passwort-aendern");
  await renate.sees("security: password");
  await changesThePassword(renate);
}

async function changesThePassword(renate) {
  await renate.types("#current", "das ist es nicht");
  await renate.types("#password", "Kormoran Schubkarre 1999 Wendeltreppe");
  await renate.presses("#weiter");
  await renate.sees("security: password, refused");
  await renate.types("#current", renate.password);
  renate.password = "Kormoran Schubkarre 1999 Wendeltreppe";
  await renate.types("#password", renate.password);
  await renate.presses("#weiter");
  await renate.sees("security, done");
  const mail = await renate.receivesMail();
  assert.equal(mail.subject, renate.says("Ihr Passwort wurde geändert", "Your password has been changed"));
}

export async function renewsRecoveryCodes(arrives) {
  const nadine = await arrives("nadine");
  await hasAccount(nadine);
  await nadine.opens("/sicherheit");
  await nadine.presses("#codes-erneuern");
  await nadine.sees("security: codes");
  await nadine.types("#current", "das ist es nicht");
  await nadine.presses("#weiter");
  await nadine.sees("security: codes, refused");
  await nadine.types("#current", nadine.password);
  await nadine.presses("#weiter");
  await nadine.sees("security: codes, new");
  assert.equal(await nadine.page.locator(".nk-codes li").count(), 10);
}

/** A second address is added, gets the mails, and the first one goes. */
export async function movesToAnotherAddress(arrives) {
  const emre = await arrives("emre");
  await hasAccount(emre);
  await emre.opens("/profil");
  await emre.presses("#kontakt");
  await emre.sees("addresses");
  await emre.presses("#neu");
  await emre.sees("addresses: new");
  await emre.presses("#weiter");
  await emre.sees("addresses: new, refused");
  const [first, second] = [emre.email, emre.email.replace("@", ".neu@")];
  await emre.types("#email", second);
  await emre.types("#current", emre.password);
  await emre.presses("#weiter");
  await emre.sees("addresses: codes");
  const old = await emre.receivesMail();
  emre.email = second;
  const fresh = await emre.receivesMail();
  await emre.types("#code_new", fresh.code);
  await emre.types("#code_old", fresh.code === "000000" ? "000001" : "000000");
  await emre.presses("#weiter");
  await emre.sees("addresses: codes, wrong");
  await emre.types("#code_old", old.code);
  await emre.presses("#weiter");
  await emre.sees("addresses, changed");
  await emre.presses('dd a[href^="/profil/kontakt/"]');
  await emre.sees("addresses: change");
  await emre.presses("#haupt");
  await emre.sees("addresses: change, refused");
  await emre.types("#current", emre.password);
  await emre.presses("#haupt");
  await emre.sees("addresses, changed");
  await emre.reads(first, second);
  await emre.presses('dd a[href^="/profil/kontakt/"]');
  await emre.types("#current", emre.password);
  await emre.presses("#entfernen");
  await emre.sees("addresses, changed");
  await emre.doesNotRead(first);
}
