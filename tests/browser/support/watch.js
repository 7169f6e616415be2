// Listens to what a browser does behind a page: requests, bytes, errors, breaches of the content security policy.

import { until } from "./wait.js";

const ABOUT_STATUS = /^Failed to load resource: the server responded with a status of \d+/;

// A virtual authenticator chooses a passkey by itself, and the page goes on without anybody having touched it.
const WENT_ON_BY_ITSELF = "NavigationEntryMarkedSkippable";
const WRONG_AUTOCOMPLETE = "FormInputHasWrongButWellIntendedAutocompleteValueError";

export class Watch {
  /** What went wrong since anybody last asked. */
  #problems = [];
  #load = { requests: new Map() };

  static async over(page) {
    const watch = new Watch();
    page.on("console", (message) => watch.#console(message));
    page.on("pageerror", (error) => watch.#problems.push(`script error: ${error.message}`));
    const devtools = await page.context().newCDPSession(page);
    devtools.on("Network.requestWillBeSent", (event) => watch.#requested(event));
    devtools.on("Network.responseReceived", (event) => watch.#answered(event));
    devtools.on("Network.loadingFinished", (event) => watch.#finished(event));
    devtools.on("Network.loadingFailed", (event) => watch.#failed(event));
    devtools.on("Audits.issueAdded", ({ issue }) => watch.#issue(issue));
    await devtools.send("Network.enable");
    await devtools.send("Network.setCacheDisabled", { cacheDisabled: true });
    await devtools.send("Audits.enable");
    return watch;
  }

  /** The status of the page that is shown. */
  get status() {
    return this.#load.document?.status;
  }

  /** Every request of the page that is shown, as if it had never been visited before. */
  get requests() {
    return [...this.#load.requests.values()];
  }

  /** Waits until this many requests have been answered. */
  async allArrived(count) {
    const arrived = () => this.requests.filter((request) => request.isOver).length >= count;
    await until(arrived, () => `not all loaded: ${JSON.stringify(this.requests)}`);
  }

  /** Hands over what went wrong, and forgets it. */
  takeProblems() {
    return this.#problems.splice(0);
  }

  #console(message) {
    if (message.type() !== "error" && message.type() !== "warning") return;
    const { url } = message.location();
    // The browser mentions the status of a refused page itself; journeys compare that status.
    const aboutPage = url.split("#")[0] === this.#load.document?.url && ABOUT_STATUS.test(message.text());
    if (!aboutPage) this.#problems.push(`console: ${message.text()} (${url})`);
  }

  /** The request for a page names the load that begins with it; everything the page needs names that load. */
  #requested({ requestId, loaderId, request, type }) {
    const entry = { url: request.url, bytes: 0 };
    if (type === "Document" && loaderId !== this.#load.id) {
      this.#load = { id: loaderId, requests: new Map() };
    }
    if (loaderId !== this.#load.id) return; // a straggler of the page before
    if (type === "Document") this.#load.document = entry;
    this.#load.requests.set(requestId, entry);
  }

  #answered({ requestId, response }) {
    const entry = this.#load.requests.get(requestId);
    if (entry) entry.status = response.status;
  }

  #finished({ requestId, encodedDataLength }) {
    const entry = this.#load.requests.get(requestId);
    if (entry) Object.assign(entry, { bytes: encodedDataLength, isOver: true });
  }

  #failed({ requestId, errorText, canceled }) {
    const entry = this.#load.requests.get(requestId);
    if (entry) entry.isOver = true;
    // Whoever goes on before everything is there cancels the rest.
    if (entry && !canceled) this.#problems.push(`not loaded: ${entry.url}: ${errorText}`);
  }

  #issue({ code, details }) {
    // Chromium does not know "nickname", which HTML defines; axe judges these values by the standard.
    if ([WRONG_AUTOCOMPLETE, WENT_ON_BY_ITSELF].includes(details.genericIssueDetails?.errorType)) return;
    this.#problems.push(`issue ${code}: ${JSON.stringify(details)}`);
  }
}
