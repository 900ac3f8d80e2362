/** How the page begins: with what was chosen and said last on this device. */

import { recall, remember } from './store.js';

const ID = /^[A-Za-z0-9_-]{1,64}$/;

/** @returns {import('./lesson.js').Choices} */
export function openingChoices() {
  const isSpanish = navigator.language.toLowerCase().startsWith('es');
  const choices = {
    language: isSpanish ? 'en' : 'es',
    level: 'A1',
    scenario: '',
    voice: '',
    volume: 1,
  };
  return { ...choices, ...recall('choices', {}) };
}

/**
 * The conversation that the address names, else the last one; `null` for a new one.
 *
 * @returns {string | null}
 */
export function startedConversation() {
  const id = location.hash.slice(1) || recall('conversation', '');
  return ID.test(id) ? id : null;
}

/** @param {string} id */
export function rememberConversation(id) {
  remember('conversation', id);
  if (location.hash.slice(1) !== id) history.replaceState(null, '', `#${id}`);
}

/**
 * Tells one heard sentence from another.
 *
 * @param {import('../client/programme.js').Position | null} position
 */
export function keyOf(position) {
  return position && `${position.turnId} ${position.chunkIndex}`;
}
