/** Waiting that ends: a kit that has silently dropped an event waits for ever. */

const PATIENCE_MS = 20_000;

/** @param {Promise<unknown>} promise @param {string} what */
export function soon(promise, what) {
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`${what} does not come`)), PATIENCE_MS).unref();
  });
  return Promise.race([promise, late]);
}
