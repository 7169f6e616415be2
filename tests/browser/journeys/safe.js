// Documents: several are uploaded at once, one gets a new version and another name, what a notice has brought is copied, one is deleted.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { signsInAtTheAccount, text } from "./demo.js";

const DECISION = { de: "Bescheid über Ihren Bewohnerparkausweis", en: "Decision on your resident parking permit" };
const PDF = Buffer.from("%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n");

const file = (name, buffer) => ({ name, mimeType: "application/octet-stream", buffer });

export async function keepsDocuments(arrives, { demo }, options) {
  const renate = await arrives("renate", options);
  renate.email = renate.says("renate.muster@example.org", "mai.nguyen@example.org");
  await renate.opens("/anmelden");
  await signsInAtTheAccount(renate);
  await renate.opens("/konto");
  await renate.presses("#safe");
  await renate.sees("safe, nothing there");
  await uploads(renate);
  await changes(renate);
  await getsAVersion(renate);
  await isAsked(renate, demo.service);
  await shares(renate);
  await copiesANotice(renate);
  await deletes(renate);
}

async function uploads(renate) {
  await renate.presses("#hochladen");
  await renate.sees("safe: upload");
  await renate.types("#ordner", renate.says("Familie", "Family"));
  const note = Buffer.from("Grüße\n");
  await renate.page.locator("#dateien").setInputFiles([file("Urkunde.pdf", PDF), file("Notiz.txt", note), file("x.exe", note)]);
  await renate.presses("#weiter");
  await renate.sees("safe: upload, one of three refused");
  assert.match(await text(renate, "#ergebnis"), /Urkunde\.pdf.*Notiz\.txt/s);
  assert.match(await text(renate, "#fehler"), /x\.exe/);
  await renate.opens("/safe/hochladen");
  await renate.presses("#weiter");
  await renate.sees("safe: upload, nothing chosen");
  await renate.opens("/safe");
  await renate.sees("safe");
  await renate.reads("Urkunde.pdf", "Notiz.txt", renate.says("Belegt: 1 von 500 MB.", "Used: 1 of 500 MB."));
}

async function changes(renate) {
  await renate.page.getByRole("link", { name: "Urkunde.pdf", exact: true }).click();
  await renate.sees("document");
  await renate.presses("#aendern");
  await renate.sees("document: change");
  await renate.types("#name", "Urkunde");
  await renate.presses("#weiter");
  await renate.sees("document: change, refused");
  await renate.types("#name", "Geburtsurkunde.pdf");
  await renate.types("#schlagwoerter", "Kind, Standesamt");
  for (const [name, value] of [["tag", "27"], ["monat", "3"], ["jahr", "2041"]]) await renate.types(`#ablauf_${name}`, value);
  await renate.presses("#weiter");
  await renate.sees("document, changed");
  await renate.reads("Geburtsurkunde.pdf", renate.says("27. März 2041", "27 March 2041"));
  await renate.opens("/safe/erinnerungen");
  await renate.sees("safe: what expires");
  await renate.opens("/safe");
  await renate.chooses("#schlagwort", "Kind");
  await renate.presses("#anwenden");
  await renate.sees("safe, chosen by tag");
  await renate.doesNotRead("Notiz.txt");
  await renate.page.getByRole("link", { name: "Geburtsurkunde.pdf" }).first().click();
}

async function getsAVersion(renate) {
  await renate.presses("#version");
  await renate.sees("document: new version");
  const bytes = Buffer.concat([Buffer.from("%PDF-1.7\n% neu\n"), PDF.subarray(9)]);
  await renate.page.locator("#dateien").setInputFiles(file("neu.pdf", bytes));
  await renate.presses("#weiter");
  await renate.sees("document, with a new version");
  const { name, path } = await renate.downloads("#herunterladen");
  assert.equal(name, "Geburtsurkunde.pdf");
  const digest = createHash("sha256").update(await readFile(path)).digest("hex");
  assert.equal(digest, createHash("sha256").update(bytes).digest("hex"), "the newest version comes as it was sent");
  assert.ok((await text(renate, "#versionen")).includes(digest), "its checksum stands on the page");
  await renate.presses("#loeschen-1");
  await renate.sees("document: delete a version");
  await renate.presses("#loeschen");
  await renate.sees("document, without the old version");
}

/** A service asks for a document, as any client may. What becomes of that at the service is told elsewhere. */
async function isAsked(renate, service) {
  const query = new URLSearchParams({
    response_type: "code",
    client_id: "bewohnerparken",
    redirect_uri: new URL("/rueckkehr", service).href,
    scope: "openid",
    state: "dokument",
    code_challenge: createHash("sha256").update("dokument").digest("base64url"),
    code_challenge_method: "S256",
    authorization_details: JSON.stringify([
      { type: "document", kinds: [renate.says("Geburtsurkunde", "Birth certificate")], purpose: renate.says("Antrag auf Elterngeld", "Parental allowance"), days: 7 },
    ]),
  });
  await renate.opens(`/oauth2/authorize?${query}`);
  if ((await renate.page.locator("#senden").count()) > 0) await renate.presses("#senden");
  await renate.sees("safe: a service asks");
  await renate.reads(renate.says("Antrag auf Elterngeld", "Parental allowance"));
  await renate.presses("#pruefen");
  await renate.sees("safe: a service asks, nothing chosen");
  await renate.page.locator("#dokument").check();
  await renate.presses("#pruefen");
  await renate.sees("safe: a service asks, check");
  await renate.presses("#freigeben");
}

async function shares(renate) {
  await renate.opens("/safe");
  await renate.page.getByRole("link", { name: "Geburtsurkunde.pdf" }).first().click();
  await renate.presses("#freigeben");
  await renate.sees("document: share");
  await renate.presses("#pruefen");
  await renate.sees("document: share, refused");
  await renate.page.locator("#dienst").check();
  await renate.types("#zweck", renate.says("Nachweis", "Proof"));
  await renate.presses("#pruefen");
  await renate.sees("document: share, check");
  await renate.presses("#freigeben");
  await renate.sees("document, shared");
  await renate.presses("#freigaben li:first-child button");
  await renate.sees("document, shared no more");
}

async function copiesANotice(renate) {
  await renate.opens("/postfach");
  await renate.page.getByRole("link", { name: renate.says(DECISION.de, DECISION.en) }).click();
  if ((await renate.page.locator("#oeffnen").count()) > 0) await renate.presses("#oeffnen");
  else await renate.presses("#lesen");
  await renate.presses("#in-den-safe");
  await renate.sees("message: into the safe");
  await renate.presses("#ablegen");
  await renate.sees("message: in the safe");
  await renate.opens("/safe");
  await renate.page.getByRole("link", { name: renate.says("Bewohnerparkausweis.pdf", "Resident parking permit.pdf"), exact: true }).click();
  await renate.sees("document of a notice");
}

async function deletes(renate) {
  await renate.presses("#loeschen");
  await renate.sees("document: delete");
  await renate.reads(renate.says("Das lässt sich nicht rückgängig machen.", "This cannot be undone."));
  await renate.presses("#loeschen");
  await renate.sees("safe, after deleting");
  await renate.doesNotRead(renate.says("Bewohnerparkausweis.pdf", "Resident parking permit.pdf"));
}
