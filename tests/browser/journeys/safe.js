// Documents: several are uploaded at once, one gets a new version and another name, a service asks for one and fetches it until that is ended,
// what a notice has brought is copied, one is deleted.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../support/wait.js";
import { signsInAtTheAccount, text } from "./demo.js";

const DECISION = { de: "Bescheid über Ihren Bewohnerparkausweis", en: "Decision on your resident parking permit" };
const PDF = Buffer.from("%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n");

/** More than lies on the way between two programs, so that an end is felt at the other one. */
const LONG_BYTES = 30_000_000;

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
  await endsInTheMiddle(renate, demo.service);
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
  await renate.follows("Urkunde.pdf", { exact: true });
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
  await renate.follows("Geburtsurkunde.pdf");
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

/** The service of the demonstration asks for a document, gets it, and gets it no more once she has ended that. */
async function isAsked(renate, service) {
  await renate.opens(service);
  if ((await renate.page.locator("#anmelden").count()) > 0) await renate.presses("#anmelden");
  if ((await renate.page.locator("#senden").count()) > 0) await renate.presses("#senden");
  await asks(renate, "Geburtsurkunde");
  await renate.sees("safe: a service asks");
  await renate.reads("Elterngeld", renate.says("Elektronisches Siegel: keins", "Electronic seal: none"));
  await renate.presses("#pruefen");
  await renate.sees("safe: a service asks, nothing chosen");
  await renate.types("#suche", renate.says("Heiratsurkunde", "Marriage certificate"));
  await renate.presses("#anwenden");
  await renate.sees("safe: a service asks, nothing found");
  await renate.presses("#zuruecksetzen");
  await renate.reads("Notiz.txt");
  await choosesAndShares(renate, "geburtsurkunde");
  await renate.seesOf(service, "demo service, document shared");
  assert.match(await text(renate, "#dokument-name"), /^Geburtsurkunde\.pdf$/);
  assert.match(await text(renate, "#dokument-siegel"), /^keins/);
  await renate.presses("#dokument-abrufen");
  await renate.seesOf(service, "demo service, document fetched");
  await renate.reads("Länge und Prüfsumme passen", "Length and checksum fit", await text(renate, "#dokument-sha256"));
  const account = await renate.inAnotherWindow();
  await account.opens("/safe");
  await account.follows("Geburtsurkunde.pdf", { exact: true });
  await account.presses("#freigaben li:first-child button");
  await account.reads(renate.says("Die Freigabe ist beendet.", "It is not shared any more."));
  await renate.presses("#dokument-abrufen");
  await renate.seesOf(service, "demo service, document gone");
  await renate.reads("Die Freigabe gibt es nicht mehr", "The share is gone", "HTTP 410");
}

/** She ends a share while the service is fetching: what has come until then is all that comes. */
async function endsInTheMiddle(renate, service) {
  const path = await uploadsALongOne(renate);
  await renate.opens(service);
  await asks(renate, "Grundbuchauszug");
  await choosesAndShares(renate, "grundbuch");
  const account = await renate.inAnotherWindow();
  await account.opens(path);
  const fetched = renate.presses("#dokument-langsam-abrufen");
  const hasBegun = async () => {
    await account.reloads();
    return (await text(account, "#freigaben")).includes(renate.says("Abgerufen: 1", "Fetched: 1"));
  };
  await until(hasBegun, () => "the service does not fetch");
  await account.presses("#freigaben li:first-child button");
  await fetched;
  await renate.seesOf(service, "demo service, fetch broken off");
  await renate.reads("mittendrin abgebrochen, weil die Freigabe beendet wurde", "broke off in the middle because the share was ended");
  const [, came] = /(\d+) \/ \d+ Bytes/.exec(await text(renate, "#dokument-ergebnis"));
  assert.ok(Number(came) > 0 && Number(came) < LONG_BYTES, `${came} bytes came`);
  await account.presses("#loeschen");
  await account.presses("#loeschen");
}

/** From a file: so much does not go through the line on which a browser is steered. The path of its page. */
async function uploadsALongOne(renate) {
  const directory = await mkdtemp(join(tmpdir(), "nutzerkonto-safe-"));
  try {
    const bytes = Buffer.alloc(LONG_BYTES, "%");
    PDF.copy(bytes);
    PDF.copy(bytes, LONG_BYTES - PDF.length);
    await writeFile(join(directory, "Grundbuch.pdf"), bytes);
    await renate.opens("/safe/hochladen");
    await renate.page.locator("#dateien").setInputFiles(join(directory, "Grundbuch.pdf"));
    await renate.presses("#weiter");
    return await renate.page.getByRole("link", { name: "Grundbuch.pdf" }).getAttribute("href");
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function asks(renate, kind) {
  await renate.types("#dokument-art", kind);
  await renate.types("#dokument-wofuer", "Elterngeld");
  await renate.presses("#dokument-anfordern");
  if ((await renate.page.locator("#senden").count()) > 0) await renate.presses("#senden");
}

/** Finds a document by a search, and shares it for seven days. */
async function choosesAndShares(renate, searched) {
  await renate.types("#suche", searched);
  await renate.presses("#anwenden");
  await renate.sees("safe: a service asks, found");
  await renate.page.locator("#dokument").check();
  await renate.page.locator("#dauer-7").check();
  await renate.presses("#pruefen");
  await renate.sees("safe: a service asks, check");
  await renate.presses("#freigeben");
}

async function shares(renate) {
  await renate.opens("/safe");
  await renate.follows("Geburtsurkunde.pdf");
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
  await renate.follows(renate.says(DECISION.de, DECISION.en));
  if ((await renate.page.locator("#oeffnen").count()) > 0) await renate.presses("#oeffnen");
  else await renate.presses("#lesen");
  await renate.presses("#in-den-safe");
  await renate.sees("message: into the safe");
  await renate.presses("#ablegen");
  await renate.sees("message: in the safe");
  await renate.opens("/safe");
  await renate.follows(renate.says("Bewohnerparkausweis.pdf", "Resident parking permit.pdf"), { exact: true });
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
