/** How the microphone's sound reaches the server, on a device and a connection made for the test. */

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { levelOf, Microphone } from '../../web/client/microphone.js';

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** What Node lacks of a page. */
const PAGE = ['AudioContext', 'AudioWorkletNode', 'MediaStreamAudioSourceNode', 'isSecureContext'];

/** Newest first: devices that were opened. */
let devices;
/** What the browser answers when it is asked for a microphone. */
let answer;
/** A browser that refuses to change the rate of a microphone. */
let isStrict;
let rates;

beforeEach(() => {
  devices = [];
  rates = [];
  isStrict = false;
  answer = async () => new FakeStream();
  const mediaDevices = { getUserMedia: (wishes) => answer(wishes) };
  Object.defineProperty(globalThis, 'navigator', {
    value: { mediaDevices },
    configurable: true,
  });
  globalThis.isSecureContext = true;
  globalThis.AudioContext = FakeContext;
  globalThis.AudioWorkletNode = FakeFrames;
  globalThis.MediaStreamAudioSourceNode = FakeSource;
});

afterEach(() => {
  for (const name of PAGE) delete globalThis[name];
});

class FakeStream {
  track = { isLive: true, stop: () => (this.track.isLive = false) };

  constructor() {
    devices.unshift(this);
  }

  getTracks() {
    return [this.track];
  }
}

class FakeContext {
  audioWorklet = { addModule: async () => {} };

  constructor({ sampleRate }) {
    this.rate = sampleRate;
    rates.push(sampleRate);
  }

  async resume() {}
  async close() {}
}

class FakeSource {
  constructor(context, { mediaStream }) {
    if (isStrict && context.rate) throw new DOMException('rates differ', 'NotSupportedError');
    this.stream = mediaStream;
  }

  connect(frames) {
    this.stream.say = () => frames.port.onmessage({ data: new Int16Array(512).fill(3277).buffer });
  }
}

class FakeFrames {
  port = {};
}

/** A conversation that writes down what goes out. */
class FakeParla extends EventTarget {
  status = 'online';
  carrier = 'socket';
  sent = [];

  audioStart({ mode, language = '-' }) {
    this.sent.push(`start ${mode} ${language}`);
    return true;
  }

  audio(sound) {
    this.sent.push(sound.byteLength);
    return true;
  }

  audioStop() {
    this.sent.push('stop');
    return true;
  }

  become(status, carrier = 'socket') {
    Object.assign(this, { status, carrier });
    this.dispatchEvent(new Event('connection'));
  }

  refuse(code) {
    const detail = { type: 'error', data: { code, message: code } };
    this.dispatchEvent(new CustomEvent('frame', { detail }));
  }
}

async function open(manner = { mode: 'hands-free' }) {
  const parla = new FakeParla();
  const microphone = new Microphone();
  const seen = [];
  microphone.addEventListener('change', () => seen.push(microphone.state));
  microphone.follow(parla);
  microphone.start(manner);
  await settled();
  return { parla, microphone, seen };
}

test('sound is announced before it goes out, and nothing follows the stop', async () => {
  const { parla, microphone, seen } = await open({ mode: 'hands-free', language: 'es' });
  devices[0].say();
  microphone.stop();
  devices[0].say();
  await settled();
  assert.deepEqual(parla.sent, ['start hands-free es', 1024, 'stop']);
  assert.deepEqual(seen, ['asking', 'on', 'off']);
  assert.equal(devices[0].track.isLive, false);
});

test('a button that is let go before the device is open lets the device go unheard', async () => {
  const { promise, resolve } = withResolvers();
  answer = () => promise;
  const { parla, microphone } = await open({ mode: 'push-to-talk' });
  microphone.stop();
  resolve(new FakeStream());
  await settled();
  assert.deepEqual([parla.sent, microphone.state], [[], 'off']);
  assert.equal(devices[0].track.isLive, false);
});

test('after a reconnect it is announced again, and what was said meanwhile is dropped', async () => {
  const { parla } = await open();
  for (const [status, carrier] of [
    ['waiting', null],
    ['online', 'events'],
    ['online', 'socket'],
  ]) {
    parla.become(status, carrier);
    devices[0].say();
  }
  assert.deepEqual(parla.sent, ['start hands-free -', 'start hands-free -', 1024]);
});

test('another conversation is spoken to from its beginning, the old one no more', async () => {
  const { parla, microphone } = await open();
  const other = new FakeParla();
  microphone.follow(other);
  devices[0].say();
  parla.become('online');
  assert.deepEqual(
    [parla.sent, other.sent],
    [
      ['start hands-free -', 'stop'],
      ['start hands-free -', 1024],
    ],
  );
});

test('another language is announced on the open device, the same one is not', async () => {
  const { parla, microphone } = await open({ mode: 'hands-free', language: 'es' });
  microphone.start({ mode: 'hands-free', language: 'es' });
  microphone.start({ mode: 'hands-free', language: 'fr' });
  assert.deepEqual(parla.sent, ['start hands-free es', 'start hands-free fr']);
  assert.equal(devices.length, 1);
});

test('what the browser answers is told apart', async () => {
  const refuse = (name) => () => Promise.reject(new DOMException('no', name));
  for (const [name, state] of [
    ['NotAllowedError', 'denied'],
    ['NotFoundError', 'missing'],
    ['NotReadableError', 'missing'],
  ]) {
    answer = refuse(name);
    const { parla, microphone } = await open();
    assert.deepEqual([microphone.state, microphone.isOpen, parla.sent], [state, false, []]);
  }
  delete navigator.mediaDevices;
  globalThis.isSecureContext = false;
  assert.equal((await open()).microphone.state, 'insecure');
});

test('a device that is unplugged ends what was said', async () => {
  const { parla, microphone } = await open();
  devices[0].track.onended();
  assert.deepEqual([microphone.state, parla.sent], ['missing', ['start hands-free -', 'stop']]);
});

test('a refusal lets the device go, and another server may be asked again', async () => {
  const { parla, microphone } = await open();
  parla.refuse('busy');
  assert.equal(microphone.state, 'on');
  parla.refuse('no_ears');
  devices[0].say();
  await settled();
  assert.deepEqual([microphone.state, microphone.problem.code], ['refused', 'no_ears']);
  assert.deepEqual([devices[0].track.isLive, parla.sent], [false, ['start hands-free -']]);
  parla.become('waiting');
  assert.equal(microphone.state, 'off');
});

test('a browser that does not change the rate leaves it to the worklet', async () => {
  isStrict = true;
  const { microphone } = await open();
  assert.deepEqual([microphone.state, rates], ['on', [16_000, undefined]]);
});

test('the level rises evenly with loudness and is told every second frame', async () => {
  const full = new Int16Array(512).fill(-32_768);
  const levels = [1, 0.1, 0.01, 0.0001, 0].map((share) => levelOf(full.map((one) => one * share)));
  assert.deepEqual(
    levels.map((level) => level.toFixed(2)),
    ['1.00', '0.67', '0.33', '0.00', '0.00'],
  );
  const { microphone } = await open();
  let told = 0;
  microphone.addEventListener('level', () => (told += 1));
  devices[0].say();
  assert.equal(told, 0);
  devices[0].say();
  assert.deepEqual([told, microphone.level.toFixed(2)], [1, '0.67']);
});

function withResolvers() {
  let resolve;
  const promise = new Promise((settle) => (resolve = settle));
  return { promise, resolve };
}
