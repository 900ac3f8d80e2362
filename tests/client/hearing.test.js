/** What stands on the page while a learner speaks, as a script of what the server says. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY, reduce } from '../../web/client/turns.js';

const greeting = { type: 'connected', data: { epoch: 'e', seq: 0 } };
const listening = (state) => ({ type: 'listening', data: { state } });
const partial = (text) => ({ type: 'transcript', data: { text, isFinal: false } });
const final = (text) => ({ type: 'transcript', data: { text, isFinal: true } });
const message = { type: 'message', data: { id: 'm', role: 'user', text: 'I went.' }, seq: 1 };

/** After each frame: how parla attends, what is settled | what may change. */
function trace(...frames) {
  let state = reduce(EMPTY, greeting);
  return frames.map((frame) => {
    state = reduce(state, frame);
    const { listening, settled, partial } = state.hearing;
    return `${listening}: ${settled}|${partial}`;
  });
}

test('words change until they are final, segments follow each other, and a message takes them', () => {
  assert.deepEqual(
    trace(
      listening('hearing'),
      partial('I'),
      partial('I when'),
      final('I went.'),
      listening('waiting'),
      partial('And'),
      final('And'),
      message,
      listening('off'),
    ),
    [
      'hearing: |',
      'hearing: |I',
      'hearing: |I when',
      'hearing: I went.|',
      'waiting: I went.|',
      'waiting: I went.|And',
      'waiting: I went. And|',
      'waiting: |',
      'off: |',
    ],
  );
});

test('what became no message is forgotten with the silence or the next voice', () => {
  assert.deepEqual(trace(final('mhm'), listening('hearing'), partial('Hm'), listening('off')), [
    'off: mhm|',
    'hearing: |',
    'hearing: |Hm',
    'off: |',
  ]);
});

test('a new connection knows nothing of half a sentence', () => {
  const resumed = { type: 'connected', data: { epoch: 'e', seq: 0, recovered: true } };
  assert.deepEqual(trace(listening('hearing'), partial('I'), resumed).at(-1), 'off: |');
});
