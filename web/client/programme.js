/**
 * One turn on its way to the loudspeaker: its chunks in their order, without gaps. It never plays
 * another turn's sound.
 */

/** So many chunks are fetched ahead of the one that is played. */
const AHEAD = 3;
/** Seconds between the decision to play and the first sample, so that the start is not cut. */
const LEAD = 0.03;

/**
 * @typedef {object} Position
 * @property {string} turnId
 * @property {number} chunkIndex
 * @property {number} ms From the chunk's beginning.
 */
export class Programme {
  #sound;
  #onHeard;
  #line;
  #abort = new AbortController();
  /** @type {import('./protocol.js').Chunk[]} */
  #chunks = [];
  #phase = 'making';
  /** Audio by chunk id: a buffer, `null` while it is fetched, `false` when it cannot be had. */
  #audio = new Map();
  /** The index of the chunk to schedule next, and the seconds of it that have been heard. */
  #next = 0;
  #offset = 0;
  /** When the last scheduled chunk and its pause end. */
  #free = 0;
  /**
   * @type {{index: number, start: number, end: number}[]} Scheduled and not yet heard to the end.
   */
  #scheduled = [];
  #mayPlay = false;

  /**
   * @param {string} turnId @param {import('./sound.js').Sound} sound
   * @param {(position: Position | null) => void} onHeard A chunk was heard to its end, or there is
   *   nothing left to hear.
   */
  constructor(turnId, sound, onHeard) {
    this.turnId = turnId;
    this.#sound = sound;
    this.#onHeard = onHeard;
  }

  /** Takes the newest picture of the turn. @param {import('./turns.js').Entry} turn */
  update({ chunks, phase }) {
    this.#chunks = chunks;
    this.#phase = phase;
    this.#advance();
  }

  /** Plays from where it stands. */
  play() {
    if (this.#mayPlay) return;
    this.#mayPlay = true;
    this.#line = this.#sound.line();
    this.#free = 0;
    this.#advance();
  }

  /** Falls silent and remembers the place. */
  pause() {
    if (!this.#mayPlay) return;
    const [first] = this.#scheduled;
    if (first) this.#goTo(first.index, Math.max(0, this.#sound.now - first.start));
    this.#mayPlay = false;
    this.#line.silence();
    this.#scheduled = [];
  }

  /**
   * Goes on, from another place if one is given.
   *
   * @param {{chunkIndex: number, ms: number} | null} place
   */
  resume(place = null) {
    this.pause();
    if (place) this.#goTo(place.chunkIndex, place.ms / 1000);
    this.play();
  }

  /** Falls silent for good; what is still being fetched is dropped. */
  stop() {
    this.pause();
    this.#abort.abort();
  }

  /** What is heard at this moment. @returns {Position | null} */
  get position() {
    const now = this.#sound.now - this.#sound.latency;
    const voice = this.#scheduled.find(({ start, end }) => start <= now && now < end);
    if (!voice) return null;
    return {
      turnId: this.turnId,
      chunkIndex: voice.index,
      ms: Math.round((now - voice.start) * 1000),
    };
  }

  get isOver() {
    const isMade = this.#phase !== 'making' && this.#phase !== 'lost';
    return isMade && this.#next >= this.#chunks.length && this.#scheduled.length === 0;
  }

  #goTo(index, seconds) {
    this.#next = index;
    this.#offset = seconds;
  }

  #advance() {
    if (this.#abort.signal.aborted) return;
    this.#fetchAhead();
    while (this.#mayPlay && this.#next < this.#chunks.length) {
      const audio = this.#audioOf(this.#chunks[this.#next]);
      if (audio === null) return;
      if (audio) this.#schedule(audio);
      this.#goTo(this.#next + 1, 0);
    }
    if (this.isOver) this.#onHeard(null);
  }

  /** The chunk's audio; `null` when it is worth waiting for, `false` when there will be none. */
  #audioOf(chunk) {
    if (!chunk) return null;
    if (chunk.audioUrl) return this.#audio.get(chunk.id) ?? null;
    const isHopeless = chunk.ttsStatus === 'failed' || chunk.ttsStatus === 'completed';
    return isHopeless || this.#phase === 'failed' ? false : null;
  }

  #fetchAhead() {
    for (const chunk of this.#chunks.slice(this.#next, this.#next + AHEAD)) {
      if (chunk?.audioUrl && !this.#audio.has(chunk.id)) this.#fetch(chunk);
    }
  }

  async #fetch({ id, audioUrl }) {
    this.#audio.set(id, null);
    try {
      this.#audio.set(id, await this.#sound.load(audioUrl, this.#abort.signal));
    } catch {
      this.#audio.set(id, false);
    }
    this.#advance();
  }

  #schedule(buffer) {
    const { pause } = this.#chunks[this.#next];
    const offset = Math.min(this.#offset, buffer.duration);
    const when = Math.max(this.#sound.now + LEAD, this.#free);
    const voice = { index: this.#next, start: when - offset, end: when - offset + buffer.duration };
    this.#scheduled.push(voice);
    this.#free = voice.end + (pause ?? 0) / 1000;
    this.#line.play(buffer, when, offset, () => this.#heard(voice));
  }

  #heard(voice) {
    this.#scheduled = this.#scheduled.filter((other) => other !== voice);
    const ms = Math.round((voice.end - voice.start) * 1000);
    this.#onHeard({ turnId: this.turnId, chunkIndex: voice.index, ms });
    this.#advance();
  }
}
