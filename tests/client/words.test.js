/** Finding the spoken word in a text, in any writing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wordAt, wordPlaces } from '../../web/client/words.js';

const words = (...texts) => texts.map((text, index) => ({ text, start: index, end: index + 0.8 }));
const found = (text, list) =>
  wordPlaces(text, list).map((place) => place && text.slice(place.start, place.end));

test('words are found in their order, also where one stands twice', () => {
  assert.deepEqual(wordPlaces('the cat, the hat', words('the', 'cat', 'the', 'hat')), [
    { start: 0, end: 3 },
    { start: 4, end: 7 },
    { start: 9, end: 12 },
    { start: 13, end: 16 },
  ]);
});

test('words are found without spaces, beyond the basic plane and from right to left', () => {
  assert.deepEqual(found('市場で何を買いましたか？', words('市場で', '何を', '買いましたか')), [
    '市場で',
    '何を',
    '買いましたか',
  ]);
  assert.deepEqual(found('Hi 👩‍👩‍👧 family', words('Hi', 'family')), ['Hi', 'family']);
  assert.deepEqual(found('ماذا تريد اليوم؟', words('ماذا', 'اليوم')), ['ماذا', 'اليوم']);
});

test('a word that does not stand in the text hides no later one', () => {
  assert.deepEqual(found('It costs $5 now', words('costs', 'five dollars', '', 'now')), [
    'costs',
    null,
    null,
    'now',
  ]);
});

test('the word that is heard stays marked in the gap behind it', () => {
  const list = words('a', 'b', 'c');
  const heard = [-0.1, 0, 0.9, 1, 2.5, 60].map((seconds) => wordAt(list, seconds));
  assert.deepEqual(heard, [-1, 0, 0, 1, 2, 2]);
});
