/**
 * The learner's voice on the page: the microphone's button, the two ways to use it, and what is
 * heard. Sound and wire are the client library's.
 */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { Microphone } from '../client/parla.js';
import { MICROPHONE } from './icons.js';
import { recall, remember } from './store.js';

const HANDS_FREE = 'hands-free';
const PUSH_TO_TALK = 'push-to-talk';
/** Who lets go does so with the last sound, which the device has yet to hand out. */
const LAST_SOUND_MS = 150;
/** What takes the space bar for itself. */
const TAKES_SPACE = 'a, button, input, select, textarea, summary';

/** What keeps the microphone from working, and what to do about it. */
const OBSTACLES = {
  denied: {
    message: 'The browser does not let this page hear you.',
    hint: 'Allow the microphone beside the address, then press the button again.',
  },
  missing: {
    message: 'No microphone is there.',
    hint: 'Plug one in, or close what else is using it, then press the button again.',
  },
  insecure: {
    message: 'Browsers give a microphone only to pages that come by https:// or from this machine.',
    hint: 'Ask whoever runs parla for an https:// address. You can write meanwhile.',
  },
};

export class Voice {
  microphone = new Microphone();
  mode = recall('microphone', HANDS_FREE) === PUSH_TO_TALK ? PUSH_TO_TALK : HANDS_FREE;
  #options;
  #parla;
  #lettingGo;

  /**
   * @param {{choice: () => object, onPress: () => void, onChange: () => void, report: (problem:
   *   object) => void}} options
   */
  constructor(options) {
    this.#options = options;
    this.microphone.addEventListener('change', () => this.#changed());
    this.microphone.addEventListener('level', () => this.#showLevel());
    addEventListener('keydown', (event) => this.#keyDown(event));
    addEventListener('keyup', (event) => event.code === 'Space' && this.release());
    addEventListener('blur', () => this.release());
  }

  /** @param {import('../client/parla.js').Parla} parla */
  follow(parla) {
    this.#parla = parla;
    this.microphone.follow(parla);
  }

  get isPushToTalk() {
    return this.mode === PUSH_TO_TALK;
  }

  get hearing() {
    return this.#parla.state.hearing;
  }

  /** Why nothing can be said aloud, whatever the learner does; `null` when it can. */
  get obstacle() {
    const { state, problem } = this.microphone;
    if (state === 'refused' && !problem.retryable && problem.code !== 'not_listening')
      return `${problem.message}. You can write.`;
    if (this.#parla.carrier === 'events')
      return 'Something on the way lets no sound through. You can write.';
    return null;
  }

  toggle() {
    if (this.microphone.isOpen) this.microphone.stop();
    else this.press();
  }

  /** Opens the microphone. */
  press() {
    if (this.obstacle) return;
    clearTimeout(this.#lettingGo);
    this.#options.onPress();
    this.microphone.start({ mode: this.mode, ...this.#options.choice() });
  }

  /** The button or the key was let go. */
  release() {
    if (!this.isPushToTalk || !this.microphone.isOpen) return;
    clearTimeout(this.#lettingGo);
    this.#lettingGo = setTimeout(() => this.microphone.stop(), LAST_SOUND_MS);
  }

  changeMode() {
    clearTimeout(this.#lettingGo);
    this.microphone.stop();
    this.mode = this.isPushToTalk ? HANDS_FREE : PUSH_TO_TALK;
    remember('microphone', this.mode);
    this.#options.onChange();
  }

  /** Something else was chosen for what is said from now on. */
  choiceChanged() {
    if (this.microphone.isOpen) this.press();
  }

  #keyDown(event) {
    if (event.code !== 'Space' || !this.isPushToTalk || event.target.closest?.(TAKES_SPACE)) return;
    event.preventDefault();
    if (!event.repeat) this.press();
  }

  #changed() {
    const obstacle = OBSTACLES[this.microphone.state];
    if (obstacle) this.#options.report(obstacle);
    this.#options.onChange();
  }

  /** Set past the templates: it changes many times a second. */
  #showLevel() {
    document.documentElement.style.setProperty('--voice', this.microphone.level.toFixed(2));
  }
}

/** @param {Voice} voice */
export function microphoneView(voice) {
  const { microphone, isPushToTalk, obstacle } = voice;
  const label = isPushToTalk ? 'Hold to talk' : 'Microphone';
  return html`<button
    type="button"
    class="round microphone"
    aria-pressed=${microphone.state === 'on'}
    aria-describedby="voice-words"
    title=${obstacle ?? label}
    ?disabled=${obstacle !== null}
    @click=${(event) => clicked(event, voice)}
    @pointerdown=${(event) => pressed(event, voice)}
    @pointerup=${() => voice.release()}
    @pointercancel=${() => voice.release()}
    @keydown=${(event) => keyPressed(event, voice)}
    @keyup=${(event) => keyReleased(event, voice)}
    @contextmenu=${(event) => isPushToTalk && event.preventDefault()}
  >
    ${MICROPHONE}<span class="visually-hidden">${label}</span>
  </button>`;
}

/** How the tutor attends, in words, and the other way to use the microphone. @param {Voice} voice */
export function voiceView(voice) {
  return html`<div class="voice">
    <p id="voice-words" class="voice-words" role="status">${wordsOf(voice)}</p>
    <button type="button" class="link" @click=${() => voice.changeMode()}>
      ${voice.isPushToTalk ? 'Talk hands-free' : 'Hold to talk'}
    </button>
  </div>`;
}

/** What the learner is saying; grey is what may still change. @param {Voice} voice */
export function saidView({ hearing }, language) {
  const { settled, partial } = hearing;
  if (!settled && !partial) return nothing;
  return html`<p class="said" dir="auto" lang=${language}>
    <span>${settled}</span> <span class="partial">${partial}</span>
  </p>`;
}

function wordsOf({ microphone, isPushToTalk, hearing, obstacle }) {
  if (obstacle) return obstacle;
  const { state, problem } = microphone;
  if (state === 'asking') return 'Please allow the microphone…';
  if (state in OBSTACLES) return OBSTACLES[state].hint;
  if (state === 'refused')
    return problem.code === 'not_listening'
      ? 'parla stopped listening: press again.'
      : 'Press again in a moment.';
  if (state === 'on') return attention(hearing.listening, isPushToTalk);
  return isPushToTalk ? 'Hold the button or the space bar' : 'Press and speak';
}

function attention(listening, isPushToTalk) {
  if (listening === 'hearing' || isPushToTalk) return 'Listening…';
  return listening === 'waiting' ? 'Take your time…' : 'Speak when you like';
}

/** A click without a pointer is a screen reader's: it cannot hold, so that it switches. */
function clicked(event, voice) {
  if (!voice.isPushToTalk || event.detail === 0) voice.toggle();
}

function pressed(event, voice) {
  if (!voice.isPushToTalk || event.button !== 0) return;
  event.currentTarget.setPointerCapture(event.pointerId);
  voice.press();
}

function keyPressed(event, voice) {
  if (!voice.isPushToTalk || (event.key !== ' ' && event.key !== 'Enter')) return;
  event.preventDefault();
  if (!event.repeat) voice.press();
}

function keyReleased(event, voice) {
  if (!voice.isPushToTalk || (event.key !== ' ' && event.key !== 'Enter')) return;
  event.preventDefault();
  voice.release();
}
