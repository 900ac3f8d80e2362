/** What the tutor waits for: a model on its way. It is shown while the server tells of it. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';

/** The server tells about every second; after this time without a word it is over, however it ended. */
const SILENCE_MS = 5000;
/** Long enough to see that it is whole. */
const WHOLE_MS = 800;
/** With these the tutor is there. */
const ENDS = ['conversation-start', 'conversation-failed', 'conversation-stopped'];

/** @typedef {{kind: string, text: string, done: number | null, total: number | null}} Progress */
export class GettingReady {
  /** @type {Progress | null} */
  progress = null;
  #onChange;
  #timer;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** @param {import('../client/protocol.js').Frame} frame */
  hear({ type, data }) {
    if (type === 'progress') this.#show(data);
    else if (this.progress && ENDS.includes(type)) this.forget();
  }

  forget() {
    clearTimeout(this.#timer);
    this.progress = null;
    this.#onChange();
  }

  #show(progress) {
    clearTimeout(this.#timer);
    const isWhole = progress.total !== null && progress.done === progress.total;
    this.#timer = setTimeout(() => this.forget(), isWhole ? WHOLE_MS : SILENCE_MS);
    this.progress = progress;
    this.#onChange();
  }
}

/** @param {GettingReady} gettingReady */
export function gettingReadyView({ progress }) {
  if (!progress) return nothing;
  const { text, done, total } = progress;
  return html`<p class="getting-ready" role="status">
    <span .textContent=${text}></span>
    ${
      total === null
        ? html`<progress aria-label=${text}></progress>`
        : html`<progress aria-label=${text} .value=${done ?? 0} .max=${total}></progress>`
    }
  </p>`;
}
