// Signing in with a password, and setting a new one.

import assert from "node:assert/strict";
import { hasAccount, registers, signsOut } from "./registration.js";

export async function signsIn(person, password = person.password) {
  await person.types("#email", person.email);
  await person.types("#password", password);
  await person.presses("#weiter");
}

export async function wrongThenRight(arrives) {
  const renate = await arrives("renate");
  await hasAccount(renate);
  await signsOut(renate);
  await renate.presses("#anmelden");
  await renate.sees("sign-in");
  await renate.presses("#weiter");
  await renate.sees("sign-in, empty");
  await signsIn(renate, "das war es nicht");
  await renate.sees("sign-in, wrong");
  assert.equal(await renate.page.inputValue("#email"), renate.email, "the address is kept");
  assert.equal(await renate.page.inputValue("#password"), "", "the password is not");
  await renate.types("#password", renate.password);
  await renate.pressesEnter();
  await renate.sees("account");
}

/** Ten wrong passwords for one account, then a pause. */
export async function tooManyTimesWrong(arrives) {
  const emre = await arrives("emre");
  for (let attempt = 1; attempt <= 10; attempt += 1) {
    await emre.opens("/anmelden");
    await signsIn(emre, `falsch ${attempt}`);
    await emre.sees("sign-in, wrong");
  }
  await signsIn(emre, "falsch 11");
  await emre.sees("sign-in, too many attempts");
  assert.match(await emre.page.locator("main").innerText(), /\d\d:\d\d/, "the time from when on it works again");
}

export async function forgottenPassword(arrives) {
  const renate = await arrives("renate");
  await hasAccount(renate);
  const tablet = await renate.onAnotherDevice();
  await tablet.opens("/anmelden");
  await signsIn(tablet);
  await tablet.sees("account");
  await renate.receivesMail(); // tells of the new device
  await signsOut(renate);
  await setsNewPassword(renate);
  await tablet.reloads();
  await tablet.sees("sign-in");
  await tablet.leaves();
}

/** From the signed-out page over the code to a sign-in with the new password. */
async function setsNewPassword(person) {
  const forgotten = person.password;
  await person.opens("/anmelden");
  await person.presses("#wieder-anmelden");
  await person.sees("way back");
  await person.ticks("#weg-passwort");
  await person.presses("#weiter");
  await person.sees("reset: address");
  await person.types("#email", person.email);
  await person.presses("#weiter");
  await person.sees("reset: code");
  const mail = await person.receivesMail();
  assert.equal(mail.subject, person.says("Ihr Code für ein neues Passwort", "Your code for a new password"));
  await person.types("#code", mail.code);
  await person.presses("#weiter");
  await person.sees("reset: password");
  person.password = "Kormoran Schubkarre 1999 Wendeltreppe";
  await person.types("#password", person.password);
  await person.presses("#weiter");
  await person.sees("reset: done");
  const changed = await person.receivesMail();
  assert.equal(changed.subject, person.says("Ihr Passwort wurde geändert", "Your password has been changed"));
  await person.presses("#weiter");
  await person.sees("sign-in");
  await signsIn(person, forgotten);
  await person.sees("sign-in, wrong");
  await signsIn(person);
  await person.sees("account");
}

export async function everyMistakeOfAReset(arrives) {
  const nadine = await arrives("nadine");
  await hasAccount(nadine);
  await signsOut(nadine);
  await nadine.opens("/wieder-anmelden/email");
  await nadine.presses("#weiter");
  await nadine.sees("reset: address, refused");
  await nadine.types("#email", nadine.email);
  await nadine.presses("#weiter");
  await nadine.sees("reset: code");
  const { code } = await nadine.receivesMail();
  await nadine.types("#code", code === "000000" ? "000001" : "000000");
  await nadine.presses("#weiter");
  await nadine.sees("reset: code, wrong");
  await nadine.types("#code", code);
  await nadine.presses("#weiter");
  await nadine.sees("reset: password");
  await nadine.types("#password", "zu kurz");
  await nadine.presses("#weiter");
  await nadine.sees("reset: password, refused");
  await nadine.presses("#anzeigen");
  await nadine.sees("reset: password, shown");
}

/** Somebody without an account learns it by mail, not on the page. */
export async function resetWithoutAccount(arrives) {
  const emre = await arrives("emre");
  await emre.opens("/wieder-anmelden/email");
  await emre.types("#email", emre.email);
  await emre.presses("#weiter");
  await emre.sees("reset: code");
  const mail = await emre.receivesMail();
  const subject = emre.says("Zu dieser Adresse gibt es kein Nutzerkonto", "There is no Nutzerkonto for this address");
  assert.equal(mail.subject, subject);
}

/** Registration, sign-in and reset in a row: for people without scripts or without a pointer. */
export async function fromNothingToANewPassword(arrives, browser) {
  const renate = await arrives("renate", browser);
  await renate.opens("/registrieren");
  await registers(renate);
  await signsOut(renate);
  await renate.presses("#anmelden");
  await renate.sees("sign-in");
  await signsIn(renate);
  await renate.sees("account");
  await signsOut(renate);
  await setsNewPassword(renate);
}
