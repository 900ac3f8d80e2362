/** What a conversation looks like after frames: told as scripts, without a server or a browser. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY, reduce, withSending, withUnsent } from '../../web/client/turns.js';

const chunk = (text, ttsStatus = 'pending', more = {}) => ({
  id: text,
  text,
  ttsStatus,
  audioUrl: null,
  ...more,
});
const greeting = (more = {}) => ({ type: 'connected', data: { epoch: 'e', seq: 0, ...more } });
const frame = (seq, type, data) => ({ type, data, seq });
const start = (seq, chunks, complete = false) =>
  frame(seq, 'conversation-start', { turnId: 't', messageId: 'a', chunks, metadata: {}, complete });
const update = (seq, chunkIndex, changed) =>
  frame(seq, 'chunk-update', { turnId: 't', chunkIndex, chunk: changed });
const said = (seq, clientId = 'mine') =>
  frame(seq, 'message', { id: 'l', role: 'user', text: 'hi', clientId, turnId: 't' });

const play = (frames, state = EMPTY) => frames.reduce(reduce, state);
const sketch = ({ entries }) =>
  entries.map(({ role, phase, text, chunks }) => {
    const spoken = Array.from(chunks, (one) => (one ? `${one.text}:${one.ttsStatus}` : '?')).join(
      ' ',
    );
    return `${role} ${phase} ${spoken || text}`;
  });

test('an answer grows chunk by chunk until it is complete', () => {
  const state = play([
    greeting(),
    said(1),
    start(2, [chunk('One.')]),
    update(3, 1, chunk('Two.')),
    update(4, 0, chunk('One.', 'processing')),
    update(5, 0, chunk('One.', 'completed', { audioUrl: '/a' })),
    start(6, [chunk('One.', 'completed', { audioUrl: '/a' }), chunk('Two.')], true),
    frame(7, 'chunk-failed', {
      turnId: 't',
      chunkIndex: 1,
      chunk: { ttsStatus: 'failed', ttsError: 'TTS timeout' },
    }),
    frame(8, 'conversation-complete', { turnId: 't', messageId: 'a', text: 'One. Two.' }),
  ]);
  assert.deepEqual(sketch(state), [
    'user sent hi',
    'assistant complete One.:completed Two.:failed',
  ]);
  assert.equal(state.entries[1].chunks[1].ttsError, 'TTS timeout');
  assert.equal(state.seq, 8);
});

test('a turn that has only called functions of another app leaves no empty bubble', () => {
  const state = play([
    greeting(),
    said(1),
    frame(2, 'conversation-complete', { turnId: 't', messageId: 'a', text: '', chunks: 0 }),
  ]);
  assert.deepEqual(sketch(state), ['user sent hi']);
  assert.equal(state.awaiting, null);
});

test('a chunk that is told before its predecessor leaves a place for it', () => {
  const state = play([greeting(), start(1, []), update(2, 1, chunk('Two.'))]);
  assert.deepEqual(sketch(state), ['assistant making ? Two.:pending']);
});

test('a frame that comes twice changes nothing', () => {
  const once = play([
    greeting(),
    said(1),
    start(2, [chunk('One.')]),
    update(3, 0, chunk('One.', 'completed')),
  ]);
  assert.equal(reduce(once, start(2, [chunk('One.')])), once);
  assert.equal(reduce(once, update(3, 0, chunk('One.', 'pending'))), once);
});

test('a resumed connection goes on counting where it stood', () => {
  const before = play([greeting(), said(1)]);
  const state = play(
    [greeting({ seq: 5, recovered: true }), said(1), start(2, [chunk('One.')])],
    before,
  );
  assert.deepEqual(sketch(state), ['user sent hi', 'assistant making One.:pending']);
  assert.equal(state.seq, 2);
});

test('a connection that could not resume takes the snapshot although its number is not new', () => {
  const before = play([greeting(), said(1), start(2, [chunk('One.')])]);
  const lost = play([greeting({ epoch: 'f', seq: 9, recovered: false })], before);
  assert.deepEqual(sketch(lost), ['user sent hi', 'assistant lost One.:pending']);
  const state = play([start(9, [chunk('One.', 'completed'), chunk('Two.')])], lost);
  assert.deepEqual(sketch(state), ['user sent hi', 'assistant making One.:completed Two.:pending']);
  assert.deepEqual([state.epoch, state.seq], ['f', 9]);
});

test('a message is shown at once and becomes the stored one', () => {
  const sending = withSending(play([greeting()]), { clientId: 'mine', text: 'hi' });
  assert.deepEqual([sketch(sending), sending.awaiting], [['user sending hi'], 'mine']);
  const state = reduce(sending, said(1));
  assert.deepEqual([sketch(state), state.entries[0].id], [['user sent hi'], 'l']);
});

test('a refused message stays with its reason', () => {
  const sending = withSending(EMPTY, { clientId: 'mine', text: 'hi' });
  const state = withUnsent(sending, 'mine', { code: 'busy', message: 'Wait.' });
  assert.deepEqual([sketch(state), state.awaiting], [['user unsent hi'], null]);
  assert.equal(state.entries[0].problem.code, 'busy');
});

test('an opening shows no message of the learner', () => {
  const state = withSending(EMPTY, { clientId: 'mine', text: '' });
  assert.deepEqual([state.entries, state.awaiting], [[], 'mine']);
});

test('a correction stands with the message that it is about', () => {
  const correction = { messageId: 'l', original: 'goed', suggestion: 'went', explanation: '' };
  const state = play([greeting(), said(1), start(2, []), frame(3, 'correction', correction)]);
  assert.deepEqual(
    state.entries.map(({ corrections }) => corrections.length),
    [1, 0],
  );
});

test('a turn that failed before its first chunk is shown with its reason', () => {
  const failure = { turnId: 't', code: 'llm_unreachable', message: 'No model.', retryable: true };
  const state = play([greeting(), said(1), frame(2, 'conversation-failed', failure)]);
  assert.deepEqual([sketch(state)[1], state.awaiting], ['assistant failed ', null]);
  assert.equal(state.entries[1].problem.message, 'No model.');
});

test('an unknown frame counts and changes nothing else', () => {
  const before = play([greeting()]);
  for (const type of ['from-the-future', 'constructor', 'toString']) {
    const after = { ...before, seq: 1, expectsSnapshot: false };
    assert.deepEqual(reduce(before, frame(1, type, {})), after);
  }
});
