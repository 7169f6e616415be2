// Waiting for a condition of something that does not report by itself: a file, a port.

const PAUSE_MILLISECONDS = 25;

/** Asks until the answer is not empty. Throws what `explain` says when that takes too long. */
export async function until(ask, explain, limitMilliseconds = 20_000) {
  const end = Date.now() + limitMilliseconds;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(explain());
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MILLISECONDS));
  }
}
