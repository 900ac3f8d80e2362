/** What a learner sees and hears in one conversation. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  eventually,
  hearing,
  openBrowser,
  openPage,
  say,
  scenes,
  sentences,
  SERVER,
  untilPhase,
} from './stage.js';

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

test('an answer appears sentence by sentence with its emotions, is heard, and its words are marked', async () => {
  const { page, context, faults } = await openPage(browser);
  const { learner, chunks, correction } = scenes.market;
  const record = await recordPage(page);
  await say(page, learner);
  await page.locator('.learner .bubble', { hasText: learner }).waitFor();
  await untilPhase(page, 'complete');
  const lastWord = chunks[0].text.match(/\p{L}+/gu).at(-1);
  const { loudest, words, states } = await eventually(record, ({ words }) => words.includes(lastWord));
  assert.ok(loudest > 0.01, `the loudest sample is ${loudest}`);
  assert.ok(words.length >= 3, `marked were ${words}`);
  assert.ok(words.includes(lastWord), `${lastWord} in ${words}`);
  // A quick voice is done before the page is painted: `processing` need not be seen.
  for (const state of ['completed', 'playing'])
    assert.ok(states.includes(state), `${state} in ${states}`);

  const isHeard = (all) => all.every(({ state }) => state === 'completed');
  const shown = await eventually(() => sentences(page), isHeard);
  assert.deepEqual(
    shown.map(({ text, icon }) => ({ text, icon })),
    chunks.map(({ text, icon }) => ({ text, icon })),
  );
  assert.ok(isHeard(shown), shown.map(({ state }) => state).join());
  const { original, suggestion, explanation } = correction;
  assert.equal(await page.locator('.correction del').textContent(), original);
  assert.equal(await page.locator('.correction ins').textContent(), suggestion);
  assert.equal(await page.locator('.correction .why').textContent(), explanation);
  assert.deepEqual(faults, []);
  await context.close();
});

test('the server is told how far the learner has heard', async () => {
  const reports = [];
  const { page, context } = await openPage(browser, {
    prepare: async (page) =>
      page.on('websocket', (socket) =>
        socket.on('framesent', ({ payload }) => {
          const { type, data } = JSON.parse(payload);
          if (type === 'played') reports.push(data);
        }),
      ),
  });
  await say(page, scenes.market.learner);
  const last = scenes.market.chunks.length - 1;
  const duration = () =>
    page.evaluate(async (index) => {
      const { app } = await import('/page/main.js');
      return app.parla.state.entries.at(-1).chunks[index].duration;
    }, last);
  await eventually(
    () => hearing(page),
    ({ isSpeaking }) => isSpeaking,
  );
  await eventually(
    () => hearing(page),
    ({ isSpeaking }) => !isSpeaking,
  );
  const places = reports.map(({ chunkIndex, ms }) => chunkIndex * 1e6 + ms);
  assert.deepEqual(
    places,
    places.toSorted((one, other) => one - other),
    'reports never go back',
  );
  assert.ok(reports.length > scenes.market.chunks.length, `${reports.length} reports`);
  assert.equal(reports.at(-1).chunkIndex, last);
  assert.ok(
    Math.abs(reports.at(-1).ms - 1000 * (await duration())) < 100,
    JSON.stringify(reports.at(-1)),
  );
  await context.close();
});

test('stop silences the tutor at once, leaves what was said, and is remembered', async () => {
  const { page, context } = await openPage(browser);
  await say(page, scenes.story.learner);
  await eventually(
    () => hearing(page),
    ({ level }) => level > 0.01,
  );
  await page.locator('.sentence').nth(1).waitFor();
  await page.keyboard.press('Escape');
  const after = await eventually(
    () => hearing(page),
    ({ level }) => level < 0.001,
  );
  assert.ok(after.level < 0.001 && !after.isSpeaking, JSON.stringify(after));
  await untilPhase(page, 'stopped');
  const shown = (await sentences(page)).length;
  assert.ok(shown < scenes.story.chunks.length, `${shown} sentences`);
  await page.waitForTimeout(1500);
  assert.equal((await sentences(page)).length, shown);
  assert.equal((await hearing(page)).isSpeaking, false);
  assert.equal(await page.locator('.round.stop').count(), 0);
  await page.reload();
  await untilPhase(page, 'stopped');
  await context.close();
});

test('a new message silences the old answer, and only the new one is heard', async () => {
  const { page, context } = await openPage(browser);
  await say(page, scenes.story.learner);
  await eventually(
    () => hearing(page),
    ({ level }) => level > 0.01,
  );
  await say(page, scenes.market.learner);
  await untilPhase(page, 'complete');
  const playing = page.locator('.sentence[data-state=playing]');
  await playing.waitFor();
  const turn = page.locator('.tutor').filter({ has: playing });
  assert.ok((await turn.textContent()).includes(scenes.market.chunks[0].text));
  await context.close();
});

test('a sentence is heard again when it is tapped, and slowly when that is asked for', async () => {
  const { page, context } = await openPage(browser);
  await say(page, scenes.market.learner);
  await untilPhase(page, 'complete');
  await page.keyboard.press('Escape');
  await page.locator('.sentence').nth(1).locator('.text').click();
  await page.locator('.sentence[data-index="1"][data-state=playing]').waitFor();
  await page.locator('.sentence[data-index="1"][data-state=completed]').waitFor();
  await page.getByRole('button', { name: 'Slowly' }).click();
  await page.locator('.sentence[data-index="0"][data-state=playing]').waitFor();
  await context.close();
});

test('a reload brings the conversation back', async () => {
  const { page, context } = await openPage(browser);
  await say(page, scenes.market.learner);
  await untilPhase(page, 'complete');
  const address = page.url();
  await page.reload();
  await page.locator('.tutor').waitFor();
  assert.equal(page.url(), address);
  assert.equal(await page.locator('.bubble').textContent(), scenes.market.learner);
  const text = scenes.market.chunks.map((chunk) => chunk.text).join(' ');
  const shown = await page.locator('.tutor .text').allTextContents();
  assert.equal(shown.join(' '), text);
  await page.getByRole('button', { name: /^New/ }).click();
  await page.locator('.welcome').waitFor();
  assert.notEqual(page.url(), address);
  await context.close();
});

test('a browser that keeps pages silent is asked for a tap', async (t) => {
  const strict = await openBrowser({ needsGesture: true });
  t.after(() => strict.close());
  const page = await (await strict.newContext()).newPage();
  const { learner, chunks } = scenes.market;
  await page.addInitScript(sayWithoutGesture, learner);
  const fetched = [];
  page.on('requestfinished', (request) => /\/audio\//.test(request.url()) && fetched.push(request));
  await page.goto(SERVER, { waitUntil: 'commit' });
  // Any look into the page counts as a gesture: it is left alone until all its sound is there.
  await eventually(
    () => fetched.length,
    (count) => count === chunks.length,
  );
  await new Promise((resolve) => setTimeout(resolve, 500));

  const unlock = page.locator('.unlock');
  await unlock.click();
  const loud = await eventually(
    () => hearing(page),
    ({ level }) => level > 0.01,
  );
  assert.ok(loud.level > 0.01, `the loudest sample is ${loud.level}`);
  await unlock.waitFor({ state: 'detached' });
});

/** Runs in the page before its own code. */
function sayWithoutGesture(text) {
  addEventListener('load', async () => {
    const { app } = await import('/page/main.js');
    app.parla.chat(text);
  });
}

/**
 * Writes down in every frame what the page shows and how loud it is, so that nothing is missed between
 * two looks from outside; the answer reads it.
 */
async function recordPage(page) {
  const record = await page.evaluateHandle(async () => {
    const { app } = await import('/page/main.js');
    const seen = { loudest: 0, words: new Set(), states: new Set() };
    const look = () => {
      const { analyser } = app.player;
      const samples = new Float32Array(analyser?.fftSize ?? 0);
      analyser?.getFloatTimeDomainData(samples);
      seen.loudest = Math.max(seen.loudest, ...samples.map(Math.abs));
      for (const range of CSS.highlights.get('spoken-word') ?? []) seen.words.add(range.toString());
      for (const { dataset } of document.querySelectorAll('.sentence')) seen.states.add(dataset.state);
      requestAnimationFrame(look);
    };
    look();
    return seen;
  });
  return () =>
    record.evaluate(({ loudest, words, states }) => ({
      loudest,
      words: [...words],
      states: [...states],
    }));
}
