// The head of a page about one thing: its picture, what it is, what is known about it, and what can be done with it.
// In: texts, nodes and actions. Out: a header with the view's heading.

import { button, cover, iconButton, node } from '../draw.js';

const LONG = 40; // letters, from which on a name is set smaller

// `facts` are texts and nodes, shown with dots between; `kind` says what it is, `text` why it is there.
export function masthead(app, { picture, kind, title, text, facts = [], actions = [], round = false }) {
  app.title(title);
  const head = node('header', round ? 'segue-masthead segue-masthead-round' : 'segue-masthead');
  const words = node('div', 'segue-masthead-words');
  if (kind) words.append(node('p', 'segue-kind', kind));
  const name = node('h1', title.length > LONG ? 'segue-masthead-title segue-long' : 'segue-masthead-title', title);
  name.title = title; // it may be cut
  words.append(name);
  if (text) words.append(node('p', 'segue-masthead-text', text));
  const line = node('p', 'segue-facts');
  line.append(...facts.filter(Boolean).map((fact) => wrapped(fact)));
  const does = node('div', 'segue-actions');
  does.append(...actions.filter(Boolean));
  words.append(line, does);
  head.append(picture, words);
  return head;
}

function wrapped(fact) {
  const part = node('span', 'segue-fact');
  part.append(fact);
  return part;
}

// What plays all of something: play, shuffle, radio. `tracks()` may take a while.
export function playActions(app, name, tracks) {
  const from = { from: name, href: location.hash };
  const withAll = (act) => async () => {
    try {
      const all = await tracks();
      if (all.length) act(all);
    } catch (error) {
      app.toast(error.message);
    }
  };
  return [
    button(app.t('does.play'), withAll((all) => app.play(all, from)), { kind: 'strong', icon: 'play' }),
    button(app.t('does.shuffle'), withAll((all) => app.play(all, { ...from, shuffle: true })), { icon: 'shuffle' }),
    button(app.t('does.radio'), withAll((all) => app.queue.radio(name, all, { href: from.href })), { icon: 'radio' }),
  ];
}

// The round button behind which everything else is found; `items()` are made when it is pressed.
export function moreButton(app, name, items) {
  const more = iconButton('more', app.t('does.more', { title: name }), () => app.menu(more, items()));
  more.setAttribute('aria-haspopup', 'menu');
  return more;
}

// Four covers as one picture: what stands for a list of tracks. `whats` are tracks, or { cover_track, title }.
export function mosaic(app, whats, name) {
  const picture = node('span', 'segue-mosaic');
  const albums = new Map(whats.map((what) => [what.album || what.cover_track || what.title, what]));
  const chosen = [...albums.values()].slice(0, 4);
  if (chosen.length < 4) return cover(app, chosen[0] ?? { name });
  picture.append(...chosen.map((what) => cover(app, what)));
  return picture;
}

// The heading of a view, with what filters or orders it beside it.
export function viewHead(app, title, controls = []) {
  app.title(title);
  const head = node('header', 'segue-view-head');
  const count = node('span', 'segue-count');
  count.setAttribute('role', 'status');
  head.append(node('h1', '', title), count, ...controls);
  return { head, count };
}

// A choice of a few: options are [value, text].
export function choice(label, options, value, chosen) {
  const holder = node('label', 'segue-choice');
  const select = node('select');
  for (const [each, text] of options) select.append(new Option(text, each, false, each === value));
  select.addEventListener('change', () => chosen(select.value));
  holder.append(node('span', '', label), select);
  return holder;
}
