/**
 * The words of the tutor dialect as they stand on the wire; nothing here keeps state or does I/O.
 *
 * @typedef {object} Frame What the server says.
 * @property {string} type
 * @property {any} data
 * @property {string} [timestamp] RFC 3339, UTC.
 * @property {string} [conversationId]
 * @property {number} [seq] On durable frames: from 1, without gaps, per conversation.
 * @property {string} [epoch]
 *
 * @typedef {object} Word
 * @property {string} text A piece of the chunk's text; the words of a chunk stand in it in this
 *   order.
 * @property {number} start Seconds from the chunk's beginning.
 * @property {number} end Seconds from the chunk's beginning.
 *
 * @typedef {object} Chunk The smallest piece of an answer worth speaking.
 * @property {string} id
 * @property {string} text
 * @property {string} emotion
 * @property {string} icon
 * @property {number} pause Milliseconds of silence after the chunk.
 * @property {boolean} emphasis
 * @property {string | null} language
 * @property {string | null} audioFileId
 * @property {string | null} audioUrl Signed: works without a header.
 * @property {number | null} duration Seconds.
 * @property {Word[] | null} words
 * @property {'prosody' | 'markup' | 'none' | null} emotionApplied
 * @property {'pending' | 'processing' | 'completed' | 'failed'} ttsStatus
 * @property {string | null} ttsError
 *
 * @typedef {object} Correction
 * @property {string} messageId
 * @property {{start: number, end: number} | null} span In Unicode code points.
 * @property {string} kind
 * @property {string} original
 * @property {string} suggestion
 * @property {string} explanation
 *
 * @typedef {object} Choice What the learner wants; what is missing stays as it was in the
 *   conversation.
 * @property {string} [language]
 * @property {string} [level]
 * @property {string} [scenario]
 * @property {string} [voice]
 * @property {string} [model]
 *
 * @typedef {object} Problem
 * @property {string} code Stable, for programs.
 * @property {string} message For people.
 * @property {string} [hint]
 * @property {boolean} [retryable]
 * @property {number} [retryAfterMs]
 * @property {string} [clientId] The message that it is about.
 */

/**
 * What a close code asks of a client: come back soon, come back later, sign in first, or stay away.
 */
const VERDICTS = new Map([
  [1000, 'never'],
  [1002, 'never'],
  [1003, 'never'],
  [1007, 'never'],
  [1008, 'never'],
  [1009, 'never'],
  [1013, 'later'],
  [3001, 'soon'],
  [3008, 'soon'],
  [3010, 'sign-in'],
  [4001, 'sign-in'],
]);

/** @param {number} code @returns {'soon' | 'later' | 'sign-in' | 'never'} */
export function closeVerdict(code) {
  return VERDICTS.get(code) ?? 'soon';
}

/**
 * The close code that means the same as an HTTP refusal.
 *
 * @param {number} status
 */
export function closeCodeOf(status) {
  if (status === 401) return 4001;
  if (status === 429 || status === 503) return 1013;
  return status >= 400 && status < 500 ? 1008 : 1006;
}

/** @param {string} type @param {object} data */
export function encodeFrame(type, data = {}) {
  return JSON.stringify({ type, data });
}

/**
 * Reads one frame; `null` for what is none. A type that is not known here is still a frame.
 *
 * @param {unknown} text
 * @returns {Frame | null}
 */
export function decodeFrame(text) {
  if (typeof text !== 'string') return null;
  try {
    const frame = JSON.parse(text);
    return typeof frame?.type === 'string' ? { ...frame, data: frame.data ?? {} } : null;
  } catch {
    return null;
  }
}

/** An unguessable name for a conversation or a message, in the alphabet that the server takes. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}
