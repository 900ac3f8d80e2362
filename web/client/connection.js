/**
 * Keeps one carrier open: dials, waits, resumes, and changes to events where sockets are blocked.
 * It reads no frame but the greetings.
 */

import { backoffMs, PATIENT } from './backoff.js';
import { openEvents } from './events.js';
import { closeVerdict } from './protocol.js';
import { openSocket } from './socket.js';

/** So many sockets in a row that never opened mean that something blocks them. */
const SOCKET_ATTEMPTS = 2;
const SOCKET_AGAIN_MS = 30_000;

/**
 * @typedef {'connecting' | 'online' | 'waiting' | 'signed-out' | 'closed'} Status
 *
 * @typedef {object} ConnectionOptions
 * @property {URL} base
 * @property {string} conversationId
 * @property {() => {epoch: string, seq: number} | null} resumePoint
 * @property {(frame: import('./protocol.js').Frame) => void} onFrame
 * @property {() => void} onChange Status or carrier have changed.
 */
export class Connection {
  /** @type {Status} */
  status = 'closed';
  /** @type {number | null} The close code of the last end; `null` while all is well. */
  code = null;
  #options;
  #token;
  /** @type {import('./socket.js').Carrier | null} */
  #carrier = null;
  /** @type {import('./socket.js').Carrier | null} A socket that is tried while events carry. */
  #candidate = null;
  #failures = 0;
  #socketFailures = 0;
  #timer;

  /** @param {ConnectionOptions} options @param {string | null} token */
  constructor(options, token) {
    this.#options = options;
    this.#token = token;
  }

  /** @returns {'socket' | 'events' | null} */
  get carrier() {
    return this.#carrier?.name ?? null;
  }

  /** Connects now, whatever it was waiting for. */
  open() {
    this.#drop();
    this.#dial();
  }

  close() {
    this.#drop();
    this.#become('closed', 1000);
  }

  /**
   * Asks whether the other side is still there, or dials at once when it is already known to be
   * lost.
   */
  check() {
    if (this.status === 'waiting') this.open();
    else this.#carrier?.check();
  }

  /**
   * Takes a new token: refreshes in band where it can, else signs in anew.
   *
   * @param {string} token
   */
  authenticate(token) {
    this.#token = token;
    const refreshed = this.status === 'online' && this.carrier === 'socket';
    if (refreshed) this.#carrier.send('auth', { token });
    else this.open();
  }

  /** `false` when nothing can be sent now. @param {string} type @param {object} data */
  send(type, data) {
    return this.status === 'online' && this.#carrier.send(type, data);
  }

  /** `false` when the sound is dropped. @param {ArrayBuffer} sound */
  sendSound(sound) {
    return this.status === 'online' && this.#carrier.sendSound(sound);
  }

  #dial() {
    this.#become('connecting', this.code);
    const open = this.#socketFailures < SOCKET_ATTEMPTS ? openSocket : openEvents;
    this.#carrier = this.#carry(
      open,
      (frame) => this.#receive(frame),
      (end) => this.#lost(end),
    );
  }

  #carry(open, onFrame, onClose) {
    const { base, conversationId, resumePoint } = this.#options;
    const token = this.#token;
    return open({ base, conversationId, token, resume: resumePoint(), onFrame, onClose });
  }

  #receive(frame) {
    if (frame.type === 'connected' && frame.data.authRequired && this.carrier === 'socket') {
      return this.#signIn();
    }
    this.#options.onFrame(frame);
    if (frame.type === 'connected' || frame.type === 'authenticated') this.#settle();
  }

  #signIn() {
    if (this.#token) this.#carrier.send('auth', { token: this.#token });
    else this.#lost({ code: 4001, opened: true });
  }

  #settle() {
    if (this.status === 'online') return;
    this.#failures = 0;
    if (this.carrier === 'socket') this.#socketFailures = 0;
    else this.#timer = setTimeout(() => this.#tryCandidate(), SOCKET_AGAIN_MS);
    this.#become('online', null);
  }

  #lost({ code, opened }) {
    if (!opened) this.#socketFailures += this.carrier === 'socket' ? 1 : -1;
    this.#drop();
    const verdict = closeVerdict(code);
    if (verdict === 'never') return this.#become('closed', code);
    if (verdict === 'sign-in') return this.#become('signed-out', code);
    this.#failures = Math.max(this.#failures + 1, verdict === 'later' ? PATIENT : 0);
    this.#timer = setTimeout(() => this.#dial(), backoffMs(this.#failures));
    this.#become('waiting', code);
  }

  /**
   * Tries a socket while events carry on; it takes over with its greeting, and what both carried is
   * dropped by number.
   */
  #tryCandidate() {
    const receive = (frame) => {
      if (this.#candidate) {
        this.#carrier?.close();
        [this.#carrier, this.#candidate] = [this.#candidate, null];
        this.status = 'connecting';
      }
      this.#receive(frame);
    };
    const end = (reason) => {
      if (!this.#candidate) return this.#lost(reason);
      this.#candidate = null;
      this.#timer = setTimeout(() => this.#tryCandidate(), SOCKET_AGAIN_MS);
    };
    this.#candidate = this.#carry(openSocket, receive, end);
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#carrier?.close();
    this.#candidate?.close();
    this.#carrier = this.#candidate = null;
  }

  #become(status, code) {
    this.status = status;
    this.code = code;
    this.#options.onChange();
  }
}
