/**
 * What went wrong: shown until dismissed, and kept in a small log afterwards. Nothing disappears by
 * itself.
 */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { CLOSE, WARNING } from './icons.js';

const KEPT = 30;
const SHOWN = 3;

/** @typedef {{time: Date, text: string, hint: string, count: number, isShown: boolean}} Notice */
export class Notices {
  /** @type {Notice[]} Newest first. */
  list = [];

  /** @param {{message: string, hint?: string}} problem */
  add({ message, hint = '' }) {
    const same = this.list.find((notice) => notice.isShown && notice.text === message);
    if (same) same.count += 1;
    else this.list.unshift({ time: new Date(), text: message, hint, count: 1, isShown: true });
    this.list.length = Math.min(this.list.length, KEPT);
  }
}

/** @param {Notices} notices @param {() => void} onChange */
export function alertsView({ list }, onChange) {
  const dismiss = (notice) => () => {
    notice.isShown = false;
    onChange();
  };
  const shown = list.filter(({ isShown }) => isShown).slice(0, SHOWN);
  return html`<div class="alerts" role="alert">
    ${shown.map(
      (notice) => html`<div class="alert">
        ${WARNING}
        <p>${notice.text}${notice.count > 1 ? ` (${notice.count}×)` : nothing} ${notice.hint}</p>
        <button class="quiet" @click=${dismiss(notice)}>
          ${CLOSE}<span class="visually-hidden">Dismiss</span>
        </button>
      </div>`,
    )}
  </div>`;
}

/** @param {Notices} notices */
export function noticeLogView({ list }) {
  if (list.length === 0) return nothing;
  return html`<details class="notice-log">
    <summary>What went wrong (${list.length})</summary>
    <ol>
      ${list.map(
        ({ time, text, hint }) =>
          html`<li><time>${time.toLocaleTimeString()}</time> ${text} ${hint}</li>`,
      )}
    </ol>
  </details>`;
}
