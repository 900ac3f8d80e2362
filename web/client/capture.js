/** Opens the device and hands out its sound frame by frame. It knows no server. */

/** What every frame is: samples a second, and how each is written. */
export const FORMAT = { sampleRate: 16_000, encoding: 'pcm16' };

const WORKLET = new URL('./microphone-worklet.js', import.meta.url);
const DEVICE = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
  channelCount: 1,
};

/**
 * Asks for the microphone and listens to it until it is closed.
 *
 * @param {(frame: ArrayBuffer) => void} onFrame 32 ms of sound.
 * @param {() => void} onEnd The device was unplugged or taken away.
 * @returns {Promise<{close: () => void}>} Rejected with the browser's error.
 */
export async function capture(onFrame, onEnd) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: DEVICE });
  const tracks = stream.getTracks();
  for (const track of tracks) track.onended = onEnd;
  const release = () => tracks.forEach((track) => track.stop());
  try {
    const context = await listen(stream, onFrame);
    return {
      close() {
        release();
        context.close();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
}

/** A browser that does not change the rate by itself leaves that to the worklet. */
async function listen(stream, onFrame) {
  try {
    return await listenAt({ sampleRate: FORMAT.sampleRate }, stream, onFrame);
  } catch (error) {
    if (error.name !== 'NotSupportedError') throw error;
    return listenAt({}, stream, onFrame);
  }
}

async function listenAt(rate, stream, onFrame) {
  const context = new AudioContext({ ...rate, latencyHint: 'interactive' });
  try {
    const source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
    await context.audioWorklet.addModule(WORKLET);
    const frames = new AudioWorkletNode(context, 'microphone-frames', {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: 'explicit',
    });
    frames.port.onmessage = ({ data }) => onFrame(data);
    source.connect(frames);
    await context.resume();
    return context;
  } catch (error) {
    context.close();
    throw error;
  }
}
