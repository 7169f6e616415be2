// A bakery is shown with the account that it has in another Land: a firm that is not the one there, somebody who changes her mind,
// and then the bakery itself.

import assert from "node:assert/strict";
import { readsTheDevice, signsInAtTheAccount } from "./demo.js";

const BAKERY = "Bäckerei Weber GmbH";
const PASSWORD = "wolke-gondel-tisch-42";
const isAt = (person, origin) => assert.equal(new URL(person.page.url()).origin, origin, person.page.url());

/** There, with password and device, for the firm of that name. */
async function signsInThere(nadine, demo, firm) {
  isAt(nadine, demo.otherLand);
  await nadine.types("#email", "nadine.weber@nordmark.example");
  await nadine.types("#password", PASSWORD);
  await nadine.presses("#weiter");
  await nadine.types("#code", await readsTheDevice(nadine, { issuer: demo.otherLand }));
  await nadine.presses("#weiter");
  await nadine.seesOf(demo.otherLand, "other Land, for whom");
  await nadine.page.getByLabel(new RegExp(`^${firm}`)).check();
  await nadine.presses("#weiter");
}

export async function showsTheBakery(arrives, { demo }) {
  const nadine = await arrives("nadine");
  nadine.email = "nadine.weber@example.org";
  await nadine.opens(`${demo.issuer}/anmelden`);
  await signsInAtTheAccount(nadine);
  await nadine.types("#code", await readsTheDevice(nadine, demo));
  await nadine.presses("#weiter");
  await nadine.opens(`${demo.issuer}/organisation`);
  await nadine.follows(BAKERY);
  const bakery = nadine.page.url().split("?")[0];
  // In a second language it has been shown before, and that can be repeated.
  if (await nadine.page.locator("#nachweis").count()) {
    await nadine.seesOf(demo.issuer, "organisation, not shown");
    await nadine.presses("#nachweis");
  } else {
    await nadine.opens(`${bakery}/nachweis`);
  }
  await nadine.seesOf(demo.issuer, "organisation: account");
  await nadine.reads(
    nadine.says("Wer die Organisation vertreten darf, weiß das andere Konto nicht.", "Who may represent the organisation the other account does not know."),
  );
  await nadine.presses("#mit-nordmark-organisationen");
  await signsInThere(nadine, demo, "Café Weber");
  // In a second language she has agreed before.
  if (await nadine.page.locator("#senden").count()) {
    await nadine.seesOf(demo.otherLand, "other Land, consent for an organisation");
    await nadine.presses("#senden");
  }
  await nadine.seesOf(demo.issuer, "organisation: account, differs");
  await nadine.reads("Name: Café Weber UG");
  await nadine.presses("#weiter");

  await nadine.presses("#mit-nordmark-organisationen");
  await signsInThere(nadine, demo, BAKERY);
  if (await nadine.page.locator("#senden").count()) await nadine.presses("#senden");
  await nadine.seesOf(demo.issuer, "organisation: account, shown");
  await nadine.reads(nadine.says("Die Organisation ist mit dem anderen Konto nachgewiesen.", "The organisation is proven with the other account."));
  assert.equal(await nadine.page.locator("#niveau").innerText(), nadine.says("substanziell", "substantial"));
}
