/** What becomes of the microphone's sound on the browser's sound thread, at every usual rate. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

const RATE = 16_000;
const FRAME_SAMPLES = 512;
const BLOCK = 128;

/** What a browser's sound thread has. */
let Frames;
globalThis.registerProcessor = (_, processor) => (Frames = processor);
globalThis.AudioWorkletProcessor = class {
  frames = [];
  port = { postMessage: (frame) => this.frames.push(new Int16Array(frame)) };
};
await import('../../web/client/microphone-worklet.js');

/** A thread whose sound has that rate. */
function threadAt(rate) {
  globalThis.sampleRate = rate;
  return new Frames();
}

/** A second and more of a tone at half the loudness; the answer is what comes out of it. */
function toneThrough(rate, hertz) {
  const thread = threadAt(rate);
  for (let at = 0; at < 1.5 * rate; at += BLOCK) {
    const block = Float32Array.from(
      { length: BLOCK },
      (_, place) => 0.5 * Math.sin((2 * Math.PI * hertz * (at + place)) / rate),
    );
    assert.equal(thread.process([[block]]), true);
  }
  return thread.frames;
}

/** Of the loudest sample after the beginning, from 0 to 1. */
function peakOf(frames) {
  return Math.max(...frames.slice(2).flatMap((frame) => [...frame].map(Math.abs))) / 32_767;
}

/** Crossings of zero a second, halved. */
function pitchOf(frames) {
  const samples = frames.slice(2).flatMap((frame) => [...frame]);
  const crossings = samples.filter((sample, at) => at > 0 && sample >= 0 && samples[at - 1] < 0);
  return (crossings.length * RATE) / samples.length;
}

for (const rate of [8000, 16_000, 22_050, 44_100, 48_000, 96_000]) {
  test(`speech at ${rate} Hz keeps its length, pitch and loudness at 16 kHz`, () => {
    for (const hertz of [200, 1000, 3000]) {
      const frames = toneThrough(rate, hertz);
      assert.ok(frames.every((frame) => frame.length === FRAME_SAMPLES));
      const expected = Math.floor((1.5 * RATE) / FRAME_SAMPLES);
      assert.ok(Math.abs(frames.length - expected) <= 1, `${frames.length} frames`);
      assert.ok(Math.abs(pitchOf(frames) - hertz) < 3, `${hertz} Hz became ${pitchOf(frames)}`);
      assert.ok(Math.abs(peakOf(frames) - 0.5) < 0.01, `${hertz} Hz became ${peakOf(frames)} loud`);
    }
  });
}

test('what is too high for 16 kHz does not fold back into speech', () => {
  for (const [rate, hertz] of [
    [44_100, 9000],
    [48_000, 9000],
    [48_000, 13_000],
    [96_000, 15_000],
  ]) {
    const peak = peakOf(toneThrough(rate, hertz));
    assert.ok(peak < 0.001, `${hertz} Hz at ${rate} Hz leaves ${peak}`);
  }
});

test('a microphone that says nothing yet keeps the thread alive, and what is too loud is cut', () => {
  const thread = threadAt(RATE);
  assert.equal(thread.process([[]]), true);
  for (const level of [2, -2, 2, -2]) thread.process([[new Float32Array(BLOCK).fill(level)]]);
  const [frame] = thread.frames;
  assert.deepEqual([frame[0], frame[BLOCK], thread.frames.length], [32_767, -32_767, 1]);
});
