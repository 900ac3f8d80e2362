/**
 * What is heard of a learner who is speaking: words that may still change, before they are a
 * message. It does no I/O.
 *
 * @typedef {object} Hearing
 * @property {'hearing' | 'waiting' | 'off'} listening Waiting: the learner is silent and may go on.
 * @property {string} settled What will not change any more.
 * @property {string} partial What follows it and may still change.
 */

/** @type {Hearing} */
export const NOTHING_HEARD = { listening: 'off', settled: '', partial: '' };

/**
 * @param {Hearing} hearing
 * @param {{text: string, isFinal: boolean}} transcript
 * @returns {Hearing}
 */
export function withTranscript(hearing, { text, isFinal }) {
  if (!isFinal) return { ...hearing, partial: text };
  return { ...hearing, settled: `${hearing.settled} ${text}`.trim(), partial: '' };
}

/** What was heard and became no message is forgotten with the silence, or with the next voice. */
export function withListening(hearing, { state }) {
  const isAnew = state === 'off' || hearing.listening === 'off';
  return isAnew ? { ...NOTHING_HEARD, listening: state } : { ...hearing, listening: state };
}

/** The words have become a message. @param {Hearing} hearing @returns {Hearing} */
export function withMessage({ listening }) {
  return { ...NOTHING_HEARD, listening };
}
