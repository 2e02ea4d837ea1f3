// A finished comparison: table, a curve whose click moves the videos, worst frames. All texts are set as text.
const lang = navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
const words = /*WORDS*/[lang];
const players = /*VIDEOS*/;
const SVG = 'http://www.w3.org/2000/svg';
const H = 220, LEFT = 46, RIGHT = 10, TOP = 14, BOTTOM = 24;
let W = 760;  // as wide as the page gives, so that words keep their size
const ARROWS = {higher: '↑', lower: '↓', zero: '→ 0', none: ''};
const LOUD = ['other_person', 'no_sound', 'faces_missing', 'cut', 'start_elsewhere'];
let results = [], chosen = '', frame = 0, generation = 0, ranges = null;
const find = (selector) => element.querySelector('.tfg-eval' + selector);

function make(tag, text, className) {
  const made = document.createElement(tag);
  if (text != null) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function node(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
}

function fill(key, values) { return words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]); }

function number(row, value) {
  return value == null ? '–' : value.toFixed(row.digits) + (row.unit === '%' || row.unit === 'dB' ? ' ' + row.unit : '');
}

// --- table

function isBest(row, value, others) {
  if (value == null || others.length < 2 || row.direction === 'none') return false;
  const merit = {higher: (v) => v, lower: (v) => -v, zero: (v) => -Math.abs(v)}[row.direction];
  return others.every((other) => other == null || merit(value) >= merit(other));
}

function valueCell(row, values) {
  const cell = make('td', number(row, row.value), 'value');
  if (isBest(row, row.value, values)) cell.classList.add('best');
  if (row.unit && row.unit !== '%' && row.unit !== 'dB' && row.value != null) cell.append(' ' + row.unit);
  if (row.note) cell.append(make('small', row.note[lang]));
  return cell;
}

function metricCell(row) {
  const cell = make('td', row.title[lang] + ' ');
  const mark = make('abbr', ARROWS[row.direction] || 'ⓘ');
  mark.title = [words['eval_better_' + row.direction], row.source, row.licence].filter(Boolean).join('\n');
  cell.append(mark);
  return cell;
}

function showTable() {
  const head = make('tr');
  const names = results.map((result) => result.name);
  for (const text of [words.eval_metric, ...names, words.eval_real, words.eval_frozen]) head.append(make('th', text));
  head.lastChild.title = words.eval_frozen_hint;
  const rows = results[0].metrics.map((row) => {
    const same = results.map((result) => result.metrics.find((other) => other.key === row.key) || row);
    const line = make('tr');
    line.dataset.key = row.key;
    line.append(metricCell(row), ...same.map((one) => valueCell(one, same.map((other) => other.value))));
    line.append(make('td', number(row, row.real)), make('td', number(row, row.frozen)));
    return line;
  });
  find(' table').replaceChildren(head, ...rows);
}

function showNotes() {
  const seen = new Set(), items = [];
  for (const result of results) {
    for (const note of [...result.notes, ...result.missing.map((one) => ({...one, [lang]: one.title[lang] + ': ' + one[lang]}))]) {
      const text = (results.length > 1 ? result.name + ': ' : '') + note[lang];
      if (seen.has(text)) continue;
      seen.add(text);
      items.push(make('li', text, LOUD.includes(note.code) ? 'loud' : ''));
    }
  }
  find('-notes').replaceChildren(...items);
}

// --- curve

function curveTitle(key) {
  const row = results[0].metrics.find((one) => one.key === key);
  return row ? row.title[lang] : words['eval_' + key] || key;
}

function lines(key) {
  const found = results.map((result, n) => ({values: result.curves[key], kind: 'ab'[n], name: result.name}));
  const real = results[0].curves[key + '_reference'];
  if (real) found.push({values: real, kind: 'real', name: words.eval_curve_of_real});
  return found.filter((line) => line.values);
}

function path(values, x, y) {
  let text = '', down = false;
  values.forEach((value, n) => {
    if (value == null) { down = false; return; }
    text += `${down ? 'L' : 'M'}${x(n).toFixed(1)},${y(value).toFixed(1)}`;
    down = true;
  });
  return text;
}

function draw() {
  W = Math.max(280, Math.round(find('-chart').clientWidth) || 760);
  const shown = lines(chosen);
  const all = shown.flatMap((line) => line.values).filter((value) => value != null);
  const count = Math.max(...shown.map((line) => line.values.length), 2);
  let low = Math.min(...all), high = Math.max(...all);
  const room = (high - low || 1) * 0.08;
  low -= room; high += room;
  const x = (n) => LEFT + (W - LEFT - RIGHT) * n / (count - 1);
  const y = (v) => TOP + (H - TOP - BOTTOM) * (high - v) / (high - low);
  const svg = node('svg', {viewBox: `0 0 ${W} ${H}`, role: 'img', 'aria-label': curveTitle(chosen)});
  for (const part of [0.04, 0.35, 0.65, 0.96]) {
    const value = low + (high - low) * part;
    svg.append(node('line', {x1: LEFT, x2: W - RIGHT, y1: y(value), y2: y(value), class: 'grid'}));
    svg.append(node('text', {x: LEFT - 6, y: y(value) + 4, 'text-anchor': 'end'}, value.toFixed(high - low < 1 ? 3 : 1)));
  }
  const fps = results[0].fps, seconds = count / fps;
  const step = [1, 2, 5, 10, 30, 60, 300].find((one) => seconds / one <= 10) || 600;
  for (let s = 0; s < seconds; s += step) svg.append(node('text', {x: x(s * fps), y: H - 6, 'text-anchor': s ? 'middle' : 'start'}, s + ' s'));
  shown.forEach((line, n) => {
    svg.append(node('path', {d: path(line.values, x, y), class: line.kind}));
    if (shown.length > 1) svg.append(node('text', {x: LEFT + 8 + n * Math.min(190, (W - LEFT) / 3), y: TOP + 2, class: line.kind}, line.name.slice(0, W < 500 ? 14 : 28)));
  });
  svg.append(node('line', {x1: x(frame), x2: x(frame), y1: TOP, y2: H - BOTTOM, class: 'now'}));
  ranges = {x, count, fps};
  find('-chart').replaceChildren(svg);
  find('-now').textContent = fill('eval_frame', {n: frame, t: (frame / fps).toFixed(2)}) + shown.map((line) =>
    line.values[frame] == null ? '' : ` · ${line.name}: ${line.values[frame].toFixed(3)}`).join('');
}

function chooseCurve() {
  const keys = Object.keys(results[0].curves).filter((key) => !key.endsWith('_reference'));
  const select = find(' select');
  select.replaceChildren(...keys.map((key) => {
    const option = make('option', curveTitle(key));
    option.value = key;
    return option;
  }));
  chosen = ['lmd', 'psnr'].find((key) => keys.includes(key)) || keys[0] || '';
  select.value = chosen;
}

function videos() { return players.map((id) => document.querySelector(`#${id} video`)).filter(Boolean); }

function goTo(n) {
  frame = Math.max(0, Math.min(ranges.count - 1, n));
  for (const video of videos()) {
    video.pause();
    video.currentTime = (frame + 0.5) / ranges.fps;
  }
  draw();
}

function frameAt(event) {
  const box = find('-chart').getBoundingClientRect();
  const at = (event.clientX - box.left) / box.width * W;
  return Math.round((at - LEFT) / (W - LEFT - RIGHT) * (ranges.count - 1));
}

// --- worst frames

function showWorst() {
  const parts = [];
  for (const key of ['lmd', 'psnr']) {
    const rows = results.flatMap((result) => result.worst.filter((row) => row.key === key).map((row) => ({...row, of: result.name})));
    if (!rows.length) continue;
    const grid = make('div', null, 'row');
    for (const row of rows) {
      const button = make('button');
      button.type = 'button';
      const image = make('img');
      image.src = row.url;
      image.alt = words.eval_triple;
      const caption = fill('eval_frame', {n: row.frame, t: row.time_s.toFixed(2)}) + ` · ${row.value.toFixed(2)}`;
      button.append(image, make('span', results.length > 1 ? `${row.of} · ${caption}` : caption));
      button.addEventListener('click', () => {
        goTo(row.frame);
        find('-chart').scrollIntoView({block: 'center', behavior: 'smooth'});
      });
      grid.append(button);
    }
    parts.push(make('h4', words['eval_worst_' + key]), make('p', words.eval_triple), grid);
  }
  find('-worst').replaceChildren(...parts);
}

async function show() {
  const mine = ++generation, job = props.value || '';
  results = [];
  if (job) {
    try { results = (await server.show_evaluation([job])).results; } catch (error) { results = []; }
  }
  if (mine !== generation) return;
  find('').hidden = !results.length;
  if (!results.length) return;
  frame = 0;
  showTable();
  showNotes();
  showWorst();
  chooseCurve();
  if (chosen) draw();
  find('-top').hidden = find('-chart').hidden = !chosen;
}

find(' h4').textContent = words.eval_chart;
find(' label span').textContent = words.eval_curve;
find('-chart').addEventListener('pointerdown', (event) => { if (ranges) goTo(frameAt(event)); });
find('-chart').addEventListener('pointermove', (event) => { if (ranges && event.buttons) goTo(frameAt(event)); });
find('-chart').addEventListener('keydown', (event) => {
  const step = {ArrowLeft: -1, ArrowRight: 1, PageUp: -25, PageDown: 25}[event.key];
  if (ranges && step) { goTo(frame + step); event.preventDefault(); }
});
new ResizeObserver(() => { if (ranges && Math.abs(find('-chart').clientWidth - W) > 20) draw(); }).observe(find('-chart'));
find(' select').addEventListener('change', (event) => { chosen = event.target.value; draw(); });
document.addEventListener('timeupdate', (event) => {
  const playing = videos()[0];
  if (!ranges || event.target !== playing || playing.paused) return;
  frame = Math.min(ranges.count - 1, Math.floor(playing.currentTime * ranges.fps + 1e-3));
  for (const other of videos().slice(1)) if (Math.abs(other.currentTime - playing.currentTime) > 0.1) other.currentTime = playing.currentTime;
  draw();
}, true);
watch('value', show);
show();
