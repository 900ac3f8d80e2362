/** The lesson's choices: language, level, scenario, voice, volume. It keeps none of them itself. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import {
  fitting,
  languageName,
  languagesOf,
  LEVELS,
  LEVEL_NAMES,
  nearestTo,
} from './catalogue.js';
import { SETTINGS } from './icons.js';

/**
 * @typedef {{language: string, level: string, scenario: string, voice: string, volume: number}}
 *   Choices Empty text leaves a choice to the tutor.
 *
 * @param {Choices} choices
 * @param {import('./catalogue.js').Catalogue} catalogue
 * @param {boolean} isOpen
 * @param {{choose: (change: Partial<Choices>) => void, toggle: () => void}} actions
 */
export function lessonView(choices, catalogue, isOpen, { choose, toggle }) {
  const { language } = choices;
  const languages = [...new Set([...languagesOf(catalogue), language])];
  const scenarios = nearestTo(fitting(catalogue.scenarios, language), choices.level);
  const voices = fitting(catalogue.voices, language);
  return html`<section class="lesson" ?data-open=${isOpen} aria-label="Lesson">
    <button
      class="lesson-toggle"
      aria-expanded=${isOpen}
      aria-controls="lesson-choices"
      @click=${toggle}
    >
      ${SETTINGS}<span>${summary(choices, scenarios)}</span>
    </button>
    <div id="lesson-choices" class="choices">
      ${selectView(
        'Language',
        language,
        languages.map((tag) => [tag, languageName(tag)]),
        (value) => choose({ language: value, scenario: '', voice: '' }),
      )}
      ${selectView(
        'Level',
        choices.level,
        LEVELS.map((level) => [level, LEVEL_NAMES[level]]),
        (level) => choose({ level }),
      )}
      ${selectView(
        'Scenario',
        choices.scenario,
        [['', 'Free conversation'], ...scenarios.map(({ id, title }) => [id, title])],
        (scenario) => choose({ scenario }),
      )}
      ${selectView(
        'Voice',
        choices.voice,
        [['', 'Automatic'], ...voices.map(({ id, name }) => [id, name])],
        (voice) => choose({ voice }),
      )}
      <label class="choice"
        >Volume<input
          type="range"
          min="0"
          max="1"
          step="0.05"
          .value=${String(choices.volume)}
          @input=${(event) => choose({ volume: Number(event.target.value) })}
      /></label>
    </div>
  </section>`;
}

function selectView(label, chosen, options, choose) {
  const known = options.some(([value]) => value === chosen);
  return html`<label class="choice"
    >${label}<select @change=${(event) => choose(event.target.value)}>
      ${known ? nothing : html`<option selected value=${chosen}>${chosen}</option>`}
      ${options.map(
        ([value, name]) =>
          html`<option value=${value} .selected=${value === chosen}>${name}</option>`,
      )}
    </select></label
  >`;
}

function summary({ language, level, scenario }, scenarios) {
  const title = scenarios.find(({ id }) => id === scenario)?.title ?? 'Free conversation';
  return `${languageName(language)} · ${level} · ${title}`;
}
