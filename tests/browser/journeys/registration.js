// Registration: six steps, from an address to an account.

import assert from "node:assert/strict";

/** From the first page of the registration to its end, in German or English. */
export async function registers(person, { toService = false } = {}) {
  const onTheWay = toService ? ", on the way to a service" : "";
  await person.sees(`register${onTheWay}`);
  await provesTheAddress(person);
  await comesToTheCheck(person);
  await person.reads(person.given, person.family, person.birthday, person.email);
  await person.presses("#anlegen");
  await person.sees(`register: done${onTheWay}`);
  const welcome = await person.receivesMail();
  assert.equal(welcome.subject, person.says("Ihr Nutzerkonto ist fertig", "Your Nutzerkonto is ready"));
}

async function provesTheAddress(person) {
  await person.presses("#beginnen");
  await person.sees("register: address");
  await person.types("#email", person.email);
  await person.presses("#weiter");
  await entersCode(person);
}

/** As far as the choice between a password and a passkey. */
export async function comesToTheChoice(person) {
  await person.opens("/registrieren");
  await provesTheAddress(person);
  await entersName(person);
  await person.sees("register: password");
}

async function entersCode(person) {
  await person.sees("register: code");
  const mail = await person.receivesMail();
  assert.equal(mail.subject, person.says("Ihr Code für das Nutzerkonto", "Your code for the Nutzerkonto"));
  await person.types("#code", mail.code);
  await person.presses("#weiter");
}

/** Name, password, recovery codes. */
async function comesToTheCheck(person) {
  await entersName(person);
  await person.sees("register: password");
  await person.types("#password", person.password);
  await person.presses("#weiter");
  await person.sees("register: recovery codes");
  await person.ticks("#kept");
  await person.presses("#weiter");
  await person.sees("register: check");
}

async function entersName(person) {
  await person.sees("register: name");
  await person.types("#given_names", person.given);
  await person.types("#family_name", person.family);
  await typesBirthday(person, person.birth);
  await person.presses("#weiter");
}

async function typesBirthday(person, [day, month, year]) {
  await person.types("#birth_day", day);
  await person.types("#birth_month", month);
  await person.types("#birth_year", year);
}

/** For stories that need somebody with an account: signed in afterwards. */
export async function hasAccount(person) {
  await person.opens("/registrieren");
  await registers(person);
}

export async function signsOut(person) {
  await person.presses("#abmelden");
  await person.sees("signed out");
}

export async function fromStartToSignedOut(arrives) {
  const renate = await arrives("renate");
  await renate.opens("/");
  await renate.sees("start");
  await renate.presses("#registrieren");
  await registers(renate);
  await looksAround(renate);
  await signsOut(renate);
  await renate.opens("/konto");
  await renate.sees("sign-in");
}

async function looksAround(person) {
  await person.presses("#weiter");
  await person.sees("account");
  await person.reads(person.email);
  await person.presses('main a[href="/profil"]');
  await person.sees("profile");
  await person.reads(person.given, person.family, person.birthday, person.email);
  await person.presses('nav a[href="/dienste"]');
  await person.sees("services, none");
}

export async function everyMistakeOnce(arrives) {
  const emre = await arrives("emre");
  await emre.opens("/registrieren/email");
  await emre.types("#email", "emre at example.org");
  await emre.presses("#weiter");
  await emre.sees("register: address, refused");
  await emre.types("#email", emre.email);
  await emre.presses("#weiter");
  await emre.sees("register: code");
  const { code } = await emre.receivesMail();
  await emre.types("#code", code === "000000" ? "000001" : "000000");
  await emre.presses("#weiter");
  await emre.sees("register: code, wrong");
  // As people copy it out of a mail.
  await emre.types("#code", ` ${code.slice(0, 3)} ${code.slice(3)} `);
  await emre.presses("#weiter");
  await givesWrongNames(emre);
  await choosesWeakPasswords(emre);
  await emre.sees("register: recovery codes");
  await emre.presses("#weiter");
  await emre.sees("register: recovery codes, not kept");
  await emre.jumps('#fehler a[href="#kept"]');
  await emre.isIn("#kept");
  await emre.ticks("#kept");
  await emre.presses("#weiter");
  await emre.sees("register: check");
  await changesTheName(emre);
  await emre.presses("#anlegen");
  await emre.sees("register: done");
}

async function givesWrongNames(emre) {
  await emre.sees("register: name");
  await typesBirthday(emre, ["30", "2", "1992"]);
  await emre.presses("#weiter");
  await emre.sees("register: name, refused");
  await emre.jumps('#fehler a[href="#birth_day"]');
  await emre.isIn("#birth_day");
  await emre.jumps('#fehler a[href="#family_name"]');
  await emre.isIn("#family_name");
  await emre.types("#given_names", emre.given);
  await emre.types("#family_name", "Yilmaz");
  await typesBirthday(emre, emre.birth);
  await emre.presses("#weiter");
}

async function choosesWeakPasswords(emre) {
  await emre.sees("register: password");
  await emre.types("#password", "passwort1234");
  await emre.presses("#weiter");
  await emre.sees("register: password, refused");
  await emre.presses("#anzeigen");
  await emre.sees("register: password, shown");
  assert.equal(await emre.page.getAttribute("#password", "type"), "text");
  await emre.types("#password", emre.password);
  await emre.presses("#weiter");
}

/** One window begins anew, so that the step in the other one is not due any more. */
export async function twoWindows(arrives) {
  const emre = await arrives("emre");
  await emre.opens("/registrieren/email");
  await emre.types("#email", emre.email);
  await emre.presses("#weiter");
  await entersCode(emre);
  await entersName(emre);
  await emre.sees("register: password");
  const window = await emre.inAnotherWindow();
  await window.opens("/registrieren/email");
  await window.types("#email", emre.email);
  await window.presses("#weiter");
  await window.sees("register: code");
  await emre.types("#password", emre.password);
  await emre.presses("#weiter");
  await emre.sees("step that is not due");
  await entersCode(window);
  await window.sees("register: name");
}

async function changesTheName(emre) {
  await emre.presses('main a[href="/registrieren/name"] >> nth=1');
  await emre.sees("register: name");
  assert.equal(await emre.page.inputValue("#family_name"), "Yilmaz");
  await emre.types("#family_name", emre.family);
  await emre.presses("#weiter");
  await emre.opens("/registrieren/pruefen");
  await emre.sees("register: check");
  await emre.reads(emre.family);
}

export async function twoBrowsersOneAddress(arrives) {
  const nadine = await arrives("nadine");
  const tablet = await nadine.onAnotherDevice();
  for (const device of [nadine, tablet]) {
    await device.opens("/registrieren/email");
    await device.types("#email", nadine.email);
    await device.presses("#weiter");
    await entersCode(device);
  }
  for (const device of [nadine, tablet]) {
    await comesToTheCheck(device);
    await device.presses("#anlegen");
  }
  await nadine.sees("register: done");
  await tablet.sees("register: address taken");
  await tablet.leaves();
}

/** Whoever registers again with an address that has an account gets a mail that says so. */
export async function addressHasAccount(arrives) {
  const nadine = await arrives("nadine");
  await hasAccount(nadine);
  await signsOut(nadine);
  await nadine.opens("/registrieren/email");
  await nadine.types("#email", nadine.email);
  await nadine.presses("#weiter");
  await nadine.sees("register: code");
  const mail = await nadine.receivesMail();
  assert.equal(mail.subject, nadine.says("Sie haben schon ein Nutzerkonto", "You already have a Nutzerkonto"));
  assert.equal(mail.code, undefined);
}
