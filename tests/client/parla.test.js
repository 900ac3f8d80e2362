/** What a conversation does with refusals, on a socket made for the test. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Parla } from '../../web/client/parla.js';

let socket;

/** A socket whose server is the test. */
class FakeSocket {
  static OPEN = 1;
  readyState = FakeSocket.OPEN;
  sent = [];

  constructor() {
    socket = this;
  }

  send(text) {
    this.sent.push(JSON.parse(text).type);
  }

  close() {
    this.readyState = 3;
  }

  say(type, data) {
    this.onmessage({ data: JSON.stringify({ type, data }) });
  }
}

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  mock.method(Math, 'random', () => 0);
  globalThis.WebSocket = FakeSocket;
});

afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
  delete globalThis.WebSocket;
});

/** A conversation that is connected, and the codes of the problems it reports. */
function connect() {
  const problems = [];
  const parla = new Parla({ url: 'https://tutor.example/' });
  parla.addEventListener('problem', ({ detail }) => problems.push(detail.code));
  parla.connect();
  socket.say('connected', { epoch: 'e', seq: 0 });
  return { parla, problems };
}

const phases = ({ state }) => state.entries.map(({ text, phase }) => `${text} ${phase}`);

test('a refusal that names a message is about that message alone', () => {
  const { parla, problems } = connect();
  parla.chat('one');
  const clientId = parla.chat('two');
  socket.say('error', { code: 'busy', message: 'Wait.', clientId });
  assert.deepEqual(phases(parla), ['one sending', 'two unsent']);
  assert.deepEqual([problems, parla.state.awaiting], [['busy'], null]);
  parla.close();
});

test('a refusal that names no message leaves every message on its way', () => {
  const { parla, problems } = connect();
  const clientId = parla.chat('one');
  for (const nameless of [undefined, null])
    socket.say('error', { code: 'invalid_field', message: 'typing', clientId: nameless });
  assert.deepEqual(phases(parla), ['one sending']);
  assert.deepEqual(problems, ['invalid_field', 'invalid_field']);
  assert.equal(parla.state.awaiting, clientId);

  socket.onclose({ code: 1006 });
  mock.timers.tick(250);
  socket.say('connected', { epoch: 'e', seq: 0 });
  assert.deepEqual(socket.sent, ['chat'], 'it goes out again on the next socket');
  parla.close();
});

test('a preparation goes to a server that is there, and is not kept for one that is not', () => {
  const { parla } = connect();
  parla.prepare({ language: 'es' });
  assert.deepEqual(socket.sent, ['prepare']);
  socket.onclose({ code: 1006 });
  parla.prepare({ language: 'fr' });
  mock.timers.tick(250);
  socket.say('connected', { epoch: 'e', seq: 0 });
  assert.deepEqual(socket.sent, []);
  parla.close();
});

test('progress and notices are passed on and change no message', () => {
  const { parla } = connect();
  const frames = [];
  parla.addEventListener('frame', ({ detail }) => frames.push(detail.type));
  const before = parla.state;
  socket.say('progress', { kind: 'model-load', text: 'loading', done: null, total: null });
  socket.say('notice', { code: 'model_slow', text: 'slow' });
  assert.deepEqual([frames, parla.state], [['progress', 'notice'], before]);
  parla.close();
});
