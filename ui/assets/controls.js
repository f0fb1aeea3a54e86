// The player's controls, each by itself: the bar and the sheet of what is playing are put together from them.
// In: the app. Out: elements that show the player's state and change it.

import { button, icon, iconButton, node, relabel } from './draw.js';
import { trackMenu } from './library/trackmenu.js';
import { clock } from './words.js';

export function playButton(app) {
  const made = iconButton('play', app.t('bar.play'), () => app.queue.toggle());
  made.classList.add('segue-playpause');
  app.on('playing', (playing) => {
    relabel(made, app.t(playing ? 'bar.pause' : 'bar.play'), app.t('keys.space'));
    made.replaceChildren(icon(playing ? 'pause' : 'play'));
    if (!playing) made.classList.remove('segue-waiting');
  });
  app.on('waiting', (waiting) => made.classList.toggle('segue-waiting', waiting));
  return made;
}

export function nextButton(app) {
  const made = iconButton('next', app.t('bar.next'), () => app.queue.next(), { key: 'n' });
  app.on('queue', () => (made.disabled = !app.queue.items.length));
  return made;
}

export function previousButton(app) {
  const made = iconButton('previous', app.t('bar.previous'), () => app.queue.previous(), { key: 'p' });
  app.on('queue', () => (made.disabled = !app.queue.current));
  return made;
}

export function shuffleButton(app) {
  const made = iconButton('shuffle', app.t('bar.shuffle'), () => app.queue.setShuffle(!app.queue.shuffle), { key: 's' });
  app.on('queue', () => made.setAttribute('aria-pressed', String(app.queue.shuffle)));
  return made;
}

export function repeatButton(app) {
  const made = iconButton('repeat', app.t('bar.repeat_off'), () => app.queue.cycleRepeat(), { key: 'r' });
  app.on('queue', () => {
    const { repeat } = app.queue;
    relabel(made, app.t(`bar.repeat_${repeat}`), 'r');
    made.classList.toggle('segue-on', repeat !== 'off');
    made.replaceChildren(icon(repeat === 'one' ? 'repeat-one' : 'repeat'));
  });
  return made;
}

// `kind` is 'liked' or 'disliked'; pressed again, the opinion is taken back.
export function opinionButton(app, kind) {
  const name = kind === 'liked' ? 'like' : 'dislike';
  const toggle = () => app.queue.opine(app.player.current, kind);
  const pressed = () => app.opinions.of(app.player.current?.id) === kind;
  const made = iconButton(name, app.t(`bar.${name}`), toggle, { key: name[0] });
  made.classList.add(`segue-${name}`);
  const show = () => {
    made.disabled = !app.player.current;
    made.setAttribute('aria-pressed', String(pressed()));
  };
  app.on('opinions', show);
  app.on('current', show);
  show();
  return made;
}

export function notNowButton(app) {
  const made = iconButton('notnow', app.t('bar.notnow_long'), () => app.queue.notNow(app.player.current), { key: 't' });
  const show = () => (made.disabled = !app.player.current);
  app.on('current', show);
  show();
  return made;
}

// Everything else that can be done with what plays.
export function moreButton(app) {
  const made = iconButton('more', app.t('bar.more'), () => app.menu(made, trackMenu(app, app.player.current)));
  made.classList.add('segue-bar-more');
  made.setAttribute('aria-haspopup', 'menu');
  const show = () => (made.disabled = !app.player.current);
  app.on('current', show);
  show();
  return made;
}

export function privateButton(app) {
  const made = button(app.t('bar.private_on'), () => app.settings.togglePrivate(), { icon: 'private' });
  made.classList.add('segue-private');
  made.title = app.t('bar.private_on'); // where there is no room for the words
  const show = () => (made.hidden = !app.private);
  app.on('private', show);
  app.on('session', show);
  return made;
}

// The place in the track, its time and the whole time.
export function seekRow(app) {
  const row = node('div', 'segue-seekrow');
  const [elapsed, total] = [node('span', 'segue-time'), node('span', 'segue-time')];
  const range = slider(app.t('bar.seek'), 1000);
  const { player } = app;
  const show = (share, seconds) => {
    fill(range, share);
    elapsed.textContent = clock(seconds * 1000);
    total.textContent = clock(player.duration * 1000);
    range.setAttribute('aria-valuetext', app.t('time.at_of', { at: elapsed.textContent, of: total.textContent }));
  };
  const now = () => {
    range.disabled = !player.current;
    if (range.matches(':active')) return; // it is being dragged
    const share = player.duration ? Math.min(1, player.position / player.duration) : 0;
    range.value = Math.round(share * 1000);
    show(share, player.position);
  };
  range.addEventListener('input', () => show(range.value / 1000, (range.value / 1000) * player.duration));
  range.addEventListener('change', () => player.seek((range.value / 1000) * player.duration));
  range.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -5, ArrowRight: 5, PageDown: -30, PageUp: 30 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    player.seek(player.position + step);
  });
  app.on('time', now);
  app.on('current', now);
  now();
  row.append(elapsed, range, total);
  return row;
}

export function volumeRow(app) {
  const row = node('div', 'segue-volume');
  const { player } = app;
  const mute = iconButton('volume', app.t('bar.mute'), () => (player.muted = !player.muted), { key: 'm' });
  const range = slider(app.t('bar.volume'), 100);
  const show = () => {
    const share = player.muted ? 0 : player.volume;
    if (!range.matches(':active')) range.value = Math.round(share * 100);
    fill(range, share);
    range.setAttribute('aria-valuetext', app.t('bar.percent', { n: Math.round(share * 100) }));
    relabel(mute, app.t(player.muted ? 'bar.unmute' : 'bar.mute'), 'm');
    mute.replaceChildren(icon(!share ? 'muted' : share < 0.5 ? 'quiet' : 'volume'));
  };
  range.addEventListener('input', () => (player.volume = range.value / 100));
  app.on('volume', show);
  row.append(mute, range);
  show();
  return row;
}

function slider(label, max) {
  const range = node('input', 'segue-range');
  Object.assign(range, { type: 'range', min: 0, max, step: 1, value: 0 });
  range.setAttribute('aria-label', label);
  return range;
}

function fill(range, share) {
  range.style.setProperty('--fill', `${Math.round(share * 1000) / 10}%`);
}
