// Where the keyboard is on a page, and whether a person can see it.

/** Runs inside the page. Stops are what Tab must reach, in the order of the document: each control, of radio buttons each group. */
export function focusState(selector) {
  const controls = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  const isReachable = (control) => !control.disabled && control.getClientRects().length > 0;
  const all = [...document.querySelectorAll(controls)].filter(isReachable);
  const groupOf = (control) => all.find((one) => one.type === "radio" && one.name === control.name && one.form === control.form);
  const stopOf = (control) => (control?.type === "radio" ? groupOf(control) : control);
  const stops = all.filter((control) => stopOf(control) === control);
  const focused = document.activeElement;
  const isNowhere = focused === document.body;
  const follows = (stop) => focused.compareDocumentPosition(stop) & Node.DOCUMENT_POSITION_FOLLOWING;
  const state = {
    count: stops.length,
    current: stops.indexOf(stopOf(focused)),
    /** The stop that Tab must lead to. A summary of problems has the focus without being a stop. */
    next: isNowhere ? 0 : stops.findIndex(follows),
    wanted: selector ? stops.indexOf(stopOf(document.querySelector(selector))) : undefined,
    isLink: focused.localName === "a",
    html: focused.outerHTML.slice(0, 200),
  };
  if (isNowhere) return state;

  const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(focused);
  const isOpaque = (element) => !/, 0\)$|transparent/.test(getComputedStyle(element).backgroundColor);
  let ground = focused.parentElement;
  while (ground.parentElement && !isOpaque(ground)) ground = ground.parentElement;
  state.ring = {
    width: outlineStyle === "none" ? 0 : parseFloat(outlineWidth),
    colour: outlineColor,
    ground: getComputedStyle(ground).backgroundColor,
  };

  const [box] = focused.getClientRects();
  state.inView = box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight && box.right <= innerWidth;
  const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  const labels = [...(focused.labels ?? [])];
  state.onTop = top !== null && (focused.contains(top) || labels.some((label) => label.contains(top)));
  return state;
}

const RING_MIN_PIXELS = 2;
const RING_MIN_CONTRAST = 3;

/** Why a person could not see where the keyboard is. */
export function focusProblems({ ring, inView, onTop }) {
  if (!ring) return ["nothing has the focus"];
  const problems = [];
  const contrast = ratio(luminance(ring.colour), luminance(ring.ground));
  if (ring.width < RING_MIN_PIXELS) problems.push(`the focus ring is ${ring.width} px wide`);
  if (contrast < RING_MIN_CONTRAST) problems.push(`the focus ring has a contrast of ${contrast.toFixed(2)}`);
  if (!inView) problems.push("the focused control is not in view");
  if (!onTop) problems.push("something covers the focused control");
  return problems;
}

/** WCAG 2.2, relative luminance of `rgb(...)`. */
function luminance(colour) {
  const [red, green, blue] = colour.match(/[\d.]+/g).map((part) => {
    const value = Number(part) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function ratio(one, other) {
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}
