// What a training has learnt so far: its newest picture, the pictures of every stage, the held-out curve.
const words = /*WORDS*/[navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'];
const SVG = 'http://www.w3.org/2000/svg';
const H = 190, LEFT = 40, BOTTOM = 24, TOP = 12, RIGHT = 12;
const CURVES = ['lmd', 'psnr_mouth', 'psnr'];
const FIGURES = ['lmd', 'opening', 'rounding', 'psnr_mouth', 'psnr', 'ssim'];
let told = null;
let job = '', stamp = '', shown = '', generation = 0;
const find = (name) => element.querySelector('.tfg-view-' + name);

function node(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
}

function picture(url, name) {
  find('image').src = url;
  find('caption').textContent = words['preview_' + name] || words['stage_' + name] || name;
  find('picture').hidden = false;
}

function thumbs(previews) {
  const buttons = previews.map((one) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.title = words['preview_' + one.name] || words['stage_' + one.name] || one.name;
    const image = document.createElement('img');
    image.src = one.url;
    image.alt = button.title;
    button.append(image);
    button.addEventListener('click', () => { shown = one.name; picture(one.url, one.name); });
    return button;
  });
  find('thumbs').replaceChildren(...buttons);
  find('thumbs').hidden = buttons.length < 2;
  const chosen = previews.find((one) => one.name === shown) || previews[previews.length - 1];
  if (chosen) picture(chosen.url, chosen.name);
}

// One panel: a figure over the run, the frozen face's value as a dashed line.
function curve(box, rows, key, frozen, title) {
  const values = rows.map((row) => row[key]).filter((value) => value != null);
  box.hidden = values.length < 2;
  if (values.length < 2) return;
  const W = Math.max(260, Math.min(900, element.clientWidth - 40));  // so that its words keep their size
  const all = frozen == null ? values : [...values, frozen];
  let low = Math.min(...all), high = Math.max(...all);
  const room = (high - low || 1) * 0.12;
  low -= room; high += room;
  const x = (n) => LEFT + (W - LEFT - RIGHT) * n / Math.max(1, rows.length - 1);
  const y = (v) => TOP + (H - TOP - BOTTOM) * (high - v) / (high - low);
  const svg = node('svg', {viewBox: `0 0 ${W} ${H}`, role: 'img', 'aria-label': title});
  for (const part of [0, 0.5, 1]) {
    const value = low + (high - low) * part;
    svg.append(node('line', {x1: LEFT, x2: W - RIGHT, y1: y(value), y2: y(value), class: 'grid'}));
    svg.append(node('text', {x: LEFT - 6, y: y(value) + 4, 'text-anchor': 'end'}, value.toFixed(1)));
  }
  let stage = '';
  rows.forEach((row, n) => {
    if (row.stage === stage) return;
    stage = row.stage;
    if (n) svg.append(node('line', {x1: x(n), x2: x(n), y1: TOP, y2: H - BOTTOM, class: 'grid'}));
    svg.append(node('text', {x: x(n) + 4, y: H - 7}, words['stage_' + stage] || stage));
  });
  if (frozen != null) {
    svg.append(node('line', {x1: LEFT, x2: W - RIGHT, y1: y(frozen), y2: y(frozen), class: 'frozen'}));
    svg.append(node('text', {x: W - RIGHT - 4, y: y(frozen) - 5, 'text-anchor': 'end', class: 'frozen-word'}, words.train_frozen));
  }
  const path = rows.map((row, n) => row[key] == null ? '' : `${x(n).toFixed(1)},${y(row[key]).toFixed(1)}`);
  svg.append(node('polyline', {points: path.filter(Boolean).join(' '), class: 'figure'}));
  const last = values[values.length - 1];
  box.querySelector('h4').textContent = `${title}: ${last.toFixed(2)}`;
  box.querySelector('div').replaceChildren(svg);
}

// The held-out figures at the end, the frozen mouth's beside them: what a figure is worth shows in the difference.
function figures(avatar, frozen) {
  const keys = FIGURES.filter((key) => avatar[key] != null);
  const table = find('figures');
  table.hidden = keys.length === 0;
  const cell = (tag, text) => Object.assign(document.createElement(tag), {textContent: text});
  const row = (tag, texts) => {
    const made = document.createElement('tr');
    made.append(...texts.map((text) => cell(tag, text)));
    return made;
  };
  const number = (value) => value == null ? '' : value.toFixed(2);
  table.replaceChildren(row('th', [words.figures_head, words.figures_avatar, words.train_frozen]),
    ...keys.map((key) => row('td', [words['figure_' + key], number(avatar[key]), number(frozen[key])])));
}

function curves() {
  for (const key of CURVES) curve(find(key), told.history, key, told.frozen[key], words['curve_' + key]);
}

async function follow(mine) {
  if (mine !== generation || !element.isConnected) return;
  let wait = document.hidden ? 6000 : 2000;
  try {
    const news = await server.watch_training([job, stamp]);
    if (mine !== generation) return;
    if (news.stamp !== stamp) {
      stamp = news.stamp;
      thumbs(news.previews);
      figures(news.avatar, news.frozen);
      told = news;
      curves();
      element.querySelector('.tfg-view').hidden = !news.previews.length && news.history.length < 2;
    }
    if (news.final) return;
  } catch (error) {
    wait = 4000;
  }
  setTimeout(() => follow(mine), wait);
}

function restart() {
  job = props.value || '';
  stamp = '';
  shown = '';
  told = null;
  generation += 1;
  element.querySelector('.tfg-view').hidden = true;
  find('picture').hidden = true;
  if (job) follow(generation);
}

new ResizeObserver(() => { if (told) curves(); }).observe(element);  // a hidden tab has no width yet
watch('value', restart);
restart();
