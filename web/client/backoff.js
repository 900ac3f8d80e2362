/**
 * How long to wait before the next attempt to reach the server. It knows no clock and starts
 * nothing.
 */

const SHORTEST_MS = 250;
const LONGEST_MS = 10_000;
/** A server that says it is full is asked again with this many doublings at the least. */
export const PATIENT = 4;

/**
 * Milliseconds to wait after `failures` failures: full jitter, so that many clients do not return
 * at once.
 *
 * @param {number} failures From 1.
 * @param {() => number} random From 0 up to 1.
 */
export function backoffMs(failures, random = Math.random) {
  const ceiling = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** failures);
  return Math.round(SHORTEST_MS + random() * (ceiling - SHORTEST_MS));
}
