/**
 * The way from fetched audio to the loudspeaker: one AudioContext, its volume and its level. It
 * decides nothing about order.
 */

import { Retries } from './retries.js';

/** Long enough to hide the click of a cut, too short to be noticed as a delay. */
const FADE_SECONDS = 0.03;
/** A request over a lost network can hang; one for sound that is spoken anew takes seconds. */
const ATTEMPT_MS = 10_000;

export class Sound {
  #context = null;
  #output;
  #volume = 1;
  #onUnlock;
  #retries = new Retries();
  /** What the audio's addresses are relative to. @type {URL | string} */
  base = document.baseURI;

  /** @param {() => void} onUnlock Called when the browser lets sound out, or holds it back. */
  constructor(onUnlock) {
    this.#onUnlock = onUnlock;
  }

  /**
   * Lets sound out: to be called from a learner's gesture, since browsers keep a page silent before
   * one.
   */
  async unlock() {
    const context = this.#open();
    if (context.state !== 'running') await context.resume().catch(() => {});
  }

  /** Whether sound waits for a gesture. */
  get isLocked() {
    return this.#context !== null && this.#context.state !== 'running';
  }

  /** Seconds on the clock by which sound is scheduled. */
  get now() {
    return this.#open().currentTime;
  }

  /** Seconds between scheduling and hearing. */
  get latency() {
    return this.#context?.outputLatency || 0;
  }

  /** From 0 to 1. @param {number} volume */
  set volume(volume) {
    this.#volume = volume;
    if (this.#context) this.#output.gain.value = volume;
  }

  get volume() {
    return this.#volume;
  }

  /**
   * What is being heard, for a level meter; `null` before the first sound.
   *
   * @type {AnalyserNode | null}
   */
  analyser = null;

  /**
   * Fetches and decodes one file; while the network or the server fails it tries again. `false`
   * when the server has no such sound, or none that can be decoded.
   *
   * @param {string} url
   * @param {AbortSignal} signal
   * @returns {Promise<AudioBuffer | false>}
   */
  load(url, signal) {
    return this.#retries.run((end) => this.#loadOnce(url, end), signal);
  }

  /** The network may be back: what waits to be fetched again is fetched now. */
  hurry() {
    this.#retries.hurry();
  }

  /** A new line to the loudspeaker that can be silenced by itself. */
  line() {
    return new Line(this.#open(), this.#output);
  }

  async #loadOnce(url, end) {
    const signal = AbortSignal.any([end, AbortSignal.timeout(ATTEMPT_MS)]);
    const response = await fetch(new URL(url, this.base), { signal });
    if (response.status >= 400 && response.status < 500) return false;
    if (!response.ok) throw new Error(`audio: ${response.status}`);
    const bytes = await response.arrayBuffer();
    return this.#open()
      .decodeAudioData(bytes)
      .catch(() => false);
  }

  #open() {
    if (this.#context) return this.#context;
    this.#context = new AudioContext({ latencyHint: 'interactive' });
    this.#context.onstatechange = this.#onUnlock;
    this.#output = new GainNode(this.#context, { gain: this.#volume });
    this.analyser = new AnalyserNode(this.#context, { fftSize: 512 });
    this.#output.connect(this.analyser).connect(this.#context.destination);
    return this.#context;
  }
}

/** Everything that is scheduled together and silenced together. */
class Line {
  #context;
  #gain;
  #sources = new Set();

  constructor(context, output) {
    this.#context = context;
    this.#gain = new GainNode(context);
    this.#gain.connect(output);
  }

  /**
   * Plays a buffer from `offset` seconds into it, at `when` on the clock.
   *
   * @param {AudioBuffer} buffer
   * @param {number} when
   * @param {number} offset
   * @param {() => void} onEnd Not called when silenced.
   */
  play(buffer, when, offset, onEnd) {
    const source = new AudioBufferSourceNode(this.#context, { buffer });
    source.connect(this.#gain);
    source.onended = () => {
      if (this.#sources.delete(source)) onEnd();
    };
    this.#sources.add(source);
    source.start(when, offset);
  }

  /** Fades out and never sounds again. */
  silence() {
    const end = this.#context.currentTime + FADE_SECONDS;
    this.#gain.gain.setTargetAtTime(0, this.#context.currentTime, FADE_SECONDS / 4);
    for (const source of this.#sources) source.stop(end);
    this.#sources.clear();
  }
}
