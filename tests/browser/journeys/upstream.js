// The account of another Land: linked with the one here, used at its own level, and taken away again. The other Land is a second
// program with its own people; both talk as any two providers do.

import assert from "node:assert/strict";
import { readsTheDevice, signsInAtTheAccount } from "./demo.js";

const PASSWORD = "wolke-gondel-tisch-42";
const SUBSTANTIAL = "http://eidas.europa.eu/LoA/substantial";

const text = (person, selector) => person.page.locator(selector).innerText();
const isAt = (person, path) => assert.equal(new URL(person.page.url()).pathname, path);

/** With password and device at the other Land, and what is asked there, until the browser is back. */
async function signsInThere(person, demo, email) {
  assert.equal(new URL(person.page.url()).origin, demo.otherLand, `at ${person.page.url()}`);
  await person.types("#email", email);
  await person.types("#password", PASSWORD);
  await person.presses("#weiter");
  if (await person.page.locator("#code").count()) {
    await person.types("#code", await readsTheDevice(person, { issuer: demo.otherLand }));
    await person.presses("#weiter");
  }
  const isStillThere = new URL(person.page.url()).origin === demo.otherLand;
  if (isStillThere && (await person.page.locator("#senden").count())) {
    await person.seesOf(demo.otherLand, "other Land, consent");
    await person.presses("#senden");
  }
}

export async function linksTheOtherLand(arrives, { demo }) {
  const renate = await arrives("renate");
  renate.email = renate.says("renate.muster@example.org", "mai.nguyen@example.org");
  const there = renate.says("r.muster@nordmark.example", "mai@nordmark.example");
  await renate.opens(`${demo.issuer}/anmelden`);
  await renate.seesOf(demo.issuer, "sign-in with other providers");
  await signsInAtTheAccount(renate);
  await links(renate, demo, there);
  await confirms(renate, demo, there);
  await signsInWithIt(renate, demo, there);
  await blocksAndRemovesIt(renate, demo, there);
  await isNotKnown(await arrives("emre"), demo);
}

async function links(renate, demo, there) {
  await renate.opens(`${demo.issuer}/sicherheit`);
  await renate.presses("#konten");
  await renate.seesOf(demo.issuer, "linked accounts, none");
  await renate.presses("#verknuepfen-nordmark");
  await renate.seesOf(demo.issuer, "link an account");
  await renate.presses("#weiter");
  await renate.seesOf(demo.otherLand, "other Land, sign-in");
  await signsInThere(renate, demo, there);
  await renate.seesOf(demo.issuer, "linked account, found");
  await renate.reads(renate.says("Renate M.", "Thị Mai N."), renate.says("substanziell", "substantial"));
  await renate.presses("#verknuepfen");
  await renate.seesOf(demo.issuer, "linked accounts");
  await renate.reads(renate.says("Verknüpft. Sie können sich ab jetzt", "Linked. From now on"));
}

async function confirms(renate, demo, there) {
  await renate.presses("#nachweis-1");
  await signsInThere(renate, demo, there);
  await renate.seesOf(demo.issuer, "linked account, compared");
  await renate.reads(renate.says("Genauso steht es hier schon.", "It is the same here already."));
  await renate.presses("#uebernehmen");
  await renate.reads(renate.says("Ihre Identität ist bestätigt.", "Your identity is confirmed."));
  await renate.opens(`${demo.issuer}/identitaet`);
  await renate.seesOf(demo.issuer, "identity, confirmed by another account");
  await renate.reads(renate.says("Nachweis Ihrer Identität: substanziell", "substantial"));
}

/** From a service that needs more than a password gives. */
async function signsInWithIt(renate, demo, there) {
  await renate.presses("#abmelden");
  await renate.opens(demo.service);
  await renate.presses("#acr-substantial");
  await signsInAtTheAccount(renate);
  await renate.seesOf(demo.issuer, "level, with a linked account");
  await renate.presses("#mit-konto");
  await renate.seesOf(demo.issuer, "choose a provider");
  await renate.presses("#konto-nordmark");
  await signsInThere(renate, demo, there);
  if (await renate.page.locator("#senden").count()) await renate.presses("#senden");
  assert.equal(new URL(renate.page.url()).origin, demo.service);
  assert.equal(await text(renate, "#acr"), SUBSTANTIAL);
}

async function blocksAndRemovesIt(renate, demo, there) {
  await renate.opens(`${demo.issuer}/sicherheit/konten`);
  await renate.presses("#sperren-1");
  await renate.seesOf(demo.issuer, "block a linked account");
  await renate.presses("#sperren");
  await renate.seesOf(demo.issuer, "linked accounts, blocked");
  await renate.presses("#entsperren-1");
  await signsInThere(renate, demo, there);
  isAt(renate, "/sicherheit/konten");
  await renate.reads(renate.says("Entsperrt.", "Unblocked."));
  await renate.presses("#entfernen-1");
  await renate.seesOf(demo.issuer, "remove a linked account");
  await renate.presses("#entfernen");
  await renate.reads(renate.says("Die Verknüpfung ist entfernt.", "The link is removed."));
}

/** Somebody with an account there and none here, or none that is linked. */
async function isNotKnown(joern, demo) {
  await joern.opens(`${demo.issuer}/anmelden`);
  await joern.presses("#konto-nordmark");
  await signsInThere(joern, demo, "joern.hansen@nordmark.example");
  await joern.seesOf(demo.issuer, "linked account, unknown");
  await joern.reads(joern.says("Nach der E-Mail-Adresse entscheiden wir das nicht", "We do not decide that by the e-mail"));
  await joern.presses("#anmelden");
  isAt(joern, "/anmelden");
}
