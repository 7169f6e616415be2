// Somebody who represents a bakery, and has a mandate of somebody else: for whom they act, what a service gets of those, and where they
// see it.

import assert from "node:assert/strict";
import { readsTheDevice, signsInAtTheAccount, text } from "./demo.js";

const BAKERY = "Bäckerei Weber GmbH";
const json = async (person, selector) => JSON.parse(await person.page.locator(selector).innerText());

export async function actsForTheBakery(arrives, { demo }) {
  const nadine = await arrives("nadine");
  nadine.email = "nadine.weber@example.org";
  await nadine.opens(demo.service);
  await nadine.presses("#organisation");
  await signsInAtTheAccount(nadine);
  await nadine.types("#code", await readsTheDevice(nadine, demo));
  await nadine.presses("#weiter");
  await nadine.seesOf(demo.issuer, "acting: choose, on the way to a service");
  await nadine.presses("#weiter");
  await nadine.seesOf(demo.issuer, "acting: choose, refused");
  await nadine.page.locator("input[value^=mem_]").check();
  await nadine.presses("#weiter");
  await nadine.seesOf(demo.issuer, "consent, for an organisation");
  await nadine.reads(nadine.says(`Sie handeln für ${BAKERY}.`, `You act for ${BAKERY}.`));
  await nadine.presses("#senden");
  await nadine.seesOf(demo.service, "demo service, acting for an organisation");
  assert.match(await text(nadine, "#handelt-fuer"), new RegExp(`^${BAKERY} `));
  const bakery = await json(nadine, "#id-token");
  assert.equal(bakery.act.role, "representative");

  await nadine.opens(`${demo.issuer}/konto`);
  await nadine.seesOf(demo.issuer, "account, acting for an organisation");
  assert.match(await text(nadine, "#handeln"), new RegExp(BAKERY));
  await nadine.presses("#wechseln");
  await nadine.seesOf(demo.issuer, "acting: choose");
  await nadine.opens(`${demo.issuer}/anmelden/wahl?suche=BAECKEREI`);
  await nadine.seesOf(demo.issuer, "acting: choose, searched");
  await nadine.presses("a[id^=dienste-mem_]");
  await nadine.seesOf(demo.issuer, "services of an organisation");
  await nadine.presses("a[href$=beenden]");
  await nadine.seesOf(demo.issuer, "end a connection of an organisation");
  await nadine.presses("#beenden");
  await nadine.seesOf(demo.issuer, "services of an organisation, none");
  await nadine.presses("#wechseln");
  await nadine.page.locator("#ich").check();
  await nadine.presses("#weiter");
  assert.doesNotMatch(await text(nadine, "#handeln"), new RegExp(BAKERY));

  await nadine.opens(demo.service);
  await nadine.presses("#prompt-login");
  await signsInAtTheAccount(nadine);
  await nadine.types("#code", await readsTheDevice(nadine, demo));
  await nadine.presses("#weiter");
  if (await nadine.page.locator("#senden").count()) await nadine.presses("#senden");
  const own = await json(nadine, "#id-token");
  assert.ok(own.sub !== bakery.sub && own.sub !== bakery.act.sub && !("act" in own));
}

export async function actsUnderAMandate(arrives, { demo }) {
  const nadine = await arrives("nadine");
  nadine.email = "nadine.weber@example.org";
  await nadine.opens(demo.service);
  await nadine.presses("#prompt-consent");
  await signsInAtTheAccount(nadine);
  await nadine.types("#code", await readsTheDevice(nadine, demo));
  await nadine.presses("#weiter");
  await nadine.seesOf(demo.issuer, "acting: choose, with a mandate");
  await nadine.page.locator("input[value^=mdt_]").check();
  await nadine.presses("#weiter");
  await nadine.seesOf(demo.issuer, "consent, for a person");
  // Her card says her name in capital letters, once she has shown it in another story.
  const words = nadine.says(/Sie handeln mit einer Vollmacht für Renate Muster\./i, /You act for Renate Muster under a mandate\./i);
  assert.match(await text(nadine, "main"), words);
  await nadine.presses("#senden");
  await nadine.seesOf(demo.service, "demo service, acting for a person");
  assert.match(await text(nadine, "#handelt-fuer"), /^Renate Muster \(Vollmacht/i);
  const renate = await json(nadine, "#id-token");
  assert.equal(renate.act.role, "mandate");
  assert.deepEqual(renate.act.scope, ["read", "answer", "submit"]);

  await nadine.opens(`${demo.issuer}/konto`);
  assert.match(await text(nadine, "#handeln"), nadine.says(/Renate Muster \(Vollmacht\)/i, /Renate Muster \(mandate\)/i));
  await nadine.presses("#postfach-der-partei");
  await nadine.seesOf(demo.issuer, "postbox of a principal");
  assert.match(await text(nadine, "main"), /Renate Muster/i);
  await nadine.opens(`${demo.issuer}/daten/protokoll`);
  await nadine.reads(renate.act.mandate);
  await nadine.presses("#wechseln");
  await nadine.page.locator("#ich").check();
  await nadine.presses("#weiter");
  assert.doesNotMatch(await text(nadine, "#handeln"), /Renate/);
}
