// What people do on the pages. A journey looks where it is and does what that page asks for, so that it can also go on
// where another one was cut off.

import assert from 'node:assert/strict';
import { until } from './check.mjs';
import { Browser } from './browser.mjs';
import { sixDigits } from './mail.mjs';

/** Does a step; journeys that want to be disturbed replace it. */
const undisturbed = (_name, act) => act();

export async function signIn(browser, email, password) {
  const page = await browser.open('/anmelden');
  return browser.press(page, 'weiter', { email, password });
}

/** Whether a fresh browser gets in with this password. Anything but a clear yes or no is an error. */
export async function canSignIn(issuer, email, password, options) {
  const browser = new Browser(issuer, options);
  const page = await signIn(browser, email, password);
  if (page.path === '/konto' && page.status === 200) {
    return browser;
  }
  assert.deepEqual([page.path, page.status], ['/anmelden', 422], page.text.slice(0, 300));
  return undefined;
}

export async function isSignedIn(browser) {
  const page = await browser.open('/konto');
  assert.equal(page.status, 200);
  return page.path === '/konto';
}

/** The six digits from the mail; `undefined` if none came. */
async function mailedCode(mailbox, email, patience) {
  try {
    return sixDigits(await until('a code', patience, () => mailbox.peek(email, sixDigits)));
  } catch (error) {
    if (error.code === 'ERR_ASSERTION') {
      return undefined;
    }
    throw error;
  }
}

export const REGISTRATION_STEPS = ['email', 'code', 'name', 'passwort', 'wiederherstellung', 'pruefen'];

/** Registers a person, beginning or going on at `page`. Returns the page at the end and the recovery codes shown. */
export async function register(browser, mailbox, person, { page, step = undisturbed, patience = 15 } = {}) {
  page ??= await browser.open('/registrieren');
  const press = (name, button, fields) => step(name, () => browser.press(page, button, fields));
  let codes;
  for (let steps = 0; page.path !== '/registrieren/fertig'; steps += 1) {
    const name = page.path.split('/')[2];
    assert.ok(steps < 20 && page.status < 300, `registration stands at ${page.path} (${page.status}): ${page.text}`);
    switch (name) {
      case undefined:
        page = await browser.open(page.body.match(/id="beginnen" href="([^"]*)"/)[1]);
        break;
      case 'email':
        page = await press(name, 'weiter', { email: person.email });
        break;
      case 'code': {
        // Whoever gets no mail asks for another.
        const code = await mailedCode(mailbox, person.email, patience);
        page = code ? await press(name, 'weiter', { code }) : await browser.open('/registrieren/email');
        break;
      }
      case 'name': {
        const [birth_year, birth_month, birth_day] = person.birthDate.split('-');
        const { givenNames: given_names, familyName: family_name } = person;
        page = await press(name, 'weiter', { given_names, family_name, birth_day, birth_month, birth_year });
        break;
      }
      case 'passwort':
        page = await press(name, 'weiter', { password: person.password });
        break;
      case 'wiederherstellung':
        codes = [...page.body.matchAll(/<li>([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})<\/li>/g)].map(([, code]) => code);
        page = await press(name, 'weiter', { kept: 'ja' });
        break;
      case 'pruefen':
        page = await press(name, 'anlegen');
        break;
      default:
        assert.fail(`registration has led to ${page.url}`);
    }
  }
  return { page, codes };
}

export const RESET_STEPS = ['adresse', 'code', 'passwort'];

/** Sets a new password with a code from the mail. */
export async function resetPassword(browser, mailbox, email, password, { step = undisturbed } = {}) {
  let page = await browser.open('/wieder-anmelden/email');
  page = await step('adresse', () => browser.press(page, 'weiter', { email }));
  const code = await mailedCode(mailbox, email, 15);
  page = await step('code', () => browser.press(page, 'weiter', { code }));
  assert.equal(page.path, '/wieder-anmelden/passwort', page.text);
  page = await step('passwort', () => browser.press(page, 'weiter', { password }));
  assert.deepEqual([page.path, page.status], ['/wieder-anmelden/fertig', 200], page.text);
}

let people = 0;

/** A person nobody has met before. */
export function somebody(name = 'person') {
  people += 1;
  return {
    email: `${name}-${people}@example.org`,
    givenNames: 'Thị Mai',
    familyName: 'Nguyễn-Müller',
    birthDate: '1987-03-27',
    password: `gondel-rabe-${people}-tischlampe`,
  };
}
