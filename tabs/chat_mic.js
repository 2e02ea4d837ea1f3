// The microphone as 16 kHz mono int16, about every 100 ms; no global is made and nothing is left open by stop().
// Codes: mic_insecure (no https or localhost), mic_blocked, mic_missing, mic_busy, mic_silent (only zeros for 3 s; it
// stays on), mic_lost (unplugged; it is off). start() gives whether it is on, and after a failure may be called again.
function openMicrophone({onSamples, onLevel, onError}) {
  const RATE = 16000, SILENT_S = 3;
  const REASONS = {
    NotAllowedError: 'mic_blocked', SecurityError: 'mic_blocked', NotFoundError: 'mic_missing',
    OverconstrainedError: 'mic_missing', NotReadableError: 'mic_busy', AbortError: 'mic_busy',
  };
  let open = null;  // what stop() has to close
  let starts = 0;

  // Runs on the audio thread, so it is handed over as text: low-pass and resampling by a windowed sinc, one row of
  // weights for each position that a sample of 16 kHz can have between two of the device's.
  function worklet(rate, batch) {
    const gcd = (a, b) => b ? gcd(b, a % b) : a;
    const common = gcd(sampleRate, rate), STEP = sampleRate / common, PHASES = rate / common;
    const cut = 0.46 * Math.min(1, rate / sampleRate);  // of the device's rate; the rest is the filter's slope
    const half = Math.ceil(12 / (2 * cut)), width = 2 * half;
    const rows = Array.from({length: PHASES}, (_, phase) => {
      const row = new Float32Array(width);
      let sum = 0;
      for (let n = 0; n < width; n++) {
        const t = n - half + 1 - phase / PHASES;
        const sinc = t === 0 ? 1 : Math.sin(2 * Math.PI * cut * t) / (2 * Math.PI * cut * t);
        sum += row[n] = sinc * (0.5 + 0.5 * Math.cos(Math.PI * t / (half + 1)));
      }
      return row.map((weight) => weight / sum);
    });
    registerProcessor('tfg-microphone', class extends AudioWorkletProcessor {
      constructor() {
        super();
        this.sound = new Float32Array(width + 4096);
        this.length = width;   // zeros in front of the first sample
        this.phase = 0;
        this.batch = new Int16Array(batch);
        this.filled = 0;
      }
      process([channels]) {
        const length = channels.length ? channels[0].length : 128;
        for (let n = 0; n < length; n++) {
          let sample = 0;
          for (const channel of channels) sample += channel[n] / channels.length;
          this.sound[this.length++] = sample;
        }
        let start = 0;
        while (start + width <= this.length) {
          const row = rows[this.phase % PHASES];
          let sample = 0;
          for (let n = 0; n < width; n++) sample += row[n] * this.sound[start + n];
          this.give(sample);
          this.phase = this.phase % PHASES + STEP;
          start += Math.floor(this.phase / PHASES);
        }
        this.sound.copyWithin(0, start, this.length);
        this.length -= start;
        return true;
      }
      give(sample) {
        this.batch[this.filled++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32767)));
        if (this.filled < batch) return;
        this.port.postMessage(this.batch, [this.batch.buffer]);
        this.batch = new Int16Array(batch);
        this.filled = 0;
      }
    });
  }

  function hear(samples, mine) {
    let energy = 0;
    for (const sample of samples) energy += sample * sample;
    mine.zeros = energy ? 0 : mine.zeros + samples.length / RATE;
    const db = 10 * Math.log10(energy / samples.length / 32768 ** 2 + 1e-9);
    onLevel(Math.max(0, Math.min(1, (db + 60) / 50)));  // a whisper to a shout
    onSamples(samples);
    if (mine.zeros < SILENT_S || mine.told) return;
    mine.told = true;
    onError('mic_silent');
  }

  function close(mine) {
    if (mine.node) mine.node.port.onmessage = null;
    for (const track of mine.stream.getTracks()) {
      track.onended = null;
      track.stop();
    }
    if (mine.context) {
      mine.context.onstatechange = null;
      if (mine.context.state !== 'closed') mine.context.close();
    }
    if (open === mine) {
      open = null;
      onLevel(0);
    }
  }

  async function connect(mine) {
    const context = mine.context = new AudioContext({latencyHint: 'interactive'});
    const text = `(${worklet})(${RATE}, ${RATE / 10})`;
    const url = URL.createObjectURL(new Blob([text], {type: 'text/javascript'}));
    try {
      await context.audioWorklet.addModule(url);
    } finally {
      URL.revokeObjectURL(url);
    }
    if (context.state === 'closed') return;  // stop() came first
    mine.node = new AudioWorkletNode(context, 'tfg-microphone');
    mine.node.port.onmessage = ({data}) => hear(data, mine);
    context.createMediaStreamSource(mine.stream).connect(mine.node).connect(context.destination);  // it puts out silence
    context.onstatechange = () => { if (context.state === 'interrupted') context.resume(); };  // after a phone call
    context.resume();
  }

  async function start() {
    if (open) return true;
    const number = ++starts;
    if (!window.isSecureContext || !window.AudioWorkletNode) {
      onError('mic_insecure');
      return false;
    }
    let mine = null;
    try {
      if (!navigator.mediaDevices) throw new DOMException('', 'NotFoundError');
      const wish = {echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: {ideal: 1}};
      mine = {stream: await navigator.mediaDevices.getUserMedia({audio: wish}), zeros: 0, told: false};
      if (number !== starts) {
        close(mine);
        return false;
      }
      open = mine;
      const lost = () => { close(mine); onError('mic_lost'); };
      for (const track of mine.stream.getTracks()) track.onended = lost;
      await connect(mine);
    } catch (error) {
      if (mine) close(mine);
      if (number === starts) onError(REASONS[error.name] || 'mic_busy');
      return false;
    }
    return open === mine;
  }

  return {
    start,
    stop() {
      starts++;
      if (open) close(open);
    },
    get running() { return open !== null; },
  };
}
