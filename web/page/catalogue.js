/**
 * What a learner can choose from: scenarios, voices and the languages they speak. It renders
 * nothing.
 */

export const LEVELS = ['A1', 'A2', 'B1', 'B2', 'C1', 'C2'];

/** What each level means, in the words of a learner. */
export const LEVEL_NAMES = {
  A1: 'A1 · first words',
  A2: 'A2 · everyday things',
  B1: 'B1 · on my own',
  B2: 'B2 · with ease',
  C1: 'C1 · fluently',
  C2: 'C2 · like at home',
};

/**
 * @typedef {{id: string, title: string, language: string | null, level: string | null, goal:
 *   string | null}} Scenario
 * @typedef {{id: string, name: string, language: string | null, engine: string}} Voice
 * @typedef {{scenarios: Scenario[], voices: Voice[]}} Catalogue
 */

/** @returns {Promise<Catalogue>} */
export async function fetchCatalogue() {
  const [scenarios, voices] = await Promise.all([
    fetchItems('api/v1/scenarios'),
    fetchItems('api/v1/voices'),
  ]);
  return { scenarios, voices };
}

/**
 * The languages on offer, those with scenarios first.
 *
 * @param {Catalogue} catalogue
 * @returns {string[]}
 */
export function languagesOf({ scenarios, voices }) {
  const taught = sorted(scenarios);
  const spoken = sorted(voices).filter((language) => !taught.includes(language));
  return [...taught, ...spoken];
}

/**
 * @template {{language: string | null}} T
 * @param {T[]} items
 * @param {string} language
 * @returns {T[]}
 */
export function fitting(items, language) {
  return items.filter((item) => !item.language || primary(item.language) === primary(language));
}

/**
 * One scenario of each id: the one at the level, else at the nearest, of two as near the lower. The
 * tutor chooses alike.
 *
 * @param {Scenario[]} scenarios
 * @param {string} level
 * @returns {Scenario[]}
 */
export function nearestTo(scenarios, level) {
  const distance = (scenario) =>
    scenario.level ? Math.abs(LEVELS.indexOf(scenario.level) - LEVELS.indexOf(level)) : 0;
  const chosen = new Map();
  for (const scenario of scenarios) {
    const other = chosen.get(scenario.id);
    if (!other || distance(scenario) < distance(other)) chosen.set(scenario.id, scenario);
  }
  return [...chosen.values()];
}

/** The language's name for the reader of the page. @param {string} language */
export function languageName(language) {
  try {
    return new Intl.DisplayNames([document.documentElement.lang], { type: 'language' }).of(
      language,
    );
  } catch {
    return language;
  }
}

/** @param {string} language */
export function primary(language) {
  return language.split('-')[0].toLowerCase();
}

function sorted(items) {
  const languages = new Set(
    items.map(({ language }) => language && primary(language)).filter(Boolean),
  );
  return [...languages].sort((one, other) => languageName(one).localeCompare(languageName(other)));
}

async function fetchItems(path) {
  const items = [];
  let cursor = null;
  do {
    const response = await fetch(cursor ? `${path}?cursor=${encodeURIComponent(cursor)}` : path);
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    const page = await response.json();
    items.push(...page.items);
    cursor = page.next;
  } while (cursor);
  return items;
}
