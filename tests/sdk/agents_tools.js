/** Functions under OpenAI's agents kit, which carries out what a model calls by itself. */

import assert from 'node:assert/strict';
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { soon } from './soon.js';

const URL_OF_SESSIONS = `${process.env.PARLA_URL.replace('http', 'ws')}v1/realtime?model=gpt-realtime`;

const looked = [];
const look = tool({
  name: 'look',
  description: 'Looks.',
  parameters: {
    type: 'object',
    properties: { at: { type: 'string' } },
    required: ['at'],
    additionalProperties: false,
  },
  execute: async ({ at }) => {
    looked.push(at);
    return 'waves of two metres';
  },
});
const agent = new RealtimeAgent({ name: 'Tutor', instructions: 'Be brief.', tools: [look] });
const transport = new OpenAIRealtimeWebSocket({ url: URL_OF_SESSIONS });
const session = new RealtimeSession(agent, { transport });
session.on('error', (error) => assert.fail(JSON.stringify(error)));

/** The words of the tutor's last answer, once they are these. */
function answered(words) {
  return new Promise((resolve) => {
    session.on('agent_end', (...told) => {
      if (told.at(-1) === words) resolve(words);
    });
  });
}

await soon(session.connect({ apiKey: 'any' }), 'the connection');
const first = answered('There are waves.');
session.sendMessage('What is it like at sea?');
await soon(first, 'the answer to what the function has found');
assert.deepEqual(looked, ['sea']);
const call = session.history.find(({ type }) => type === 'function_call');
assert.equal(call.output, 'waves of two metres');
assert.deepEqual(JSON.parse(call.arguments), { at: 'sea' });
const words = session.history.filter(({ role }) => role === 'assistant');
assert.deepEqual(
  words.map(({ content }) => content[0].transcript),
  ['Let me see.', 'There are waves.'],
);

const second = answered('Goodbye!');
session.sendMessage('Thank you.');
await soon(second, 'the answer to what was said next');
assert.equal(looked.length, 1);
session.close();
console.log('ok functions by the agents kit');
