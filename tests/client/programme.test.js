/** The order in which a turn's chunks are heard, on a clock and a loudspeaker made for the test. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Programme } from '../../web/client/programme.js';

/**
 * A loudspeaker that writes down what it is given; audio urls are `/name` and each lasts one
 * second.
 */
class FakeSound {
  now = 0;
  latency = 0;
  trace = [];
  #playing = [];
  #missing;
  #unreachable;

  constructor({ missing, unreachable } = {}) {
    this.#missing = missing;
    this.#unreachable = unreachable;
  }

  async load(url) {
    if (url === this.#unreachable) throw new TypeError('Failed to fetch');
    return url !== this.#missing && { url, duration: 1 };
  }

  line() {
    return {
      play: (buffer, when, offset, onEnd) => {
        this.trace.push(`${buffer.url} at ${when.toFixed(2)} from ${offset.toFixed(2)}`);
        this.#playing.push({ end: when + buffer.duration - offset, onEnd });
      },
      silence: () => {
        this.trace.push(`silence at ${this.now.toFixed(2)}`);
        this.#playing = [];
      },
    };
  }

  async moveTo(seconds) {
    this.now = seconds;
    const ended = this.#playing.filter(({ end }) => end <= seconds);
    this.#playing = this.#playing.filter(({ end }) => end > seconds);
    ended.forEach(({ onEnd }) => onEnd());
    await settled();
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const ready = (name, pause = 0) => ({
  id: name,
  pause,
  ttsStatus: 'completed',
  audioUrl: `/${name}`,
});
const waiting = (name) => ({ id: name, pause: 0, ttsStatus: 'pending', audioUrl: null });
const failed = (name) => ({ ...waiting(name), ttsStatus: 'failed' });

function begin(sound) {
  const heard = [];
  const programme = new Programme('t', sound, (position) =>
    heard.push(position?.chunkIndex ?? 'over'),
  );
  programme.play();
  const tell = async (chunks, phase = 'making') => {
    programme.update({ chunks, phase });
    await settled();
  };
  return { programme, heard, tell };
}

test('chunks follow each other without a gap, with the pause that each asks for', async () => {
  const sound = new FakeSound();
  const { heard, tell } = begin(sound);
  await tell([ready('a'), ready('b', 500), ready('c')], 'complete');
  assert.deepEqual(sound.trace, [
    '/a at 0.03 from 0.00',
    '/b at 1.03 from 0.00',
    '/c at 2.53 from 0.00',
  ]);
  await sound.moveTo(4);
  assert.deepEqual(heard, [0, 1, 2, 'over']);
});

test('a chunk that is ready early waits for the one before it', async () => {
  const sound = new FakeSound();
  const { tell } = begin(sound);
  await tell([waiting('a'), ready('b')]);
  assert.deepEqual(sound.trace, []);
  await tell([ready('a'), ready('b')]);
  assert.deepEqual(sound.trace, ['/a at 0.03 from 0.00', '/b at 1.03 from 0.00']);
});

test('a chunk without sound is skipped: its voice failed, its file is gone or out of reach', async () => {
  const sound = new FakeSound({ missing: '/b', unreachable: '/c' });
  const { heard, tell } = begin(sound);
  await tell([failed('a'), ready('b'), ready('c'), ready('d')], 'complete');
  await sound.moveTo(2);
  assert.deepEqual([sound.trace, heard], [['/d at 0.03 from 0.00'], [3, 'over']]);
});

test('a turn that failed is heard as far as it was made', async () => {
  const sound = new FakeSound();
  const { heard, tell } = begin(sound);
  await tell([ready('a'), waiting('b')], 'failed');
  await sound.moveTo(2);
  assert.deepEqual(heard, [0, 'over']);
});

test('a stopped turn is silent at once and stays so', async () => {
  const sound = new FakeSound();
  const { programme, tell } = begin(sound);
  await tell([ready('a')]);
  await sound.moveTo(0.5);
  programme.stop();
  await tell([ready('a'), ready('b')]);
  assert.deepEqual(sound.trace, ['/a at 0.03 from 0.00', 'silence at 0.50']);
});

test('sound that arrives after the stop is not played', async () => {
  const sound = new FakeSound();
  const { programme } = begin(sound);
  programme.update({ chunks: [ready('a')], phase: 'making' });
  programme.stop();
  await settled();
  assert.deepEqual(
    sound.trace.filter((line) => line.startsWith('/')),
    [],
  );
});

test('after a pause it goes on at the word where it was, or where it is told', async () => {
  const sound = new FakeSound();
  const { programme, tell } = begin(sound);
  await tell([ready('a'), ready('b')], 'complete');
  await sound.moveTo(0.43);
  assert.deepEqual(programme.position, { turnId: 't', chunkIndex: 0, ms: 400 });
  programme.pause();
  await sound.moveTo(5);
  programme.resume();
  assert.deepEqual(sound.trace.slice(3), ['/a at 5.03 from 0.40', '/b at 5.63 from 0.00']);
  programme.resume({ chunkIndex: 1, ms: 250 });
  assert.deepEqual(sound.trace.slice(6), ['/b at 5.03 from 0.25']);
});
