// Every page and every state of it that people get to see: where it is, and with which status it comes.
// A refused form (422) must also lead the person to what is wrong.

import { readFileSync } from "node:fs";

const ok = (path) => ({ path, status: 200 });
const refused = (path) => ({ path, status: 422 });

export const PAGES = {
  "start": ok("/"),
  "help": ok("/hilfe"),
  "imprint": ok("/impressum"),
  "privacy": ok("/datenschutz"),
  "accessibility": ok("/barrierefreiheit"),

  "sign-in": ok("/anmelden"),
  "sign-in, empty": refused("/anmelden"),
  "sign-in, wrong": refused("/anmelden"),
  "sign-in, on the way to a service": ok("/anmelden"),
  "sign-in, too many attempts": { path: "/anmelden", status: 429 },
  "signed out": ok("/abgemeldet"),

  "register": ok("/registrieren"),
  "register, on the way to a service": ok("/registrieren"),
  "register: address": ok("/registrieren/email"),
  "register: address, refused": refused("/registrieren/email"),
  "register: code": ok("/registrieren/code"),
  "register: code, wrong": refused("/registrieren/code"),
  "register: name": ok("/registrieren/name"),
  "register: name, refused": refused("/registrieren/name"),
  "register: password": ok("/registrieren/passwort"),
  "register: password, shown": ok("/registrieren/passwort"),
  "register: password, refused": refused("/registrieren/passwort"),
  "register: recovery codes": ok("/registrieren/wiederherstellung"),
  "register: recovery codes, not kept": refused("/registrieren/wiederherstellung"),
  "register: check": ok("/registrieren/pruefen"),
  "register: address taken": { path: "/registrieren/pruefen", status: 409 },
  "register: done": ok("/registrieren/fertig"),
  "register: done, on the way to a service": ok("/registrieren/fertig"),

  "reset: address": ok("/wieder-anmelden"),
  "reset: address, refused": refused("/wieder-anmelden"),
  "reset: code": ok("/wieder-anmelden/code"),
  "reset: code, wrong": refused("/wieder-anmelden/code"),
  "reset: password": ok("/wieder-anmelden/passwort"),
  "reset: password, shown": ok("/wieder-anmelden/passwort"),
  "reset: password, refused": refused("/wieder-anmelden/passwort"),
  "reset: done": ok("/wieder-anmelden/fertig"),

  "account": ok("/konto"),
  "account, with a service": ok("/konto"),
  "profile": ok("/profil"),
  "services, none": ok("/dienste"),
  "services": ok("/dienste"),
  "services, ended": ok("/dienste"),
  "end a connection": ok("/dienste/{id}/beenden"),

  "security": ok("/sicherheit"),
  "security, done": ok("/sicherheit"),
  "security: history": ok("/sicherheit/verlauf"),
  "security: password": ok("/sicherheit/passwort"),
  "security: password, refused": refused("/sicherheit/passwort"),
  "security: codes": ok("/sicherheit/codes"),
  "security: codes, refused": refused("/sicherheit/codes"),
  "security: codes, new": ok("/sicherheit/codes"),
  "security: emergency": ok("/sicherheit/notfall"),
  "security: emergency, ended": ok("/sicherheit/notfall"),
  "further data": ok("/profil/angaben"),
  "further data, refused": refused("/profil/angaben"),
  "further data, filled": ok("/profil/angaben"),
  "profile, saved": ok("/profil"),
  "addresses": ok("/profil/kontakt"),
  "addresses, changed": ok("/profil/kontakt"),
  "addresses: new": ok("/profil/kontakt/neu"),
  "addresses: new, refused": refused("/profil/kontakt/neu"),
  "addresses: codes": ok("/profil/kontakt/codes"),
  "addresses: codes, wrong": refused("/profil/kontakt/codes"),
  "addresses: change": ok("/profil/kontakt/{id}"),
  "addresses: change, refused": refused("/profil/kontakt/{id}"),

  "record": ok("/daten/protokoll"),
  "record: services": ok("/daten/protokoll"),
  "copy": ok("/daten/export"),
  "copy, refused": refused("/daten/export"),
  "copy, ready": ok("/daten/export"),
  "leave": ok("/daten/loeschen"),
  "leave, refused": refused("/daten/loeschen"),
  "left, may return": ok("/daten/geloescht"),
  "return": ok("/daten/rueckkehr"),
  "left": ok("/daten/geloescht"),
  "locked": { path: "/anmelden", status: 403 },

  "consent": ok("/einwilligung"),
  "consent: a choice": ok("/einwilligung"),
  "consent: the law": ok("/einwilligung"),
  "sign-in, on the way to a device": ok("/anmelden"),
  "device": ok("/geraet"),
  "device, empty": refused("/geraet"),
  "device, wrong code": refused("/geraet"),
  "device: whose?": ok("/geraet/pruefen"),
  "device: consent": ok("/einwilligung"),
  "device: level too low": ok("/anmelden/niveau"),
  "device: done": ok("/geraet/fertig"),
  "device: denied": ok("/geraet/abgelehnt"),
  "level too low": ok("/anmelden/niveau"),
  "sign out everywhere": ok("/oauth2/logout"),

  "genuine?": ok("/echt"),
  "genuine?, empty": refused("/echt"),
  "genuine?, ours": ok("/echt"),
  "genuine?, not ours": ok("/echt"),

  "no such page": { path: "/gibt-es-nicht", status: 404 },
  "form without its cookie": { path: "/anmelden", status: 403 },
  "form of another page": { path: "/abmelden", status: 405 },
  "step that is not due": { path: "/registrieren/passwort", status: 409 },
  "service's request is faulty": { path: "/oauth2/authorize", status: 400 },
  "way to the service has ended": { path: "/weiter", status: 410 },
};

/** Whether a path is where this page is. */
export function isAt(page, path) {
  const expected = page.path.split("/");
  const actual = path.split("/");
  return expected.length === actual.length && expected.every((part, i) => part === actual[i] || part.startsWith("{"));
}

// They answer with a redirect or a file, or exist only in a demonstration.
const WITHOUT_A_PAGE = ["/sprache/{language}", "/daten/protokoll.csv", "/static/{file}", "/demo/mail"];

/** Pages of the program that no journey here looks at. */
export function forgottenPages() {
  const table = readFileSync(new URL("../../../src/routes.rs", import.meta.url), "utf8");
  const routes = [...table.matchAll(/\bget\(\s*"([^"]+)",\s*Page,/g)].map(([, path]) => path);
  if (routes.length === 0) throw new Error("src/routes.rs does not look as expected any more");
  const known = new Set([...Object.values(PAGES).map((page) => page.path), ...WITHOUT_A_PAGE]);
  return routes.filter((path) => !known.has(path));
}
