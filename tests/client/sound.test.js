/** How a sentence's sound is fetched over a network that fails, on a clock made for the test. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Player } from '../../web/client/player.js';
import { Sound } from '../../web/client/sound.js';

const settled = () => new Promise((resolve) => setImmediate(resolve));
const lost = () => {
  throw new TypeError('Failed to fetch');
};
const status = (code) => () => new Response('sound', { status: code });

/** What Node lacks of a page. */
const PAGE = [
  'document',
  'addEventListener',
  'dispatchEvent',
  'AudioContext',
  'GainNode',
  'AnalyserNode',
];

/** What the network does with each request, in order; the last goes on for ever. */
let network;
let requests;

beforeEach(() => {
  requests = 0;
  globalThis.document = { baseURI: 'https://tutor.example/' };
  const page = new EventTarget();
  globalThis.addEventListener = page.addEventListener.bind(page);
  globalThis.dispatchEvent = page.dispatchEvent.bind(page);
  globalThis.AudioContext = FakeContext;
  globalThis.GainNode = globalThis.AnalyserNode = FakeNode;
  mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  mock.method(Math, 'random', () => 0);
  mock.method(globalThis, 'fetch', async () => network[Math.min(requests++, network.length - 1)]());
});

afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
  for (const name of PAGE) delete globalThis[name];
});

class FakeNode {
  gain = { setTargetAtTime() {} };

  connect(next) {
    return next;
  }
}

/** Decodes all but the empty file. */
class FakeContext {
  async decodeAudioData(bytes) {
    if (bytes.byteLength === 0) throw new Error('EncodingError');
    return { duration: 1 };
  }
}

/** Loads one file and writes down what becomes of it. */
async function load(signal = new AbortController().signal) {
  const sound = new Sound(() => {});
  const seen = { result: 'waiting' };
  sound.load('/a', signal).then(
    (audio) => (seen.result = audio ? 'heard' : 'none'),
    () => (seen.result = 'given up'),
  );
  await settled();
  return { sound, seen };
}

async function pass(ms) {
  mock.timers.tick(ms);
  await settled();
}

test('sound that is lost on the way is fetched again', async () => {
  network = [lost, status(503), status(200)];
  const { seen } = await load();
  await pass(250);
  assert.deepEqual([seen.result, requests], ['waiting', 2]);
  await pass(250);
  assert.deepEqual([seen.result, requests], ['heard', 3]);
});

test('a refusal is final, and so is a file that cannot be decoded', async () => {
  for (const last of [status(404), status(401), () => new Response('')]) {
    network = [last];
    requests = 0;
    const { seen } = await load();
    await pass(60_000);
    assert.deepEqual([seen.result, requests], ['none', 1]);
  }
});

test('it is fetched at once when the network is back', async () => {
  network = [lost, status(200)];
  const { sound, seen } = await load();
  sound.hurry();
  await settled();
  assert.deepEqual([seen.result, requests], ['heard', 2]);
  sound.hurry();
  await pass(60_000);
  assert.equal(requests, 2);
});

test('after half a minute without a network it is given up', async () => {
  network = [lost];
  const { seen } = await load();
  for (let ms = 250; ms < 30_000; ms += 250) await pass(250);
  assert.equal(seen.result, 'waiting');
  await pass(250);
  assert.equal(seen.result, 'given up');
  const before = requests;
  await pass(60_000);
  assert.equal(requests, before);
});

test('a turn that is stopped asks no more', async () => {
  network = [lost];
  const turn = new AbortController();
  const { seen } = await load(turn.signal);
  turn.abort();
  await pass(60_000);
  assert.deepEqual([seen.result, requests], ['given up', 1]);
});

test('a player asks again when its connection or the network is back, and no sooner', async () => {
  network = [lost];
  const player = new Player();
  const parla = Object.assign(new EventTarget(), { base: 'https://tutor.example/' });
  player.follow(parla);
  const chunk = { id: 'a', audioUrl: '/a', ttsStatus: 'completed' };
  player.update([{ role: 'assistant', turnId: 't', phase: 'making', chunks: [chunk] }]);
  const asked = [];
  const happens = async (target, type, status) => {
    parla.status = status;
    target.dispatchEvent(new Event(type));
    await settled();
    asked.push(requests);
  };
  await happens(parla, 'connection', 'waiting');
  await happens(parla, 'connection', 'online');
  await happens(globalThis, 'online', 'online');
  player.leave();
  await happens(globalThis, 'online', 'online');
  assert.deepEqual(asked, [1, 2, 3, 3]);
});
