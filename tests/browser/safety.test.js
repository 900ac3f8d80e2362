/**
 * What hostile text cannot do, and what everybody can use: content policy, text nodes,
 * accessibility.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { openBrowser, openPage, say, scenes, SERVER, untilPhase } from './stage.js';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

test('hostile text of learner and model stays text: no dialog, no element, no foreign request', async () => {
  const { page, context, faults } = await openPage(browser);
  const { learner, lastText } = scenes.attack;
  await say(page, learner);
  await untilPhase(page, 'complete');
  await page.locator('.sentence .text', { hasText: lastText }).waitFor();
  assert.equal(await page.locator('.bubble').textContent(), learner);
  assert.equal(
    await page.locator('.log :is(img, a, script, iframe), .bubble svg, .text svg').count(),
    0,
  );
  await page.waitForTimeout(500);
  assert.deepEqual(faults, []);
  await context.close();
});

test('the server sends a policy that lets nothing foreign or inline in', async () => {
  const response = await fetch(SERVER);
  const policy = response.headers.get('content-security-policy') ?? '';
  for (const rule of [
    "default-src 'none'",
    "script-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
  ]) {
    assert.ok(policy.includes(rule), `${rule} in ${policy}`);
  }
  assert.ok(!policy.includes('unsafe'), policy);
});

for (const colorScheme of ['light', 'dark']) {
  for (const viewport of [
    { width: 320, height: 640 },
    { width: 1200, height: 800 },
  ]) {
    test(`everybody can use it: ${colorScheme}, ${viewport.width} pixels wide`, async () => {
      const { page, context } = await openPage(browser, {
        context: { colorScheme, viewport, reducedMotion: 'reduce' },
        prepare: (page) => page.addInitScript({ content: axe }),
      });
      assert.deepEqual(await breaches(page), [], 'the empty page');
      await say(page, scenes.market.learner);
      await untilPhase(page, 'complete');
      await page.locator('.sentence[data-state=playing]').waitFor();
      assert.deepEqual(await breaches(page), [], 'a conversation');
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= viewport.width, `the page is ${width} pixels wide`);
      await context.close();
    });
  }
}

/** What axe finds wrong, in one line each. */
async function breaches(page) {
  const { violations } = await page.evaluate(() =>
    axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] }),
  );
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
}
