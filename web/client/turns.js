/**
 * What a conversation looks like after each frame: a pure reducer. It does no I/O and never
 * changes a state it was given.
 *
 * @typedef {import('./protocol.js').Chunk} Chunk
 * @typedef {import('./protocol.js').Frame} Frame
 *
 * @typedef {'sending' | 'sent' | 'unsent'} LearnerPhase
 * @typedef {'making' | 'lost' | 'complete' | 'stopped' | 'failed'} TutorPhase A lost turn was being
 *   made when the connection was lost, and nothing has been heard of it since.
 *
 * @typedef {object} Entry One message of the learner or one turn of the tutor.
 * @property {'user' | 'assistant'} role
 * @property {string | null} id The message's id, once it is stored.
 * @property {string | null} turnId
 * @property {string | null} clientId
 * @property {string} text
 * @property {string | null} senderName
 * @property {LearnerPhase | TutorPhase} phase
 * @property {Chunk[]} chunks The tutor's; a place is empty while its chunk has not been told.
 * @property {import('./protocol.js').Correction[]} corrections The learner's.
 * @property {Record<string, any> | null} metadata Who answers.
 * @property {import('./protocol.js').Problem | null} problem Why it failed or was not sent.
 * @property {{chunks: number, ms: number} | null} heard How far it was heard before an
 *   interruption.
 * @property {Record<string, any> | null} timings
 *
 * @typedef {object} State
 * @property {string | null} epoch
 * @property {number | null} seq The newest durable frame.
 * @property {boolean} expectsSnapshot The next snapshot counts although its number is not new.
 * @property {string | null} awaiting The message that the tutor has not begun to answer.
 * @property {import('./hearing.js').Hearing} hearing What the learner is saying.
 * @property {Entry[]} entries Oldest first.
 */

import { NOTHING_HEARD, withListening, withMessage, withTranscript } from './hearing.js';

/** @type {State} */
export const EMPTY = {
  epoch: null,
  seq: null,
  expectsSnapshot: false,
  awaiting: null,
  hearing: NOTHING_HEARD,
  entries: [],
};

/** What an entry says of itself before anything is known. @type {Omit<Entry, 'role' | 'phase'>} */
export const BLANK = {
  id: null,
  turnId: null,
  clientId: null,
  text: '',
  senderName: null,
  chunks: [],
  corrections: [],
  metadata: null,
  problem: null,
  heard: null,
  timings: null,
};

/** @param {State} state @param {Frame} frame @returns {State} */
export function reduce(state, frame) {
  if (isRepeated(state, frame)) return state;
  const next = STEPS[frame.type]?.(state, frame.data) ?? state;
  if (!Number.isInteger(frame.seq) || !isNew(state, frame)) return next;
  return { ...next, seq: frame.seq, expectsSnapshot: false };
}

/** Whether the frame has been seen before. @param {State} state @param {Frame} frame */
export function isRepeated(state, frame) {
  if (!Number.isInteger(frame.seq) || isNew(state, frame)) return false;
  return !(state.expectsSnapshot && frame.type === 'conversation-start');
}

/**
 * Shows a message before the server has it.
 *
 * @param {State} state
 * @param {{clientId: string, text: string}} message
 */
export function withSending(state, { clientId, text }) {
  const waiting = { ...state, awaiting: clientId };
  if (text === '') return waiting;
  const change = { role: 'user', clientId, text, phase: 'sending', problem: null };
  return place(waiting, (entry) => entry.clientId === clientId, change);
}

/** Says that a message did not arrive, and why. @param {State} state */
export function withUnsent(state, clientId, problem) {
  const awaiting = state.awaiting === clientId ? null : state.awaiting;
  const sending = (entry) => entry.clientId === clientId && entry.phase === 'sending';
  return change({ ...state, awaiting }, sending, { phase: 'unsent', problem });
}

/** Whether two entries, or an entry and a stored message, are the same: some name of theirs is. */
export function isSame(one) {
  const names = namesOf(one);
  return (other) => other.role === one.role && namesOf(other).some((name) => names.includes(name));
}

function isNew(state, frame) {
  return state.seq === null || frame.seq > state.seq;
}

const STEPS = {
  __proto__: null,
  connected: greeted,
  authenticated: greeted,
  message: (state, data) =>
    data.role === 'user' ? learnerSaid(state, data) : tutorSaid(state, data),
  'conversation-start': snapshot,
  'chunk-update': chunkChanged,
  'chunk-complete': chunkChanged,
  'chunk-failed': chunkChanged,
  'conversation-complete': completed,
  'conversation-stopped': (state, { turnId, text }) =>
    answered(state, turnId, { phase: 'stopped', text }),
  'conversation-failed': (state, { turnId, ...problem }) =>
    answered(state, turnId, { phase: 'failed', problem }),
  'playback-stopped': (state, { turnId, heardChunks, heardMs }) =>
    change(state, isTurn(turnId), { heard: { chunks: heardChunks, ms: heardMs } }),
  correction: corrected,
  transcript: (state, data) => ({ ...state, hearing: withTranscript(state.hearing, data) }),
  listening: (state, data) => ({ ...state, hearing: withListening(state.hearing, data) }),
};

/** A connection without what came before starts counting anew and may begin with a snapshot. */
function greeted(before, { epoch, seq, recovered }) {
  if (!epoch) return before;
  const state = { ...before, hearing: NOTHING_HEARD };
  if (recovered) return { ...state, epoch, expectsSnapshot: false };
  if (recovered === undefined && state.epoch === epoch) return state;
  const lost = change(state, (entry) => entry.phase === 'making', { phase: 'lost' });
  return { ...lost, epoch, seq, expectsSnapshot: true };
}

function learnerSaid(state, { id, clientId, turnId, text, senderName }) {
  const said = {
    role: 'user',
    id,
    clientId,
    turnId,
    text,
    senderName,
    phase: 'sent',
    problem: null,
  };
  const hearing = withMessage(state.hearing);
  return place({ ...state, hearing, awaiting: clientId ?? id }, isSame(said), said);
}

function tutorSaid(state, { id, turnId, text, senderName }) {
  const known = state.entries.some(isTurn(turnId));
  const said = { role: 'assistant', id, turnId, text, senderName };
  return place(state, isTurn(turnId), known ? said : { ...said, phase: 'complete' });
}

function snapshot(state, { turnId, messageId, chunks, metadata, complete }) {
  const phase = complete && chunks.length > 0 && chunks.every(isSettled) ? 'complete' : 'making';
  const turn = { role: 'assistant', turnId, id: messageId, chunks, metadata, phase };
  return place({ ...state, awaiting: null }, isTurn(turnId), turn);
}

function chunkChanged(state, { turnId, chunkIndex, chunk }) {
  const turn = state.entries.find(isTurn(turnId));
  if (!turn) return state;
  const chunks = [...turn.chunks];
  chunks[chunkIndex] = { ...chunks[chunkIndex], ...chunk };
  return change(state, isTurn(turnId), { chunks });
}

function answered(state, turnId, end) {
  return place({ ...state, awaiting: null }, isTurn(turnId), { role: 'assistant', turnId, ...end });
}

/** A turn without a word has called functions of another app: what comes of them is the next turn. */
function completed(state, { turnId, messageId, text, timings }) {
  if (text === '') return { ...state, awaiting: null };
  return answered(state, turnId, { phase: 'complete', id: messageId, text, timings });
}

function corrected(state, correction) {
  const entries = state.entries.map((entry) =>
    entry.id === correction.messageId
      ? { ...entry, corrections: [...entry.corrections, correction] }
      : entry,
  );
  return { ...state, entries };
}

function namesOf({ role, id, clientId, turnId }) {
  return [id, clientId, role === 'assistant' && turnId].filter(Boolean);
}

/** Changes the entries that match, or adds one. */
function place(state, matches, fields) {
  if (state.entries.some(matches)) return change(state, matches, fields);
  return { ...state, entries: [...state.entries, { ...BLANK, ...fields }] };
}

function change(state, matches, fields) {
  const entries = state.entries.map((entry) => (matches(entry) ? { ...entry, ...fields } : entry));
  return { ...state, entries };
}

function isTurn(turnId) {
  return (entry) => entry.role === 'assistant' && entry.turnId === turnId;
}

function isSettled(chunk) {
  return chunk.ttsStatus === 'completed' || chunk.ttsStatus === 'failed';
}
