// The Online-Ausweis, with the simulated cards of the demonstration.

import assert from "node:assert/strict";
import { signsInAtTheAccount, text } from "./demo.js";

const HIGH = "http://eidas.europa.eu/LoA/high";
const PASSWORD = "wolke-gondel-tisch-42";

/** From the three questions to the eID-Client; the page on which it asks for a card. */
async function opensTheClient(person, demo) {
  await person.presses("#weiter");
  await person.sees("card: open");
  await person.presses("#computer");
  await person.seesOf(demo.cards, "eID-Client");
}

/** The whole way, from wherever there is a link to it. */
async function reads(person, demo, choice) {
  await opensTheClient(person, demo);
  await person.presses(choice);
}

async function signsIn(person, demo) {
  await person.opens("/anmelden");
  await signsInAtTheAccount(person);
}

/** A service that wants "high" gets it; the next time the card is enough; then it is blocked and taken off. */
export async function provesWithACard(arrives, { demo }, browser = {}) {
  const who = arrivesAs(browser);
  const person = await arrives("renate", browser);
  Object.assign(person, who ?? person.says(RENATE, MAI));
  await climbsToHigh(person, demo);
  await looksAtWhatIsProven(person, demo);
  await signsInWithTheCard(person, demo);
  await getsBackInWithTheCard(person, demo);
  if (person.newCard) await bringsANewCard(person, demo);
  await takesThemOff(person, demo);
}

const RENATE = { email: "renate.muster@example.org", card: "#karte-renate", newCard: "#karte-renate-neu" };
const MAI = { email: "mai.nguyen@example.org", card: "#karte-mai" };
const SUHARTO = { email: "suharto@example.org", card: "#karte-suharto" };

/** Whoever has not proven anything in this browser's other stories. */
const arrivesAs = ({ keyboard, scripts = true }) => (keyboard ? SUHARTO : scripts ? undefined : MAI);

async function climbsToHigh(person, demo) {
  await person.opens(demo.service);
  await person.presses("#acr-high");
  await signsInAtTheAccount(person);
  await person.sees("level, with the card");
  await person.presses("#mit-ausweis");
  await person.sees("card: prepare, on the way to a service");
  await person.presses("#ohne-pin");
  await person.sees("card: no PIN");
  await person.presses("#zurueck");
  await reads(person, demo, person.card);
  await person.sees("card: read, on the way to a service");
  await person.presses("#uebernehmen");
  if (await person.page.locator("#senden").count()) await person.presses("#senden");
  assert.equal(await text(person, "#acr"), HIGH);
  assert.deepEqual(JSON.parse(await text(person, "#id-token")).amr, ["sc", "pin", "mfa"]);
}

async function looksAtWhatIsProven(person, demo) {
  await person.opens("/identitaet");
  await person.sees("identity, proven");
  await person.reads(person.says("Gültig bis 31. Oktober 2099", "Valid until 31 October 2099"));
  await person.presses("#sicherheit");
  await person.presses("#ausweise");
  await person.sees("cards");
  await person.presses("#abmelden");
}

async function signsInWithTheCard(person, demo) {
  await person.opens("/anmelden");
  await person.sees("sign-in, with the card");
  await person.presses("#ausweis");
  await person.sees("card: prepare");
  await reads(person, demo, person.card);
  assert.equal(new URL(person.page.url()).pathname, "/konto");
}

/** Password and everything else are lost: nobody's card does not help, the own one leads to a new password. */
async function getsBackInWithTheCard(person, demo) {
  await person.presses("#abmelden");
  await person.opens("/wieder-anmelden");
  await person.sees("way back, with the card");
  await person.presses("#ausweis");
  await person.sees("way back: card");
  await reads(person, demo, "#karte-doktor");
  await person.sees("way back: nobody's card");
  await person.reads(person.says("Zu dieser Karte finden wir kein Konto", "We find no account for this card"));
  await person.presses("#anders");
  await person.presses("#ausweis");
  await reads(person, demo, person.card);
  await person.sees("way back: password, by card");
  await person.types("#password", PASSWORD);
  await person.presses("#weiter");
  await person.sees("way back: done, by card");
  await person.presses("#weiter");
  await person.presses("#ausweis");
  await reads(person, demo, person.card);
  assert.equal(new URL(person.page.url()).pathname, "/konto");
}

/** Its pseudonym is another one; that it is hers is known by what stands on it. */
async function bringsANewCard(person, demo) {
  await person.opens("/sicherheit/ausweise");
  await person.presses("#neu");
  await reads(person, demo, person.newCard);
  assert.equal(new URL(person.page.url()).pathname, "/ausweis/pruefen");
  await person.presses("#uebernehmen");
  assert.equal(new URL(person.page.url()).pathname, "/identitaet");
}

async function takesThemOff(person, demo) {
  await person.opens("/sicherheit/ausweise");
  await person.presses("#sperren-1");
  await person.sees("card: block");
  await person.presses("#sperren");
  await person.sees("cards, one blocked");
  await person.presses("#entfernen-1");
  await person.sees("card: remove");
  await person.presses("#entfernen");
  if (person.newCard) {
    await person.presses("#entfernen-1");
    await person.presses("#entfernen");
  }
  await person.sees("cards, none");
}

/** What the eID-Client or the card says, and what the page makes of it. */
const ENDS = [
  ["#ende-cancelled", "Die AusweisApp hat abgebrochen", "The AusweisApp has stopped"],
  ["#ende-wrong-pin", "Die AusweisApp hat abgebrochen", "The AusweisApp has stopped"],
  ["#ende-timeout", "Die AusweisApp meldet einen Fehler", "The AusweisApp reports an error"],
  ["#ende-no-channel", "Die Verbindung ist abgebrochen", "The connection was lost"],
  ["#karte-gesperrt", "Ihr Ausweis ist gesperrt", "Your card is blocked"],
  ["#karte-abgelaufen", "Ihr Ausweis ist abgelaufen", "Your card has expired"],
  ["#karte-kind", "Den Online-Ausweis gibt es ab 16 Jahren", "The online function is for people from 16"],
  ["#karte-smart-speicher", "Diese Art von Ausweis nehmen wir nicht an", "We do not accept this kind of card"],
  ["#karte-fremdes-dokument", "Diese Art von Ausweis nehmen wir nicht an", "We do not accept this kind of card"],
];

/** What the page says of cards that are not like most. */
const CARDS = [
  ["#karte-suharto", "Suharto", "Suharto"],
  ["#karte-mai", "Oberlauch", "Oberlauch"],
  ["#karte-ohne-tag", "Juni 1980", "June 1980"],
  ["#karte-nur-jahr", "1975", "1975"],
  ["#karte-doktor", "Dr.", "Dr."],
  ["#karte-unionsbuergerin", "4. Juli 1990", "4 July 1990"],
  ["#karte-ohne-wohnung", "29. Februar 1968", "29 February 1968"],
];

/** Nobody is signed in, and the card is known to no account: every end, and nothing happens. */
export async function meetsEveryEnd(arrives, { demo }) {
  let emre = await arrives("emre");
  for (const [choice, german, english] of ENDS) {
    await emre.opens("/ausweis");
    await reads(emre, demo, choice);
    await emre.sees(choice.startsWith("#ende") ? "card: try again" : "card: refused");
    await emre.reads(emre.says(german, english));
  }
  await isRefusedInAnotherBrowser(emre, demo);
}

/** Somebody begins, and another is to put the card on for them. */
async function isRefusedInAnotherBrowser(emre, demo) {
  const stranger = await emre.onAnotherDevice();
  await stranger.opens("/ausweis");
  await stranger.presses("#weiter");
  const address = await stranger.page.locator("#computer").getAttribute("href");
  await emre.opens(address);
  await emre.presses("#karte-doktor");
  await emre.sees("card: another browser");
  await stranger.leaves();
}

/** Suharto looks at what all kinds of cards would change in his account, and agrees to none. */
export async function comparesCards(arrives, { demo }) {
  const suharto = await arrives("emre");
  suharto.email = SUHARTO.email;
  await signsIn(suharto, demo);
  for (const [choice, german, english] of CARDS) {
    await suharto.opens("/ausweis");
    await reads(suharto, demo, choice);
    await suharto.sees("card: read, with differences");
    await suharto.reads(suharto.says(german, english));
  }
  await suharto.presses("#nicht");
  await suharto.sees("identity, nothing proven");
  await suharto.presses("#mit-ausweis");
  await suharto.sees("card: prepare");
}
