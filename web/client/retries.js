/**
 * Tries again what failed for want of a network, until it succeeds or patience ends. It does not
 * know what it tries.
 */

import { backoffMs } from './backoff.js';

/** Longer than a phone takes from one network to the next, shorter than a learner waits. */
const PATIENCE_MS = 30_000;

export class Retries {
  /** Each ends the wait of one that has failed. @type {Set<() => void>} */
  #waits = new Set();

  /**
   * What the first attempt gives that does not throw; throws what the last one threw.
   *
   * @template T
   * @param {(signal: AbortSignal) => Promise<T>} attempt
   * @param {AbortSignal} signal
   * @returns {Promise<T>}
   */
  async run(attempt, signal) {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
    const end = AbortSignal.any([signal, patience.signal]);
    try {
      for (let failures = 1; ; failures++) {
        try {
          return await attempt(end);
        } catch (problem) {
          if (!end.aborted) await this.#wait(backoffMs(failures), end);
          if (end.aborted) throw problem;
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Tries at once whatever waits: the network may be back. */
  hurry() {
    this.#waits.forEach((go) => go());
  }

  #wait(ms, end) {
    return new Promise((resolve) => {
      const go = () => {
        clearTimeout(timer);
        end.removeEventListener('abort', go);
        this.#waits.delete(go);
        resolve();
      };
      const timer = setTimeout(go, ms);
      end.addEventListener('abort', go);
      this.#waits.add(go);
    });
  }
}
