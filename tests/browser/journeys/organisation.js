// Somebody of the demonstration registers a company, compares it with the register, orders a letter, changes it, gives it up and
// keeps it; somebody else finds it taken.

import { readsTheDevice, signsInAtTheAccount } from "./demo.js";

/** Of the simulated register; each language has a company of its own. */
const COMPANIES = {
  de: { name: "Weingut Emrich KG", form: "kg", kind: "HRA", court: "Amtsgericht Mainz", number: "4711", town: "Mainz" },
  en: { name: "Rheinlicht UG (haftungsbeschränkt)", form: "ug", kind: "HRB", court: "Koblenz", number: "3003", town: "Koblenz" },
};

async function comes(arrives, demo) {
  const emre = await arrives("emre");
  emre.email = "emre.oeztuerk@example.org";
  await emre.opens("/anmelden");
  await signsInAtTheAccount(emre);
  await emre.types("#code", await readsTheDevice(emre, demo));
  await emre.presses("#weiter");
  await emre.opens("/konto");
  await emre.presses("#organisationen");
  await emre.sees("organisations");
  await emre.presses("#anlegen");
  return emre;
}

export async function registersACompany(arrives, { demo }) {
  const emre = await comes(arrives, demo);
  const company = emre.says(COMPANIES.de, COMPANIES.en);
  await describes(emre, company);
  await emre.sees("organisation: check");
  await emre.presses("#anlegen");
  await emre.sees("organisation: registered");
  await isProven(emre, company);
  await isChanged(emre, company);
  await isGivenUpAndKept(emre);
  await isTakenForOthers(emre, company);
  await isStoppedByALetter(emre);
}

async function describes(emre, { name, form, kind, court, number, town }) {
  await emre.sees("organisation: name");
  await emre.types("#name", "");
  await emre.presses("#weiter");
  await emre.sees("organisation: name, refused");
  await emre.types("#name", name);
  await emre.chooses("#rechtsform", form);
  await emre.presses("#weiter");
  await emre.sees("organisation: register");
  await emre.presses("#weiter");
  await emre.sees("organisation: register, refused");
  await emre.chooses("#register", kind);
  await emre.types("#registergericht", court);
  await emre.types("#nummer", number);
  await emre.presses("#weiter");
  await emre.sees("organisation: places");
  await emre.presses("#weiter");
  await emre.sees("organisation: places, refused");
  await emre.types("#sitz", town);
  await emre.types("#strasse", "Marktplatz 1");
  await emre.types("#plz", "55116");
  await emre.types("#ort", town);
  await emre.presses("#weiter");
  await emre.sees("organisation: number");
  await emre.types("#widnr", "DE1");
  await emre.presses("#weiter");
  await emre.sees("organisation: number, refused");
  await emre.types("#widnr", "");
  await emre.presses("#weiter");
}

async function isProven(emre, { name }) {
  await emre.reads(name, emre.says("Noch 2 Schritte", "2 steps left"));
  await emre.presses("#abgleichen");
  await emre.sees("organisation: compare");
  await emre.presses("#abgleichen");
  await emre.sees("organisation: compared");
  await emre.presses("#brief");
  await emre.sees("organisation: letter");
  await emre.presses("#bestellen");
  await emre.sees("organisation: letter, ordered");
  await emre.types("#code", "QQQQQ-QQQQQ");
  await emre.presses("#weiter");
  await emre.sees("organisation: letter, wrong");
  await emre.presses(".nk-back a");
}

async function isChanged(emre, { name }) {
  await emre.presses("#daten");
  await emre.sees("organisation: change");
  await emre.types("#name", "");
  await emre.presses("#weiter");
  await emre.sees("organisation: change, refused");
  await emre.types("#name", `${name} Nord`);
  await emre.presses("#weiter");
  await emre.sees("organisation: change, sure?");
  await emre.presses("#aendern");
  await emre.sees("organisation: changed");
  await emre.presses("#abgleichen");
  await emre.presses("#abgleichen");
  await emre.sees("organisation: compare, differs");
  await emre.presses(".nk-back a");
}

async function isGivenUpAndKept(emre) {
  await emre.presses("#schliessen");
  await emre.sees("organisation: close");
  await emre.presses("#weiter");
  await emre.sees("organisation: close, second step");
  await emre.presses("#schliessen");
  await emre.sees("organisation: close, refused");
  await emre.ticks("#verstanden");
  await emre.presses("#schliessen");
  await emre.sees("organisation: closing");
  await emre.presses("#behalten");
  await emre.sees("organisation: keep");
  await emre.presses("#behalten");
  await emre.sees("organisation: kept");
}

async function isTakenForOthers(emre, { name, form, kind, court, number }) {
  await emre.opens("/organisation/neu");
  await emre.types("#name", name);
  await emre.chooses("#rechtsform", form);
  await emre.presses("#weiter");
  await emre.chooses("#register", kind);
  await emre.types("#registergericht", court);
  await emre.types("#nummer", number);
  await emre.presses("#weiter");
  await emre.sees("organisation: taken");
  await emre.presses("#anspruch");
  await emre.sees("organisation: claim");
  await emre.presses("#weiter");
  await emre.sees("organisation: claim, refused");
  await emre.types("#begruendung", "Ich vertrete diese Firma seit 2019.");
  await emre.presses("#weiter");
  await emre.sees("organisation: claimed");
}

async function isStoppedByALetter(emre) {
  await emre.opens("/organisation/widerruf");
  await emre.sees("organisation: stop it");
  await emre.types("#code", "QQQQQQ-QQQQQQ");
  await emre.presses("#weiter");
  await emre.sees("organisation: stop it, wrong");
}
