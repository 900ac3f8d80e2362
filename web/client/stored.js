/**
 * Puts the messages that the server has stored among those that are shown. It fetches nothing and
 * never changes a state it was given.
 */

import { BLANK, EMPTY, isSame } from './turns.js';

/** What a failure says to people, by its code: the words it came with are not stored. */
const FAILURES = new Map([
  ['interrupted', 'The server ended before the answer did.'],
  ['empty_reply', 'The model wrote nothing that could be said.'],
  ['llm_unreachable', 'The model could not be reached.'],
  ['llm_timeout', 'The model did not begin in time.'],
  ['llm_stalled', 'The model fell silent in the middle.'],
  ['llm_cut', 'The connection to the model ended too early.'],
  ['llm_rejected', 'The model refused.'],
  ['llm_bad_frame', 'The model sent something that is no answer.'],
]);

/**
 * Puts the newest stored messages, oldest first, in their place. What is older than them can be
 * loaded again; what is not stored stays.
 *
 * @param {import('./turns.js').State} state
 * @param {any[]} messages
 * @returns {import('./turns.js').State}
 */
export function withHistory(state, messages) {
  const entries = storedEntries(messages, state.entries);
  const first = state.entries.findIndex((entry) => entries.some(isSame(entry)));
  let place = entries.length;
  for (const entry of state.entries.slice(Math.max(first, 0))) {
    const known = entries.findIndex(isSame(entry));
    if (known >= 0) place = known + 1;
    else if (entry.phase === 'failed') entries.splice(place++, 0, entry);
    else entries.push(entry.phase === 'lost' ? { ...entry, phase: 'stopped' } : entry);
  }
  const awaiting = entries.at(-1)?.role === 'assistant' ? null : state.awaiting;
  return { ...state, awaiting, entries };
}

/**
 * Puts a page of stored messages, oldest first, before those that are shown.
 *
 * @param {import('./turns.js').State} state
 * @param {any[]} messages
 * @returns {import('./turns.js').State}
 */
export function withEarlier(state, messages) {
  const isShown = (entry) => state.entries.some(isSame(entry));
  const earlier = storedEntries(messages, EMPTY.entries).filter((entry) => !isShown(entry));
  return { ...state, entries: [...earlier, ...state.entries] };
}

function storedEntries(messages, shown) {
  const answered = new Set(messages.filter(isAnswer).map(({ turnId }) => turnId));
  return messages.flatMap((message) => {
    const isWordless = hasBrokenOff(message) && !answered.has(message.turnId);
    const rows = isWordless ? [message, wordlessAnswer(message)] : [message];
    return rows.map((row) => storedEntry(row, shown));
  });
}

function isAnswer({ role }) {
  return role === 'assistant';
}

function hasBrokenOff({ turnState }) {
  return turnState === 'stopped' || turnState === 'failed';
}

/** A turn that ended before its first word has no message of its own: the learner's tells of it. */
function wordlessAnswer({ turnId, turnState, turnCode, metadata }) {
  return { role: 'assistant', id: null, text: '', turnId, turnState, turnCode, metadata };
}

function storedEntry(message, shown) {
  const { role, id, text, turnState } = message;
  const here = shown.find(isSame(message)) ?? BLANK;
  return {
    ...here,
    role,
    id,
    text,
    turnId: message.turnId ?? null,
    clientId: message.clientId ?? null,
    senderName: message.senderName ?? null,
    phase: isAnswer(message) ? turnState : 'sent',
    problem: isAnswer(message) && turnState === 'failed' ? failure(message, here) : null,
    chunks: message.chunks ?? here.chunks,
    corrections: message.corrections ?? here.corrections,
    metadata: message.metadata ?? here.metadata,
  };
}

function failure({ turnCode }, { problem }) {
  const message = FAILURES.get(turnCode) ?? `The answer failed (${turnCode}).`;
  return problem ?? { code: turnCode, message };
}
