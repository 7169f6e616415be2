// A service that has registered itself, and that nobody has checked.

import assert from "node:assert/strict";
import { hasAccount } from "./registration.js";

function brings(person, service, request, name) {
  const { state, iss, ...rest } = person.arrivesAt(service, "/rueckkehr");
  assert.deepEqual([state, iss], [request.state, request.issuer]);
  assert.ok(rest[name], `${name} in ${JSON.stringify(rest)}`);
  return rest[name];
}

async function seesTheWarning(person, service) {
  await person.sees("unchecked");
  await person.reads(new URL(service.origin).hostname, person.says("Hofladen", "Farm shop"));
  await person.reads(person.says("hat ihn nicht geprüft", "has not checked it"));
  await person.reads(person.says("Nutzungsbedingungen des Dienstes", "Terms of use of the service"));
}

/** Back first, which ends at a page that leads nowhere by itself; then on, with one datum chosen. */
export async function isMetWithCare(arrives, { provider, service, issuer }, browser = {}) {
  const person = await arrives("emre", browser);
  await hasAccount(person);
  const client = await service.register(issuer, await provider.registrationToken());

  const first = service.request(issuer, client);
  await person.opens(first.url);
  await seesTheWarning(person, service);
  await person.presses("#zurueck");
  await person.sees("unchecked: held");
  await person.reads(person.says("Er hat keine Daten bekommen", "It has got no data"));
  await person.presses("#weiter-zum-dienst");
  assert.equal(brings(person, service, first, "error"), "access_denied");

  const second = service.request(issuer, client);
  await person.opens(second.url);
  await seesTheWarning(person, service);
  await person.presses("#trotzdem");
  await person.sees("unchecked: consent");
  await person.ticks("#daten-email");
  await person.presses("#senden");
  const told = await service.redeem(second, brings(person, service, second, "code"));
  assert.equal(told.claims.aud, client);
  assert.deepEqual([told.person.email, told.person.given_name], [person.email, undefined]);

  const third = service.request(issuer, client);
  await person.opens(third.url);
  assert.ok(brings(person, service, third, "code"), "agreed to before: nothing is asked");
}
