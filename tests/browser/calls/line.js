/**
 * The page's side of the tests of calls: a microphone that speaks when it is told to, and the calls that are made with
 * it. It asserts nothing.
 */

const PATIENCE_MS = 20_000;
const context = new AudioContext();
const microphone = context.createMediaStreamDestination();
const speech = fetch('/speech.wav')
  .then((file) => file.arrayBuffer())
  .then((bytes) => context.decodeAudioData(bytes));

/** The microphone that every page gets here: silent but for `speak`. */
navigator.mediaDevices.getUserMedia = async () => microphone.stream.clone();

/** Says the recording once; resolves when it has been said. */
export async function speak() {
  await context.resume();
  const source = new AudioBufferSourceNode(context, { buffer: await speech });
  source.connect(microphone);
  const ended = new Promise((resolve) => (source.onended = resolve));
  source.start();
  await ended;
}

/** Waits until `read` answers something else than a falsy value. */
export async function until(read, what) {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await read();
    if (answer) return answer;
    if (performance.now() > end) throw new Error(`${what} does not come`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A call by the browser's own means, as any app makes it. */
export class Line {
  events = [];

  constructor(url, headers) {
    Object.assign(this, { url, headers });
  }

  async connect(path) {
    this.peer = new RTCPeerConnection();
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const senders = stream.getAudioTracks().map((track) => this.peer.addTrack(track, stream));
    if (this.isMute) await senders[0].replaceTrack(null);
    this.channel = this.peer.createDataChannel('oai-events');
    this.channel.onmessage = ({ data }) =>
      this.events.push({ ...JSON.parse(data), at: performance.now() });
    const tracked = new Promise((resolve) => (this.peer.ontrack = resolve));
    await this.peer.setLocalDescription();
    const began = performance.now();
    const response = await this.offer(path);
    if (response.status !== 201) return { status: response.status, body: await response.text() };
    this.place = new URL(response.headers.get('Location'), this.url).href;
    await this.peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
    await until(() => this.peer.connectionState === 'connected', 'the connection');
    const connectedMs = performance.now() - began;
    this.loudspeaker = new Audio();
    this.loudspeaker.srcObject = (await tracked).streams[0];
    await this.loudspeaker.play();
    await until(() => this.channel.readyState === 'open', 'the channel');
    return { status: 201, connectedMs };
  }

  offer(path) {
    const headers = { ...this.headers, 'Content-Type': 'application/sdp' };
    const body = this.peer.localDescription.sdp;
    return fetch(new URL(path, this.url), { method: 'POST', headers, body });
  }

  send(event) {
    this.channel.send(typeof event === 'string' ? event : JSON.stringify(event));
  }

  /** The next event of that type behind the `after` events before it. */
  event(type, after = 0) {
    const find = () => this.events.slice(after).find((event) => event.type === type);
    return until(find, type);
  }

  say(text) {
    const content = [{ type: 'input_text', text }];
    this.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
    this.send({ type: 'response.create' });
  }

  /** What the loudspeaker has got so far. */
  async heard() {
    const stats = [...(await this.peer.getStats()).values()];
    return stats.find(({ type }) => type === 'inbound-rtp');
  }

  /** Waits until nothing is heard for `ms`; answers when the last sound was. */
  async silence(ms = 300) {
    let [energy, since] = [-1, performance.now()];
    await until(async () => {
      const { totalAudioEnergy } = await this.heard();
      if (totalAudioEnergy - energy > 1e-6) [energy, since] = [totalAudioEnergy, performance.now()];
      return performance.now() - since > ms;
    }, 'silence');
    return since;
  }

  /** From another network: all paths are found anew. */
  async restart() {
    this.peer.restartIce();
    await this.peer.setLocalDescription();
    const began = performance.now();
    const response = await this.offer(this.place);
    const sdp = await response.text();
    if (!response.ok) return { status: response.status, body: sdp };
    await this.peer.setRemoteDescription({ type: 'answer', sdp });
    await until(
      () => ['connected', 'completed'].includes(this.peer.iceConnectionState),
      'the path',
    );
    return { status: response.status, ms: performance.now() - began };
  }
}
