// Counts and tells. A journey that fails does not end the run; a page with a problem does not end its journey.

export class Report {
  passed = 0;
  failed = 0;

  /** Runs one story and tells how it went. */
  async story(name, act) {
    const start = Date.now();
    try {
      await act();
      this.passed += 1;
      this.say(`ok      ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
    } catch (error) {
      this.failed += 1;
      this.say(`FAILED  ${name}\n${indent(tell(error))}`);
    }
  }

  /** Counts one check; says only what is wrong. */
  check(name, problems) {
    if (problems.length === 0) {
      this.passed += 1;
      return;
    }
    this.failed += 1;
    this.say(`FAILED  ${name}\n${indent(problems.join("\n"))}`);
  }

  say(text) {
    process.stdout.write(`${text}\n`);
  }

  summary() {
    return `${this.passed} passed, ${this.failed} failed`;
  }
}

/** The message, and where in the stories it happened. */
function tell(error) {
  const places = (error.stack ?? "").split("\n").filter((line) => line.includes("/journeys/"));
  return [error.message ?? String(error), ...places].join("\n");
}

function indent(text) {
  return text.replace(/^/gm, "        ");
}
