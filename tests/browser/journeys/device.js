// A ticket machine shows a code, and somebody types it at home.

import assert from "node:assert/strict";
import { hasAccount, signsOut } from "./registration.js";
import { signsIn } from "./signin.js";

async function typesTheCode(person, code) {
  await person.types("#code", code);
  await person.presses("#weiter");
}

/** From the machine's code over sign-in and consent back to the machine; the second time without consent. */
export async function signsInOnAMachine(arrives, { service, issuer }, browser = {}) {
  const renate = await arrives("renate", browser);
  await hasAccount(renate);
  await signsOut(renate);
  const machine = await service.device(issuer);
  assert.equal(machine.verification_uri, `${issuer}/geraet`);
  await renate.opens("/geraet");
  await renate.sees("sign-in, on the way to a device");
  await signsIn(renate);
  await renate.sees("device");
  await renate.presses("#weiter");
  await renate.sees("device, empty");
  await typesTheCode(renate, "BCDF-GHJK");
  await renate.sees("device, wrong code");
  assert.equal(await renate.page.inputValue("#code"), "BCDF-GHJK", "what was typed can be corrected");
  await renate.page.fill("#code", "");
  await renate.types("#code", machine.user_code.toLowerCase());
  await renate.pressesEnter();
  await renate.sees("device: whose?");
  await renate.reads(renate.says("Stadt Musterhausen – Fahrkarten", "City of Musterhausen – Tickets"));
  await renate.reads(renate.says("Niemand von einer Behörde", "Nobody from an authority"));
  assert.deepEqual(await service.polls(issuer, machine), { error: "authorization_pending", claims: undefined });
  await renate.presses("#erlauben");
  await renate.sees("device: consent");
  await renate.presses("#senden");
  await renate.sees("device: done");
  const { claims } = await service.polls(issuer, machine);
  assert.equal(claims.aud, "automat");
  await renate.presses('main a[href="/dienste"]');
  await renate.sees("services");
  await renate.reads(renate.says("Fahrkarten", "Tickets"));

  const again = await service.device(issuer);
  await renate.opens("/geraet");
  await typesTheCode(renate, again.user_code);
  await renate.sees("device: whose?");
  await renate.presses("#erlauben");
  await renate.sees("device: done");
  assert.equal((await service.polls(issuer, again)).claims.sub, claims.sub);
}

/** Somebody says on the telephone that they are from the city, and that Emre has to type a code. */
export async function isAskedForACode(arrives, { service, issuer }) {
  const emre = await arrives("emre");
  await hasAccount(emre);
  const machine = await service.device(issuer);
  await emre.opens("/geraet");
  await emre.reads(emre.says("nicht am Telefon", "not on the phone"));
  await typesTheCode(emre, machine.user_code);
  await emre.sees("device: whose?");
  await emre.presses("#ablehnen");
  await emre.sees("device: denied");
  assert.equal((await service.polls(issuer, machine)).error, "access_denied");
  await emre.opens("/dienste");
  await emre.sees("services, none");
}

export async function levelTooLow(arrives, { service, issuer }) {
  const nadine = await arrives("nadine");
  await hasAccount(nadine);
  const acr = { essential: true, value: "http://eidas.europa.eu/LoA/substantial" };
  const machine = await service.device(issuer, { claims: JSON.stringify({ id_token: { acr } }) });
  await nadine.opens("/geraet");
  await typesTheCode(nadine, machine.user_code);
  await nadine.sees("device: level too low");
  await nadine.presses("#zurueck-zum-dienst");
  await nadine.sees("device: denied");
  assert.equal((await service.polls(issuer, machine)).error, "access_denied");
}
