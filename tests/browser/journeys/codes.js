// A code app: set up, used, lost, and another one in its place.

import assert from "node:assert/strict";
import { Phone } from "../support/phone.js";
import { hasAccount, signsOut } from "./registration.js";
import { signsIn } from "./signin.js";

/** From the security page to a code app that counts. */
async function setsUp(person, name) {
  await person.presses("#einrichten");
  await person.sees("code app: new");
  await person.types("#name", name);
  await person.types("#current", person.password);
  await person.presses("#weiter");
  await person.sees("code app: connect");
  const phone = new Phone(await person.page.locator("#schluessel").innerText());
  await person.types("#code", phone.wrongCode());
  await person.presses("#weiter");
  await person.sees("code app: connect, wrong");
  await person.types("#code", phone.code());
  await person.presses("#weiter");
  await person.sees("code app, set up");
  await person.reads(name);
  return phone;
}

export async function setsUpACodeApp(arrives, here, browser = {}) {
  const renate = await arrives("renate", browser);
  await hasAccount(renate);
  await renate.opens("/sicherheit");
  await renate.presses("#code-app");
  await renate.sees("code app, none");
  await renate.presses("#einrichten");
  await renate.presses("#weiter");
  await renate.sees("code app: new, refused");
  await renate.opens("/sicherheit/app");
  const phone = await setsUp(renate, renate.says("Mein Handy", "My phone"));
  const mail = await renate.receivesMail();
  const subject = renate.says("Ihr Nutzerkonto fragt jetzt nach einem Code", "Your Nutzerkonto now asks for a code");
  assert.equal(mail.subject, subject);
  await signsOut(renate);
  await renate.opens("/anmelden");
  await signsIn(renate);
  await renate.sees("sign-in: code");
  await renate.presses("#weiter");
  await renate.sees("sign-in: code, wrong");
  await renate.types("#code", phone.code());
  await renate.presses("#weiter");
  await renate.sees("account");
}

/** The phone is gone: a recovery code, a new phone, and the old one out of the list. */
export async function losesThePhone(arrives) {
  const nadine = await arrives("nadine");
  await hasAccount(nadine);
  await nadine.opens("/sicherheit/codes");
  await nadine.types("#current", nadine.password);
  await nadine.presses("#weiter");
  const codes = await nadine.page.locator(".nk-codes li").allInnerTexts();
  await nadine.opens("/sicherheit/app");
  await setsUp(nadine, nadine.says("Altes Handy", "Old phone"));
  await signsOut(nadine);
  await nadine.opens("/anmelden");
  await nadine.presses("#wieder-anmelden");
  await nadine.presses("#weiter");
  await nadine.sees("way back, refused");
  await nadine.ticks("#weg-handy");
  await nadine.presses("#weiter");
  await nadine.sees("way back: phone");
  await nadine.presses("#anmelden");
  await signsIn(nadine);
  await nadine.presses("#wiederherstellung");
  await nadine.sees("sign-in: recovery code");
  await nadine.types("#code", "ABCD");
  await nadine.presses("#weiter");
  await nadine.sees("sign-in: recovery code, wrong");
  await nadine.types("#code", codes[0].toLowerCase());
  await nadine.presses("#weiter");
  await nadine.sees("code app, back");
  const phone = await setsUp(nadine, nadine.says("Neues Handy", "New phone"));
  await nadine.presses("#entfernen-1");
  await nadine.sees("code app: remove");
  await nadine.presses("#entfernen");
  await nadine.sees("code app: remove, refused");
  await nadine.types("#current", nadine.password);
  await nadine.presses("#entfernen");
  await nadine.sees("code app, removed");
  await nadine.doesNotRead(nadine.says("Altes Handy", "Old phone"));
  await blocksAndUnblocks(nadine, phone);
}

async function blocksAndUnblocks(nadine, phone) {
  await nadine.presses("#sperren-1");
  await nadine.sees("block");
  await nadine.presses("#sperren");
  await nadine.sees("code app, blocked");
  await nadine.reads(nadine.says("Gesperrt seit", "Blocked since"));
  await nadine.presses("#entsperren-1");
  await nadine.sees("unblock");
  await nadine.types("#code", phone.wrongCode());
  await nadine.presses("#entsperren");
  await nadine.sees("unblock, wrong");
  await nadine.types("#code", phone.code());
  await nadine.presses("#entsperren");
  await nadine.sees("code app, unblocked");
  await nadine.doesNotRead(nadine.says("Gesperrt seit", "Blocked since"));
}

/** Phone and recovery codes are gone: Emre asks for the release. Who reads his mails ends it. */
export async function losesPhoneAndCodes(arrives) {
  const emre = await arrives("emre");
  await hasAccount(emre);
  await emre.opens("/sicherheit/app");
  const phone = await setsUp(emre, emre.says("Mein Handy", "My phone"));
  await emre.receivesMail();
  await signsOut(emre);
  for (const way of ["passkey", "adresse", "nichts"]) {
    await emre.opens("/wieder-anmelden");
    await emre.ticks(`#weg-${way}`);
    await emre.presses("#weiter");
    await emre.sees(`way back: ${{ passkey: "passkey", adresse: "address", nichts: "nothing" }[way]}`);
  }
  await emre.opens("/anmelden");
  await signsIn(emre);
  await emre.presses("#freigabe");
  await emre.sees("release: ask");
  await emre.presses("#weiter");
  await emre.sees("release: code");
  const { code } = await emre.receivesMail();
  await emre.types("#code", code === "000000" ? "000001" : "000000");
  await emre.presses("#weiter");
  await emre.sees("release: code, wrong");
  await emre.types("#code", code);
  await emre.presses("#weiter");
  await emre.sees("release: waits");
  await emre.presses("#zurueck");
  await emre.sees("sign-in: code, while a release waits");
  const mail = await emre.receivesMail();
  assert.equal(mail.subject, emre.says("Ihr Nutzerkonto wird bald freigegeben", "Your Nutzerkonto will soon be released"));
  const link = mail.text.match(/\/wieder-anmelden\/abbrechen\/[\w-]{43}/)[0];
  await emre.opens(link);
  await emre.sees("release: cancel");
  await emre.presses("#freigabe-abbrechen");
  await emre.sees("release: cancelled");
  await emre.opens(link);
  await emre.sees("release: nothing to cancel");
  await emre.opens("/anmelden");
  await signsIn(emre);
  await emre.doesNotRead(emre.says("wird am", "will be released"));
  await emre.types("#code", phone.code());
  await emre.presses("#weiter");
  await emre.sees("account");
}

/** Somebody else asks for the release while Renate is signed in. */
export async function seesAReleaseThatIsNotHers(arrives) {
  const renate = await arrives("renate");
  await hasAccount(renate);
  await renate.opens("/sicherheit/app");
  await setsUp(renate, renate.says("Mein Handy", "My phone"));
  await renate.receivesMail();
  const stranger = await arrives("nadine");
  Object.assign(stranger, { email: renate.email, password: renate.password });
  await stranger.opens("/anmelden");
  await signsIn(stranger);
  await stranger.presses("#freigabe");
  await stranger.presses("#weiter");
  await stranger.types("#code", (await renate.receivesMail()).code);
  await stranger.presses("#weiter");
  await stranger.sees("release: waits");
  await renate.opens("/konto");
  await renate.sees("account, while a release waits");
  await renate.presses("#freigabe-abbrechen");
  await renate.sees("security, done");
}

/** Somebody who has no such device. */
export async function mistypesADevice(arrives) {
  const emre = await arrives("emre");
  await hasAccount(emre);
  await emre.opens("/sicherheit/app");
  await emre.presses("#geraet");
  await emre.sees("code device: register");
  await emre.types("#serial", "A-1001");
  await emre.types("#code", "123456");
  await emre.types("#current", emre.password);
  await emre.presses("#weiter");
  await emre.sees("code device: register, refused");
}
