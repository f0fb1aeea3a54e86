// The listening page: the library, the player, and Up next, which follows what the listener does.
// In: the routes api/* beside this page, and audio and covers from the HTTP API's own port.
// Out: sound, and play events (started, progress, finished, skipped, liked, disliked) through the outbox.

import { Outbox, uuid } from './outbox.js';
import * as views from './views.js';

const PAGE = 60;
const NEXT = 12;
const PROGRESS_S = 30;
const SEARCH_MS = 120;
const RETRY_MS = 5000;
const RESTART_S = 3; // "previous" later than this into a track starts it again
const WEIGHT = { disliked: 4, liked: 3, skipped: 2, finished: 1 };

class SignIn extends Error {}

export function start(root, { httpPort }) {
  const $ = (id) => root.querySelector(`#segue-${id}`);
  const audio = $('audio');
  const ahead = new Audio(); // loads the next track while this one plays
  ahead.preload = 'auto';
  const media = `${location.protocol}//${location.hostname}:${httpPort}/tracks/`;
  const mediaUrl = (track, part) => `${media}${encodeURIComponent(track.id)}/${part}${ticket}`;
  const audioUrl = (track) => mediaUrl(track, 'audio');
  const coverUrl = (track) => mediaUrl(track, 'cover');

  const shown = new Map(); // id -> track, in the order of the library list
  const known = new Map(); // id -> track, everything seen
  const past = [];
  let upnext = [];
  let current = null;
  let begun = false; // whether `started` was sent for this playing of `current`
  let progressAt = 0;
  let cursor = null;
  let outbox = null;
  let opinions = {}; // id -> liked or disliked
  let opinionsKey = '';
  let because = null; // the last thing that changed Up next: { kind, title, before }
  const asked = { library: 0, next: 0 };
  let openTimer = 0;
  let ticket = ''; // with accounts, what media addresses carry: their elements send no headers

  // --- talking to the service -------------------------------------------------------------------------------------

  async function get(path, query) {
    const answer = await fetch(`${path}?${new URLSearchParams(query)}`);
    if (answer.status === 401) throw new SignIn();
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail || 'Segue does not answer.');
    return answer.json();
  }

  function failed(error) {
    if (error instanceof SignIn) return signIn();
    const away = error instanceof TypeError; // what fetch throws when nobody answers
    $('notice-text').textContent = away ? 'Segue does not answer. Music goes on as soon as it is back.' : error.message;
    $('notice').hidden = false;
    openSoon();
  }

  function openSoon() {
    clearTimeout(openTimer);
    openTimer = setTimeout(open, RETRY_MS);
  }

  async function open() {
    clearTimeout(openTimer);
    try {
      const session = await get('api/session', {});
      root.querySelector('#segue').classList.remove('segue-locked');
      $('signin').hidden = $('notice').hidden = true;
      $('signout').hidden = !session.accounts;
      $('signout').textContent = `Sign out ${session.user}`;
      ticket = session.token ? `?token=${encodeURIComponent(session.token)}` : '';
      if (!outbox) listen(session.user);
      await Promise.all([library(), refresh()]);
      outbox.flush();
    } catch (error) {
      failed(error);
    }
  }

  function listen(user) {
    outbox = new Outbox('api/plays', user, { acknowledged, refused: signIn });
    opinionsKey = `segue.opinions.${user}`;
    opinions = JSON.parse(localStorage.getItem(opinionsKey) || '{}');
  }

  function signIn() {
    root.querySelector('#segue').classList.add('segue-locked');
    $('signin').hidden = false;
    $('signin').elements.name.focus();
  }

  async function signInWith(form) {
    const body = JSON.stringify(Object.fromEntries(new FormData(form)));
    const options = { method: 'POST', body, headers: { 'Content-Type': 'application/json' } };
    const answer = await fetch('api/session', options).catch(() => null);
    if (answer?.ok) return location.reload();
    const told = (await answer?.json().catch(() => null))?.detail;
    $('signin-error').textContent = typeof told === 'string' ? told : 'Segue does not answer.';
    $('signin-error').hidden = false;
  }

  // --- the library ------------------------------------------------------------------------------------------------

  async function library({ more = false } = {}) {
    const turn = ++asked.library;
    const q = $('search').value.trim();
    const page = await get('api/tracks', { q, limit: PAGE, ...(more ? { cursor } : {}) });
    if (turn !== asked.library) return; // a later question is on its way
    if (!more) shown.clear();
    for (const track of page.items) {
      shown.set(track.id, track);
      known.set(track.id, track);
    }
    cursor = page.cursor;
    const rows = page.items.map((track) => views.trackRow(track, coverUrl(track)));
    if (more) $('tracks').append(...rows);
    else $('tracks').replaceChildren(...rows);
    $('tracks').setAttribute('aria-busy', 'false');
    describeLibrary(q);
    showCurrent();
  }

  function describeLibrary(q) {
    const found = `${shown.size}${cursor ? '+' : ''}`;
    $('more').hidden = !cursor;
    $('count').textContent = q ? `${found} found` : shown.size ? `${found} track${shown.size === 1 ? '' : 's'}` : '';
    $('empty').hidden = Boolean(q || shown.size);
    if (!$('empty').hidden) openSoon(); // a folder may be on its way in
    $('none').hidden = !q || shown.size > 0;
    $('none').textContent = `Nothing matches “${q}”.`;
    $('play').disabled = !shown.size && !current;
  }

  // --- up next ----------------------------------------------------------------------------------------------------

  // With a reason, what is shown now becomes what the marks compare with, until the next reason.
  async function refresh(reason = null) {
    if (reason) because = { ...reason, before: upnext.map((item) => item.track.id) };
    const turn = ++asked.next;
    const answer = await get('api/next', { n: NEXT });
    if (turn !== asked.next) return;
    upnext = answer.items.filter((item) => item.track.id !== current?.id);
    for (const { track } of upnext) known.set(track.id, track);
    const ids = upnext.map((item) => item.track.id);
    const marks = because ? views.changes(because.before, ids) : new Map();
    drawNext(marks);
    const settled = new Set([...ids, ...past.map((track) => track.id), current?.id]);
    const gone = because ? because.before.filter((id) => !settled.has(id)).length : 0;
    $('changed').textContent = because && ids.length ? views.changeLine(because, marks, gone) : '';
    $('model').textContent = answer.model_version ? `Model ${answer.model_version}` : '';
  }

  function drawNext(marks) {
    const items = upnext.map((item) => views.nextItem(item, marks.get(item.track.id) ?? '', coverUrl(item.track)));
    const before = new Set([...root.querySelectorAll('.segue-next-item')].map((item) => item.dataset.id));
    for (const item of items) item.classList.toggle('segue-fresh', before.size > 0 && !before.has(item.dataset.id));
    if (!items.length) items.push(views.node('li', 'segue-quiet-line', 'Play something, and it fills by itself.'));
    $('upnext').replaceChildren(...items);
    $('upnext').setAttribute('aria-busy', 'false');
    $('next').disabled = !upnext.length && shown.size < 2;
    preload();
  }

  function preload() {
    const url = current && upnext.length ? audioUrl(upnext[0].track) : '';
    if (url && ahead.src !== url) ahead.src = url;
  }

  // The service has taken these; its next answer has them in it.
  function acknowledged(events) {
    const telling = events.filter((event) => event.kind in WEIGHT);
    const heaviest = telling.sort((a, b) => WEIGHT[b.kind] - WEIGHT[a.kind])[0];
    if (!heaviest && !events.some((event) => event.kind === 'started')) return;
    const title = known.get(heaviest?.track)?.title ?? 'a track';
    refresh(heaviest && { kind: heaviest.kind, title }).catch(failed);
  }

  // --- playing ----------------------------------------------------------------------------------------------------

  function tell(kind, { quietly = false } = {}) {
    const length = Number.isFinite(audio.duration) ? audio.duration * 1000 : current.duration_ms;
    const event = {
      v: 1,
      event_id: uuid(),
      track: current.id,
      kind,
      position_ms: Math.round(audio.currentTime * 1000),
      duration_ms: Math.round(length),
      at: new Date().toISOString(),
      client: 'segue-page',
      private: false,
    };
    outbox.add(event, { quietly });
  }

  function leave() {
    if (current && begun && !audio.ended) tell('skipped');
  }

  function play(track, { back = false } = {}) {
    leave();
    if (current && !back) past.push(current);
    current = track;
    begun = false;
    progressAt = 0;
    known.set(track.id, track);
    audio.src = audioUrl(track);
    audio.play().catch(() => showPlaying()); // the browser may want a click first
    upnext = upnext.filter((item) => item.track.id !== track.id);
    for (const item of root.querySelectorAll('.segue-next-item')) if (item.dataset.id === track.id) item.remove();
    showCurrent();
    announce();
  }

  function next() {
    if (upnext.length) return play(upnext[0].track);
    const ids = [...shown.keys()]; // the recommender has nothing: go on in the order of the list
    const place = ids.indexOf(current?.id);
    if (ids.length > 1 || place < 0) play(shown.get(ids[(place + 1) % ids.length]));
  }

  function previous() {
    if (audio.currentTime > RESTART_S || !past.length) audio.currentTime = 0;
    else play(past.pop(), { back: true });
  }

  function toggle() {
    if (!current) return upnext.length || shown.size ? next() : undefined;
    if (audio.paused) audio.play().catch(showPlaying);
    else audio.pause();
  }

  function opine(kind) {
    if (!current || opinions[current.id] === kind) return;
    opinions[current.id] = kind;
    localStorage.setItem(opinionsKey, JSON.stringify(opinions));
    tell(kind);
    showCurrent();
    if (kind === 'disliked') next();
  }

  function seek(seconds) {
    if (!current || !Number.isFinite(audio.duration)) return;
    audio.currentTime = Math.min(Math.max(seconds, 0), audio.duration - 0.25);
  }

  function louder(step) {
    audio.volume = Math.min(1, Math.max(0, audio.volume + step));
  }

  // --- showing ----------------------------------------------------------------------------------------------------

  function showCurrent() {
    for (const row of root.querySelectorAll('.segue-track')) {
      const on = row.dataset.id === current?.id;
      row.classList.toggle('segue-current', on);
      if (on) row.firstElementChild.setAttribute('aria-current', 'true');
      else row.firstElementChild.removeAttribute('aria-current');
    }
    if (!current) return;
    $('title').textContent = current.title;
    $('artist').textContent = views.byline(current);
    views.fillCover($('cover'), current, coverUrl(current));
    for (const name of ['play', 'prev', 'like', 'dislike', 'seek']) $(name).disabled = false;
    $('next').disabled = !upnext.length && shown.size < 2;
    $('like').setAttribute('aria-pressed', String(opinions[current.id] === 'liked'));
    $('dislike').setAttribute('aria-pressed', String(opinions[current.id] === 'disliked'));
    document.title = `${current.title} · ${views.byline(current)}`;
    showTime();
  }

  function showPlaying() {
    const on = !audio.paused;
    root.querySelector('#segue').classList.toggle('segue-playing', on);
    $('play').setAttribute('aria-label', on ? 'Pause' : 'Play');
    $('play').replaceChildren(views.icon(on ? 'pause' : 'play'));
    if ('mediaSession' in navigator) navigator.mediaSession.playbackState = on ? 'playing' : 'paused';
  }

  function showTime() {
    const total = Number.isFinite(audio.duration) ? audio.duration : (current?.duration_ms ?? 0) / 1000;
    const share = total ? Math.min(1, audio.currentTime / total) : 0;
    if (!$('seek').matches(':active')) {
      $('seek').value = Math.round(share * 1000);
      views.setRange($('seek'), share);
    }
    const [at, of] = [views.clock(audio.currentTime * 1000), views.clock(total * 1000)];
    $('elapsed').textContent = at;
    $('total').textContent = of;
    $('seek').setAttribute('aria-valuetext', `${at} of ${of}`);
  }

  function announce() {
    if (!('mediaSession' in navigator)) return;
    const { title, album } = current;
    const artwork = current.cover ? [{ src: coverUrl(current) }] : [];
    navigator.mediaSession.metadata = new MediaMetadata({ title, artist: views.byline(current), album, artwork });
  }

  // --- what the audio element says --------------------------------------------------------------------------------

  audio.addEventListener('playing', () => {
    if (!begun) tell('started');
    begun = true;
    showPlaying();
    preload();
  });
  audio.addEventListener('pause', showPlaying);
  audio.addEventListener('timeupdate', () => {
    showTime();
    if (!begun || audio.currentTime - progressAt < PROGRESS_S) return;
    progressAt = audio.currentTime;
    tell('progress');
  });
  audio.addEventListener('seeking', () => (progressAt = audio.currentTime));
  audio.addEventListener('ended', () => {
    tell('finished');
    begun = false;
    next();
  });
  audio.addEventListener('volumechange', () => {
    $('volume').value = Math.round(audio.volume * 100);
    views.setRange($('volume'), audio.volume);
    localStorage.setItem('segue.volume', audio.volume);
  });
  audio.addEventListener('error', () => {
    if (!current) return;
    $('artist').textContent = 'This track could not be played.';
    showPlaying();
  });

  // --- what the listener does -------------------------------------------------------------------------------------

  function onRow(list, choose) {
    list.addEventListener('click', (event) => {
      const id = event.target.closest('[data-id]')?.dataset.id;
      if (!id) return;
      if (id === current?.id) toggle();
      else choose(id);
    });
  }

  onRow($('tracks'), (id) => play(shown.get(id)));
  onRow($('upnext'), (id) => play(known.get(id)));
  $('play').addEventListener('click', toggle);
  $('next').addEventListener('click', next);
  $('prev').addEventListener('click', previous);
  $('like').addEventListener('click', () => opine('liked'));
  $('dislike').addEventListener('click', () => opine('disliked'));
  $('retry').addEventListener('click', open);
  $('more').addEventListener('click', () => library({ more: true }).catch(failed));
  $('seek').addEventListener('input', () => views.setRange($('seek'), $('seek').value / 1000));
  $('seek').addEventListener('change', () => seek(($('seek').value / 1000) * audio.duration));
  $('volume').addEventListener('input', () => (audio.volume = $('volume').value / 100));

  let typing = 0;
  $('search').addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(() => library().catch(failed), SEARCH_MS);
  });

  for (const tab of root.querySelectorAll('.segue-tabs button')) {
    tab.addEventListener('click', () => {
      root.querySelector('#segue').dataset.view = tab.dataset.view;
      for (const other of root.querySelectorAll('.segue-tabs button'))
        other.setAttribute('aria-pressed', String(other === tab));
    });
  }

  $('signin').addEventListener('submit', (event) => {
    event.preventDefault();
    signInWith(event.target);
  });
  $('signout').addEventListener('click', () =>
    fetch('api/session', { method: 'DELETE' }).then(() => location.reload()),
  );

  const KEYS = {
    ' ': toggle,
    ArrowLeft: () => seek(audio.currentTime - 10),
    ArrowRight: () => seek(audio.currentTime + 10),
    ArrowUp: () => louder(0.05),
    ArrowDown: () => louder(-0.05),
    n: next,
    p: previous,
    l: () => opine('liked'),
    d: () => opine('disliked'),
    '/': () => $('search').focus(),
  };

  document.addEventListener('keydown', (event) => {
    const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    const own = event.key === ' ' ? 'button, a' : event.key.startsWith('Arrow') ? 'input' : ''; // what the element does itself
    const typing = 'input:not([type="range"]), textarea, select, [contenteditable]';
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.(typing) || (own && event.target.closest?.(own))) return;
    event.preventDefault();
    act();
  });

  addEventListener('pagehide', () => {
    if (!outbox) return;
    if (current && begun && !audio.paused) tell('progress', { quietly: true });
    outbox.beacon();
  });

  if ('mediaSession' in navigator) {
    const actions = { play: toggle, pause: toggle, nexttrack: next, previoustrack: previous };
    actions.seekto = ({ seekTime }) => seek(seekTime);
    for (const [name, act] of Object.entries(actions)) navigator.mediaSession.setActionHandler(name, act);
  }

  audio.volume = Number(localStorage.getItem('segue.volume') ?? 1);
  views.setRange($('volume'), audio.volume);
  views.skeleton($('tracks'), 8);
  views.skeleton($('upnext'), 5);
  open();
}
