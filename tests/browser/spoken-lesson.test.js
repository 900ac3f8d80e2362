/** A lesson that is spoken from end to end: nothing is played but the learner's voice, which comes from a file. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spokenFile } from './ears.js';
import { eventually, LESSONS, openBrowser, openPage, untilPhase } from './stage.js';

test('the expected answer is spoken, understood and praised, without any service', async (t) => {
  const microphone = `${spokenFile('I am fine, thank you.', 'en-us')}%noloop`;
  const browser = await openBrowser({ microphone });
  t.after(() => browser.close());
  const { page, faults } = await openPage(browser, { server: LESSONS });
  await page.evaluate(async () => {
    const { app } = await import('/page/main.js');
    app.choose({ language: 'en', level: 'A1', scenario: 'cafe' });
    app.begin('cafe');
  });
  await untilPhase(page, 'complete');
  await page.locator('.microphone').click();
  const said = page.locator('.learner .bubble').last();
  await said.waitFor();
  assert.match(await said.textContent(), /i am fine/i);
  const told = await eventually(
    () => page.locator('.tutor').last().textContent(),
    (text) => /nice to see you/.test(text),
  );
  assert.match(told, /nice to see you/);
  assert.deepEqual(faults, []);
});
