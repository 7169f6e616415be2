// Nadine gives the payroll program of her bakery a key, and ends it.

import { generateKeyPairSync } from "node:crypto";
import { comes } from "./members.js";

export async function givesAProgramAKey(arrives, { demo }) {
  const nadine = await comes(arrives, demo, "nadine", "nadine.weber@example.org");
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  await nadine.opens("/organisation");
  await nadine.follows("Bäckerei Weber GmbH");
  await nadine.presses("#schluessel");
  await nadine.sees("keys, none");
  await nadine.presses("#neu");
  await nadine.sees("key: new");
  await nadine.types("#name", nadine.says("Lohnbuchhaltung", "Payroll"));
  await nadine.types("#schluessel", privateKey.export({ type: "pkcs8", format: "pem" }));
  await nadine.presses("#weiter");
  await nadine.sees("key: new, refused");
  await nadine.reads(nadine.says("Das ist ein privater Schlüssel.", "This is a private key."));
  await nadine.types("#schluessel", publicKey.export({ type: "spki", format: "pem" }));
  await nadine.page.locator("#recht").check();
  await nadine.chooses("#tage", { index: 1 });
  await nadine.presses("#weiter");
  await nadine.sees("key: check");
  await nadine.presses("#aendern");
  await nadine.presses("#weiter");
  await nadine.presses("#anlegen");
  await nadine.sees("key");
  await nadine.reads("oky_");
  await nadine.presses(".nk-back a");
  await nadine.sees("keys");
  await nadine.page.locator("#schluessel a").first().click();
  await nadine.presses("#aktion");
  await nadine.sees("keys, one ended");
}
