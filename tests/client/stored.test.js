/** How stored messages stand among those that are shown: told as scripts, without a server. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withEarlier, withHistory } from '../../web/client/stored.js';
import { EMPTY, reduce, withSending } from '../../web/client/turns.js';

const chunk = (text, ttsStatus = 'pending') => ({ id: text, text, ttsStatus, audioUrl: null });
const greeting = (more = {}) => ({ type: 'connected', data: { epoch: 'e', seq: 0, ...more } });
const frame = (seq, type, data) => ({ type, data, seq });
const start = (seq, chunks) =>
  frame(seq, 'conversation-start', { turnId: 't', messageId: 'a', chunks, metadata: {} });
const said = (seq) =>
  frame(seq, 'message', { id: 'l', role: 'user', text: 'hi', clientId: 'mine', turnId: 't' });
const question = (turnId, turnState, turnCode = null) => ({
  id: `q-${turnId}`,
  role: 'user',
  text: `${turnId}?`,
  turnId,
  turnState,
  turnCode,
});
const answer = (turnId, turnState, turnCode = null) => ({
  ...question(turnId, turnState, turnCode),
  id: `a-${turnId}`,
  role: 'assistant',
  text: `${turnId}!`,
  chunks: [],
});

const play = (frames, state = EMPTY) => frames.reduce(reduce, state);
const sketch = ({ entries }) =>
  entries.map(({ role, phase, text, chunks, problem }) => {
    const spoken = Array.from(chunks, (one) => `${one.text}:${one.ttsStatus}`).join(' ');
    return [role, phase, spoken || text, problem?.code].filter(Boolean).join(' ');
  });

test('history replaces what was missed and keeps what is newer', () => {
  const before = play([greeting(), said(1), start(2, [chunk('One.')])]);
  const sending = withSending(before, { clientId: 'new', text: 'again' });
  const lost = play([greeting({ epoch: 'f', seq: 9, recovered: false })], sending);
  const state = withHistory(lost, [
    { id: 'l', role: 'user', text: 'hi', clientId: 'mine', turnId: 't' },
    {
      id: 'a',
      role: 'assistant',
      text: 'One. Two.',
      turnId: 't',
      turnState: 'complete',
      chunks: [chunk('One.', 'completed')],
    },
  ]);
  assert.deepEqual(sketch(state), [
    'user sent hi',
    'assistant complete One.:completed',
    'user sending again',
  ]);
});

test('history leaves a turn that failed without a word where it was, and drops what is older', () => {
  const message = (id, text) => frame(undefined, 'message', { id, role: 'user', text, turnId: id });
  const failed = (turnId) =>
    frame(undefined, 'conversation-failed', { turnId, message: 'No model.' });
  const before = play([
    message('1', 'one'),
    message('2', 'two'),
    failed('t2'),
    message('3', 'three'),
  ]);
  const state = withHistory(before, [
    { id: '2', role: 'user', text: 'two', turnId: '2' },
    { id: '3', role: 'user', text: 'three', turnId: '3' },
    { id: '4', role: 'user', text: 'four', turnId: '4' },
  ]);
  assert.deepEqual(sketch(state), [
    'user sent two',
    'assistant failed',
    'user sent three',
    'user sent four',
  ]);
});

test('a turn that neither snapshot nor history knows is taken for stopped', () => {
  const before = play([greeting(), start(1, [chunk('One.')])]);
  const lost = play([greeting({ epoch: 'f', seq: 0, recovered: false })], before);
  assert.deepEqual(sketch(withHistory(lost, [])), ['assistant stopped One.:pending']);
});

test('a stored turn is shown as it ended', () => {
  const state = withHistory(EMPTY, [
    question('one', 'complete'),
    answer('one', 'complete'),
    question('two', 'stopped'),
    answer('two', 'stopped'),
    question('three', 'failed', 'llm_cut'),
    answer('three', 'failed', 'llm_cut'),
    question('four', 'making'),
  ]);
  assert.deepEqual(sketch(state), [
    'user sent one?',
    'assistant complete one!',
    'user sent two?',
    'assistant stopped two!',
    'user sent three?',
    'assistant failed three! llm_cut',
    'user sent four?',
  ]);
  assert.equal(state.entries[5].problem.message, 'The connection to the model ended too early.');
});

test('a stored turn that ended without a word is shown after the message that began it', () => {
  const state = withHistory(EMPTY, [
    question('one', 'failed', 'interrupted'),
    question('two', 'stopped'),
    question('three', 'failed', 'from_the_future'),
    question('four', 'failed', 'llm_stalled'),
    answer('four', 'failed', 'llm_stalled'),
  ]);
  assert.deepEqual(sketch(state), [
    'user sent one?',
    'assistant failed interrupted',
    'user sent two?',
    'assistant stopped',
    'user sent three?',
    'assistant failed from_the_future',
    'user sent four?',
    'assistant failed four! llm_stalled',
  ]);
  assert.equal(state.entries[5].problem.message, 'The answer failed (from_the_future).');
});

test('a failure that was seen when it happened keeps its words and its place', () => {
  const failure = { turnId: 't', code: 'llm_rejected', message: 'No such model.' };
  const before = play([greeting(), said(1), frame(2, 'conversation-failed', failure)]);
  const stored = { id: 'l', role: 'user', text: 'hi', turnId: 't', turnState: 'failed' };
  const state = withHistory(before, [
    { ...stored, turnCode: 'llm_rejected' },
    question('next', 'making'),
  ]);
  assert.deepEqual(sketch(state), [
    'user sent hi',
    'assistant failed llm_rejected',
    'user sent next?',
  ]);
  assert.equal(state.entries[1].problem.message, 'No such model.');
});

test('an answer on the page after its question is shown once', () => {
  const newest = withHistory(EMPTY, [answer('two', 'stopped')]);
  const state = withEarlier(newest, [question('one', 'stopped'), question('two', 'stopped')]);
  assert.deepEqual(sketch(state), [
    'user sent one?',
    'assistant stopped',
    'user sent two?',
    'assistant stopped two!',
  ]);
});
