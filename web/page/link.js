/** The connection's state in words, and what the learner can do about it. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';

const FULL = 1013;

/** @param {import('../client/parla.js').Parla} parla */
export function linkView(parla) {
  const { status, carrier } = parla;
  const { look, words } = describe(status, parla.closeCode, carrier);
  const canAsk = status === 'closed' || status === 'waiting' || status === 'signed-out';
  return html`<p
    class="link-state"
    role="status"
    data-look=${look}
    data-carrier=${carrier ?? nothing}
  >
    <span class="dot" aria-hidden="true"></span><span class="words">${words}</span>
    ${canAsk ? html`<button class="link" @click=${() => parla.connect()}>Try now</button>` : nothing}
  </p>`;
}

function describe(status, code, carrier) {
  if (status === 'online') {
    return {
      look: 'good',
      words: carrier === 'events' ? 'Connected (without a socket)' : 'Connected',
    };
  }
  if (status === 'signed-out') {
    return {
      look: 'bad',
      words: 'Please sign in: open the address that parla printed when it started',
    };
  }
  if (status === 'closed') return { look: 'bad', words: 'The server ended the connection' };
  if (status === 'connecting' && code === null) return { look: 'busy', words: 'Connecting…' };
  if (code === FULL) return { look: 'busy', words: 'The server is full; trying again soon' };
  return { look: 'busy', words: 'Reconnecting… your words are kept' };
}
