// A bakery that is more than one person: a bookkeeper is invited and gets rights, an office is offered and taken over, and a member
// leaves in the middle of a session at a service.

import assert from "node:assert/strict";
import { readsTheDevice, signsInAtTheAccount, text } from "./demo.js";

const BAKERY = "Bäckerei Weber GmbH";
const SERVICE_RIGHT = "input[name=recht][value^='use_service:']";
const right = (kind) => `input[name=recht][value^='${kind}']`;

/** Signs in with password and device; for themselves, if they are asked for whom. */
export async function comes(arrives, demo, name, email) {
  const person = await arrives(name);
  person.email = email;
  await person.opens("/anmelden");
  await signsInAtTheAccount(person);
  await person.types("#code", await readsTheDevice(person, demo));
  await person.presses("#weiter");
  return person;
}

export async function areSeveral(arrives, { demo }) {
  const nadine = await comes(arrives, demo, "nadine", "nadine.weber@example.org");
  await nadine.opens("/organisation");
  await nadine.follows(BAKERY);
  await nadine.presses("#mitglieder");
  await nadine.sees("members, alone");
  const bakery = new URL(nadine.page.url()).pathname.split("/")[2];
  await arrangesAreas(nadine);
  await invites(nadine, "emre.oeztuerk@example.org");
  const emre = await comes(arrives, demo, "emre", "emre.oeztuerk@example.org");
  await accepts(emre);
  await givesRights(nadine, emre, bakery);
  await getsPostInAnArea(nadine, emre, demo);
  await handsOver(nadine, emre, bakery);
  await leavesInTheMiddle(nadine, emre, demo);
  await readsTheProtocol(nadine, bakery);
}

async function arrangesAreas(nadine) {
  await nadine.presses("#nav-bereiche");
  await nadine.sees("areas");
  await nadine.presses("#anlegen");
  await nadine.sees("areas, refused");
  await nadine.types("#name", nadine.says("Personal", "Personnel"));
  await nadine.presses("#anlegen");
  await nadine.sees("areas, one");
  await nadine.presses("#regel");
  await nadine.sees("areas, with a rule");
  await nadine.presses("#bereiche a");
  await nadine.sees("area");
  await nadine.types("#name", "");
  await nadine.presses("#umbenennen");
  await nadine.sees("area, refused");
  await nadine.types("#name", nadine.says("Lohn", "Wages"));
  await nadine.presses("#umbenennen");
  await nadine.reads(nadine.says("Lohn", "Wages"));
}

async function invites(nadine, address) {
  await nadine.presses("#nav-mitglieder");
  await nadine.presses("#einladen");
  await nadine.sees("invite");
  await nadine.presses("#weiter");
  await nadine.sees("invite, refused");
  await nadine.types("#email", "wrong@example.org");
  await nadine.page.locator(right("audit")).check();
  await nadine.presses("#weiter");
  await nadine.sees("invite: check");
  await nadine.presses("#aendern");
  await nadine.types("#email", address);
  await nadine.presses("#weiter");
  await nadine.reads(address);
  await nadine.presses("#senden");
  await nadine.sees("invitations");
  await nadine.reads(address);
}

async function accepts(emre) {
  let mail;
  do mail = await emre.receivesMail();
  while (!mail.text.includes("/einladung/"));
  const { pathname } = new URL(mail.text.match(/https?:\S+\/einladung\/\S+/)[0]);
  await emre.opens(`${pathname.slice(0, -1)}${pathname.endsWith("0") ? "1" : "0"}`);
  await emre.sees("invited, to nothing");
  await emre.opens(pathname);
  await emre.sees("invited");
  await emre.reads(BAKERY, "Nadine Weber");
  await emre.presses("#annehmen");
  await emre.sees("membership, new");
  await emre.opens(pathname);
  await emre.sees("invited, to nothing");
}

async function givesRights(nadine, emre, bakery) {
  await emre.opens(`/organisation/${bakery}/mitglieder/einladen`);
  await emre.sees("invite, without the right");
  await nadine.presses("#nav-mitglieder");
  await nadine.sees("members");
  await nadine.opens(`/organisation/${bakery}/mitglieder?suche=OZT`);
  await nadine.sees("members, nobody like that");
  await nadine.types("#suche", "oeztuerk");
  await nadine.presses("#suchen");
  await nadine.sees("members, searched");
  await nadine.reads("Emre Can Öztürk");
  await nadine.presses("#alle");
  await nadine.follows("Emre Can Öztürk");
  await nadine.sees("member");
  await nadine.presses("#geben");
  await nadine.sees("member, refused");
  await nadine.page.locator(SERVICE_RIGHT).first().check();
  await nadine.page.locator(right("read_mail")).last().check();
  await nadine.presses("#geben");
  await nadine.sees("member, with more rights");
}

const actsFor = async (person, choice) => {
  await person.page.locator(choice).first().check();
  await person.presses("#weiter");
};

/** A decision of the service for the bakery lies in the area of that service, and Emre, who may read there, opens it. */
async function getsPostInAnArea(nadine, emre, demo) {
  const member = nadine.page.url();
  await nadine.opens(demo.service);
  await nadine.presses("#organisation");
  await actsFor(nadine, "input[value^=mem_]");
  if (await nadine.page.locator("#senden").count()) await nadine.presses("#senden");
  await nadine.presses("#zustellen");
  await nadine.opens(`${demo.issuer}/anmelden/wahl`);
  await actsFor(nadine, "#ich");
  await nadine.opens(member);

  await emre.opens("/anmelden/wahl");
  await actsFor(emre, "input[value^=mem_]");
  await emre.presses("#postfach-der-partei");
  await emre.sees("postbox of an organisation, with areas");
  assert.match(await text(emre, "#nachrichten"), new RegExp(emre.says("Lohn", "Wages")));
  await emre.page.locator("#nachrichten a").first().click();
  await emre.sees("message of an organisation");
  await emre.presses("#oeffnen");
  await emre.sees("message of an organisation: text");
  await emre.opens("/anmelden/wahl");
  await actsFor(emre, "#ich");
}

async function handsOver(nadine, emre, bakery) {
  await nadine.presses("#uebergabe");
  await nadine.sees("handover: offer");
  await nadine.presses("#weiter");
  await nadine.sees("handover: offer, refused");
  await nadine.page.locator("input[name=recht][value=administration]").check();
  await nadine.presses("#weiter");
  await nadine.sees("handover: check");
  await nadine.presses("#anbieten");
  await nadine.sees("membership");
  await emre.opens(`/organisation/${bakery}/mitgliedschaft`);
  await emre.sees("membership, offered an office");
  await emre.presses("#uebergabe-offen");
  await emre.sees("handover: offered");
  await emre.presses("#annehmen-1");
  await emre.sees("membership, with an office");
  await emre.opens(`/organisation/${bakery}/verlassen`);
  await emre.sees("leave an organisation");
  await emre.presses("#aktion");
  await emre.sees("leave an organisation, refused");
  await emre.presses("#uebergabe");
  await emre.sees("handover: nobody chosen");
  await emre.presses("#mitglieder");
  await emre.follows("Nadine Weber");
  await emre.presses("#uebergabe");
  await emre.page.locator("input[name=recht][value=administration]").check();
  await emre.presses("#weiter");
  await emre.presses("#anbieten");
  await nadine.opens(`/organisation/${bakery}/uebergabe`);
  await nadine.presses("#annehmen-1");
}

/** The service learns at its next request that Emre acts for the bakery no longer. */
async function leavesInTheMiddle(nadine, emre, demo) {
  await emre.opens(demo.service);
  await emre.presses("#organisation");
  await emre.page.locator("input[value^=mem_]").first().check();
  await emre.presses("#weiter");
  if (await emre.page.locator("#senden").count()) await emre.presses("#senden");
  await emre.seesOf(demo.service, "demo service, acting for an organisation by a right");
  assert.match(await text(emre, "#handelt-fuer"), new RegExp(`^${BAKERY} `));

  await nadine.presses("#nav-mitglieder");
  await nadine.follows("Emre Can Öztürk");
  await nadine.presses("#beenden");
  await nadine.sees("member: end");
  await nadine.presses("#aktion");
  await nadine.sees("members, one left");
  await nadine.doesNotRead("Öztürk");

  await emre.presses("#erneuern");
  await emre.seesOf(demo.service, "demo service, no longer acting");
  await emre.reads("invalid_grant");
}

async function readsTheProtocol(nadine, bakery) {
  await nadine.presses("#nav-protokoll");
  await nadine.sees("protocol of an organisation");
  await nadine.reads("Emre Can Öztürk");
  const { name } = await nadine.downloads("#csv");
  assert.equal(name, "protokoll.csv");
  await nadine.opens(`/organisation/${bakery}/bereiche`);
  await nadine.presses("#bereiche a");
  await nadine.presses("#aktion");
  await nadine.reads(nadine.says("Das ist erledigt.", "That is done."));
}
