// A small runner: tests one after the other, one line each, and a sum at the end.

import assert from 'node:assert/strict';

const results = { passed: 0, failed: 0, skipped: 0 };
const cleanups = [];

/** Runs one test now. What it throws is shown; the others run all the same. */
export async function test(name, act) {
  const start = performance.now();
  let failure;
  try {
    await act();
  } catch (error) {
    failure = error;
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  if (failure) {
    results.failed += 1;
    console.log(`FAILED  ${name} (${seconds} s)\n${indent(explain(failure))}`);
  } else {
    results.passed += 1;
    console.log(`ok      ${name} (${seconds} s)`);
  }
}

/** Says visibly that something was not checked. */
export function skip(name, reason) {
  results.skipped += 1;
  console.log(`SKIPPED ${name}: ${reason}`);
}

/** Something worth reading in the output. */
export function note(text) {
  console.log(`        ${text}`);
}

/** Runs at the end, whatever happens, last come first. */
export function atEnd(act) {
  cleanups.push(act);
}

export async function cleanUp() {
  for (const act of cleanups.splice(0).reverse()) {
    try {
      await act();
    } catch (error) {
      console.log(`        cleaning up: ${error.message}`);
    }
  }
}

/** The closing lines; returns whether everything is well. */
export function sum() {
  if (results.skipped > 0) {
    console.log(`\n${results.skipped} skipped`);
  }
  console.log(`\n${results.passed} passed, ${results.failed} failed`);
  return results.failed === 0 && results.passed > 0;
}

/** Waits for a condition: returns what it returns as soon as that is truthy. */
export async function until(what, seconds, condition) {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value) {
      return value;
    }
    if (performance.now() > deadline) {
      assert.fail(`waited ${seconds} s in vain: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Refuses a promise that takes longer. */
export async function within(what, seconds, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${seconds} s: ${what}`)), seconds * 1000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function explain(error) {
  const lines = [error.stack ?? String(error)];
  for (let cause = error.cause; cause; cause = cause.cause) {
    lines.push(`because: ${cause.message ?? JSON.stringify(cause)}`);
  }
  return lines.join('\n');
}

function indent(text) {
  return text
    .split('\n')
    .map((line) => `        ${line}`)
    .join('\n');
}
