// The preflight's rows; the button of a row switches its repair on and off (the server keeps which are on).
const words = /*WORDS*/[navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'];
const lang = navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
const MARKS = {ok: '✓', info: 'i', warn: '!', bad: '×', repaired: '✓'};
const WEIGHT = {bad: 0, warn: 1, repaired: 2, info: 3, ok: 4};

function make(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text) node.textContent = text;
  return node;
}

function repairButton(row) {
  const button = make('button', 'tfg-repair', words[row.repaired ? 'repair_undo' : 'repair_do']);
  button.type = 'button';
  button.setAttribute('aria-pressed', row.repaired);
  button.addEventListener('click', () => trigger('select', {key: row.key}));
  return button;
}

function line(row) {
  const state = row.repaired ? 'repaired' : row.state;
  const item = make('li', 'tfg-check tfg-check-' + state);
  item.dataset.key = row.key;
  item.dataset.state = state;
  const mark = make('span', 'tfg-check-mark', MARKS[state]);
  mark.setAttribute('aria-label', words['check_' + state]);
  const text = make('div', 'tfg-check-text');
  const head = make('div', 'tfg-check-head');
  head.append(make('b', '', row.title[lang]), make('span', '', row.value[lang]));
  text.append(head);
  if (row.fix) text.append(make('p', 'tfg-check-fix', row.fix[lang]));
  item.append(mark, text);
  if (row.repair) item.append(repairButton(row));
  return item;
}

function summary(rows) {
  const count = (state) => rows.filter((row) => row.state === state && !row.repaired).length;
  if (count('bad')) return ['bad', words.check_sum_bad];
  if (count('warn')) return ['warn', words.check_sum_warn];
  return ['ok', words.check_sum_ok];
}

function draw() {
  const box = element.querySelector('.tfg-checks');
  const rows = props.value ? JSON.parse(props.value) : [];
  box.hidden = rows.length === 0;
  if (!rows.length) return;
  const loud = rows.filter((row) => row.state === 'bad' || row.state === 'warn');
  const quiet = rows.filter((row) => !loud.includes(row));
  loud.sort((a, b) => WEIGHT[a.state] - WEIGHT[b.state]);
  const [state, told] = summary(rows);
  const head = element.querySelector('.tfg-checks-sum');
  head.textContent = told;
  head.className = 'tfg-checks-sum tfg-sum-' + state;
  element.querySelector('.tfg-checks-loud').replaceChildren(...loud.map(line));
  element.querySelector('.tfg-checks-quiet').replaceChildren(...quiet.map(line));
  element.querySelector('details').hidden = quiet.length === 0;
  element.querySelector('summary').textContent = words.check_quiet.replace('{n}', quiet.length);
}

watch('value', draw);
draw();
