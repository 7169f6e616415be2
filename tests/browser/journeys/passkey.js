// Passkeys: set up on two devices, used, named, removed. The devices are Chromium's virtual authenticators.

import assert from "node:assert/strict";
import { comesToTheChoice, hasAccount, signsOut } from "./registration.js";
import { signsIn } from "./signin.js";

export async function signsInWithPasskeys(arrives) {
  const renate = await arrives("renate");
  await hasAccount(renate);
  await renate.opens("/sicherheit/passkeys");
  await renate.sees("passkeys, none");
  await renate.opens("/sicherheit");
  await renate.presses("#passkey-neu");
  await renate.sees("passkey: offer");
  await cancelsOnce(renate);
  await renate.getsPasskeys();
  await setsUp(renate, renate.says("Mein Handy", "My phone"));
  await hasOneHereAlready(renate);

  const tablet = await renate.onAnotherDevice();
  await tablet.opens("/anmelden");
  await signsIn(tablet);
  await tablet.sees("account");
  await renate.receivesMail(); // tells of the new device
  await tablet.getsPasskeys();
  await tablet.opens("/sicherheit/passkeys/neu");
  await setsUp(tablet, renate.says("Mein Tablet", "My tablet"));
  await signsInByButtonAndByField(tablet);
  await tablet.leaves();
  await removesOnlyFromAStrongSignIn(renate);
  await namesAndRemoves(renate);
}

async function cancelsOnce(renate) {
  await renate.presses("#passkey");
  await renate.sees("passkey: make");
  await renate.willCancel();
  await renate.presses("#passkey");
  await renate.sees("passkey: offer, refused");
}

/** From the offer to a passkey that is ready. */
async function setsUp(person, name) {
  await person.presses("#passkey");
  await person.sees("passkey: make");
  await person.types("#name", name);
  await person.presses("#passkey");
  await person.sees("passkey: try");
  await person.willCancel();
  await person.presses("#passkey");
  await person.sees("passkey: try, refused");
  await person.presses("#passkey");
  await person.sees("passkeys, done");
  await person.reads(name);
  const mail = await person.receivesMail();
  assert.equal(mail.subject, person.says("Neuer Passkey für Ihr Nutzerkonto", "New passkey for your Nutzerkonto"));
}

async function hasOneHereAlready(renate) {
  await renate.presses("#neu");
  await renate.presses("#passkey");
  await renate.sees("passkey: make");
  await renate.presses("#passkey");
  await renate.sees("passkey: offer, refused");
  await renate.reads(renate.says("Dieses Gerät hat schon einen Passkey", "This device already has a passkey"));
}

async function signsInByButtonAndByField(tablet) {
  await tablet.opens("/konto");
  await signsOut(tablet);
  await tablet.opens("/anmelden/passkey");
  await tablet.sees("sign-in with a passkey");
  await tablet.willCancel();
  await tablet.presses("#passkey");
  await tablet.sees("sign-in with a passkey, refused");
  await tablet.presses("#passkey");
  await tablet.sees("account");
  await signsOut(tablet);
  // The virtual device answers at once what the field for the address offers.
  await tablet.opens("/anmelden");
  await tablet.isLedTo("/konto");
  await tablet.sees("account");
}

async function removesOnlyFromAStrongSignIn(renate) {
  const laptop = await renate.onAnotherDevice();
  await laptop.opens("/anmelden");
  await signsIn(laptop);
  await laptop.sees("account");
  await renate.receivesMail(); // tells of the new device
  await laptop.opens("/sicherheit/passkeys");
  await laptop.presses("#aendern-1");
  await laptop.presses("#entfernen");
  await laptop.sees("passkey: remove, not from here");
  await laptop.leaves();
}

async function namesAndRemoves(renate) {
  await renate.opens("/sicherheit");
  await renate.presses("#passkeys");
  await renate.sees("passkeys");
  await renate.reads(renate.says("Mein Handy", "My phone"), renate.says("Mein Tablet", "My tablet"));
  await renate.presses("#aendern-2");
  await renate.sees("passkey: change");
  await renate.types("#name", " ");
  await renate.presses("#weiter");
  await renate.sees("passkey: change, refused");
  await renate.types("#name", renate.says("Das alte Tablet", "The old tablet"));
  await renate.presses("#weiter");
  await renate.sees("passkeys, done");
  await renate.presses("#aendern-2");
  await renate.presses("#sperren");
  await renate.sees("block");
  await renate.presses("#sperren");
  await renate.sees("passkeys, blocked");
  await renate.reads(renate.says("Gesperrt seit", "Blocked since"));
  await renate.receivesMail(); // tells of the block
  await renate.presses("#aendern-2");
  await renate.presses("#entfernen");
  await renate.sees("passkey: remove");
  await renate.presses("#entfernen");
  await renate.sees("passkeys, done");
  await renate.doesNotRead(renate.says("Das alte Tablet", "The old tablet"));
  await renate.reads(renate.says("Mein Handy", "My phone"));
  const mail = await renate.receivesMail();
  const subject = ["Ein Passkey Ihres Nutzerkontos wurde entfernt", "A passkey of your Nutzerkonto has been removed"];
  assert.equal(mail.subject, renate.says(...subject));
}

/** With two passkeys the password may go; everything that asked for it still works. */
export async function doesWithoutAPassword(arrives) {
  const nadine = await arrives("nadine");
  await hasAccount(nadine);
  await nadine.getsPasskeys();
  await nadine.opens("/sicherheit/passkeys/neu");
  await setsUp(nadine, nadine.says("Mein Handy", "My phone"));
  await readsTheModel(nadine);
  await nadine.opens("/sicherheit/passwort/entfernen");
  await nadine.sees("security: remove the password, too few");
  const tablet = await nadine.onAnotherDevice();
  await tablet.opens("/anmelden");
  await signsIn(tablet);
  await tablet.sees("account");
  await nadine.receivesMail(); // tells of the new device
  await tablet.getsPasskeys();
  await tablet.opens("/sicherheit/passkeys/neu");
  await setsUp(tablet, nadine.says("Mein Tablet", "My tablet"));
  await tablet.leaves();
  await removesThePassword(nadine);
  await isRefusedWithAPassword(nadine);
  await signsInAndChangesTheAddress(nadine);
  await keepsTheLastWayIn(nadine);
  await setsAPasswordAgain(nadine);
}

async function readsTheModel(nadine) {
  await nadine.sees("passkeys, done");
  await nadine.jumps("#modell-1");
  await nadine.reads("aaguid", nadine.says("Geprüft ist das nicht", "Nobody has checked that"));
  await nadine.sees("passkeys, with the model");
}

async function removesThePassword(nadine) {
  await nadine.opens("/sicherheit");
  await nadine.presses("#passwort-entfernen");
  await nadine.sees("security: remove the password");
  await nadine.presses("#entfernen");
  await nadine.sees("security, without a password");
  await nadine.reads(nadine.says("Ihr Konto hat kein Passwort", "Your account has no password"));
  const mail = await nadine.receivesMail();
  const subject = ["Ihr Nutzerkonto hat kein Passwort mehr", "Your Nutzerkonto no longer has a password"];
  assert.equal(mail.subject, nadine.says(...subject));
  await nadine.presses("#notfall");
  await nadine.sees("security: emergency, without a password");
  await signsOut(nadine);
}

async function isRefusedWithAPassword(nadine) {
  const laptop = await nadine.onAnotherDevice();
  await laptop.opens("/anmelden");
  await signsIn(laptop);
  await laptop.sees("sign-in, wrong");
  await laptop.opens("/wieder-anmelden/email");
  await laptop.types("#email", laptop.email);
  await laptop.presses("#weiter");
  await laptop.sees("reset: code");
  const mail = await nadine.receivesMail();
  assert.equal(mail.subject, nadine.says("Ihr Code für einen neuen Zugang", "Your code for a new way to sign in"));
  await laptop.types("#code", mail.code);
  await laptop.presses("#weiter");
  await laptop.sees("new means: prove");
  await laptop.leaves();
}

async function signsInAndChangesTheAddress(nadine) {
  await nadine.opens("/anmelden/passkey");
  await nadine.presses("#passkey");
  await nadine.sees("account");
  // Where somebody comes whose sign-in is older than five minutes.
  await nadine.opens("/anmelden/passkey?ziel=/profil/kontakt/neu");
  await nadine.sees("sign-in with a passkey, once more");
  await nadine.presses("#passkey");
  await nadine.sees("addresses: new, without a password");
  assert.equal(await nadine.page.locator("#current").count(), 0, "nobody asks for a password that there is not");
  await nadine.types("#email", nadine.email.replace("@", ".neu@"));
  await nadine.presses("#weiter");
  await nadine.sees("addresses: codes");
  const old = await nadine.receivesMail();
  nadine.email = nadine.email.replace("@", ".neu@");
  const fresh = await nadine.receivesMail();
  await nadine.types("#code_new", fresh.code);
  await nadine.types("#code_old", old.code);
  await nadine.presses("#weiter");
  await nadine.sees("addresses, changed");
}

async function keepsTheLastWayIn(nadine) {
  await nadine.opens("/sicherheit/passkeys");
  await nadine.presses("#aendern-2");
  await nadine.presses("#entfernen");
  await nadine.sees("passkey: remove");
  await nadine.presses("#entfernen");
  await nadine.sees("passkeys, done");
  await nadine.presses("#aendern-1");
  await nadine.presses("#sperren");
  await nadine.sees("block, the last");
  await nadine.opens("/sicherheit/passkeys");
  await nadine.presses("#aendern-1");
  await nadine.presses("#entfernen");
  await nadine.sees("passkey: remove, the last");
}

async function setsAPasswordAgain(nadine) {
  await nadine.presses("#passwort-setzen");
  await nadine.sees("security: set a password");
  await nadine.types("#password", "Kormoran Schubkarre 1999 Wendeltreppe");
  await nadine.presses("#weiter");
  await nadine.sees("security, done");
  const laptop = await nadine.onAnotherDevice();
  await laptop.opens("/anmelden");
  await signsIn(laptop, "Kormoran Schubkarre 1999 Wendeltreppe");
  await laptop.sees("account");
  await laptop.leaves();
}

/** A browser without passkeys: the button leads to a page that says so, and back to the password. */
export async function doesWithout(arrives) {
  const emre = await arrives("emre", { scripts: false });
  await emre.opens("/anmelden");
  await emre.presses("#passkey");
  await emre.sees("sign-in with a passkey");
  await emre.reads(emre.says("JavaScript eingeschaltet", "JavaScript must be switched on"));
  assert.equal(await emre.page.locator("#passkey").isVisible(), false, "no dead button");
  await emre.presses("#anders");
  await emre.sees("sign-in");
}

/** Nadine has no password from the beginning. */
export async function registersWithAPasskey(arrives) {
  const nadine = await arrives("nadine");
  await registersWithout(nadine);
  await nadine.presses("#passkey");
  await nadine.sees("passkey: offer");
  await nadine.opens("/konto");
  await signsOut(nadine);
  await nadine.opens("/anmelden/passkey");
  await nadine.presses("#passkey");
  await nadine.sees("account");
}

/** A browser without scripts leads back to the password, and everything is as it was. */
export async function registersWithoutScripts(arrives) {
  const emre = await arrives("emre", { scripts: false });
  await comesToTheChoice(emre);
  await emre.presses("#passkey");
  await emre.sees("register: passkey");
  await emre.reads(emre.says("Ohne JavaScript wählen Sie ein Passwort", "Without JavaScript choose a password"));
  assert.equal(await emre.page.locator("#passkey").isVisible(), false, "no dead button");
  await emre.presses("#anders");
  await emre.sees("register: password");
}

/** From the first page to the account; one of the recovery codes. */
async function registersWithout(person) {
  await person.getsPasskeys();
  await comesToTheChoice(person);
  await person.presses("#passkey");
  await person.sees("register: passkey");
  await person.willCancel();
  await person.presses("#passkey");
  await person.sees("register: passkey, refused");
  await person.presses("#passkey");
  await person.sees("register: recovery codes");
  const code = await person.page.locator(".nk-codes li").first().innerText();
  await person.ticks("#kept");
  await person.presses("#weiter");
  await person.sees("register: check, with a passkey");
  await person.reads(person.given, person.family, person.birthday, person.email);
  await person.willCancel();
  await person.presses("#passkey");
  await person.sees("register: check, refused");
  await person.presses("#passkey");
  await person.sees("register: done, with one passkey");
  await person.receivesMail(); // welcome
  return code.trim();
}

/** The telephone is gone, and with it the only passkey. */
export async function losesItAndComesBack(arrives) {
  const renate = await arrives("renate");
  const code = await registersWithout(renate);
  const phone = await renate.onAnotherDevice();
  await phone.getsPasskeys();
  await waitsForNothing(phone, renate);
  await readsTheMail(phone, renate);
  await phone.sees("new means: prove");
  await phone.types("#code", "QF7K-338M-7T2A-9WXZ");
  await phone.presses("#weiter");
  await phone.sees("new means: prove, wrong");
  await phone.types("#code", code.toLowerCase());
  await phone.presses("#weiter");
  await phone.sees("new means: choose");
  const told = await renate.receivesMail();
  const subject = ["Jemand richtet einen neuen Zugang zu Ihrem Nutzerkonto ein", "Somebody is setting up a new way into your Nutzerkonto"];
  assert.equal(told.subject, renate.says(...subject));
  await setsANewPasskey(phone);
  const done = await renate.receivesMail();
  assert.equal(done.subject, renate.says("Neuer Zugang zu Ihrem Nutzerkonto", "New way into your Nutzerkonto"));
  // The lost device still offers its key, which opens nothing.
  await renate.opens("/konto");
  await renate.isLedTo("/anmelden/passkey");
  await renate.sees("sign-in with a passkey, refused");
  await phone.presses("#weiter");
  await phone.sees("passkey: offer");
  await phone.opens("/konto");
  await signsOut(phone);
  await phone.opens("/anmelden/passkey");
  await phone.presses("#passkey");
  await phone.sees("account");
}

/** To the page after the code. */
async function readsTheMail(phone, renate) {
  await phone.opens("/wieder-anmelden");
  await phone.ticks("#weg-passkey");
  await phone.presses("#weiter");
  await phone.sees("way back: passkey");
  await phone.presses("#passwort");
  await phone.sees("reset: address");
  await phone.types("#email", renate.email);
  await phone.presses("#weiter");
  await phone.sees("reset: code");
  await phone.types("#code", (await renate.receivesMail()).code);
  await phone.presses("#weiter");
}

/** She begins to wait, and ends it from the mail. */
async function waitsForNothing(phone, renate) {
  await readsTheMail(phone, renate);
  await phone.sees("new means: prove");
  await phone.presses("#warten");
  await phone.sees("new means: waits");
  const mail = await renate.receivesMail();
  await phone.opens(mail.text.match(/\/wieder-anmelden\/abbrechen\/[\w-]{43}/)[0]);
  await phone.sees("release: cancel");
  await phone.presses("#freigabe-abbrechen");
  await phone.sees("release: cancelled");
  await renate.receivesMail(); // tells of the end
}

async function setsANewPasskey(phone) {
  await phone.presses("#passkey");
  await phone.sees("new means: passkey");
  await phone.willCancel();
  await phone.presses("#passkey");
  await phone.sees("new means: passkey, refused");
  await phone.presses("#passkey");
  await phone.sees("new means: try");
  await phone.presses("#passkey");
  await phone.sees("new means: done");
}
