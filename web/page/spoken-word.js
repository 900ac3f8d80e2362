/**
 * Marks the word that is being heard without touching the text, so that a screen reader is not
 * disturbed.
 */

import { wordAt, wordPlaces } from '../client/words.js';

const NAME = 'spoken-word';

/**
 * @param {import('../client/programme.js').Position | null} position
 * @param {import('../client/turns.js').Entry[]} entries
 */
export function markSpokenWord(position, entries) {
  const range = position && rangeAt(position, entries);
  if (!globalThis.CSS?.highlights) return;
  if (range) CSS.highlights.set(NAME, new Highlight(range));
  else CSS.highlights.delete(NAME);
}

function rangeAt({ turnId, chunkIndex, ms }, entries) {
  const turn = entries.findLast((entry) => entry.role === 'assistant' && entry.turnId === turnId);
  const chunk = turn?.chunks[chunkIndex];
  if (!chunk?.words?.length) return null;
  const place = wordPlaces(chunk.text, chunk.words)[wordAt(chunk.words, ms / 1000)];
  const text = textNodeOf(turnId, chunkIndex);
  if (!place || !text || text.data !== chunk.text) return null;
  const range = new Range();
  range.setStart(text, place.start);
  range.setEnd(text, place.end);
  return range;
}

function textNodeOf(turnId, chunkIndex) {
  const turn = document.querySelector(`[data-turn="${CSS.escape(turnId)}"]`);
  return turn?.querySelector(`[data-index="${chunkIndex}"] .text`)?.firstChild;
}
