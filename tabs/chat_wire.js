// What goes to the server and comes back: calls one after another, news by long polls.
const POLL_S = 20;
const REST_MS = 15_000;  // between the polls of a page that nobody looks at: a browser has six connections for all its tabs

function openWire(server, {token, inUse, news, lost}) {
  let chain = Promise.resolve();
  let after = 0, alive = true;
  const sound = [];
  let sending = null;

  async function ask(name, ...given) {
    const answer = await server[name]([token, ...given]);
    if (answer === undefined || answer === null) throw new Error('offline');
    if (answer.error && answer.error.code === 'no_session' && alive) { alive = false; lost(); }
    return answer;
  }

  function now(name, ...given) {  // resolves to the answer or {error}
    return ask(name, ...given).catch(() => ({error: {code: 'offline'}}));
  }

  function call(name, ...given) {  // the same, behind the calls made so
    chain = chain.then(() => now(name, ...given));
    return chain;
  }

  async function follow() {
    let failures = 0;
    while (alive) {
      const used = inUse();
      try {
        const answer = await ask('chat_next', after, used ? POLL_S : 0);
        failures = 0;
        for (const message of answer.messages || []) {
          after = Math.max(after, message.n);
          news(message);
        }
        if (!used && !(answer.messages || []).length) await rest();
      } catch (error) {
        if (error.message !== 'offline') console.error(error);
        failures += 1;
        await new Promise((done) => setTimeout(done, Math.min(5000, 500 * failures)));
      }
    }
  }

  function rest() {  // until its time is over or somebody looks
    const end = performance.now() + REST_MS;
    return new Promise((done) => {
      const look = () => (inUse() || performance.now() > end ? done() : setTimeout(look, 250));
      look();
    });
  }

  async function pump() {
    while (sound.length) {
      const size = sound.reduce((sum, part) => sum + part.length, 0);
      const whole = new Int16Array(size);
      let at = 0;
      for (const part of sound.splice(0)) { whole.set(part, at); at += part.length; }
      await call('chat_hear', base64Of(new Uint8Array(whole.buffer)));
    }
    sending = null;
  }

  function hear(samples) {
    sound.push(samples);
    if (!sending) sending = pump();
  }

  async function release() {  // behind all that was heard
    while (sending) await sending;
    return call('chat_release');
  }

  follow();
  return {call, now, hear, release, close: () => { alive = false; }};
}

function base64Of(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; at += 32_768) text += String.fromCharCode(...bytes.subarray(at, at + 32_768));
  return btoa(text);
}
