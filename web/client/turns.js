/**
 * What a conversation looks like after each frame: a pure reducer. It does no I/O and never changes a state it was given.
 *
 * @typedef {import('./protocol.js').Chunk} Chunk
 * @typedef {import('./protocol.js').Frame} Frame
 * @typedef {'sending' | 'sent' | 'unsent' | 'making' | 'lost' | 'complete' | 'stopped' | 'failed'} Phase
 *   `lost`: it was being made when the connection was lost, and nothing has been heard of it since.
 *
 * @typedef {object} Entry One message of the learner or one turn of the tutor.
 * @property {'user' | 'assistant'} role
 * @property {string | null} id The message's id, once it is stored.
 * @property {string | null} turnId
 * @property {string | null} clientId
 * @property {string} text
 * @property {string | null} senderName
 * @property {Phase} phase
 * @property {Chunk[]} chunks The tutor's; a place is empty while its chunk has not been told.
 * @property {import('./protocol.js').Correction[]} corrections The learner's.
 * @property {Record<string, any> | null} metadata Who answers.
 * @property {import('./protocol.js').Problem | null} problem Why it failed or was not sent.
 * @property {{chunks: number, ms: number} | null} heard How far it was heard before an interruption.
 * @property {Record<string, any> | null} timings
 *
 * @typedef {object} State
 * @property {string | null} epoch
 * @property {number | null} seq The newest durable frame.
 * @property {boolean} expectsSnapshot The next snapshot counts although its number is not new.
 * @property {string | null} awaiting The message that the tutor has not begun to answer.
 * @property {Entry[]} entries Oldest first.
 */

/** @type {State} */
export const EMPTY = { epoch: null, seq: null, expectsSnapshot: false, awaiting: null, entries: [] };

/** @type {Omit<Entry, 'role' | 'phase'>} */
const BLANK = {
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

/** Shows a message before the server has it. @param {State} state @param {{clientId: string, text: string}} message */
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

/**
 * Puts stored messages, oldest first, in their place: what is not among them is newer or not stored yet.
 *
 * @param {State} state @param {any[]} messages
 * @returns {State}
 */
export function withHistory(state, messages) {
  const stored = messages.map((message) => storedEntry(message, state.entries));
  const known = new Set(stored.flatMap(namesOf));
  const newer = state.entries
    .filter((entry) => !namesOf(entry).some((name) => known.has(name)))
    .map((entry) => (entry.phase === 'lost' ? { ...entry, phase: 'stopped' } : entry));
  const answered = stored.at(-1)?.role === 'assistant' && newer.length === 0;
  return { ...state, awaiting: answered ? null : state.awaiting, entries: [...stored, ...newer] };
}

function isNew(state, frame) {
  return state.seq === null || frame.seq > state.seq;
}

const STEPS = {
  connected: greeted,
  authenticated: greeted,
  message: (state, data) => (data.role === 'user' ? learnerSaid(state, data) : tutorSaid(state, data)),
  'conversation-start': snapshot,
  'chunk-update': chunkChanged,
  'chunk-complete': chunkChanged,
  'chunk-failed': chunkChanged,
  'conversation-complete': (state, { turnId, messageId, text, timings }) =>
    answered(state, turnId, { phase: 'complete', id: messageId, text, timings }),
  'conversation-stopped': (state, { turnId, text }) => answered(state, turnId, { phase: 'stopped', text }),
  'conversation-failed': (state, { turnId, ...problem }) =>
    answered(state, turnId, { phase: 'failed', problem }),
  'playback-stopped': (state, { turnId, heardChunks, heardMs }) =>
    change(state, isTurn(turnId), { heard: { chunks: heardChunks, ms: heardMs } }),
  correction: corrected,
};

/** A connection without what came before starts counting anew and may begin with a snapshot. */
function greeted(state, { epoch, seq, recovered }) {
  if (!epoch) return state;
  if (recovered) return { ...state, epoch };
  if (recovered === undefined && state.epoch === epoch) return state;
  const lost = change(state, (entry) => entry.phase === 'making', { phase: 'lost' });
  return { ...lost, epoch, seq, expectsSnapshot: true };
}

function learnerSaid(state, { id, clientId, turnId, text, senderName }) {
  const said = { role: 'user', id, clientId, turnId, text, senderName, phase: 'sent', problem: null };
  const same = (entry) => entry.role === 'user' && (entry.id === id || (clientId && entry.clientId === clientId));
  return place({ ...state, awaiting: clientId ?? id }, same, said);
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

function corrected(state, correction) {
  const entries = state.entries.map((entry) =>
    entry.id === correction.messageId
      ? { ...entry, corrections: [...entry.corrections, correction] }
      : entry,
  );
  return { ...state, entries };
}

function storedEntry({ role, id, turnId, clientId, text, senderName, ...more }, entries) {
  const here = entries.find((entry) => entry.role === role && namesOf(entry).includes(id))
    ?? entries.find((entry) => role === 'assistant' && isTurn(turnId)(entry));
  const ended = more.stopped ? 'stopped' : 'complete';
  return {
    ...BLANK,
    ...here,
    role,
    id,
    turnId,
    clientId: clientId ?? null,
    text,
    senderName: senderName ?? null,
    phase: role === 'user' ? 'sent' : ended,
    problem: null,
    chunks: more.chunks ?? here?.chunks ?? [],
    corrections: more.corrections ?? here?.corrections ?? [],
    metadata: more.metadata ?? here?.metadata ?? null,
  };
}

/** Every name by which the same entry may be known. */
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
