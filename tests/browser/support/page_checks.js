// What must hold for every page, in every language, in light and dark, on a phone and on a desk.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

export const DESK = { width: 1280, height: 900 };
export const PHONE = { width: 320, height: 640 };

const ALL_RULES = {
  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  rules: { "target-size": { enabled: true } },
  resultTypes: ["violations"],
};
const only = (...values) => ({ runOnly: { type: "rule", values }, resultTypes: ["violations"] });
/** What depends on where things are and how large: all else is the same on a desk and on a phone. */
const LAYOUT_RULES = only("color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable", "skip-link");
// The dark scheme has other colours and nothing else (static/nutzerkonto.css): all else is the same as in the light one.
const COLOUR_RULES = only("color-contrast", "link-in-text-block");

/**
 * Every page is looked at on a desk and on a phone in each language, and with all rules in each, on a phone in the one and on a desk in
 * the other. No colour depends on the language; small letters, which a phone has, need more contrast than large ones.
 */
export const GERMAN_VARIANTS = [
  { scheme: "light", viewport: DESK, rules: LAYOUT_RULES },
  { scheme: "light", viewport: PHONE, rules: ALL_RULES },
  { scheme: "dark", viewport: PHONE, rules: COLOUR_RULES },
];
export const ENGLISH_VARIANTS = [
  { scheme: "light", viewport: DESK, rules: ALL_RULES },
  { scheme: "light", viewport: PHONE, rules: LAYOUT_RULES },
];

// Half as long as what `axe.source` holds, and injected into every page.
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const REQUESTS_MAX = 3;
// The script for passkeys, and what it asks for.
const REQUESTS_MORE_WITH_SCRIPT = 2;
const HTML_MAX_BYTES = 30 * 1024;
const TRANSFER_MAX_BYTES = 30 * 1024;

/** The browser moves the focus to where the address points a little after the page is there, later on a busy machine. */
async function focusSettles(page) {
  for (let left = 40; left > 0; left--) {
    if (await page.evaluate(() => document.activeElement.id === "fehler")) return;
    await page.waitForTimeout(50);
  }
}

/** What does not depend on how the page is looked at. */
export async function checkStructure({ page, language, isRefused }) {
  const problems = [];
  const expect = (holds, problem) => holds || problems.push(problem);
  if (isRefused) await focusSettles(page);
  const facts = await page.evaluate(() => ({
    language: document.documentElement.lang,
    title: document.title,
    headings: document.querySelectorAll("h1").length,
    focused: document.activeElement.id,
    summary: [...document.querySelectorAll("#fehler a")].map((link) => link.getAttribute("href")),
    targets: [...document.querySelectorAll("[id]")].map((element) => `#${element.id}`),
  }));
  expect(facts.language === language, `the page says that its language is ${facts.language}`);
  expect(/\S.* – Nutzerkonto$/.test(facts.title), `title: ${facts.title}`);
  expect(facts.headings === 1, `${facts.headings} headings of the first level`);
  const ids = facts.targets;
  expect(new Set(ids).size === ids.length, `ids occur twice: ${ids.filter((id, i) => ids.indexOf(id) !== i)}`);
  if (isRefused) {
    expect(/^(Fehler|Error): /.test(facts.title), `the title does not tell of the problem: ${facts.title}`);
    expect(facts.focused === "fehler", `the focus is not on the summary of problems but on "${facts.focused}"`);
    expect(facts.summary.length > 0, "the summary of problems has no links");
    expect(facts.summary.every((link) => ids.includes(link)), `the summary leads nowhere: ${facts.summary}`);
  }
  return problems;
}

/** What the page has cost so far. */
export async function checkWeight({ page, watch, issuer }) {
  const html = Buffer.byteLength(await page.content());
  const hasScript = (await page.locator("script[src]").count()) > 0;
  const requestsMax = REQUESTS_MAX + (hasScript ? REQUESTS_MORE_WITH_SCRIPT : 0);
  const requests = [...watch.requests, ...(await missingIcons(page, watch.requests))];
  const bytes = requests.reduce((sum, request) => sum + request.bytes, 0);
  const foreign = requests.map(({ url }) => url).filter((url) => !url.startsWith(`${issuer}/`));
  const problems = watch.takeProblems();
  if (html > HTML_MAX_BYTES) problems.push(`${html} bytes of HTML`);
  // Chromium now and then asks twice for the icon; that is its affair.
  const addresses = [...new Set(requests.map(({ url }) => url))];
  // Of a service that has registered itself, its picture.
  const pictures = addresses.filter((url) => /\/dienst\/[^/]+\/logo$/.test(url)).length;
  if (addresses.length > requestsMax + Math.min(pictures, 1)) problems.push(`${addresses.length} requests: ${addresses}`);
  if (bytes === 0 || bytes > TRANSFER_MAX_BYTES) problems.push(`${bytes} bytes transferred`);
  if (foreign.length > 0) problems.push(`requests to others: ${foreign.join(", ")}`);
  return problems;
}

/** A browser without windows asks for no icon. It counts all the same. */
async function missingIcons(page, requests) {
  const named = await page.evaluate(() => [...document.querySelectorAll("link[rel~=icon]")].map(({ href }) => href));
  const missing = named.filter((url) => !requests.some((request) => request.url === url));
  return Promise.all(
    missing.map(async (url) => {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(`the icon ${url}: ${answer.status}`);
      return { url, bytes: (await answer.arrayBuffer()).byteLength };
    }),
  );
}

/** What may be right in one variant and wrong in another. */
export async function checkVariant(page, { scheme, viewport, rules }) {
  await page.setViewportSize(viewport);
  await page.emulateMedia({ colorScheme: scheme });
  const problems = await accessibilityProblems(page, rules);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  if (width > viewport.width) problems.push(`${width} px wide: ${await widestElements(page)}`);
  return problems;
}

async function accessibilityProblems(page, options) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
  const { violations } = await page.evaluate((options) => window.axe.run(document, options), options);
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `axe ${id}: ${help}\n    ${node.html}\n    ${node.failureSummary.replace(/\s+/g, " ")}`),
  );
}

async function widestElements(page) {
  const wide = await page.evaluate(() =>
    [...document.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > innerWidth)
      .slice(0, 5)
      .map((element) => element.outerHTML.slice(0, 120)),
  );
  return wide.join("\n    ");
}
