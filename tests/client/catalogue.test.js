/** What the page offers of the catalogue. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestTo } from '../../web/page/catalogue.js';

const scenario = (id, level) => ({ id, level, title: `${id} ${level}`, language: 'es', goal: null });
const offered = (scenarios, level) =>
  nearestTo(scenarios, level).map((one) => `${one.id} ${one.level}`);

test('each scenario is offered once, at the level of the learner', () => {
  const scenarios = [scenario('cafe', 'A1'), scenario('doctor', 'A1'), scenario('cafe', 'A2')];
  assert.deepEqual(offered(scenarios, 'A1'), ['cafe A1', 'doctor A1']);
  assert.deepEqual(offered(scenarios, 'A2'), ['cafe A2', 'doctor A1']);
});

test('where a level has none it is the nearest, of two as near the lower', () => {
  const scenarios = [scenario('cafe', 'A1'), scenario('cafe', 'A2'), scenario('cafe', 'B2')];
  assert.deepEqual(offered(scenarios, 'B1'), ['cafe A2']);
  assert.deepEqual(offered(scenarios, 'C2'), ['cafe B2']);
  assert.deepEqual(nearestTo([{ id: 'own', level: null }], 'C1'), [{ id: 'own', level: null }]);
});
