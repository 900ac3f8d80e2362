/** How a connection is kept, on sockets, requests and a clock made for the test. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Connection } from '../../web/client/connection.js';

/** A socket whose server is the test. */
class FakeSocket {
  static OPEN = 1;
  static all = [];
  readyState = 0;
  sent = [];

  constructor(url) {
    this.url = url;
    FakeSocket.all.push(this);
  }

  send(text) {
    this.sent.push(JSON.parse(text).type);
  }

  close() {
    this.readyState = 3;
  }

  greet(data = {}) {
    this.readyState = FakeSocket.OPEN;
    this.say('connected', data);
  }

  say(type, data = {}) {
    this.onmessage({ data: JSON.stringify({ type, data }) });
  }

  end(code) {
    this.readyState = 3;
    this.onclose({ code });
  }
}

const newest = () => FakeSocket.all.at(-1);
const settled = () => new Promise((resolve) => setImmediate(resolve));
let requests;

beforeEach(() => {
  FakeSocket.all = [];
  requests = [];
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  mock.method(Math, 'random', () => 0);
  mock.method(globalThis, 'fetch', answer);
  globalThis.WebSocket = FakeSocket;
});

afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
  delete globalThis.WebSocket;
});

/** An event stream that greets and stays open until it is aborted. */
async function answer(url, { signal, headers }) {
  requests.push({ path: `${url.pathname}${url.search}`, headers, signal });
  const greeting = 'data: {"type":"connected","data":{}}\n\n';
  const body = new ReadableStream({
    start(stream) {
      stream.enqueue(new TextEncoder().encode(greeting));
      signal.addEventListener('abort', () => stream.error(signal.reason));
    },
  });
  return new Response(body);
}

function connect({ token = null, resume = null } = {}) {
  const seen = [];
  const connection = new Connection(
    {
      base: new URL('https://tutor.example/'),
      conversationId: 'c',
      resumePoint: () => resume,
      onFrame: () => {},
      onChange: () => {
        const word = [connection.status, connection.carrier].filter(Boolean).join(' ');
        if (seen.at(-1) !== word) seen.push(word);
      },
    },
    token,
  );
  connection.open();
  return { connection, seen };
}

test('a restart is followed by a new socket that asks for what is missing', () => {
  const { connection, seen } = connect({ resume: { epoch: 'e', seq: 7 } });
  newest().greet();
  newest().end(3001);
  mock.timers.tick(250);
  assert.equal(String(newest().url), 'wss://tutor.example/ws?conversationId=c&after=7&epoch=e');
  newest().greet();
  assert.deepEqual(seen, ['connecting', 'online socket', 'waiting', 'connecting', 'online socket']);
  connection.close();
});

test('a refusal for good, an expired sign-in and a full server are told apart', () => {
  for (const [code, status] of [
    [1008, 'closed'],
    [4001, 'signed-out'],
    [3010, 'signed-out'],
    [1013, 'waiting'],
  ]) {
    const { connection } = connect();
    newest().greet();
    newest().end(code);
    const before = FakeSocket.all.length;
    assert.deepEqual([connection.status, connection.code], [status, code]);
    mock.timers.tick(60_000);
    assert.equal(FakeSocket.all.length > before, status === 'waiting', `dials again after ${code}`);
    connection.close();
  }
});

test('where sign-in is on, nothing goes out before the server has accepted the token', () => {
  const { connection } = connect({ token: 'secret' });
  newest().greet({ authRequired: true });
  assert.deepEqual([newest().sent, connection.send('stop', {})], [['auth'], false]);
  newest().say('authenticated');
  assert.equal(connection.send('stop', {}), true);
  connection.close();
});

test('a page without a token says that it has to sign in', () => {
  const { connection } = connect();
  newest().greet({ authRequired: true });
  assert.equal(connection.status, 'signed-out');
});

test('a socket that answers no ping is given up', () => {
  const { connection, seen } = connect();
  newest().greet();
  mock.timers.tick(20_000);
  newest().say('pong');
  mock.timers.tick(20_000);
  assert.deepEqual(newest().sent, ['ping', 'ping']);
  mock.timers.tick(8_000);
  assert.deepEqual(seen, ['connecting', 'online socket', 'waiting']);
  connection.close();
});

test('two sockets that never opened lead to events, and a socket takes over when it can', async () => {
  const { connection, seen } = connect({ token: 'secret', resume: { epoch: 'e', seq: 7 } });
  newest().end(1006);
  mock.timers.tick(250);
  newest().end(1006);
  mock.timers.tick(250);
  await settled();
  const [{ path, headers, signal }] = requests;
  assert.equal(path, '/api/v1/conversations/c/events?after=7&epoch=e');
  assert.equal(headers.Authorization, 'Bearer secret');
  assert.equal(seen.at(-1), 'online events');

  mock.timers.tick(29_000);
  assert.equal(FakeSocket.all.length, 2);
  mock.timers.tick(1_000);
  assert.deepEqual([FakeSocket.all.length, connection.carrier], [3, 'events']);
  newest().greet();
  assert.deepEqual(
    [connection.status, connection.carrier, signal.aborted],
    ['online', 'socket', true],
  );
  connection.close();
});

test('a socket that is still blocked leaves the events alone', async () => {
  const { connection } = connect();
  newest().end(1006);
  mock.timers.tick(250);
  newest().end(1006);
  mock.timers.tick(250);
  await settled();
  mock.timers.tick(30_000);
  newest().end(1006);
  assert.deepEqual(
    [connection.status, connection.carrier, requests[0].signal.aborted],
    ['online', 'events', false],
  );
  connection.close();
});

test('events that fall silent are asked for again', async () => {
  const { connection, seen } = connect();
  newest().end(1006);
  mock.timers.tick(250);
  newest().end(1006);
  mock.timers.tick(250);
  await settled();
  mock.timers.tick(30_000);
  newest().end(1006);
  mock.timers.tick(30_000);
  await settled();
  assert.equal(seen.at(-1), 'waiting');
  mock.timers.tick(250);
  await settled();
  assert.deepEqual([seen.at(-1), requests.length], ['online events', 2]);
  connection.close();
});
