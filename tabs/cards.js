// Cards with a picture that becomes a video under the pointer or the focus; a click chooses one.
const state = {items: []};

function make(tag, name, text) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text) node.textContent = text;
  return node;
}

function file(path) {
  return 'gradio_api/file=' + path.split('/').map(encodeURIComponent).join('/');
}

function moving(item, eager) {
  const video = document.createElement('video');
  Object.assign(video, {muted: true, loop: true, playsInline: true, preload: eager ? 'metadata' : 'none'});
  if (item.poster) video.poster = file(item.poster);
  video.src = file(item.video);
  return video;
}

function card(item, chosen) {
  const button = make('button', 'tfg-card');
  button.type = 'button';
  button.dataset.id = item.id;
  button.setAttribute('aria-pressed', item.id === chosen);
  const frame = make('span', 'tfg-card-frame');
  if (item.video) {
    const video = moving(item, !item.poster);
    frame.append(video);
    const play = () => { video.play().catch(() => {}); };
    const rest = () => { video.pause(); };
    button.addEventListener('pointerenter', play);
    button.addEventListener('focus', play);
    button.addEventListener('pointerleave', rest);
    button.addEventListener('blur', rest);
  } else if (item.poster) {
    const image = make('img');
    image.src = file(item.poster);
    image.alt = '';
    frame.append(image);
  } else {
    frame.append(make('span', 'tfg-card-none', item.mark || '—'));
  }
  const words = make('span', 'tfg-card-words');
  words.append(make('b', '', item.title), make('span', '', item.line));
  button.append(frame, words);
  if (item.badge) button.append(make('span', 'tfg-card-badge' + (item.bad ? ' bad' : ''), item.badge));
  button.addEventListener('click', () => trigger('select', {id: item.id}));
  return button;
}

function draw() {
  const told = props.value ? JSON.parse(props.value) : {items: [], chosen: '', empty: ''};
  const same = JSON.stringify(told.items) === JSON.stringify(state.items);
  if (same) {  // only another one was chosen: no picture is loaded again
    element.querySelectorAll('.tfg-card').forEach((one) => {
      one.setAttribute('aria-pressed', one.dataset.id === told.chosen);
    });
  } else {
    state.items = told.items;
    const box = element.querySelector('.tfg-cards');
    box.replaceChildren(...told.items.map((item) => card(item, told.chosen)));
  }
  const empty = element.querySelector('.tfg-cards-empty');
  empty.textContent = told.empty;
  empty.hidden = told.items.length > 0 || !told.empty;
}

watch('value', draw);
draw();
