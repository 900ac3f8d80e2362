/** Where the learner writes or speaks, and the button that stops the tutor. It sends nothing itself. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { SEND, STOP } from './icons.js';
import { microphoneView, saidView, voiceView } from './voice.js';

/** The server takes no longer message. */
const LONGEST_MESSAGE = 8000;

/**
 * @param {object} model
 * @param {boolean} model.isActive The tutor is writing or speaking.
 * @param {boolean} model.isLocked Sound waits for a tap.
 * @param {string} model.placeholder
 * @param {string} model.language
 * @param {import('./voice.js').Voice} model.voice
 * @param {{send: (text: string) => void, stop: () => void, unlock: () => void}} actions
 */
export function composerView({ isActive, isLocked, placeholder, language, voice }, actions) {
  return html`<form class="composer" @submit=${(event) => submit(event, actions.send)}>
    ${
      isLocked
        ? html`<button type="button" class="unlock" @click=${actions.unlock}>
          Tap to hear the tutor
        </button>`
        : nothing
    }
    ${saidView(voice, language)} ${voiceView(voice)}
    <div class="field">
      <label class="visually-hidden" for="message">Your message</label>
      <textarea
        id="message"
        name="message"
        rows="1"
        dir="auto"
        lang=${language}
        maxlength=${LONGEST_MESSAGE}
        placeholder=${placeholder}
        enterkeyhint="send"
        autocomplete="off"
        @keydown=${sendOnEnter}
      ></textarea>
      ${microphoneView(voice)}
      ${
        isActive
          ? html`<button
            type="button"
            class="round stop"
            title="Stop (Escape)"
            @click=${actions.stop}
          >
            ${STOP}<span class="visually-hidden">Stop the tutor</span>
          </button>`
          : nothing
      }
      <button class="round send" title="Send (Enter)">
        ${SEND}<span class="visually-hidden">Send</span>
      </button>
    </div>
  </form>`;
}

/** Enter that ends the choice of a character (Japanese, Chinese, Korean) does not send. */
function sendOnEnter(event) {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  event.target.form.requestSubmit();
}

function submit(event, send) {
  event.preventDefault();
  const field = event.target.elements.namedItem('message');
  const text = field.value.trim();
  if (text === '') return field.focus();
  field.value = '';
  send(text);
}
