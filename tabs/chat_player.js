// The picture: an idle loop beneath, one MediaSource a turn above it, cross-faded; what is heard can be stopped at once.
const FADE_MS = 160;
const DRIFT_S = 0.06;  // the loop beneath may lag the talk by this much before it is set right
const KEEP_BEHIND_S = 3;  // of what was played, where the browser's room for media ends
const MediaKind = window.MediaSource || window.ManagedMediaSource;

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

function mimeOf(codecs) {
  return codecs.includes('/') ? codecs : `video/mp4; codecs="${codecs}"`;
}

// idle, talk: the two videos. tell: {frame(turn), time(turn, seconds), over(turn, seconds), blocked()}
function openPlayer(idle, talk, tell) {
  const stopped = new Set();
  let loop = {seconds: 0, url: ''};
  let turn = null;
  let fading = 0;

  function setIdle({data, seconds}) {
    const old = loop.url;
    loop = {seconds, url: URL.createObjectURL(new Blob([bytesOf(data)], {type: 'video/mp4'}))};
    idle.src = loop.url;
    idle.play().catch(() => {});  // refused only where the page is in the background: it plays when it comes back
    if (old) URL.revokeObjectURL(old);
  }

  function alignIdle(phase) {
    if (!loop.seconds) return;
    const wanted = ((phase % loop.seconds) + loop.seconds) % loop.seconds;
    const away = Math.abs(wanted - idle.currentTime);
    if (Math.min(away, loop.seconds - away) > DRIFT_S) idle.currentTime = wanted;
    if (idle.paused) idle.play().catch(() => {});
  }

  // --- one turn's stream ---------------------------------------------------------------------------------------------

  function begin(id = null) {
    if (turn && turn.id === null && id !== null) { turn.id = id; return; }
    drop();
    turn = {id, source: null, buffer: null, mime: '', waiting: [], closed: false, phase: 0, shown: false,
      url: '', whole: [], stalledAt: 0, stalled_ms: 0, clock: 0};
    talk.muted = false;
    if (MediaKind) attach(turn);
    watchFrame(turn);
  }

  function attach(mine) {
    mine.source = new MediaKind();
    mine.url = URL.createObjectURL(mine.source);
    mine.source.addEventListener('sourceopen', () => { addBuffer(mine); pump(mine); });
    talk.disableRemotePlayback = true;  // a ManagedMediaSource opens only so
    talk.src = mine.url;
    play();
  }

  function play() {
    talk.play().catch((error) => { if (error.name === 'NotAllowedError') tell.blocked(); });
  }

  function addBuffer(mine) {
    if (mine.buffer || !mine.mime || mine.source.readyState !== 'open') return;
    mine.buffer = mine.source.addSourceBuffer(mine.mime);
    mine.buffer.addEventListener('updateend', () => { skipLead(mine); pump(mine); });
  }

  function media(message) {
    if (stopped.has(message.turn)) return;
    if (!turn || turn.id !== message.turn) begin(message.turn);
    const mine = turn;
    if (message.init && !mine.mime) {
      mine.phase = message.phase_s || 0;
      mine.mime = mimeOf(message.codecs);
      if (!MediaKind || !MediaKind.isTypeSupported(mine.mime)) mine.source = null;
    }
    const piece = bytesOf(message.data);
    if (!mine.source) { mine.whole.push(piece); return; }  // played as one file when it is whole
    mine.waiting.push(piece);
    addBuffer(mine);
    pump(mine);
  }

  function pump(mine) {
    if (mine !== turn || !mine.buffer || mine.buffer.updating || mine.source.readyState !== 'open') return;
    if (!mine.waiting.length) {
      if (mine.closed) mine.source.endOfStream();
      return;
    }
    try {
      mine.buffer.appendBuffer(mine.waiting[0]);
      mine.waiting.shift();
    } catch (error) {
      if (error.name !== 'QuotaExceededError') throw error;
      makeRoom(mine);
    }
  }

  function makeRoom(mine) {
    const until = talk.currentTime - KEEP_BEHIND_S;
    if (until > 0 && mine.buffer.buffered.length && mine.buffer.buffered.start(0) < until) mine.buffer.remove(0, until);
    else setTimeout(() => pump(mine), 500);
  }

  function skipLead(mine) {  // sound and picture may not begin on the same sample
    const {buffered} = mine.buffer;
    if (!mine.shown && buffered.length && buffered.start(0) > talk.currentTime) {
      talk.currentTime = buffered.start(0) + 0.001;
    }
  }

  function finish(message) {
    if (!turn || turn.id !== message.turn) return;
    if (message.reason === 'stopped') { stop(); return; }
    turn.closed = true;
    if (!turn.source && turn.whole.length) playWhole(turn);
    else if (!turn.mime) drop();  // it ended before anything was said
    else pump(turn);
  }

  function playWhole(mine) {
    mine.url = URL.createObjectURL(new Blob(mine.whole, {type: 'video/mp4'}));
    talk.src = mine.url;
    play();
  }

  // --- showing and hiding --------------------------------------------------------------------------------------------

  function watchFrame(mine) {
    const seen = () => { if (mine === turn && !mine.shown) reveal(mine); };
    if (talk.requestVideoFrameCallback) talk.requestVideoFrameCallback(seen);
    else talk.addEventListener('playing', seen, {once: true});
  }

  function reveal(mine) {
    mine.shown = true;
    clearTimeout(fading);
    talk.classList.add('shown');
    tell.frame(mine.id);
    setTimeout(() => { if (mine === turn) alignIdle(mine.phase + talk.currentTime); }, FADE_MS + 40);
    mine.clock = setInterval(() => { if (!talk.paused) tell.time(mine.id, talk.currentTime); }, 100);
  }

  function hide() {
    if (turn) clearInterval(turn.clock);
    turn = null;
    talk.classList.remove('shown');
    clearTimeout(fading);
    fading = setTimeout(empty, FADE_MS + 40);
  }

  function empty() {
    const {src} = talk;
    talk.removeAttribute('src');
    talk.load();
    if (src.startsWith('blob:')) URL.revokeObjectURL(src);
  }

  function drop() {  // leaves no trace of the turn before
    const busy = turn !== null || talk.hasAttribute('src');
    hide();
    clearTimeout(fading);
    if (busy) empty();
  }

  function over() {
    const mine = turn;
    if (!mine) return;
    const seconds = talk.currentTime;
    alignIdle(mine.phase + seconds);
    hide();
    tell.over(mine.id, seconds);
  }

  function stop() {  // silent and fading when it returns; the seconds of the turn that were heard
    if (!turn) return 0;
    const mine = turn, seconds = mine.shown ? talk.currentTime : 0;
    talk.muted = true;
    talk.pause();
    if (mine.id !== null) stopped.add(mine.id);
    if (mine.shown) alignIdle(mine.phase + seconds);
    hide();
    return seconds;
  }

  talk.addEventListener('ended', over);
  talk.addEventListener('waiting', () => { if (turn && turn.shown) turn.stalledAt = performance.now(); });
  talk.addEventListener('playing', () => {
    if (!turn || !turn.stalledAt) return;
    turn.stalled_ms += performance.now() - turn.stalledAt;
    turn.stalledAt = 0;
  });
  document.addEventListener('visibilitychange', () => { if (!document.hidden && loop.url) idle.play().catch(() => {}); });

  return {
    setIdle, begin, media, finish, stop, play,
    phase: () => (turn && turn.shown ? turn.phase + talk.currentTime : idle.currentTime) || 0,
    ignore: (id) => { stopped.add(id); },
    state: () => (turn ? {turn: turn.id, shown: turn.shown, stalled_ms: Math.round(turn.stalled_ms)} : null),
  };
}
