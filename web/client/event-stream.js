/** Reads the text of a Server-Sent Events stream piece by piece. A piece may end anywhere. */
export class EventStreamReader {
  #rest = '';
  #data = [];

  /**
   * Takes the next piece and returns the data of each event that it completes.
   *
   * @param {string} piece
   * @returns {string[]}
   */
  push(piece) {
    const lines = (this.#rest + piece).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.flatMap((line) => this.#line(line.endsWith('\r') ? line.slice(0, -1) : line));
  }

  /** @param {string} line @returns {string[]} */
  #line(line) {
    if (line === '') return this.#finish();
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (field === 'data') this.#data.push(value);
    return [];
  }

  #finish() {
    if (this.#data.length === 0) return [];
    const data = this.#data.join('\n');
    this.#data = [];
    return [data];
  }
}
