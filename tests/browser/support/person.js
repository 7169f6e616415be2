// Somebody in front of a browser. What a person does and sees, in the words of the stories.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Keyboard, Pointer } from "./hands.js";
import { checkStructure, checkVariant, checkWeight, DESK } from "./page_checks.js";
import { isAt, PAGES, PAGES_OF_THE_DEMONSTRATION } from "./pages.js";
import { Watch } from "./watch.js";

const LOCALES = { de: "de-DE", en: "en-GB" };
const PATIENCE_MILLISECONDS = 20_000;

/** Who the people are. The address is made unique for each story. */
const PEOPLE = {
  renate: { given: "Renate Hildegard", family: "Müller-Lüdenscheidt", birth: ["12", "5", "1959"] },
  emre: { given: "Emre", family: "Yılmaz", birth: ["3", "11", "1992"] },
  nadine: { given: "Nadine", family: "Weber", birth: ["27", "3", "1987"] },
};

export class Person {
  #world;
  #hands;
  #watch;

  /** `world` holds what all stories of one run share; `options` say what is special about this browser. */
  static async arrive(world, name, options = {}) {
    const person = new Person();
    person.#world = world;
    Object.assign(person, { name, ...PEOPLE[name] });
    person.email = `${name}.${randomBytes(3).toString("hex")}@postfach-musterhausen.example`;
    person.password = `Rhabarber Leuchtturm ${name} 1848`;
    await person.#openBrowser(options);
    return person;
  }

  /** The same person in front of another device. */
  async onAnotherDevice() {
    const other = this.#again();
    await other.#openBrowser({});
    return other;
  }

  /** The same person in another window of the same browser. */
  async inAnotherWindow() {
    const other = this.#again();
    await other.#openWindow({});
    return other;
  }

  #again() {
    const other = Object.assign(new Person(), this);
    other.#world = this.#world;
    return other;
  }

  async #openBrowser({ keyboard, scripts = true }) {
    const { browser, language } = this.#world;
    this.context = await browser.newContext({
      locale: LOCALES[language],
      timezoneId: "Europe/Berlin",
      viewport: DESK,
      javaScriptEnabled: scripts,
    });
    this.context.setDefaultTimeout(PATIENCE_MILLISECONDS);
    this.hasScripts = scripts;
    await this.#openWindow({ keyboard });
  }

  async #openWindow({ keyboard = false }) {
    this.page = await this.context.newPage();
    this.#hands = keyboard ? new Keyboard(this.page) : new Pointer(this.page);
    this.#watch = await Watch.over(this.page);
  }

  async leaves() {
    await this.context.close();
  }

  get language() {
    return this.#world.language;
  }

  /** The words of this person's language. */
  says(german, english) {
    return this.language === "de" ? german : english;
  }

  /** The date of birth as people write it. */
  get birthday() {
    const [day, month, year] = this.birth;
    const name = new Intl.DateTimeFormat(LOCALES[this.language], { month: "long" }).format(new Date(2000, month - 1));
    return this.says(`${day}. ${name} ${year}`, `${day} ${name} ${year}`);
  }

  // --- Doing ---

  /** The device learns to hold passkeys, and its owner unlocks it whenever it asks, or not, as the result is told. */
  async getsPasskeys() {
    const devtools = await this.context.newCDPSession(this.page);
    await devtools.send("WebAuthn.enable");
    const options = {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    };
    const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", { options });
    return (enabled) => devtools.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled });
  }

  /** The next time the device asks, its owner says no. */
  async willCancel() {
    await this.page.evaluate(() => {
      const no = () => Promise.reject(new DOMException("cancelled", "NotAllowedError"));
      navigator.credentials.create = no;
      navigator.credentials.get = no;
    });
  }

  /** Waits until the page leads elsewhere by itself. */
  async isLedTo(path) {
    const isThere = ({ origin, pathname }) => origin === this.#world.provider.issuer && pathname === path;
    await this.page.waitForURL(isThere, { waitUntil: "load" });
  }

  async opens(address) {
    await this.page.goto(address.startsWith("/") ? this.#world.provider.issuer + address : address);
  }

  async reloads() {
    await this.page.reload();
  }

  async types(selector, text) {
    await this.#hands.type(selector, text);
  }

  async ticks(selector) {
    await this.#hands.tick(selector);
  }

  /** Chooses from a list. */
  async chooses(selector, value) {
    await this.page.selectOption(selector, value);
  }

  /** Presses a button or a link, and waits for the page behind it. */
  async presses(selector) {
    await this.#loads(() => this.#hands.press(selector));
  }

  /** Follows the first link with this name, and waits for the page behind it: a page that is left early is not there as a whole. */
  async follows(name, options = {}) {
    await this.#loads(() => this.page.getByRole("link", { name, ...options }).first().click());
  }

  /** Presses a link that leads to another place on the same page. */
  async jumps(selector) {
    await this.#hands.press(selector);
  }

  /** Presses a button that answers with a file; where it was put. The page stays. */
  async downloads(selector) {
    const [file] = await Promise.all([this.page.waitForEvent("download"), this.#hands.press(selector)]);
    return { name: file.suggestedFilename(), path: await file.path() };
  }

  /** Presses Enter in the field that was typed into last. */
  async pressesEnter() {
    await this.#loads(() => this.page.keyboard.press("Enter"));
  }

  async #loads(act) {
    const loaded = this.page.waitForEvent("load");
    await Promise.all([loaded, act()]);
  }

  /** Waits until the page and all that it needs have arrived. An icon comes after everything else, and only where there is a window for it. */
  async waitsForEverything() {
    const needed = await this.page.evaluate(() => document.querySelectorAll("link[href]:not([rel~=icon]), script[src]").length);
    await this.#watch.allArrived(1 + needed);
  }

  /** Takes the next mail out of the own mailbox. */
  async receivesMail() {
    return this.#world.provider.mailbox.next(this.email);
  }

  // --- Seeing ---

  /** Sees a page of pages.js. The first time in a run it is checked from all sides. */
  async sees(name) {
    const expected = PAGES[name] ?? PAGES_OF_THE_DEMONSTRATION[name];
    assert.ok(expected, `pages.js does not know "${name}"`);
    const { origin, pathname } = new URL(this.page.url());
    const isThere = origin === this.#world.provider.issuer && isAt(expected, pathname) && this.#watch.status === expected.status;
    if (!isThere) assert.fail(`not on the page "${name}" (${expected.status}): ${await this.#whereabouts()}`);
    await this.#hands.arrive();
    if (this.hasScripts && this.#world.isNew(name)) await this.#checks(name, expected);
    assert.deepEqual(this.#watch.takeProblems(), [], `what the browser says about "${name}"`);
  }

  /** Where somebody is instead, in the words of that page. */
  async #whereabouts() {
    const headings = await this.page.locator("h1").allInnerTexts().catch(() => []);
    return `at ${this.page.url()}, status ${this.#watch.status}, "${headings.join(" / ")}"`;
  }

  /** Sees a page of a service that is ours, too. The first time in a run it is checked from all sides. */
  async seesOf(origin, name) {
    const isThere = new URL(this.page.url()).origin === origin;
    if (!isThere) assert.fail(`not on the page "${name}" of ${origin}: ${await this.#whereabouts()}`);
    if (this.#world.isNew(name)) await this.#checksVariants(name, origin);
    assert.deepEqual(this.#watch.takeProblems(), [], `what the browser says about "${name}"`);
  }

  /** Reads a text on the page. */
  async reads(...texts) {
    const content = await this.page.locator("body").innerText();
    for (const text of texts) assert.ok(content.includes(text), `"${text}" is not on the page:\n${content}`);
  }

  async doesNotRead(text) {
    const content = await this.page.locator("body").innerText();
    assert.ok(!content.includes(text), `"${text}" is on the page`);
  }

  async isIn(selector) {
    const focused = await this.page.evaluate(() => `#${document.activeElement.id}`);
    assert.equal(focused, selector, "the focus");
  }

  /** What the browser has brought to the service: the parameters of its address. */
  arrivesAt(service, path) {
    const url = new URL(this.page.url());
    assert.equal(url.origin + url.pathname, service.origin + path);
    this.#watch.takeProblems(); // the service's page is not ours
    return Object.fromEntries(url.searchParams);
  }

  async #checks(name, expected) {
    const { provider, report, title } = this.#world;
    const { page, language } = this;
    const isRefused = expected.status === 422;
    report.check(`${title} · ${name} · structure`, await checkStructure({ page, language, isRefused }));
    await this.#checksVariants(name, provider.issuer);
  }

  async #checksVariants(name, issuer) {
    const { report, variants, title } = this.#world;
    const { page } = this;
    // A page without its style sheet looks wrong from all sides.
    await this.waitsForEverything();
    for (const variant of variants) {
      const { scheme, viewport } = variant;
      report.check(`${title} · ${name} · ${scheme} · ${viewport.width} px`, await checkVariant(page, variant));
      await this.#takePicture(name, variant);
    }
    await page.setViewportSize(DESK);
    await page.emulateMedia({ colorScheme: null });
    const facts = { page, watch: this.#watch, issuer };
    report.check(`${title} · ${name} · weight`, await checkWeight(facts));
  }

  async #takePicture(name, { scheme, viewport }) {
    const { pictures } = this.#world;
    if (!pictures) return;
    const file = `${name.replace(/[^a-z]+/g, "-")}.${this.language}.${scheme}.${viewport.width}.png`;
    await this.page.screenshot({ path: join(pictures, file), fullPage: true });
  }
}
