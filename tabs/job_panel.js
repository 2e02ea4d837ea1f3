// Follows one job: state, stages, progress, time left, log. The log comes by offset, never as a whole.
const words = /*WORDS*/[navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en'];
const lang = navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
const find = (name) => element.querySelector('.tfg-job-' + name);
const ended = (state) => ['done', 'failed', 'cancelled', 'interrupted'].includes(state);
const MAX_LOG = 400000;  // characters kept in the page; the whole log stays in the job's folder
let job = '', offset = -1, generation = 0;

function time(seconds) {
  const s = Math.max(0, Math.round(seconds));
  const two = (n) => String(n).padStart(2, '0');
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

function fill(key, values) {
  return (words[key] || key).replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function headline(status) {
  if (status.state === 'queued' && status.waiting_for === 'environment') return words.queued_environment;
  if (status.state === 'queued' && status.place > 0) return fill('queued_place', {n: status.place});
  return words[status.state] || status.state;
}

function clock(status) {
  if (status.elapsed_s == null) return '';
  if (ended(status.state)) return fill('took', {t: time(status.elapsed_s)});
  // of many stages of their own lengths, only the present one's end is known
  const eta = status.stages.length > 6 ? 'eta_stage' : 'eta';
  const left = status.eta_s == null ? '' : ' · ' + fill(eta, {t: time(status.eta_s)});
  return fill('elapsed', {t: time(status.elapsed_s)}) + left;
}

function showStages(status) {
  const at = status.stages.indexOf(status.stage);
  const items = status.stages.map((stage, index) => {
    const item = document.createElement('li');
    item.textContent = words['stage_' + stage] || stage;
    item.className = status.state === 'done' || index < at ? 'past' : index === at ? 'now' : '';
    return item;
  });
  find('stages').replaceChildren(...items);
}

function show(status) {
  element.querySelector('.tfg-job').dataset.state = status.state;
  find('state').textContent = headline(status);
  find('clock').textContent = clock(status);
  showStages(status);
  const share = status.percent / 100;
  const busy = status.state === 'running' && status.percent === 0;
  find('bar').classList.toggle('busy', busy);
  find('fill').style.width = (100 * share).toFixed(1) + '%';
  find('bar').setAttribute('aria-valuenow', Math.round(100 * share));
  find('count').textContent = status.of ? `${status.step} / ${status.of}` : '';
  const error = status.error;
  find('error').textContent = error ? error[lang] : '';
  find('error').hidden = !error;
}

function appendLog(text) {
  if (!text) return;
  const pre = find('log');
  const atEnd = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 30;
  pre.append(document.createTextNode(text));
  let length = 0;
  for (let node = pre.lastChild; node; node = node.previousSibling) {
    length += node.length;
    if (length > MAX_LOG) { while (pre.firstChild !== node) pre.firstChild.remove(); break; }
  }
  if (atEnd) pre.scrollTop = pre.scrollHeight;
}

async function follow(mine) {
  if (mine !== generation || !element.isConnected) return;
  let wait = document.hidden ? 3000 : 500;
  try {
    const news = await server.follow([job, offset]);
    if (mine !== generation) return;
    offset = news.offset;
    find('lost').hidden = true;
    appendLog(news.log);
    if (news.status) show(news.status);
    if (news.more) wait = 0;
    else if (!news.status || ended(news.status.state)) { trigger('submit', {job: job}); return; }
  } catch (error) {
    find('lost').hidden = false;
    wait = 2000;
  }
  setTimeout(() => follow(mine), wait);
}

function restart() {
  job = props.value || '';
  offset = -1;
  generation += 1;
  find('log').replaceChildren();
  element.querySelector('.tfg-job').hidden = !job;
  find('idle').hidden = !!job;
  if (job) follow(generation);
}

find('idle').textContent = words[element.querySelector('.tfg-job-idle').dataset.show] || '';
find('lost').textContent = words.lost;
element.querySelector('summary').textContent = words.log;
watch('value', restart);
restart();
