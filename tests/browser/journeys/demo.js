// The demonstration's municipal service from start to finish: what a developer sees who tries it out.

import assert from "node:assert/strict";
import { Phone } from "../support/phone.js";
import { until } from "../support/wait.js";

const PASSWORD = "wolke-gondel-tisch-42";
const BASIC = "http://bsi.bund.de/eID/LoA/undefined";

const json = async (person, selector) => JSON.parse(await person.page.locator(selector).innerText());
export const text = (person, selector) => person.page.locator(selector).innerText();

/** One of the people of the demonstration signs in at the account, and agrees if asked. */
export async function signsInAtTheAccount(person) {
  await person.types("#email", person.email);
  await person.types("#password", PASSWORD);
  await person.presses("#weiter");
  if (await person.page.locator("#senden").count()) await person.presses("#senden");
}

export async function triesEverything(arrives, { demo }) {
  const renate = await arrives("renate");
  renate.email = renate.says("renate.muster@example.org", "mai.nguyen@example.org");
  await renate.opens(demo.service);
  await renate.seesOf(demo.service, "demo service");
  await isToldWhy(renate, demo);
  await signsIn(renate, demo);
  await callsTheRegister(renate, demo);
  await refreshes(renate, demo);
  await asksForMore(renate, demo);
  await isSignedOutByTheAccount(renate, demo);
}

/** `prompt=none` before anybody has signed in. */
async function isToldWhy(renate, demo) {
  await renate.presses("#prompt-none");
  await renate.seesOf(demo.service, "demo service, refused");
  assert.match(await text(renate, "#fehlercode"), /^login_required: /);
  await renate.reads("Sie müssten sich erst anmelden", "you would have to sign in first");
}

async function signsIn(renate, demo) {
  await renate.presses("#anmelden");
  await signsInAtTheAccount(renate);
  await renate.seesOf(demo.service, "demo service, signed in");
  const [claims, person] = [await json(renate, "#id-token"), await json(renate, "#userinfo")];
  assert.equal(claims.iss, demo.issuer);
  assert.equal(person.sub, claims.sub);
  assert.equal(person.email, renate.email);
  assert.equal(person.birthdate, undefined, "left out, as nobody has ticked it");
  assert.equal(await text(renate, "#acr"), BASIC);
  assert.match(await text(renate, "#niveau"), /von niemandem geprüft/);
}

async function callsTheRegister(renate, demo) {
  await renate.presses("#register");
  await renate.seesOf(demo.service, "demo service, permits");
  assert.match(await text(renate, "#antwort"), /^HTTP 200 OK[^]*MH-NK 2026/);
  await renate.presses("#falsches-token");
  await renate.seesOf(demo.service, "demo service, wrong token");
  assert.match(await text(renate, "#antwort"), /^HTTP 401[^]*invalid_token[^]*aud is not/);
}

async function refreshes(renate, demo) {
  const before = await json(renate, "#id-token");
  await renate.presses("#erneuern");
  await renate.seesOf(demo.service, "demo service, refreshed");
  const after = await json(renate, "#id-token");
  assert.equal(after.sub, before.sub);
  assert.equal(after.auth_time, before.auth_time);
  assert.ok(before.nonce && !after.nonce && after.at_hash !== before.at_hash, "another access token, no nonce");
}

async function asksForMore(renate, demo) {
  await renate.presses("#claims");
  const claims = await json(renate, "#id-token");
  assert.ok(claims.given_name, "a single claim in the ID token");
  assert.deepEqual(Object.keys(await json(renate, "#userinfo")), ["sub"]);

  await renate.presses("#acr-substantial");
  await renate.presses("#zurueck-zum-dienst");
  await renate.seesOf(demo.service, "demo service, level too low");
  assert.match(await text(renate, "#fehlercode"), /^unmet_authentication_requirements: /);

  await renate.presses("#form-post");
  await renate.presses("#zurueck-zum-dienst");
  assert.equal((await json(renate, "#id-token")).sub, claims.sub);

  await renate.presses("#ui-locales");
  assert.equal(await renate.page.evaluate(() => document.documentElement.lang), "en");
  await renate.presses("#nicht-senden");
  assert.match(await text(renate, "#fehlercode"), /^access_denied: /);

  await renate.presses("#prompt-login");
  await signsInAtTheAccount(renate);
  assert.ok((await json(renate, "#id-token")).auth_time > claims.auth_time);
  for (const quiet of ["#max-age-60", "#prompt-none"]) {
    await renate.presses(quiet);
    assert.equal(await renate.page.locator("#fehlercode").count(), 0, quiet);
    assert.equal((await json(renate, "#id-token")).sub, claims.sub);
  }
  await renate.presses("#prompt-create");
  assert.equal(new URL(renate.page.url()).pathname, "/registrieren");
  await renate.opens(demo.service);
}

/** In another window, so that this service hears of it from the account alone. */
async function isSignedOutByTheAccount(renate, demo) {
  const other = await renate.inAnotherWindow();
  await other.opens(`${demo.issuer}/konto`);
  await other.presses("#abmelden");
  const told = async () => {
    await renate.reloads();
    return (await renate.page.locator("#angemeldet").count()) === 0;
  };
  await until(told, () => "the service has not been told");
  await renate.seesOf(demo.service, "demo service, signed out by the account");
  await renate.reads("Das Konto hat gemeldet", "The account has told us");
}

/** The codes that have been read, by account: several stories go on at once, and one account takes one code once. */
const readCodes = new Map();

/** How long the device shows a code, from a multiple of that on. */
const CODE_MILLISECONDS = 30_000;
/** So many codes in a row may have been read by other stories. */
const CODES_MAX = 6;

/** What the device shows, once that has not been used. Looking again before there is another code would only be work for the browser. */
export async function readsTheDevice(emre, demo) {
  const device = await emre.inAnotherWindow();
  const account = `${demo.issuer} ${emre.email}`;
  const isFresh = async () => {
    await device.opens(`${demo.issuer}/demo/codegeraet`);
    const code = await text(device, "#code");
    if (code === readCodes.get(account)) return false;
    readCodes.set(account, code);
    return true;
  };
  for (let codes = 0; !(await isFresh()); codes += 1) {
    assert.ok(codes < CODES_MAX, "other stories take every code of the device");
    await device.page.waitForTimeout(CODE_MILLISECONDS - (Date.now() % CODE_MILLISECONDS) + 10);
  }
  const code = readCodes.get(account);
  await device.seesOf(demo.issuer, "demo code device");
  // A window that is not in front is asked for no passkey.
  await device.page.close();
  return code;
}

/** Types a code, goes on for themselves if asked for whom, and agrees if asked. */
async function goesOnWith(person, code) {
  await person.types("#code", code);
  await person.presses("#weiter");
  if (new URL(person.page.url()).pathname === "/anmelden/wahl") {
    await person.page.locator("#ich").check();
    await person.presses("#weiter");
  }
  if (await person.page.locator("#senden").count()) await person.presses("#senden");
}

/** Emre has a device that shows codes, and an official has seen his identity card: together that is substantial. */
export async function signsInWithADevice(arrives, { demo }) {
  const emre = await arrives("emre");
  emre.email = "emre.oeztuerk@example.org";
  await emre.opens(demo.service);
  await emre.presses("#anmelden");
  await signsInAtTheAccount(emre);
  assert.equal(new URL(emre.page.url()).pathname, "/anmelden/code");
  await goesOnWith(emre, await readsTheDevice(emre, demo));
  await emre.seesOf(demo.service, "demo service, substantial");
  assert.equal(await text(emre, "#acr"), "http://eidas.europa.eu/LoA/substantial");
  assert.deepEqual((await json(emre, "#id-token")).amr, ["pwd", "otp", "mfa"]);
  await getsADecision(emre, demo);
}

/** The office behind the service puts a decision into the postbox of whoever is signed in there. */
async function getsADecision(emre, demo) {
  await emre.presses("#zustellen");
  await emre.seesOf(demo.service, "demo service, delivered");
  const answer = await text(emre, "#zustellung");
  assert.match(answer, /^HTTP 201\n/);
  const { provided_at, announced_on, receipt } = JSON.parse(answer.slice(answer.indexOf("{")));
  assert.ok(provided_at && announced_on && receipt);
  await emre.presses("#nachricht");
  await emre.sees("message");
  await emre.reads("Bescheid über Ihren Bewohnerparkausweis", "BP 2026/4713");
}

/** What somebody reads who needs more than they have, and the ways there. */
export async function climbs(arrives, { demo }) {
  const emre = await arrives("emre");
  emre.email = "emre.oeztuerk@example.org";
  await emre.opens(demo.service);
  await emre.presses("#acr-substantial");
  await signsInAtTheAccount(emre);
  await goesOnWith(emre, await readsTheDevice(emre, demo));
  assert.equal(await text(emre, "#acr"), "http://eidas.europa.eu/LoA/substantial");
  await emre.presses("#acr-high");
  await emre.seesOf(demo.issuer, "level, high");
  await emre.presses("#zurueck-zum-dienst");
  assert.match(await text(emre, "#fehlercode"), /^unmet_authentication_requirements: /);

  const { phone, unlocks } = await setsUpAnAppAndAPasskey(emre, demo);
  await emre.opens(`${demo.issuer}/identitaet`);
  await emre.seesOf(demo.issuer, "identity, substantial");
  await emre.presses("#abmelden");
  await unlocks(false);
  await emre.opens(demo.service);
  await emre.presses("#acr-low");
  await signsInAtTheAccount(emre);
  await goesOnWith(emre, phone.code());
  assert.equal(await text(emre, "#acr"), "http://eidas.europa.eu/LoA/low");
  await emre.presses("#acr-values");
  await emre.seesOf(demo.issuer, "level, recommended");
  await emre.presses("#ohne-weiter");
  assert.equal(await text(emre, "#acr"), "http://eidas.europa.eu/LoA/low");
  await emre.presses("#acr-substantial");
  await emre.seesOf(demo.issuer, "level, with ways");
  await emre.presses("#mit-passkey");
  await unlocks(true);
  await emre.presses("#passkey");
  await emre.page.waitForURL(({ origin }) => origin === demo.service);
  assert.equal(await text(emre, "#acr"), "http://eidas.europa.eu/LoA/substantial");
  assert.deepEqual((await json(emre, "#id-token")).amr, ["hwk", "user", "mfa"]);
  await forgetsThem(emre, demo);
}

async function setsUpAnAppAndAPasskey(emre, demo) {
  await emre.opens(`${demo.issuer}/sicherheit/app/neu`);
  await emre.types("#current", PASSWORD);
  await emre.presses("#weiter");
  const phone = new Phone(await emre.page.locator("#schluessel").innerText());
  await emre.types("#code", phone.code());
  await emre.presses("#weiter");
  await emre.opens(`${demo.issuer}/sicherheit/passkeys/neu`);
  const unlocks = await emre.getsPasskeys();
  const isLedTo = (path) => emre.page.waitForURL(({ pathname }) => pathname === path);
  await emre.presses("#passkey");
  await emre.presses("#passkey");
  await isLedTo("/sicherheit/passkeys/probieren");
  await emre.presses("#passkey");
  await isLedTo("/sicherheit/passkeys");
  await emre.reads(emre.says("Vertrauensniveau der Anmeldung: substanziell", "Trust level of signing in: substantial"));
  return { phone, unlocks };
}

/** For whoever comes after him. */
async function forgetsThem(emre, demo) {
  await emre.opens(`${demo.issuer}/sicherheit/app`);
  await emre.presses("#entfernen-2");
  await emre.types("#current", PASSWORD);
  await emre.presses("#entfernen");
  await emre.opens(`${demo.issuer}/sicherheit/passkeys`);
  await emre.presses("#aendern-1");
  await emre.presses("#entfernen");
  await emre.presses("#entfernen");
}
