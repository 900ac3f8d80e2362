/**
 * Cuts the microphone's sound into frames of 16 kHz, 16 bits, mono, on the browser's sound thread.
 * It is a file of its own without imports, as worklets in all browsers want it, and reaches nothing
 * but the page that opened it.
 */

const RATE = 16_000;
/** 32 ms: short enough for a quick partner, long enough for few frames. */
const FRAME_SAMPLES = 512;
/** The filter's length to each side, in periods of the slower rate: it lets speech up to 6.6 kHz pass. */
const HALF_PERIODS = 24;
/** Where the filter is half open, of the highest frequency that fits: what is above would fold back. */
const CUTOFF = 0.94;

class MicrophoneFrames extends AudioWorkletProcessor {
  #resampler = sampleRate === RATE ? null : new Resampler(sampleRate, RATE);
  #frame = new Int16Array(FRAME_SAMPLES);
  #filled = 0;

  /** @param {Float32Array[][]} inputs */
  process([[channel]]) {
    if (channel) for (const sample of this.#resampler?.push(channel) ?? channel) this.#put(sample);
    return true;
  }

  #put(sample) {
    this.#frame[this.#filled++] = Math.round(Math.max(-1, Math.min(1, sample)) * 32_767);
    if (this.#filled < FRAME_SAMPLES) return;
    this.port.postMessage(this.#frame.buffer, [this.#frame.buffer]);
    this.#frame = new Int16Array(FRAME_SAMPLES);
    this.#filled = 0;
  }
}

/** A windowed sinc, one set of taps for each place that an output sample can have between two inputs. */
class Resampler {
  /** Between two output samples lie `#step / #phases.length` input samples. */
  #step;
  #phases;
  #half;
  #kept = new Float32Array(0);
  /** The place of the next output sample in `#kept`: whole input samples and the phase behind them. */
  #at;
  #phase = 0;

  constructor(from, to) {
    const shared = greatestDivisor(from, to);
    this.#step = from / shared;
    this.#half = Math.ceil(HALF_PERIODS * Math.max(1, from / to));
    const cutoff = CUTOFF * Math.min(1, to / from);
    const count = to / shared;
    this.#phases = Array.from({ length: count }, (_, phase) =>
      tapsAt(phase / count, this.#half, cutoff),
    );
    this.#kept = new Float32Array(this.#half);
    this.#at = this.#half;
  }

  /** @param {Float32Array} samples @returns {number[]} What can be told so far. */
  push(samples) {
    const known = new Float32Array(this.#kept.length + samples.length);
    known.set(this.#kept);
    known.set(samples, this.#kept.length);
    const out = [];
    while (this.#at + this.#half < known.length) {
      out.push(sumOf(known, this.#at - this.#half, this.#phases[this.#phase]));
      this.#phase += this.#step;
      this.#at += Math.floor(this.#phase / this.#phases.length);
      this.#phase %= this.#phases.length;
    }
    const past = Math.min(this.#at - this.#half, known.length);
    this.#kept = known.slice(past);
    this.#at -= past;
    return out;
  }
}

function sumOf(samples, from, taps) {
  let sum = 0;
  for (let place = 0; place < taps.length; place += 1) sum += samples[from + place] * taps[place];
  return sum;
}

function tapsAt(fraction, half, cutoff) {
  const taps = Float32Array.from({ length: 2 * half + 1 }, (_, place) => {
    const distance = place - half - fraction;
    return sinc(cutoff * distance) * blackman(distance / (half + 1));
  });
  const sum = taps.reduce((total, tap) => total + tap, 0);
  return taps.map((tap) => tap / sum);
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** From -1 to 1. */
function blackman(x) {
  return 0.42 + 0.5 * Math.cos(Math.PI * x) + 0.08 * Math.cos(2 * Math.PI * x);
}

function greatestDivisor(one, other) {
  return other === 0 ? one : greatestDivisor(other, one % other);
}

registerProcessor('microphone-frames', MicrophoneFrames);
