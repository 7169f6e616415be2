// On the way to a municipal service, and back.

import assert from "node:assert/strict";
import { hasAccount, registers, signsOut } from "./registration.js";
import { signsIn } from "./signin.js";

/** Arrives at the service with a code for exactly the request that was sent. */
function bringsCode(person, service, request) {
  const { code, state, iss, ...rest } = person.arrivesAt(service, "/rueckkehr");
  assert.equal(state, request.state);
  assert.equal(iss, request.issuer);
  assert.ok(code?.length >= 32, "a code");
  assert.deepEqual(rest, {});
  return code;
}

function bringsError(person, service, request, expected) {
  const { error, state, iss, code } = person.arrivesAt(service, "/rueckkehr");
  assert.equal(error, expected);
  assert.equal(state, request.state);
  assert.equal(iss, request.issuer);
  assert.equal(code, undefined);
}

async function seesWhatIsSent(person) {
  await person.sees("consent");
  await person.reads(person.given, person.family, person.birthday, person.email);
  await person.reads(person.says("Stadt Musterhausen – Bewohnerparken", "City of Musterhausen – Resident parking"));
  await person.reads(person.says("Ihren Antrag bearbeiten", "To process your application"));
}

export async function connectsOnceAndWithdraws(arrives, { service, issuer }) {
  const renate = await arrives("renate");
  await hasAccount(renate);
  await signsOut(renate);
  await sendsTheDataOnce(renate, service, issuer);

  const second = service.request(issuer);
  await renate.opens(second.url);
  bringsCode(renate, service, second);

  await endsTheConnection(renate);
  const third = service.request(issuer);
  await renate.opens(third.url);
  await seesWhatIsSent(renate);
  await renate.presses("#nicht-senden");
  bringsError(renate, service, third, "access_denied");
}

async function sendsTheDataOnce(renate, service, issuer) {
  const request = service.request(issuer);
  await renate.opens(request.url);
  await renate.sees("sign-in, on the way to a service");
  await renate.reads(renate.says("Stadt Musterhausen – Bewohnerparken", "City of Musterhausen – Resident parking"));
  await signsIn(renate);
  await seesWhatIsSent(renate);
  await renate.presses("#senden");
  const { claims, person } = await service.redeem(request, bringsCode(renate, service, request));
  assert.equal(claims.iss, issuer);
  assert.equal(claims.nonce, request.nonce);
  assert.equal(person.sub, claims.sub);
  // What the page has shown, and nothing else of the person.
  const [day, month, year] = renate.birth.map((part) => part.padStart(2, "0"));
  assert.equal(person.given_name, renate.given);
  assert.equal(person.family_name, renate.family);
  assert.equal(person.birthdate, `${year}-${month}-${day}`);
  assert.equal(person.email, renate.email);
}

async function endsTheConnection(renate) {
  await renate.opens("/konto");
  await renate.sees("account, with a service");
  await renate.presses('main a[href="/dienste"]');
  await renate.sees("services");
  await renate.presses('main a[href$="/beenden"]');
  await renate.sees("end a connection");
  await renate.presses("#beenden");
  await renate.sees("services, ended");
  await renate.reads(renate.says("bekommt ab jetzt keine Daten mehr", "gets no more data from now on"));
}

/** Optional data is off until it is chosen; where the law decides, nothing is asked. */
export async function choosesWhatIsSent(arrives, { service, issuer }) {
  const nadine = await arrives("nadine");
  await hasAccount(nadine);
  const request = service.request(issuer, "meldeamt");
  await nadine.opens(request.url);
  await nadine.sees("consent: a choice");
  await nadine.reads(nadine.says("Für die Anrede", "To address you"), nadine.says("§ 3 Abs. 1 BMG", "section 3(1) BMG"));
  assert.equal(await nadine.page.isChecked("#daten-email"), false);
  await nadine.ticks("#daten-email");
  await nadine.presses("#senden");
  const { person } = await service.redeem(request, bringsCode(nadine, service, request));
  assert.equal(person.email, nadine.email);
  assert.equal(person.family_name, nadine.family);

  const lawful = service.request(issuer, "statistik");
  await nadine.opens(lawful.url);
  await nadine.sees("consent: the law");
  await nadine.doesNotRead(nadine.says("Sie entscheiden", "You decide"));
  await nadine.presses("#senden");
  bringsCode(nadine, service, lawful);
}

export async function cancels(arrives, { service, issuer }) {
  const emre = await arrives("emre");
  const request = service.request(issuer);
  await emre.opens(request.url);
  await emre.sees("sign-in, on the way to a service");
  const way = emre.page.url().replace("/anmelden", "/weiter");
  await emre.presses("#abbrechen");
  bringsError(emre, service, request, "access_denied");
  await emre.opens(way);
  await emre.sees("way to the service has ended");
}

export async function registersOnTheWay(arrives, { service, issuer }) {
  const nadine = await arrives("nadine");
  const request = service.request(issuer);
  await nadine.opens(request.url);
  await nadine.presses('main a[href^="/registrieren"]');
  await registers(nadine, { toService: true });
  await nadine.presses("#weiter");
  await seesWhatIsSent(nadine);
  await nadine.presses("#senden");
  const { person } = await service.redeem(request, bringsCode(nadine, service, request));
  assert.equal(person.email, nadine.email);
}

/** The way to the service is still there after a new password. */
export async function forgotThePasswordOnTheWay(arrives, { service, issuer }) {
  const emre = await arrives("emre");
  await hasAccount(emre);
  await signsOut(emre);
  const request = service.request(issuer);
  await emre.opens(request.url);
  await emre.presses("#wieder-anmelden");
  await emre.ticks("#weg-passwort");
  await emre.presses("#weiter");
  await emre.types("#email", emre.email);
  await emre.presses("#weiter");
  await emre.types("#code", (await emre.receivesMail()).code);
  await emre.presses("#weiter");
  emre.password = "Dudelsack Regenbogen 1815 Kartoffel";
  await emre.types("#password", emre.password);
  await emre.presses("#weiter");
  await emre.presses("#weiter");
  await emre.sees("sign-in, on the way to a service");
  await signsIn(emre);
  await seesWhatIsSent(emre);
  await emre.presses("#senden");
  bringsCode(emre, service, request);
}

export async function levelTooLow(arrives, { service, issuer }) {
  const renate = await arrives("renate");
  await hasAccount(renate);
  const request = service.request(issuer, "wohngeld");
  await renate.opens(request.url);
  await renate.sees("level too low");
  await renate.presses("#zurueck-zum-dienst");
  bringsError(renate, service, request, "unmet_authentication_requirements");
}

export async function signsOutAtTheService(arrives, { service, issuer }) {
  const nadine = await arrives("nadine");
  await hasAccount(nadine);
  await nadine.opens(service.logoutUrl(issuer));
  await nadine.sees("sign out everywhere");
  await nadine.presses("#abmelden-ja");
  assert.deepEqual(nadine.arrivesAt(service, "/abgemeldet"), { state: "bis-bald" });
  await nadine.opens("/konto");
  await nadine.sees("sign-in");
}
