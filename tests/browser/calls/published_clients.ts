// Classes of a published guide for web clients, word for word. `booth.js` takes their types away and tells them another
// address; whatever else they need, the server has to give.

class OpenAIRealtimeConnection {
  private pc: RTCPeerConnection;
  private dc: RTCDataChannel;
  private audioElement: HTMLAudioElement;

  async connect(ephemeralToken: string) {
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
    stream.getAudioTracks().forEach(track => {
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
    const response = await fetch('https://api.openai.com/v1/realtime', {
      method: 'POST',
      headers: {
        'Authorization': `Bearer ${ephemeralToken}`,
        'Content-Type': 'application/sdp',
      },
      body: offer.sdp,
    });

    const answerSdp = await response.text();
    await this.pc.setRemoteDescription({ type: 'answer', sdp: answerSdp });
  }

  private sendSessionConfig() {
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

  private handleMessage(event: MessageEvent) {
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

  send(message: object) {
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

class DeepgramWebSocket {
  private ws: WebSocket;

  async connect(apiKey: string) {
    const url = new URL('wss://api.deepgram.com/v1/listen');
    url.searchParams.set('model', 'nova-3');
    url.searchParams.set('language', 'en-US');
    url.searchParams.set('punctuate', 'true');
    url.searchParams.set('interim_results', 'true');
    url.searchParams.set('endpointing', '500');
    url.searchParams.set('encoding', 'linear16');
    url.searchParams.set('sample_rate', '16000');

    this.ws = new WebSocket(url.toString(), ['token', apiKey]);

    this.ws.onmessage = (event) => {
      const data = JSON.parse(event.data);

      if (data.type === 'Results') {
        const alt = data.channel?.alternatives?.[0];
        if (alt) {
          this.onResult?.({
            text: alt.transcript,
            isFinal: data.is_final,
            confidence: alt.confidence,
            words: alt.words,
          });
        }
      }
    };

    return new Promise<void>((resolve, reject) => {
      this.ws.onopen = () => resolve();
      this.ws.onerror = (e) => reject(e);
    });
  }

  sendAudio(buffer: ArrayBuffer) {
    if (this.ws.readyState === WebSocket.OPEN) {
      this.ws.send(buffer);
    }
  }

  close() {
    this.ws?.close();
  }
}
