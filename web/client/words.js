/**
 * Where the spoken words stand in a text and which of them is heard. It measures no time itself.
 */

/**
 * The place of each word in the text, in UTF-16 code units; `null` for a word that is not found
 * after the one before.
 *
 * @param {string} text
 * @param {import('./protocol.js').Word[]} words
 * @returns {({start: number, end: number} | null)[]}
 */
export function wordPlaces(text, words) {
  let from = 0;
  return words.map(({ text: word }) => {
    const start = word === '' ? -1 : text.indexOf(word, from);
    if (start < 0) return null;
    from = start + word.length;
    return { start, end: from };
  });
}

/**
 * The index of the word that is heard at that moment, also in the gap behind it; -1 before the
 * first.
 *
 * @param {import('./protocol.js').Word[]} words
 * @param {number} seconds From the chunk's beginning.
 */
export function wordAt(words, seconds) {
  return words.findLastIndex((word) => word.start <= seconds);
}
