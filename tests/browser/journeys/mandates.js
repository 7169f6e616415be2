// A tax adviser asks a client for a mandate, is given one, and works through the list of all for whom they may act; a bakery accepts
// another, and looks at everything that it can do with it.

import assert from "node:assert/strict";
import { readsTheDevice, signsInAtTheAccount, text } from "./demo.js";

const BAKERY = "Bäckerei Weber GmbH";

async function comes(arrives, demo, name, email) {
  const person = await arrives(name);
  person.email = email;
  await person.opens("/anmelden");
  await signsInAtTheAccount(person);
  await person.types("#code", await readsTheDevice(person, demo));
  await person.presses("#weiter");
  return person;
}

/** Opens the newest mandate of one of the lists. */
async function opensTheNewest(person, list) {
  await person.page.locator(`${list} a`).first().click();
}

/** What a mandate allows, in the form that is open. */
async function describes(person, services = "#dienste") {
  for (const id of ["#handlung", "#einreichen", services, "#weitergabe"]) await person.page.locator(id).check();
  await person.types("#bis_tag", "31");
  await person.types("#bis_monat", "12");
  await person.types("#bis_jahr", String(new Date().getFullYear() + 1));
}

export async function worksThroughAList(arrives, { demo }) {
  const nadine = await comes(arrives, demo, "nadine", "nadine.weber@example.org");
  await nadine.opens("/organisation");
  await nadine.follows(BAKERY);
  const bakery = new URL(nadine.page.url()).pathname.split("/")[2];
  await nadine.presses("#vollmachten");
  await nadine.sees("mandates of an organisation");
  const emre = await comes(arrives, demo, "emre", "emre.oeztuerk@example.org");
  await asks(emre);
  await gives(nadine);
  await works(emre);
  await offers(emre, bakery);
  await acceptsForTheBakery(nadine, bakery);
  await emre.opens("/vollmachten");
  await opensTheNewest(emre, "#erteilt");
  await emre.presses("#beenden");
  await emre.sees("mandate, ended");
}

async function asks(emre) {
  await emre.opens("/konto");
  await emre.presses("#vollmachten");
  await emre.sees("mandates");
  await emre.presses("#anfragen");
  await emre.sees("mandate: ask");
  await emre.presses("#weiter");
  await emre.sees("mandate: ask, refused");
  await emre.page.locator("#art-email").check();
  await emre.types("#email", "nadine.weber@example.org");
  // Everything at the town hall, whatever it offers.
  await describes(emre, "#behoerde-1");
  await emre.presses("#weiter");
  await emre.sees("mandate: check");
  await emre.presses("#aendern");
  await emre.presses("#weiter");
  await emre.presses("#senden");
  await emre.sees("mandate, sent");
  await emre.reads("nadine.weber@example.org");
  const everything = emre.says("alle Dienste von Stadt Musterhausen, auch künftige", "all services of City of Musterhausen, future ones included");
  await emre.reads(everything);
}

async function gives(nadine) {
  await nadine.opens("/vollmachten");
  await nadine.sees("mandates, one to answer");
  await opensTheNewest(nadine, "#zu-beantworten");
  await nadine.sees("mandate, asked for");
  await nadine.presses("#umfang");
  await nadine.sees("mandate: change what it allows");
  await nadine.page.locator("#einreichen").uncheck();
  await nadine.presses("#erteilen");
  await nadine.sees("mandate, given");
  assert.doesNotMatch(await text(nadine, "#handlungen"), /einreichen|submit/);
}

async function works(emre) {
  await emre.opens("/mandate");
  await emre.sees("everybody for whom somebody may act");
  await emre.reads("Nadine Weber");
  await emre.types("#suche", "nadine");
  await emre.presses("#suchen");
  await emre.reads("Nadine Weber");
  await emre.types("#suche", "xyz");
  await emre.presses("#suchen");
  await emre.sees("nobody like that for whom somebody may act");
  await emre.opens("/vollmachten");
  await opensTheNewest(emre, "#erhalten");
  await emre.presses("#weitergeben");
  await emre.sees("mandate: pass on");
}

async function offers(emre, bakery) {
  await emre.opens("/vollmachten");
  await emre.presses("#neu");
  await emre.sees("mandate: offer");
  await emre.page.locator("#art-nummer").check();
  await emre.types("#konto", bakery);
  await describes(emre);
  await emre.presses("#weiter");
  await emre.presses("#senden");
}

async function acceptsForTheBakery(nadine, bakery) {
  await nadine.opens(`/organisation/${bakery}/vollmachten`);
  await opensTheNewest(nadine, "#zu-beantworten");
  await nadine.sees("mandate of an organisation");
  await nadine.presses("#annehmen");
  await nadine.presses("#weitergeben");
  await nadine.sees("mandate of an organisation: pass on");
  await nadine.opens(`/organisation/${bakery}/vollmachten`);
  await nadine.presses("#neu");
  await nadine.sees("mandate of an organisation: offer");
  await nadine.opens(`/organisation/${bakery}/vollmachten`);
  await nadine.presses("#anfragen");
  await nadine.sees("mandate of an organisation: ask");
  await nadine.opens(`/organisation/${bakery}/vollmachten`);
  await nadine.presses("#import");
  await nadine.sees("mandates of an organisation: many at once");
  const table = "\ufeffregister;gericht;nummer;email;dienste;handlungen;bis\r\n;;;nobody;behoerde:073150000000;lesen;31.12.2027\r\n";
  const file = { name: "kunden.csv", mimeType: "text/csv", buffer: Buffer.from(table) };
  await nadine.page.locator("#datei").setInputFiles(file);
  await nadine.presses("#senden");
  await nadine.sees("mandates of an organisation: many at once, a file refused");
  assert.match(await text(nadine, "#zeilen"), nadine.says(/^Zeile 2: /, /^Line 2: /));
  await nadine.types("#liste", "register;gericht;nummer;email;dienste;handlungen;bis\n;;;nobody;alle;lesen;31.12.2027");
  await nadine.presses("#senden");
  await nadine.sees("mandates of an organisation: many at once, refused");
}
