// What was said: a bubble for the question, one for the answer, and under it where the time went.
const STEPS = ['speech_end', 'transcript', 'first_token', 'first_clause', 'first_audio', 'first_media', 'first_frame'];

function make(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text) node.textContent = text;
  return node;
}

function button(name, text, title, act) {
  const made = make('button', name, text);
  made.type = 'button';
  if (title) { made.title = title; made.setAttribute('aria-label', title); }
  made.addEventListener('click', act);
  return made;
}

// How many letters of `whole` the spoken words cover; spaces and line breaks do not count.
function spokenLength(whole, spoken) {
  let left = spoken.replace(/\s/g, '').length;
  let at = 0;
  while (at < whole.length && left > 0) {
    if (!/\s/.test(whole[at])) left -= 1;
    at += 1;
  }
  return at;
}

// list: the <ol>. act: {edit(turn, text), again(), film(turn)}
function openTranscript(list, words, act) {
  const seconds = (ms) => words.chat_seconds.replace('{n}', (ms / 1000).toFixed(2));
  const turns = new Map();
  const pending = [];  // asked, but not numbered by the server yet
  let atEnd = true;  // nobody reads further up
  list.addEventListener('scroll', () => { atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60; });

  function add(id, text, source) {
    if (pending.length && source === 'text') return adopt(id);
    const one = build(text);
    place(one, id);
    return one;
  }

  function ask(text) {  // shown at once, before the server has given it a number
    pending.push(build(text));
    list.append(pending[pending.length - 1].item);
    atEnd = true;
    follow();
  }

  function adopt(id) {
    const one = pending.shift();
    place(one, id);
    return one;
  }

  function forget() {  // the server did not take it
    if (pending.length) pending.shift().item.remove();
  }

  function place(one, id) {
    one.id = id;
    one.item.dataset.turn = id;
    turns.set(id, one);
    if (!one.item.isConnected) list.append(one.item);
    follow();
  }

  function build(text) {
    const item = make('li', 'tfg-chat-turn');
    const asked = make('div', 'tfg-chat-asked'), answer = make('div', 'tfg-chat-answer');
    const question = make('p', '', text);
    const one = {item, asked, question, answer, said: make('span'), unsaid: make('span', 'tfg-chat-unsaid'),
      text: '', marks: {}, time: make('details', 'tfg-chat-time'), tools: make('div', 'tfg-chat-tools'), id: null};
    asked.append(question, button('tfg-chat-edit', '✎', words.chat_edit, () => edit(one)));
    const body = make('p');
    body.append(one.said, one.unsaid);
    one.time.hidden = true;
    one.time.addEventListener('toggle', () => { one.time.scrollIntoView({block: 'nearest'}); });
    answer.hidden = true;
    answer.append(body, one.tools, one.time);
    item.append(asked, answer);
    return one;
  }

  function edit(one) {
    if (one.id === null || one.asked.querySelector('textarea')) return;
    const box = make('textarea');
    box.value = one.question.textContent;
    box.rows = Math.min(6, Math.max(2, Math.ceil(box.value.length / 40)));
    box.setAttribute('aria-label', words.chat_edit);
    const form = make('div', 'tfg-chat-editing');
    const close = () => { form.remove(); one.question.hidden = false; };
    const save = () => {
      const text = box.value.trim();
      close();
      if (text) act.edit(one.id, text);
    };
    box.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') close();
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); save(); }
    });
    const row = make('div', 'tfg-chat-row');
    row.append(button('tfg-chat-small', words.chat_cancel, '', close),
      button('tfg-chat-small primary', words.chat_resend, '', save));
    form.append(box, row);
    one.question.hidden = true;
    one.asked.append(form);
    box.focus();
  }

  function heard(id, text, final) {
    const one = turns.get(id) || add(id, '', 'voice');
    one.question.textContent = text;
    one.asked.classList.toggle('guess', !final);
    follow();
  }

  function answer(id, text) {
    const one = turns.get(id);
    if (!one) return;
    one.text += text;
    one.said.textContent = one.text;
    one.answer.hidden = false;
    follow();
  }

  function end(message) {
    const one = turns.get(message.turn);
    if (!one) return;
    one.item.dataset.end = message.reason;
    one.tools.replaceChildren();
    const cut = message.reason === 'done' ? one.text.length : spokenLength(one.text, message.spoken || '');
    one.said.textContent = one.text.slice(0, cut);
    one.unsaid.textContent = one.text.slice(cut);
    one.answer.hidden = !one.text;
    if (message.reason === 'stopped') one.tools.append(make('span', 'tfg-chat-cut', words.chat_cut));
    if (message.video) {
      one.tools.append(button('tfg-chat-small', words.chat_film, '', () => act.film(one.id)));
    }
    marked(one);
    offerAgain();
    follow();
  }

  function fail(id, sentence, retry) {
    const box = make('p', 'tfg-chat-fault', sentence);
    box.setAttribute('role', 'alert');
    if (retry) box.append(button('tfg-chat-small', words.chat_retry, '', () => { box.remove(); act.again(); }));
    const one = turns.get(id);
    (one ? one.item : list).append(box);
    follow();
  }

  function offerAgain() {  // only the last answer can be made anew
    list.querySelectorAll('.tfg-chat-again').forEach((old) => old.remove());
    const last = [...turns.values()].pop();
    if (last && last.item.dataset.end) {
      last.tools.append(button('tfg-chat-small tfg-chat-again', words.chat_again, '', act.again));
    }
  }

  // --- where the time went -------------------------------------------------------------------------------------------

  function mark(id, name, ms) {
    const one = turns.get(id);
    if (!one) return;
    one.marks[name] = ms;
    if (one.marks.first_frame !== undefined) marked(one);
  }

  function marked(one) {
    const rows = STEPS.filter((name) => one.marks[name] !== undefined).map((name) => [name, one.marks[name]]);
    const whole = Math.max(1, ...rows.map((row) => row[1]));
    if (!rows.length) return;
    const table = make('div', 'tfg-chat-bars');
    let before = 0;
    for (const [name, ms] of rows) {
      const bar = make('i');
      bar.style.marginLeft = `${100 * Math.min(before, ms) / whole}%`;
      bar.style.width = `${Math.max(0.6, 100 * Math.max(0, ms - before) / whole)}%`;
      const track = make('span', 'tfg-chat-track');
      track.append(bar);
      table.append(make('span', '', words['chat_mark_' + name]), track, make('span', 'tfg-chat-ms', seconds(ms)));
      before = Math.max(before, ms);
    }
    const first = one.marks.first_frame;
    const head = first === undefined ? words.chat_time : words.chat_time_first.replace('{time}', seconds(first));
    one.time.replaceChildren(make('summary', '', head), table);
    one.time.hidden = false;
  }

  // -------------------------------------------------------------------------------------------------------------------

  function dropFrom(id) {
    const order = [...turns.keys()];
    order.slice(Math.max(0, order.indexOf(id))).forEach(remove);
  }

  function remove(id) {
    if (!turns.has(id)) return;
    turns.get(id).item.remove();
    turns.delete(id);
    offerAgain();
  }

  function clear() {
    turns.clear();
    pending.length = 0;
    list.replaceChildren();
  }

  function follow() {
    if (atEnd) list.scrollTop = list.scrollHeight;
  }

  return {add, ask, forget, heard, answer, end, fail, mark, dropFrom, remove, clear,
    last: () => [...turns.keys()].pop(), question: (id) => turns.get(id).question.textContent};
}
