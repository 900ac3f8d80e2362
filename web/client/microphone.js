/**
 * The learner's microphone and its way to the tutor. It keeps no sound and does not decide when a
 * turn is over.
 */

import { capture, FORMAT } from './capture.js';

/** Softer than this, in decibels below the loudest, a meter shows nothing. */
const FLOOR_DB = 60;
/** One level for so many frames: about 15 a second. */
const FRAMES_PER_LEVEL = 2;
/** With these the server says that it does not listen. */
const REFUSALS = ['no_ears', 'unsupported_audio', 'too_many_microphones', 'not_listening'];

/**
 * @typedef {'off' | 'asking' | 'on' | 'denied' | 'missing' | 'insecure' | 'refused'} MicrophoneState
 *   Denied by the learner or the browser; missing or taken away; insecure where a page that was not
 *   loaded by https or from this machine may not have one; refused by the server.
 *
 * @typedef {object} Manner
 * @property {'hands-free' | 'push-to-talk' | 'manual'} [mode]
 * @property {string} [language] Of what will be said; the conversation's without it. Level, scenario, voice and model
 *   can be chosen likewise, as with a written message.
 */

/**
 *     const microphone = new Microphone();
 *     microphone.follow(parla);
 *     button.onclick = () => microphone.start({ mode: 'hands-free', language: 'es' });
 *
 * Events:
 * - `change`: the state is another
 * - `level`: the loudness is another
 */
export class Microphone extends EventTarget {
  /** @type {MicrophoneState} */
  state = 'off';
  /** How loud it is, from 0 to 1 as a meter shows it. */
  level = 0;
  /** Why the server refused it. @type {import('./protocol.js').Problem | null} */
  problem = null;
  /** @type {import('./parla.js').Parla | undefined} */
  #parla;
  #following = new AbortController();
  /** @type {Manner} */
  #manner = {};
  /** The device that is open or being opened. @type {Promise<{close: () => void}> | null} */
  #device = null;
  /** The server has been told of it over the present connection. */
  #isAnnounced = false;
  #frames = 0;

  /**
   * Speaks to that conversation from now on, instead of another.
   *
   * @param {import('./parla.js').Parla} parla
   */
  follow(parla) {
    this.#following.abort();
    const { signal } = (this.#following = new AbortController());
    if (this.#isAnnounced) this.#parla.audioStop();
    this.#isAnnounced = false;
    this.#parla = parla;
    parla.addEventListener('connection', () => this.#connectionChanged(), { signal });
    parla.addEventListener('frame', ({ detail }) => this.#obey(detail), { signal });
    this.#connectionChanged();
  }

  /** The device is open, or the learner is being asked for it. */
  get isOpen() {
    return this.#device !== null;
  }

  /**
   * Opens it: to be called from a learner's gesture. One that is open goes on in the new manner.
   *
   * @param {Manner} [manner]
   */
  async start(manner = {}) {
    const isNew = JSON.stringify(manner) !== JSON.stringify(this.#manner);
    this.#manner = manner;
    if (!this.isOpen) return this.#open();
    if (isNew && this.#isAnnounced) this.#announce();
  }

  /** Lets the device go; what was said so far is the learner's message. */
  stop() {
    this.#end('off');
  }

  async #open() {
    if (!navigator.mediaDevices)
      return this.#end(globalThis.isSecureContext ? 'missing' : 'insecure');
    const device = (this.#device = capture(
      (frame) => device === this.#device && this.#hear(frame),
      () => device === this.#device && this.#end('missing'),
    ));
    this.#become('asking');
    try {
      const opened = await device;
      if (device !== this.#device) return opened.close();
      this.#become('on');
      this.#connectionChanged();
    } catch (error) {
      if (device === this.#device) this.#end(stateAfter(error));
    }
  }

  #end(state) {
    if (this.#isAnnounced) this.#parla.audioStop();
    this.#isAnnounced = false;
    this.#device?.then((device) => device.close()).catch(() => {});
    this.#device = null;
    this.#setLevel(0);
    this.#become(state);
  }

  /** Whatever was told before, a new connection has to be told again; and the server may be another. */
  #connectionChanged() {
    const isCarrying = this.#parla?.status === 'online' && this.#parla.carrier === 'socket';
    if (!isCarrying) this.#isAnnounced = false;
    else if (this.state === 'on' && !this.#isAnnounced) this.#announce();
    if (!isCarrying && this.state === 'refused') this.#become('off');
  }

  #announce() {
    this.#isAnnounced = this.#parla.audioStart({ ...FORMAT, ...this.#manner });
  }

  /** Sound that cannot go out now is lost: what comes late disturbs more than what is missing. */
  #hear(frame) {
    this.#frames += 1;
    if (this.#frames % FRAMES_PER_LEVEL === 0) this.#setLevel(levelOf(new Int16Array(frame)));
    if (this.#isAnnounced) this.#parla.audio(frame);
  }

  #obey({ type, data }) {
    if (type !== 'error' || !this.#isAnnounced || !REFUSALS.includes(data.code)) return;
    this.problem = data;
    this.#isAnnounced = false;
    this.#end('refused');
  }

  #setLevel(level) {
    if (level === this.level) return;
    this.level = level;
    this.dispatchEvent(new Event('level'));
  }

  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event('change'));
  }
}

function stateAfter({ name }) {
  return name === 'NotAllowedError' || name === 'SecurityError' ? 'denied' : 'missing';
}

/** From 0 to 1, in even steps of loudness. @param {Int16Array} samples */
export function levelOf(samples) {
  const power = samples.reduce((sum, sample) => sum + (sample / 32_768) ** 2, 0) / samples.length;
  if (power === 0) return 0;
  return Math.max(0, Math.min(1, 1 + (10 * Math.log10(power)) / FLOOR_DB));
}
