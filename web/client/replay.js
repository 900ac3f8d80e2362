/**
 * Plays finished sentences again, slowly if asked, with their pitch kept. It knows nothing of the
 * turn that is being made.
 */
export class Replay {
  #audio = null;
  #onEnd;
  #current = null;
  /** @type {{chunk: import('./protocol.js').Chunk, index: number}[]} */
  #rest = [];
  #rate = 1;
  #volume = 1;
  /** What the audio's addresses are relative to. @type {URL | string} */
  base = document.baseURI;

  /** @param {(isPlayed: boolean) => void} onEnd Everything was heard, or something could not be. */
  constructor(onEnd) {
    this.#onEnd = onEnd;
  }

  /** From 0 to 1. @param {number} volume */
  set volume(volume) {
    this.#volume = volume;
    if (this.#audio) this.#audio.volume = volume;
  }

  /** @returns {import('./programme.js').Position | null} */
  get position() {
    if (!this.#current) return null;
    return { ...this.#current, ms: Math.round(this.#audio.currentTime * 1000) };
  }

  /**
   * @param {string} turnId
   * @param {{chunk: import('./protocol.js').Chunk, index: number}[]} sentences
   * @param {number} rate
   */
  play(turnId, sentences, rate) {
    this.stop();
    this.#rest = sentences.filter(({ chunk }) => chunk?.audioUrl);
    this.#rate = rate;
    this.#next(turnId);
  }

  stop() {
    this.#audio?.pause();
    this.#audio = this.#current = null;
    this.#rest = [];
  }

  #next(turnId) {
    const sentence = this.#rest.shift();
    if (!sentence) return this.#finish(true);
    const audio = new Audio(new URL(sentence.chunk.audioUrl, this.base).href);
    audio.preservesPitch = true;
    audio.playbackRate = this.#rate;
    audio.volume = this.#volume;
    audio.onended = () => audio === this.#audio && this.#next(turnId);
    this.#audio = audio;
    this.#current = { turnId, chunkIndex: sentence.index };
    audio.play().catch(() => audio === this.#audio && this.#finish(false));
  }

  #finish(isPlayed) {
    this.stop();
    this.#onEnd(isPlayed);
  }
}
