/** A client as it has been published for OpenAI's older Realtime; only the address is told to it. */

export class OpenAIRealtimeConnection {
  constructor(address) {
    this.address = address;
  }

  async connect(ephemeralToken) {
    this.pc = new RTCPeerConnection();

    // Get microphone
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: {
        sampleRate: 24000,
        channelCount: 1,
        echoCancellation: true,
        noiseSuppression: true,
        autoGainControl: true,
      },
    });

    // Add audio track
    stream.getAudioTracks().forEach((track) => {
      this.pc.addTrack(track, stream);
    });

    // Handle remote audio
    this.pc.ontrack = (event) => {
      this.audioElement = new Audio();
      this.audioElement.srcObject = event.streams[0];
      this.audioElement.play();
    };

    // Create data channel
    this.dc = this.pc.createDataChannel('oai-events');
    this.dc.onmessage = this.handleMessage.bind(this);
    this.dc.onopen = () => this.sendSessionConfig();

    // Create offer
    const offer = await this.pc.createOffer();
    await this.pc.setLocalDescription(offer);

    // Send to OpenAI
    const response = await fetch(this.address, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${ephemeralToken}`,
        'Content-Type': 'application/sdp',
      },
      body: offer.sdp,
    });

    const answerSdp = await response.text();
    await this.pc.setRemoteDescription({ type: 'answer', sdp: answerSdp });
  }

  sendSessionConfig() {
    this.send({
      type: 'session.update',
      session: {
        modalities: ['text', 'audio'],
        instructions: 'You are a helpful tutor.',
        voice: 'coral',
        turn_detection: {
          type: 'server_vad',
          threshold: 0.5,
          silence_duration_ms: 500,
        },
      },
    });
  }

  handleMessage(event) {
    const message = JSON.parse(event.data);

    switch (message.type) {
      case 'session.created':
        this.onSessionCreated?.(message.session);
        break;

      case 'input_audio_buffer.speech_started':
        this.onSpeechStarted?.();
        break;

      case 'input_audio_buffer.speech_stopped':
        this.onSpeechStopped?.();
        break;

      case 'conversation.item.input_audio_transcription.completed':
        this.onTranscript?.(message.transcript);
        break;

      case 'response.audio_transcript.delta':
        this.onResponseDelta?.(message.delta);
        break;

      case 'response.done':
        this.onResponseComplete?.(message.response);
        break;
    }
  }

  send(message) {
    if (this.dc.readyState === 'open') {
      this.dc.send(JSON.stringify(message));
    }
  }

  disconnect() {
    this.audioElement?.pause();
    this.dc?.close();
    this.pc?.close();
  }
}
