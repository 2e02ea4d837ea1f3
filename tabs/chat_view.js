// The stage, the transcript and the composer of a conversation. Its value is the session's token ("": none yet).
const lang = navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
const words = /*WORDS*/[lang];
const HELD_MS = 30_000;  // the microphone stays open so long after a button was let go, so that the next word is whole
const BATCH_MS = 120;  // the microphone's last words of a turn come so late
const TOLD_MS = 250;
const find = (name) => element.querySelector('.tfg-chat-' + name);
const root = element.querySelector('.tfg-chat');
const page = {wire: null, running: false, stage: 'idle', place: 0, asked: new Map(), pressed: [], stopNext: false,
  captions: [], told: 0, expected: 1.2, marks: new Map(), mode: 'off', holding: false, hearing: false, closing: 0};

const player = openPlayer(find('idle'), find('talk'), {
  frame: firstFrame,
  time: heardUntil,
  over: () => { caption(''); draw(); },
  blocked: () => { find('unmute').hidden = false; },
});
const transcript = openTranscript(find('log'), words, {edit, again, film: (turn) => save('mp4', turn)});
const microphone = openMicrophone({onSamples, onLevel, onError: micFault});

// --- what the server says ---------------------------------------------------------------------------------------------

const hears = {
  idle(m) { player.setIdle({data: m.url_or_b64, seconds: m.seconds}); root.dataset.ready = '1'; },
  turn(m) {
    const current = player.state();
    if (current && current.turn !== null && current.turn !== m.turn) player.stop();
    transcript.add(m.turn, m.user || '', m.source);
    if (m.source === 'text' && page.pressed.length) page.asked.set(m.turn, page.pressed.shift());
    page.running = m.turn;
    page.captions = [];
    if (page.stopNext) { page.stopNext = false; player.ignore(m.turn); } else player.begin(m.turn);
  },
  state(m) {
    page.stage = m.stage;
    page.place = m.place || 0;
    if (m.speaking && player.state()) silence();  // somebody began to speak: be quiet at once
  },
  heard(m) { transcript.heard(m.turn, m.text, m.final); },
  words(m) { transcript.answer(m.turn, m.text); },
  caption(m) { if (m.turn === page.running || m.turn === playing()) page.captions.push(m); },
  media(m) { player.media(m); },
  mark(m) { page.marks.set(m.turn, {ms: m.ms, at: performance.now()}); transcript.mark(m.turn, m.name, m.ms); },
  end(m) {
    player.finish(m);
    transcript.end(m);
    if (page.running === m.turn) page.running = false;
    page.stage = 'idle';
  },
  error(m) { fault(m, m.turn); },
  notice(m) { note(m[lang]); },
  dropped(m) { m.turns.forEach(transcript.remove); },
  cleared() { transcript.clear(); page.captions = []; },
};

function news(message) {
  if (hears[message.kind]) hears[message.kind](message);
  draw();
}

function playing() {
  const now = player.state();
  return now ? now.turn : null;
}

// --- what the player says ---------------------------------------------------------------------------------------------

function firstFrame(turn) {
  const asked = page.asked.get(turn), last = page.marks.get(turn), now = performance.now();
  if (asked === undefined && !last) return;  // a spoken turn whose start the server has not told
  const ms = Math.round(asked !== undefined ? now - asked : last.ms + now - last.at);
  page.asked.delete(turn);
  page.expected = 0.5 * page.expected + 0.5 * Math.min(5, ms / 1000);  // where the idle loop will then stand
  transcript.mark(turn, 'first_frame', ms);
  page.wire.now('chat_mark', turn, 'first_frame', ms);
  find('unmute').hidden = true;
  draw();
}

function heardUntil(turn, at) {
  const now = page.captions.filter((one) => one.turn === turn && one.start_s <= at && at < one.end_s + 0.15).pop();
  caption(now ? now.text : '');
  if (performance.now() - page.told < TOLD_MS) return;
  page.told = performance.now();
  page.wire.now('chat_played', turn, at);
}

function caption(text) {
  const box = find('caption');
  if (box.textContent !== text) box.textContent = text;
  box.hidden = !text;
}

// --- what the person does ---------------------------------------------------------------------------------------------

async function send() {
  const box = find('text'), text = box.value.trim();
  if (!text || !page.wire) return;
  box.value = '';
  grow();
  silence();
  transcript.ask(text);
  const answer = await asking('chat_say', text, player.phase() + page.expected);
  if (answer.error && !box.value) { box.value = text; grow(); }  // not lost
}

async function asking(name, ...given) {  // a call that begins a turn; what it cannot do is said
  page.pressed.push(performance.now());
  page.stopNext = false;
  page.running = true;
  page.stage = 'thinking';
  player.begin();
  draw();
  const answer = await page.wire.call(name, ...given);
  if (answer.error) {
    page.running = false;
    page.stage = 'idle';
    player.stop();
    transcript.forget();
    page.pressed.shift();
    fault(answer.error, null);
    draw();
  }
  return answer;
}

function edit(turn, text) {
  const phase = player.phase() + page.expected;
  silence();
  transcript.dropFrom(turn);
  transcript.ask(text);
  asking('chat_edit', turn, text, phase);
}

function again() {
  const phase = player.phase() + page.expected;
  silence();
  const last = transcript.last();
  if (last !== undefined) transcript.ask(transcript.question(last));
  if (last !== undefined) transcript.dropFrom(last);
  asking('chat_regenerate', phase);
}

function silence() {  // the picture and the sound of the answer end here and now; the seconds that were heard
  caption('');
  return player.stop();
}

function stop() {
  if (!busy()) return;
  const turn = playing(), heard = silence();
  const unnumbered = page.running === true;
  if (unnumbered) page.stopNext = true;
  else if (page.running !== false) player.ignore(page.running);
  page.running = false;
  page.stage = 'idle';
  draw();
  page.wire[unnumbered ? 'call' : 'now']('chat_stop', turn === null ? null : heard);  // never before what it stops
}

function busy() {
  return page.running !== false || player.state() !== null;
}

async function save(kind, turn = null) {
  find('menu').open = false;
  const told = await page.wire.now('chat_export', kind, turn);
  if (told.error) { fault(told.error, turn); return; }
  const parts = [];
  for (let at = 0; at < told.bytes;) {
    const part = await page.wire.now('chat_piece', at);
    if (part.error) { fault(part.error, turn); return; }
    const piece = bytesOf(part.data);
    if (!piece.length) break;  // the file was made anew and is shorter
    parts.push(piece);
    at += piece.length;
  }
  const link = make('a');
  link.href = URL.createObjectURL(new Blob(parts, {type: told.type}));
  link.download = told.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function clear() {
  stop();
  page.wire.call('chat_clear');
}

// --- the microphone ---------------------------------------------------------------------------------------------------

function onSamples(samples) {
  if (page.wire && (page.mode === 'hands_free' || page.hearing)) page.wire.hear(samples);
}

function onLevel(level) {
  root.style.setProperty('--level', Math.max(0, Math.min(1, level)).toFixed(3));
}

function micFault(code) {
  const sentence = words['chat_' + code] || words.chat_mic_lost;
  if (code === 'mic_silent') { note(sentence); return; }  // it stays on, and may be unmuted
  page.holding = false;
  if (page.mode !== 'off') mode('off');
  fault({[lang]: sentence}, null);
  draw();
}

async function mode(wanted) {
  page.mode = wanted;
  if (wanted === 'off') { page.holding = page.hearing = false; microphone.stop(); onLevel(0); }
  draw();
  page.wire.call('chat_microphone', wanted);
}

async function hold(event) {
  event.preventDefault();
  if (page.holding || !page.wire || page.mode === 'hands_free') return;
  page.holding = page.hearing = true;
  clearTimeout(page.closing);
  if (busy()) stop();
  if (page.mode !== 'push') mode('push');
  draw();
  if (!microphone.running) await microphone.start();
}

function letGo() {
  if (!page.holding) return;
  page.holding = false;
  setTimeout(() => { if (!page.holding) { page.hearing = false; page.wire.release(); } }, BATCH_MS);
  page.closing = setTimeout(() => { if (page.mode === 'push') mode('off'); }, HELD_MS);
  draw();
}

async function toggleHandsFree() {
  if (!page.wire) return;
  if (page.mode === 'hands_free') { mode('off'); return; }
  mode('hands_free');
  if (!microphone.running) await microphone.start();
}

// --- what is shown ----------------------------------------------------------------------------------------------------

function stateWords() {
  const now = player.state();
  if (page.holding) return words.chat_state_hold;
  if (now && now.shown) return words.chat_state_speaking;
  if (page.stage === 'queued') return words.chat_state_queued.replace('{n}', page.place);
  if (page.stage === 'transcribing') return words.chat_state_transcribing;
  if (page.running !== false) return words['chat_state_' + page.stage] || words.chat_state_thinking;
  if (page.mode === 'hands_free') return words.chat_state_listening;
  return root.dataset.ready ? '' : words.chat_state_preparing;
}

function draw() {
  const now = player.state(), line = stateWords();
  if (find('state').textContent !== line) find('state').textContent = line;
  root.dataset.busy = busy() ? '1' : '';
  root.dataset.stage = now && now.shown ? 'speaking' : page.running === false ? 'idle' : page.stage;
  root.dataset.mode = page.mode;
  root.dataset.stalled = now ? now.stalled_ms : root.dataset.stalled || 0;
  find('stop').hidden = !busy();
  find('send').disabled = !page.wire;
  find('hands').setAttribute('aria-pressed', page.mode === 'hands_free');
  find('hold').disabled = page.mode === 'hands_free';
  find('hold').classList.toggle('held', page.holding);
  find('empty').hidden = find('log').childElementCount > 0;
}

function note(sentence) {
  const box = find('note');
  box.textContent = sentence;
  box.hidden = false;
  clearTimeout(page.noted);
  page.noted = setTimeout(() => { box.hidden = true; }, 15_000);
}

function fault(error, turn) {
  transcript.fail(turn, error[lang] || words['chat_' + error.code] || words.chat_offline, error.retry);
}

function grow() {
  const box = find('text');
  box.style.height = 'auto';
  box.style.height = Math.min(160, box.scrollHeight + 2) + 'px';
}

function name(part, text, title) {
  const node = find(part);
  node.textContent = text;
  if (title) node.title = title;
}

function label() {
  name('stop', words.chat_stop, 'Esc');
  name('send', words.chat_send);
  name('hold', words.chat_hold, words.chat_hold_hint);
  name('hands', words.chat_hands, words.chat_hands_hint);
  name('clear', words.chat_clear);
  name('unmute', words.chat_unmute);
  name('empty', words.chat_empty);
  find('text').placeholder = words.chat_placeholder;
  find('text').setAttribute('aria-label', words.chat_placeholder);
  find('log').setAttribute('aria-label', words.chat_log);
  find('menu').querySelector('summary').textContent = words.chat_export;
  find('menu').querySelectorAll('button').forEach((one) => {
    one.textContent = words['chat_export_' + one.dataset.kind];
    one.addEventListener('click', () => save(one.dataset.kind));
  });
}

function connect() {
  find('composer').addEventListener('submit', (event) => { event.preventDefault(); send(); });
  find('text').addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
  });
  find('text').addEventListener('input', grow);
  element.addEventListener('keydown', (event) => { if (event.key === 'Escape') stop(); });
  find('stop').addEventListener('click', stop);
  find('clear').addEventListener('click', () => { if (page.wire) clear(); });
  find('unmute').addEventListener('click', () => { find('unmute').hidden = true; player.play(); });
  find('hands').addEventListener('click', toggleHandsFree);
  const held = find('hold');
  held.addEventListener('pointerdown', (event) => { held.setPointerCapture(event.pointerId); hold(event); });
  held.addEventListener('pointerup', letGo);
  held.addEventListener('pointercancel', letGo);
  held.addEventListener('contextmenu', (event) => event.preventDefault());  // a long touch
  held.addEventListener('keydown', (event) => { if (event.key === ' ' && !event.repeat) hold(event); });
  held.addEventListener('keyup', (event) => { if (event.key === ' ') { event.preventDefault(); letGo(); } });
  held.addEventListener('blur', letGo);
}

function inUse() {
  return busy() || page.mode !== 'off' || (!document.hidden && element.offsetParent !== null);
}

function restart() {
  if (page.wire) page.wire.close();
  player.stop();
  page.wire = null;
  page.running = false;
  page.stage = 'idle';
  root.dataset.ready = '';
  if (props.value) {
    const lost = () => { note(words.chat_lost); trigger('submit'); };  // the app was started anew
    page.wire = openWire(server, {token: props.value, inUse, news, lost});
    if (page.mode !== 'off') page.wire.call('chat_microphone', page.mode);
  }
  draw();
}

label();
connect();
watch('value', restart);
restart();
