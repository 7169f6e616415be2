// The registration desk of the demonstration: somebody takes a code there, two officers look, and a letter is ordered.

import assert from "node:assert/strict";
import { until } from "../support/wait.js";

const PASSWORD = "wolke-gondel-tisch-42";

const text = (person, selector) => person.page.locator(selector).innerText();

async function signsIn(person) {
  await person.types("#email", person.email);
  await person.types("#password", PASSWORD);
  await person.presses("#weiter");
}

/** One of the people of the demonstration in the language of the run. Each language has officers of its own. */
async function somebody(arrives, name, german, english) {
  const person = await arrives(name);
  person.email = `${person.says(german, english)}@example.org`;
  return person;
}

export async function isConfirmedAtADesk(arrives) {
  const renate = await somebody(arrives, "renate", "renate.muster", "mai.nguyen");
  await renate.opens("/anmelden");
  await signsIn(renate);
  await renate.opens("/identitaet");
  await renate.sees("identity, with ways");
  await renate.presses("#vor-ort");
  await renate.sees("desk: offices");
  await renate.types("#ort", "999");
  await renate.presses("#suchen");
  await renate.sees("desk: offices, none");
  await renate.presses("#weiter");
  await renate.sees("desk: code");
  const code = await text(renate, "#code");

  const olga = await somebody(arrives, "nadine", "olga.amtmann", "nora.nachbar");
  await comesToTheDesk(olga);
  await practises(olga);
  await looksAtGuardians(olga);
  await checksFirst(olga, code);
  const peter = await somebody(arrives, "emre", "peter.schalter", "niklas.neu");
  await comesToTheDesk(peter);
  await opensTheCase(peter, code);
  await peter.sees("desk: compare, second");
  await peter.ticks("#adresse_stimmt");
  await peter.ticks("#einverstanden");
  await peter.presses("#bestaetigen");
  await peter.sees("desk: receipt");

  await renate.opens("/identitaet/vor-ort/vorgang");
  await renate.sees("desk: confirmed");
  await renate.presses("#identitaet");
  await renate.sees("identity, proven at a desk");
  await isRefused(renate, olga);
  await isRepresented(renate, [olga, peter]);
  await provesAnOrganisation(olga, peter);
  await comesBackIn(arrives, renate, [olga, peter]);
}

/** Somebody who is known by now has lost everything, and comes back over the desk. Both officers look. */
async function comesBackIn(arrives, renate, [olga, peter]) {
  const lost = await arrives("renate");
  await lost.opens("/wieder-anmelden");
  await lost.ticks("#weg-nichts");
  await lost.presses("#weiter");
  await lost.sees("way back, with a desk");
  await lost.presses("#amt");
  await lost.sees("slip: ask");
  await lost.presses("#weiter");
  await lost.sees("slip: ask, refused");
  await lost.types("#email", renate.email);
  await lost.presses("#weiter");
  await lost.sees("slip");
  const slip = await text(lost, "#code");

  await opensTheCase(olga, slip);
  await olga.sees("desk: check, recovery");
  await olga.presses("#ablehnen");
  await olga.sees("desk: refuse, recovery");
  const document = cardOf(olga);
  await olga.opens(new URL(olga.page.url()).pathname.replace("/ablehnen", ""));
  await fillsIn(olga, { ...document, birth: { ...document.birth, year: "1970" } });
  await olga.presses("#weiter");
  await olga.sees("desk: compare, recovery, other person");
  await olga.presses("#noch-einmal");
  await fillsIn(olga, document);
  await olga.presses("#weiter");
  await olga.sees("desk: compare, recovery");
  await olga.presses("#freigeben");
  await olga.isLedTo("/amt");
  await opensTheCase(peter, slip);
  await peter.sees("desk: compare, recovery, second");
  await peter.presses("#freigeben");
  await peter.sees("desk: released");
  const code = await text(peter, "#code");

  await lost.presses("#code-eingeben");
  await lost.sees("slip: code from the desk");
  await lost.types("#code", slip);
  await lost.presses("#weiter");
  await lost.sees("slip: code from the desk, wrong");
  await lost.types("#code", code);
  await lost.presses("#weiter");
  await lost.types("#password", PASSWORD);
  await lost.presses("#weiter");
  await lost.isLedTo("/wieder-anmelden/fertig");
}

/** From the address of the desk to the desk, with a new passkey on the way. */
async function comesToTheDesk(officer) {
  await officer.opens("/amt");
  await signsIn(officer);
  await officer.sees("desk: level needed");
  await officer.getsPasskeys();
  await officer.presses("#passkey-einrichten");
  await officer.presses("#passkey");
  await officer.presses("#passkey");
  await officer.isLedTo("/sicherheit/passkeys/probieren");
  await officer.presses("#passkey");
  await officer.isLedTo("/amt");
  await officer.sees("desk");
}

async function opensTheCase(officer, code) {
  await officer.opens("/amt");
  await officer.types("#code", code);
  await officer.presses("#weiter");
}

async function fillsIn(officer, { given, family, birth }) {
  await officer.ticks("#dokument");
  for (const [field, value] of [["tag", "1"], ["monat", "8"], ["jahr", "2035"]]) await officer.types(`#gueltig_${field}`, value);
  for (const question of ["person", "echt", "gueltig", "frei"]) await officer.ticks(`#${question}`);
  await officer.types("#given_names", given);
  await officer.types("#family_name", family);
  for (const [field, value] of Object.entries(birth)) await officer.types(`#birth_${field}`, value);
}

/** What their card says. */
function cardOf(officer) {
  const birth = officer.says({ day: "12", month: "5", year: "1959" }, { day: "27", month: "3", year: "1987" });
  return { given: officer.says("RENATE", "THI MAI"), family: officer.says("MUSTER-NEU", "NGUYEN"), birth };
}

async function practises(olga) {
  await olga.presses("#uebung");
  await olga.sees("desk: practise");
  await opensTheCase(olga, await text(olga, "#code"));
  await olga.sees("desk: check, practice");
  await olga.presses("#schliessen");
  await olga.sees("desk, closed");
  await olga.presses("#weiter");
  await olga.sees("desk, refused");
}

async function looksAtGuardians(olga) {
  await olga.opens("/amt");
  await olga.presses("#vertretung");
  await olga.sees("desk: guardian");
  await olga.presses("#weiter");
  await olga.sees("desk: guardian, refused");
}

async function checksFirst(olga, code) {
  await opensTheCase(olga, code);
  await olga.sees("desk: check");
  await olga.presses("#weiter");
  await olga.sees("desk: check, refused");
  await fillsIn(olga, cardOf(olga));
  await olga.presses("#weiter");
  await olga.sees("desk: compare");
  await olga.reads(olga.says("Verschieden.", "Different."), olga.says("Nur anders geschrieben.", "Only written differently."));
  await olga.presses("#bestaetigen");
  await olga.sees("desk: compare, refused");
  await olga.ticks("#adresse_stimmt");
  await olga.ticks("#einverstanden");
  await olga.presses("#bestaetigen");
  await olga.sees("desk, checked");
  await opensTheCase(olga, code);
  await olga.sees("desk: waits");
  await olga.presses("#schliessen");
}

async function isRefused(renate, olga) {
  await renate.opens("/identitaet/vor-ort");
  await renate.presses("#weiter");
  await opensTheCase(olga, await text(renate, "#code"));
  await olga.presses("#ablehnen");
  await olga.sees("desk: refuse");
  await olga.presses("#ablehnen");
  await olga.sees("desk: refuse, refused");
  await olga.ticks("#grund-not_genuine");
  await olga.presses("#ablehnen");
  await olga.sees("desk, ended");
  await renate.opens("/identitaet/vor-ort/vorgang");
  await renate.sees("desk: not confirmed");
}

async function takesACode(person) {
  await person.opens("/identitaet/vor-ort");
  await person.presses("#weiter");
  return text(person, "#code");
}

/** A court has appointed somebody, and has ended that later. */
async function isRepresented(renate, [olga, peter]) {
  const codes = [await takesACode(renate), await takesACode(peter)];
  await olga.opens("/amt/vertretung");
  await olga.types("#vertretene", codes[0]);
  await olga.types("#vertreter", codes[1]);
  await olga.types("#gericht", "Amtsgericht Mainz");
  await olga.types("#aktenzeichen", "12 XVII 34/26");
  await olga.ticks("#authorities");
  await olga.ticks("#post");
  const until = { tag: "31", monat: "12", jahr: String(new Date().getFullYear() + 1) };
  for (const [field, value] of Object.entries(until)) await olga.types(`#bis_${field}`, value);
  await olga.ticks("#gesehen");
  await olga.presses("#weiter");
  await olga.sees("desk: guardian, recorded");

  await peter.opens("/vollmachten");
  await peter.page.locator("a[href*='/vollmachten/mdt_']").first().click();
  await peter.sees("mandate by a court");
  const number = new URL(peter.page.url()).pathname.split("/").pop();
  await peter.reads(peter.says("Von einem Gericht bestellt", "Appointed by a court"), "12 XVII 34/26");

  await olga.opens("/amt");
  await olga.presses("#vertretung-ende");
  await olga.sees("desk: guardian, end");
  await olga.presses("#weiter");
  await olga.sees("desk: guardian, end, refused");
  await olga.types("#code", await takesACode(peter));
  await olga.types("#nummer", number);
  await olga.ticks("#gesehen");
  await olga.presses("#weiter");
  await olga.sees("desk: guardian, ended");
}

async function opensTheCaseOfAnOrganisation(officer, code) {
  await officer.opens("/amt/organisation");
  await officer.types("#code", code);
  await officer.presses("#weiter");
}

async function readsTheExtract(officer, { name, court, number, seat }) {
  await officer.chooses("#dokument", "id_card");
  const questions = ["person", "echt", "gueltig", "antragsteller", "frei", "papier", "nennt"];
  for (const question of questions) await officer.ticks(`#${question}`);
  const today = new Date();
  const issued = { tag: "1", monat: String(today.getMonth() + 1), jahr: String(today.getFullYear()) };
  for (const [field, value] of Object.entries(issued)) await officer.types(`#datum_${field}`, value);
  await officer.types("#name", name);
  await officer.chooses("#rechtsform", "gmbh");
  await officer.chooses("#register", "HRB");
  await officer.types("#registergericht", court);
  await officer.types("#nummer", number);
  await officer.types("#sitz", seat);
  await officer.presses("#bestaetigen");
}

/** Somebody brings an extract of the register; the officer practises before, and finds another seat in it first. */
async function provesAnOrganisation(olga, peter) {
  await olga.opens("/amt");
  await olga.presses("#organisation");
  await olga.sees("desk: organisation");
  await olga.presses("#weiter");
  await olga.sees("desk: organisation, refused");
  await opensTheCaseOfAnOrganisation(olga, "00000-00000");
  const invented = { name: "Mustermann Metallbau GmbH", court: "Musterhausen", number: "4242", seat: "Musterhausen" };
  await readsTheExtract(olga, invented);
  await olga.sees("desk: receipt of an organisation");

  const firm = { name: "Schalterbau Muster GmbH", court: "Mainz", number: peter.says("7007", "7008"), seat: "Mainz" };
  await registersAFirm(peter, firm);
  await peter.presses("#vor-ort");
  await peter.sees("organisation: desk");
  await peter.presses("#weiter");
  await peter.sees("organisation: desk, code");
  const page = new URL(peter.page.url()).pathname;
  await opensTheCaseOfAnOrganisation(olga, await text(peter, "#code"));
  await olga.sees("desk: check an organisation");
  await olga.presses("#bestaetigen");
  await olga.sees("desk: check an organisation, refused");
  await readsTheExtract(olga, { ...firm, seat: "Trier" });
  await olga.sees("desk: check an organisation, differs");
  await olga.presses("#ablehnen");
  await olga.sees("desk: refuse an organisation");
  await olga.presses("#ablehnen");
  await olga.sees("desk: refuse an organisation, refused");
  await olga.ticks("#grund-other_seat");
  await olga.presses("#ablehnen");
  await olga.sees("desk: organisation, ended");
  await peter.opens(page);
  await peter.sees("organisation: desk, not confirmed");
  await peter.presses("#weiter");
  await opensTheCaseOfAnOrganisation(olga, await text(peter, "#code"));
  await readsTheExtract(olga, firm);
  // One of the two offices wants a second officer, who is at another desk today.
  await olga.reads(olga.says("Quittung", "Now a second person of your office"));
}

async function registersAFirm(person, { name, court, number, seat }) {
  await person.opens("/organisation/neu");
  await person.types("#name", name);
  await person.chooses("#rechtsform", "gmbh");
  await person.presses("#weiter");
  await person.chooses("#register", "HRB");
  await person.types("#registergericht", court);
  await person.types("#nummer", number);
  await person.presses("#weiter");
  await person.types("#sitz", seat);
  await person.types("#strasse", "Marktplatz 1");
  await person.types("#plz", "55116");
  await person.types("#ort", seat);
  await person.presses("#weiter");
  await person.presses("#weiter");
  await person.presses("#anlegen");
}

/** Somebody orders a letter, and mistypes its code. */
export async function ordersALetter(arrives, { demo }) {
  const emre = await somebody(arrives, "emre", "suharto", "niklas.neu");
  await emre.opens("/anmelden");
  await signsIn(emre);
  await emre.opens("/identitaet");
  await emre.presses("#brief");
  await emre.sees("letter: no address");
  await emre.presses("#angaben");
  await emre.types("#street_address", "Große Straße 7");
  await emre.types("#postal_code", "55116");
  await emre.types("#locality", "Musterhausen");
  await emre.chooses("#country", "DE");
  await emre.presses("#weiter");
  await emre.opens("/identitaet/brief");
  await emre.sees("letter: order");
  await emre.presses("#bestellen");
  await emre.sees("letter: under way");
  await emre.types("#code", "QQQQQ-QQQQQ");
  await emre.presses("#weiter");
  await emre.sees("letter: code, wrong");
  const isThere = async () => {
    await emre.opens("/demo/briefe");
    return (await emre.page.locator("#briefe a").count()) > 0;
  };
  await until(isThere, () => "no letter was printed");
  await emre.seesOf(demo.issuer, "demo letters");
  const address = await emre.page.locator("#briefe a").first().getAttribute("href");
  const file = await emre.page.request.get(demo.issuer + address);
  assert.equal(file.headers()["content-type"], "application/pdf");
  assert.equal((await file.body()).subarray(0, 5).toString(), "%PDF-");
}
