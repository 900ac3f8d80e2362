/**
 * The page's small drawings. All are decoration: their meaning always stands in words beside them.
 */

import { svg, html } from '../vendor/lit-html/lit-html.js';

const draw = (content) =>
  html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${content}</svg>`;

export const SEND = draw(svg`<path d="M12 19V5m-6 6 6-6 6 6" />`);
export const MICROPHONE = draw(
  svg`<rect x="9" y="3.5" width="6" height="11" rx="3" /><path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" />`,
);
export const STOP = draw(svg`<rect class="solid" x="6.5" y="6.5" width="11" height="11" rx="2" />`);
export const CLOSE = draw(svg`<path d="m7 7 10 10M17 7 7 17" />`);
export const NEW = draw(svg`<path d="M12 5v14M5 12h14" />`);
export const SETTINGS = draw(
  svg`<path d="M4 8h9m5 0h2M4 16h2m5 0h9" /><circle cx="15.5" cy="8" r="2.5" /><circle cx="8.5" cy="16" r="2.5" />`,
);
export const REPLAY = draw(svg`<path class="solid" d="M8 5.5v13l10.5-6.5z" />`);
export const SLOWLY = draw(svg`<path d="M12 7v5l3 2" /><circle cx="12" cy="12" r="8" />`);
export const PEN = draw(svg`<path d="M4 20l1-4L16 5l3 3L8 19zM14 7l3 3" />`);
export const WARNING = draw(svg`<path d="M12 4 3 19h18zM12 10v4m0 2.5v.1" />`);

/** What has become of a sentence's sound: one drawing and one phrase each. */
export const STATES = {
  pending: {
    words: 'waiting for the voice',
    mark: draw(svg`<path class="dots" d="M6 12h.01M12 12h.01M18 12h.01" />`),
  },
  processing: {
    words: 'the voice is at work',
    mark: draw(svg`<path class="turning" d="M12 5a7 7 0 1 1-7 7" />`),
  },
  completed: {
    words: 'ready to hear',
    mark: draw(svg`<path d="M5 10v4h3l4 3.5v-11L8 10zM15.5 9.5a4 4 0 0 1 0 5" />`),
  },
  playing: { words: 'playing', mark: draw(svg`<path class="bars" d="M7 10v4M12 6v12M17 9v6" />`) },
  failed: {
    words: 'no sound',
    mark: draw(svg`<path d="M5 10v4h3l4 3.5v-11L8 10zM16 10l4 4m0-4-4 4" />`),
  },
};
