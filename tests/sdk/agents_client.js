/** OpenAI's agents kit against a running parla: it drops silently what lacks a field, and then waits for ever. */

import assert from 'node:assert/strict';
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession } from '@openai/agents-realtime';
import { soon } from './soon.js';

const URL_OF_SESSIONS = `${process.env.PARLA_URL.replace('http', 'ws')}v1/realtime?model=gpt-realtime`;

const agent = new RealtimeAgent({ name: 'Tutor', instructions: 'Be brief.' });
const transport = new OpenAIRealtimeWebSocket({ url: URL_OF_SESSIONS });
const session = new RealtimeSession(agent, { transport });
const events = [];
let samples = 0;
session.on('transport_event', (event) => events.push(event));
session.on('audio', ({ data }) => {
  samples += data.byteLength / 2;
});
session.on('error', (error) => assert.fail(JSON.stringify(error)));

const updated = new Promise((resolve) => {
  session.on('transport_event', ({ type, session: shown }) => {
    // The kit sends its configuration and its wish for tracing in either order: updates are merged.
    const isWhole = shown?.tracing === 'auto' && shown.instructions === 'Be brief.';
    if (type === 'session.updated' && isWhole) resolve(shown);
  });
});
await soon(session.connect({ apiKey: 'any' }), 'the connection');
const shown = await soon(updated, 'the whole configuration');
assert.equal(shown.audio.input.turn_detection.type, 'semantic_vad');

for (const words of ['Hello, I am Ana.', 'I am from Spain.']) {
  const ended = new Promise((resolve) => session.once('agent_end', (...told) => resolve(told.at(-1))));
  const stopped = new Promise((resolve) => session.once('audio_stopped', resolve));
  session.sendMessage(words);
  const answer = await soon(ended, 'the end of the answer');
  await soon(stopped, 'the end of the sound');
  assert.ok(answer.length > 0, 'an answer has words');
}
assert.ok(samples > 24_000, `${samples} samples`);
const roles = session.history.map(({ role, status }) => `${role} ${status}`);
assert.deepEqual(roles, ['user completed', 'assistant completed', 'user completed', 'assistant completed']);
assert.ok(session.usage.requests >= 2);
assert.ok(!events.some(({ type }) => type === 'error'), 'no error was told');
session.close();
console.log('ok a conversation by the agents kit');
