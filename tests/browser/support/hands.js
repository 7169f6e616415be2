// Two ways to operate a page: with a pointer, and with the keyboard alone.

import { focusProblems, focusState } from "./focus.js";

const RADIO_BUTTONS_MAX = 20;

export class Pointer {
  #page;

  constructor(page) {
    this.#page = page;
  }

  async arrive() {}

  async press(selector) {
    await this.#page.click(selector);
  }

  async tick(selector) {
    // The label, because it is the larger target and what people press.
    await this.#page.click(`label[for="${selector.slice(1)}"]`);
  }

  async type(selector, text) {
    await this.#page.fill(selector, text);
  }
}

export class Keyboard {
  #page;

  constructor(page) {
    this.#page = page;
  }

  /** Walks through the whole page with Tab and back with Shift+Tab: every control, in order, always to be seen. */
  async arrive() {
    // A browser moves the focus to an element with `autofocus` a moment after the page has loaded.
    await this.#page.waitForFunction(() => {
      const first = document.querySelector("[autofocus]");
      return first === null || first === document.activeElement;
    });
    const { count, next } = await this.#page.evaluate(focusState);
    for (let stop = next; stop < count; stop += 1) await this.#step("Tab", stop);
    for (let stop = count - 2; stop >= 0; stop -= 1) await this.#step("Shift+Tab", stop);
  }

  async press(selector) {
    const { isLink } = await this.#reach(selector);
    await this.#page.keyboard.press(isLink ? "Enter" : "Space");
  }

  /** Within a group of radio buttons the arrow keys lead on. */
  async tick(selector) {
    await this.#reach(selector);
    const isThere = () => this.#page.evaluate((wanted) => document.activeElement.matches(wanted), selector);
    for (let presses = 0; !(await isThere()); presses += 1) {
      if (presses === RADIO_BUTTONS_MAX) throw new Error(`${selector} cannot be reached with the arrow keys`);
      await this.#page.keyboard.press("ArrowDown");
    }
    await this.#page.keyboard.press("Space");
  }

  /** Reaching a field with Tab selects what is in it, so that typing replaces it. */
  async type(selector, text) {
    await this.#reach(selector);
    await this.#page.keyboard.type(text);
  }

  async #reach(selector) {
    // A page that has begun may not be there as a whole.
    await this.#page.locator(selector).first().waitFor({ state: "attached" });
    const { current, wanted } = await this.#page.evaluate(focusState, selector);
    if (wanted < 0) throw new Error(`${selector} cannot be reached with Tab`);
    for (let stop = current + 1; stop <= wanted; stop += 1) await this.#step("Tab", stop);
    for (let stop = current - 1; stop >= wanted; stop -= 1) await this.#step("Shift+Tab", stop);
    return this.#page.evaluate(focusState);
  }

  async #step(key, expected) {
    await this.#page.keyboard.press(key);
    const state = await this.#page.evaluate(focusState);
    const problems = focusProblems(state);
    if (state.current !== expected) problems.unshift(`${key} leads to control ${state.current}, not ${expected}`);
    if (problems.length > 0) throw new Error(`${this.#page.url()}: ${problems.join("; ")}\n    ${state.html}`);
  }
}
