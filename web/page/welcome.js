/** What an empty conversation offers: a greeting, scenarios, and a tutor who begins. */

import { html, nothing } from '../vendor/lit-html/lit-html.js';
import { fitting, languageName, nearestTo } from './catalogue.js';

/** Hello in the languages most asked for; others are greeted by the tutor. */
const GREETINGS = {
  ar: 'مرحبًا!',
  de: 'Hallo!',
  en: 'Hello!',
  es: '¡Hola!',
  fr: 'Bonjour !',
  he: 'שלום!',
  hi: 'नमस्ते!',
  it: 'Ciao!',
  ja: 'こんにちは！',
  ko: '안녕하세요!',
  nl: 'Hallo!',
  pl: 'Cześć!',
  pt: 'Olá!',
  ru: 'Привет!',
  sv: 'Hej!',
  tr: 'Merhaba!',
  uk: 'Привіт!',
  zh: '你好！',
};

/** So many cards are seen at a glance: the scenes of one level. */
const CARDS = 6;

/**
 * @param {import('./lesson.js').Choices} choices
 * @param {import('./catalogue.js').Catalogue} catalogue
 * @param {{begin: (scenario: string) => void}} actions
 */
export function welcomeView({ language, level, scenario }, catalogue, { begin }) {
  const scenarios = nearestTo(fitting(catalogue.scenarios, language), level);
  const opening = scenario || scenarios[0]?.id;
  return html`<section class="welcome">
    <h2 lang=${language} dir="auto">${GREETINGS[language.split('-')[0]] ?? 'Hello!'}</h2>
    <p>
      Write or say something in ${languageName(language)}, or let your tutor start. You will hear
      every answer.
    </p>
    ${opening
      ? html`<button class="primary" @click=${() => begin(opening)}>Let the tutor begin</button>`
      : nothing}
    ${scenarios.length > 0 ? html`<h3>Or pick a scene</h3>` : nothing}
    <ul class="cards">
      ${scenarios.slice(0, CARDS).map((scene) => cardView(scene, begin))}
    </ul>
  </section>`;
}

function cardView({ id, title, level, goal }, begin) {
  return html`<li>
    <button class="card" @click=${() => begin(id)}>
      <span class="card-title" dir="auto">${title}</span>
      ${level ? html`<span class="level">${level}</span>` : nothing}
      ${goal ? html`<span class="goal" dir="auto">${goal}</span>` : nothing}
    </button>
  </li>`;
}
