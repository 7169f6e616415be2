// Pages that explain: about the account, about mails, about what went wrong.

import assert from "node:assert/strict";

export async function readsAboutTheAccount(arrives) {
  const renate = await arrives("renate");
  await renate.opens("/");
  await renate.sees("start");
  for (const [path, page] of [
    ["/impressum", "imprint"],
    ["/datenschutz", "privacy"],
    ["/barrierefreiheit", "accessibility"],
    ["/hilfe", "help"],
  ]) {
    await renate.presses(`footer a[href="${path}"]`);
    await renate.sees(page);
  }
  await renate.reads("hilfe@musterhausen.example");
}

/** The other language stays, also for a service's own page in between. */
export async function changesTheLanguage(arrives) {
  const emre = await arrives("emre");
  const language = () => emre.page.evaluate(() => document.documentElement.lang);
  const [own, other] = emre.says(["de", "en"], ["en", "de"]);
  await emre.opens("/anmelden");
  assert.equal(await language(), own);
  await emre.presses(".nk-tools a[hreflang]");
  assert.equal(await language(), other);
  assert.equal(new URL(emre.page.url()).pathname, "/anmelden");
  await emre.opens("/registrieren");
  assert.equal(await language(), other);
  const cookies = await emre.context.cookies();
  assert.equal(cookies.find((cookie) => cookie.name === "nk_sprache").value, other);
}

export async function asksWhetherAMailIsGenuine(arrives) {
  const renate = await arrives("renate");
  await renate.opens("/wieder-anmelden/email");
  await renate.types("#email", renate.email);
  await renate.presses("#weiter");
  const mail = await renate.receivesMail();
  await renate.presses('footer a[href="/echt"]');
  await renate.sees("genuine?");
  await renate.presses("#weiter");
  await renate.sees("genuine?, empty");
  // Copied by hand: small letters, no hyphen.
  await renate.types("#code", mail.checkCode.toLowerCase().replace("-", " "));
  await renate.presses("#weiter");
  await renate.sees("genuine?, ours");
  const kind = ["Hinweis, dass es kein Konto zu der Adresse gibt", "note that there is no account for the address"];
  await renate.reads(renate.says(...kind));
  await renate.types("#code", "QF7K-338M");
  await renate.presses("#weiter");
  await renate.sees("genuine?, not ours");
}

export async function wrongTurns(arrives, { service, issuer }) {
  const nadine = await arrives("nadine");
  await nadine.opens("/gibt-es-nicht");
  await nadine.sees("no such page");
  await nadine.presses("#startseite");
  await nadine.sees("start");
  await nadine.opens("/abmelden");
  await nadine.sees("form of another page");
  await nadine.opens(service.request(issuer, "unbekannt").url);
  await nadine.sees("service's request is faulty");
  await nadine.opens("/anmelden");
  await nadine.context.clearCookies();
  await nadine.types("#email", nadine.email);
  await nadine.types("#password", nadine.password);
  await nadine.presses("#weiter");
  await nadine.sees("form without its cookie");
}

