/**
 * The page: joins a conversation, its sound and the learner's choices, and shows them. The wire and
 * the sound are the client library's.
 */

import { Parla, Player } from '../client/parla.js';
import { fetchCatalogue, languageName } from './catalogue.js';
import { keyOf, openingChoices, rememberConversation, startedConversation } from './choices.js';
import { GettingReady } from './getting-ready.js';
import { Notices } from './notices.js';
import { markSpokenWord } from './spoken-word.js';
import { remember } from './store.js';
import { pageView, show, stayAtEnd } from './view.js';
import { Voice } from './voice.js';

export class App {
  player = new Player();
  notices = new Notices();
  gettingReady = new GettingReady(() => this.render());
  choices = openingChoices();
  voice = new Voice({
    choice: () => this.#lessonChoice(),
    onPress: () => this.player.unlock(),
    onChange: () => this.render(),
    report: (problem) => this.report(problem),
  });
  catalogue = { scenarios: [], voices: [] };
  isLessonOpen = false;
  /** What is heard now. @type {import('../client/programme.js').Position | null} */
  position = null;
  /** @type {Parla} */
  parla;
  #root;
  #frame = 0;
  #soundFrame = 0;
  #following;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
  }

  start() {
    this.player.volume = this.choices.volume;
    this.player.addEventListener('change', () => this.render());
    this.player.addEventListener('unplayable', () =>
      this.report({
        message: 'This sentence cannot be heard again.',
        hint: 'Its sound may be too old.',
      }),
    );
    this.#listen();
    this.join(startedConversation());
    this.#fetchCatalogue();
  }

  /**
   * Goes on with a conversation, or begins one without an id.
   *
   * @param {string | null} conversationId
   */
  join(conversationId) {
    this.#following?.abort();
    const { signal } = (this.#following = new AbortController());
    this.parla?.close();
    this.gettingReady.forget();
    this.parla = new Parla({ url: document.baseURI, conversationId });
    this.parla.addEventListener('change', () => this.render(), { signal });
    this.parla.addEventListener('connection', () => this.#connectionChanged(), { signal });
    this.parla.addEventListener('frame', ({ detail }) => this.#hear(detail), { signal });
    this.parla.addEventListener('problem', ({ detail }) => this.#refused(detail), { signal });
    this.player.follow(this.parla);
    this.voice.follow(this.parla);
    rememberConversation(this.parla.conversationId);
    this.parla.connect();
    this.render();
  }

  /** @param {string} text */
  send(text) {
    this.player.unlock();
    this.parla.chat(text, this.#lessonChoice());
    stayAtEnd();
  }

  /** Lets the tutor open a scene. @param {string} scenario */
  begin(scenario) {
    this.choose({ scenario });
    this.send('');
  }

  stop() {
    this.player.stop();
    if (this.parla.state.awaiting || this.#making) this.parla.stop(this.#making?.turnId);
  }

  /** The tutor is writing or speaking. */
  get isActive() {
    return (
      this.parla.state.awaiting !== null || this.player.isSpeaking || this.#making !== undefined
    );
  }

  /** @param {Partial<import('./lesson.js').Choices>} change */
  choose(change) {
    this.choices = { ...this.choices, ...change };
    this.player.volume = this.choices.volume;
    remember('choices', this.choices);
    if (!('volume' in change)) this.parla.prepare(this.#lessonChoice());
    if (!('volume' in change)) this.voice.choiceChanged();
    this.render();
  }

  toggleLesson() {
    this.isLessonOpen = !this.isLessonOpen;
    this.render();
  }

  /**
   * @param {import('../client/turns.js').Entry} turn
   * @param {number | null} index One sentence, or all.
   */
  replay(turn, index, rate = 1) {
    this.player.unlock();
    const all = turn.chunks.map((chunk, place) => ({ chunk, index: place }));
    const sentences = index === null ? all : [all[index]];
    if (sentences.some(({ chunk }) => chunk?.audioUrl))
      this.player.replay(turn.turnId, sentences, rate);
  }

  sendAgain({ clientId }) {
    this.parla.sendAgain(clientId, this.#lessonChoice());
  }

  loadEarlier() {
    this.parla
      .loadEarlier()
      .catch(() => this.report({ message: 'Earlier messages could not be loaded.' }));
  }

  /** @param {{message: string, hint?: string}} problem */
  report(problem) {
    this.notices.add(problem);
    this.render();
  }

  /** Shows the newest state with the next picture, however often it is asked for. */
  render() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    this.position = this.player.position;
    show(pageView(this), this.#root);
    this.#showSound();
  }

  /**
   * While something is heard, every picture is looked at; what changes with every one is set past
   * the templates.
   */
  #showSound() {
    markSpokenWord(this.position, this.parla.state.entries);
    this.#root.style.setProperty('--level', levelOf(this.player.analyser).toFixed(2));
    if (!this.player.isSpeaking && !this.position) return;
    this.#soundFrame ||= requestAnimationFrame(() => this.#followSound());
  }

  #followSound() {
    this.#soundFrame = 0;
    if (this.#frame) return;
    const before = keyOf(this.position);
    this.position = this.player.position;
    if (keyOf(this.position) === before) this.#showSound();
    else this.render();
  }

  /** Whoever has come online may write soon: the model can get ready. */
  #connectionChanged() {
    if (this.parla.status === 'online') this.parla.prepare(this.#lessonChoice());
    this.render();
  }

  /** @param {import('../client/protocol.js').Frame} frame */
  #hear(frame) {
    this.gettingReady.hear(frame);
    if (frame.type === 'notice') this.report({ message: frame.data.text });
  }

  /** What the microphone's own words say already needs no notice. */
  #refused(problem) {
    if (problem.code !== 'not_listening') this.report(problem);
  }

  /** The turn that the tutor is making. */
  get #making() {
    return this.parla.state.entries.findLast(({ phase }) => phase === 'making' || phase === 'lost');
  }

  #listen() {
    addEventListener('pointerdown', () => this.player.unlock(), { once: true });
    addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.isActive) this.stop();
    });
    addEventListener('online', () => this.parla.check());
    addEventListener('offline', () => this.parla.check());
    addEventListener('pageshow', (event) => event.persisted && this.parla.connect());
    addEventListener('hashchange', () => {
      const id = location.hash.slice(1);
      if (id && id !== this.parla.conversationId) this.join(id);
    });
  }

  async #fetchCatalogue() {
    try {
      this.catalogue = await fetchCatalogue();
      this.render();
    } catch {
      this.report({
        message: 'Scenarios and voices could not be loaded.',
        hint: 'You can talk all the same; reload the page to see them.',
      });
    }
  }

  /** What the page sends with a message: only what is chosen. */
  #lessonChoice() {
    const { language, level, scenario, voice } = this.choices;
    const chosen = Object.entries({ language, level, scenario, voice }).filter(
      ([, value]) => value,
    );
    return Object.fromEntries(chosen);
  }

  get placeholder() {
    return `Write in ${languageName(this.choices.language)}…`;
  }
}

/** From 0 to 1. @param {AnalyserNode | null} analyser */
function levelOf(analyser) {
  if (!analyser) return 0;
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return Math.min(1, Math.sqrt(power) * 4);
}
