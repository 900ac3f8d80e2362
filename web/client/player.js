/**
 * Plays the tutor's turns as they are made and says how far they were heard. It never plays a turn
 * that was stopped.
 */

import { Programme } from './programme.js';
import { Replay } from './replay.js';
import { Sound } from './sound.js';

const REPORT_EVERY_MS = 1000;

/**
 * Events:
 * - `change`: it has begun, paused, gone on or fallen silent, or sound was locked or unlocked
 * - `played`: a {@link import('./programme.js').Position} in `detail`
 * - `unplayable`: a sentence cannot be heard again
 */
export class Player extends EventTarget {
  #sound = new Sound(() => this.#changed());
  /** The turn that is heard, then those that wait for it. @type {Programme[]} */
  #queue = [];
  /** Turns that were stopped here and may still be made elsewhere. */
  #silenced = new Set();
  #isHeld = false;
  #replay = new Replay((isPlayed) => this.#replayEnded(isPlayed));
  #following = new AbortController();
  #reports;

  /**
   * Plays what that conversation says from now on, instead of another.
   *
   * @param {import('./parla.js').Parla} parla
   */
  follow(parla) {
    this.leave();
    const { signal } = (this.#following = new AbortController());
    this.#sound.base = this.#replay.base = parla.base;
    parla.addEventListener('change', () => this.update(parla.state.entries), { signal });
    parla.addEventListener('sending', () => this.stop(), { signal });
    parla.addEventListener('frame', ({ detail }) => this.#obey(detail), { signal });
    parla.addEventListener('connection', () => this.#connectionChanged(parla), { signal });
    globalThis.addEventListener('online', () => this.#sound.hurry(), { signal });
    this.addEventListener('played', ({ detail }) => parla.played(detail), { signal });
  }

  /** Falls silent and follows no conversation. */
  leave() {
    this.stop();
    this.#silenced.clear();
    this.#following.abort();
  }

  /** To be called from a learner's gesture. */
  unlock() {
    return this.#sound.unlock();
  }

  /** Sound is there but the browser waits for a gesture. */
  get isLocked() {
    return this.#sound.isLocked && this.#queue.length > 0;
  }

  /** A turn is being heard or waits for its sound. */
  get isSpeaking() {
    return this.#queue.length > 0;
  }

  /** What is heard now. @returns {import('./programme.js').Position | null} */
  get position() {
    return this.#replay.position ?? this.#queue[0]?.position ?? null;
  }

  /** For a level meter; `null` before the first sound. */
  get analyser() {
    return this.#sound.analyser;
  }

  /** From 0 to 1. */
  set volume(volume) {
    this.#sound.volume = this.#replay.volume = volume;
  }

  get volume() {
    return this.#sound.volume;
  }

  /**
   * Takes the newest picture of the conversation.
   *
   * @param {import('./turns.js').Entry[]} entries Oldest first.
   */
  update(entries) {
    for (const turn of entries.slice(-4)) {
      if (turn.role !== 'assistant') continue;
      if (turn.phase === 'stopped') this.#silence(this.#queued(turn.turnId));
      else (this.#queued(turn.turnId) ?? this.#enqueue(turn))?.update(turn);
    }
  }

  /** Falls silent at once, whatever comes later of the turns it was playing. */
  stop() {
    this.#replay.stop();
    this.#report();
    this.#isHeld = false;
    for (const programme of this.#queue.toReversed()) this.#silence(programme);
  }

  /** Holds the sound; making goes on. */
  hold() {
    this.#isHeld = true;
    this.#report();
    this.#queue[0]?.pause();
    this.#changed();
  }

  /**
   * Goes on after `hold`, from that place if one is given.
   *
   * @param {{chunkIndex: number, ms: number} | null} [place]
   */
  release(place = null) {
    this.#isHeld = false;
    this.#queue[0]?.resume(place);
    this.#changed();
  }

  /**
   * Plays sentences again, one after the other; the present turn waits meanwhile.
   *
   * @param {string} turnId
   * @param {{chunk: import('./protocol.js').Chunk, index: number}[]} sentences
   * @param {number} rate 1 is as it was; the pitch is kept.
   */
  replay(turnId, sentences, rate = 1) {
    this.hold();
    this.#replay.play(turnId, sentences, rate);
  }

  #obey({ type, data }) {
    if (data.turnId !== this.#queue[0]?.turnId) return;
    if (type === 'playback-stopped') this.#silence(this.#queue[0]);
    if (type === 'playback-paused') this.hold();
    if (type === 'playback-resumed') this.release(data);
  }

  #connectionChanged({ status }) {
    if (status === 'online') this.#sound.hurry();
  }

  #queued(turnId) {
    return this.#queue.find((programme) => programme.turnId === turnId);
  }

  /** Only what is being made is played by itself: old messages wait to be asked for. */
  #enqueue({ turnId, phase }) {
    if (phase !== 'making' || this.#silenced.has(turnId)) return null;
    const programme = new Programme(turnId, this.#sound, (position) =>
      this.#heard(programme, position),
    );
    this.#queue.push(programme);
    if (this.#queue.length === 1) this.#begin();
    return programme;
  }

  #begin() {
    clearInterval(this.#reports);
    if (this.#queue.length > 0) this.#reports = setInterval(() => this.#report(), REPORT_EVERY_MS);
    if (!this.#isHeld) this.#queue[0]?.play();
    this.#changed();
  }

  #heard(programme, position) {
    if (position) this.#tell('played', position);
    else this.#remove(programme);
  }

  #silence(programme) {
    if (!programme) return;
    this.#silenced.add(programme.turnId);
    programme.stop();
    this.#remove(programme);
  }

  #remove(programme) {
    this.#queue = this.#queue.filter((other) => other !== programme);
    if (this.#queue.length === 0) this.#isHeld = false;
    this.#begin();
  }

  #replayEnded(isPlayed) {
    if (!isPlayed) this.dispatchEvent(new Event('unplayable'));
    this.release();
  }

  #report() {
    const position = this.#queue[0]?.position;
    if (position) this.#tell('played', position);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
