/** A conversation with the tutor as its embedder sees it. It shows nothing and plays nothing. */

import { Connection } from './connection.js';
import { fetchHistory } from './history.js';
import { newId } from './protocol.js';
import { withEarlier, withHistory } from './stored.js';
import { EMPTY, isRepeated, reduce, withSending, withUnsent } from './turns.js';

export { Microphone } from './microphone.js';
export { Player } from './player.js';

/**
 *     const parla = new Parla({ url: 'https://tutor.example/' });
 *     const player = new Player();
 *     player.follow(parla);
 *     parla.addEventListener('change', () => show(parla.state.entries));
 *     parla.connect();
 *     button.onclick = () => player.unlock().then(() => parla.chat('¡Hola!', { language: 'es' }));
 *
 * Events:
 * - `change`: the state is another
 * - `connection`: status or carrier is another
 * - `sending`: a message goes out
 * - `frame`: one frame of the server, in `detail`; each comes once
 * - `problem`: a {@link import('./protocol.js').Problem} in `detail`
 */
export class Parla extends EventTarget {
  #state = EMPTY;
  #token;
  #connection;
  /**
   * Commands that the server has not confirmed, in their order; they go out again after a
   * reconnect.
   */
  #outbox = new Map();
  #cursor = null;
  #isLoading;

  /**
   * @param {object} [options]
   * @param {string | URL} [options.url] Where the server is; its path ends with a slash.
   * @param {string | null} [options.token] Not needed on an open server or with its cookie.
   * @param {string | null} [options.conversationId] One to go on with; a new one without it.
   */
  constructor({ url = location.href, token = null, conversationId = null } = {}) {
    super();
    /** What the server's paths are relative to. @readonly */
    this.base = new URL('./', url);
    this.#token = token;
    this.#isLoading = conversationId !== null;
    /** @readonly */
    this.conversationId = conversationId ?? newId();
    this.#connection = new Connection(
      {
        base: this.base,
        conversationId: this.conversationId,
        resumePoint: () => this.#resumePoint(),
        onFrame: (frame) => this.#receive(frame),
        onChange: () => this.#connectionChanged(),
      },
      token,
    );
  }

  /** @returns {import('./turns.js').State} */
  get state() {
    return this.#state;
  }

  /** @returns {import('./connection.js').Status} */
  get status() {
    return this.#connection.status;
  }

  /** @returns {'socket' | 'events' | null} */
  get carrier() {
    return this.#connection.carrier;
  }

  /**
   * Why it is not online, as a close code; `null` when nothing has gone wrong.
   *
   * @returns {number | null}
   */
  get closeCode() {
    return this.#connection.code;
  }

  /** Whether the server has messages from before those in the state. */
  get hasEarlier() {
    return this.#cursor !== null;
  }

  /** Whether earlier messages are still to come. */
  get isLoading() {
    return this.#isLoading;
  }

  /** Connects, and keeps connected until `close`. */
  connect() {
    this.#connection.open();
  }

  /** Leaves for good; the turn that is being made goes on. */
  close() {
    this.#connection.close();
  }

  /**
   * Finds out soon whether the connection still holds, for instance when the network has changed.
   */
  check() {
    this.#connection.check();
  }

  /** @param {string} token */
  authenticate(token) {
    this.#token = token;
    this.#connection.authenticate(token);
  }

  /**
   * Says something to the tutor; empty text with a scenario lets the tutor begin. What cannot be
   * sent now is kept.
   *
   * @param {string} message @param {import('./protocol.js').Choice} [choice]
   * @returns {string} The message's `clientId`.
   */
  chat(message, choice = {}) {
    const clientId = newId();
    this.#post(clientId, { message, clientId, stream: true, ...choice });
    return clientId;
  }

  /**
   * Sends a message again that did not arrive: under its old name, so that it cannot be said twice.
   */
  sendAgain(clientId, choice = {}) {
    const unsent = this.#state.entries.find((entry) => entry.clientId === clientId);
    if (unsent) this.#post(clientId, { message: unsent.text, clientId, stream: true, ...choice });
  }

  /**
   * Says with which choice the next message will come, so that the model can get ready. Worth saying
   * whenever the connection is online and whenever the choice changes; without a socket it is left
   * out.
   *
   * @param {import('./protocol.js').Choice} [choice]
   */
  prepare(choice = {}) {
    if (this.carrier === 'socket') this.#connection.send('prepare', choice);
  }

  /** Stops that turn, or the present one. @param {string | null} [turnId] */
  stop(turnId = null) {
    this.#submit('stop', 'stop', turnId ? { turnId } : {});
  }

  /**
   * Says how far the learner has heard.
   *
   * @param {{turnId: string, chunkIndex: number, ms: number}} position
   */
  played({ turnId, chunkIndex, ms }) {
    this.#connection.send('played', { turnId, chunkIndex, ms });
  }

  /**
   * Says that the learner's sound follows, and what it is like; see {@link Microphone}, which does
   * all of this. `false` when it cannot be said now: sound needs a socket.
   *
   * @param {{sampleRate: number, encoding: string, mode?: string, language?: string}} format
   */
  audioStart(format) {
    return this.carrier === 'socket' && this.#connection.send('audio-start', format);
  }

  /** A piece of the sound; `false` when it is dropped. @param {ArrayBuffer} sound */
  audio(sound) {
    return this.#connection.sendSound(sound);
  }

  /** The sound is over: what was said so far is the learner's message. */
  audioStop() {
    return this.carrier === 'socket' && this.#connection.send('audio-stop', {});
  }

  /** Adds the page of messages before the oldest that is shown. */
  async loadEarlier() {
    const { messages, next } = await this.#fetchHistory(this.#cursor);
    this.#cursor = next;
    this.#show(withEarlier(this.#state, messages));
  }

  #post(clientId, command) {
    this.dispatchEvent(new Event('sending'));
    this.#show(withSending(this.#state, { clientId, text: command.message }));
    this.#submit(clientId, 'chat', command);
  }

  #submit(key, type, data) {
    this.#outbox.set(key, { type, data });
    this.#flush(key);
  }

  #flush(key) {
    const { type, data } = this.#outbox.get(key);
    if (this.#connection.send(type, data) && type === 'stop') this.#outbox.delete(key);
  }

  #receive(frame) {
    if (isRepeated(this.#state, frame)) return;
    const before = this.#state;
    this.#show(reduce(before, frame));
    this.dispatchEvent(new CustomEvent('frame', { detail: frame }));
    this.#confirm(frame, before);
    if (frame.type === 'error') this.#refused(frame.data);
    if (isUnrecovered(frame) && this.#state !== before) this.#reload();
  }

  /** A stored message, or the beginning of an answer to an opening, needs no sending again. */
  #confirm({ type, data }, before) {
    if (type === 'message') this.#outbox.delete(data.clientId);
    if (type === 'conversation-start') this.#outbox.delete(before.awaiting);
  }

  /** A refusal that names no message is about another command: messages still wait for theirs. */
  #refused(problem) {
    const { clientId } = problem;
    if (clientId) {
      this.#outbox.delete(clientId);
      this.#show(withUnsent(this.#state, clientId, problem));
    }
    this.#report(problem);
  }

  /** Reads anew what the missing frames would have told. */
  async #reload() {
    if (this.#state.entries.length === 0 && !this.#isLoading) return;
    try {
      const { messages, next } = await this.#fetchHistory(null);
      this.#cursor = next;
      this.#isLoading = false;
      this.#show(withHistory(this.#state, messages));
    } catch (problem) {
      this.#isLoading = false;
      this.#report({
        code: 'no_history',
        message: 'Earlier messages could not be loaded.',
        hint: problem.hint,
      });
    }
  }

  #fetchHistory(cursor) {
    return fetchHistory(this.base, this.conversationId, this.#token, cursor);
  }

  #resumePoint() {
    const { epoch, seq } = this.#state;
    return epoch === null || seq === null ? null : { epoch, seq };
  }

  #connectionChanged() {
    if (this.status === 'online') [...this.#outbox.keys()].forEach((key) => this.#flush(key));
    this.dispatchEvent(new Event('connection'));
  }

  #show(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.dispatchEvent(new Event('change'));
  }

  #report(problem) {
    this.dispatchEvent(new CustomEvent('problem', { detail: problem }));
  }
}

/** A greeting of a connection that cannot replay what was missed. */
function isUnrecovered({ type, data }) {
  return (type === 'connected' || type === 'authenticated') && !data.recovered;
}
