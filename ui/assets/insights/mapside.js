// What stands beside the map: the legend, the chosen track and those nearest to it, or the steps of a journey. It says all
// that the picture says to who does not see it.
// In: the map and what is chosen. Out: DOM nodes; what is done goes back through `told`: choose(track), play(place).

import { button, byline, cover, node, titled } from '../draw.js';

// `groups`: { name, colour, count }; choosing some makes the others stand back.
export function legend(app, groups, picked, toggle) {
  const list = node('ul', 'segue-legend');
  for (const [place, group] of groups.entries()) {
    const chip = node('button', 'segue-legend-chip');
    chip.type = 'button';
    chip.setAttribute('aria-pressed', String(picked.has(place)));
    const colour = node('i', 'segue-legend-colour');
    colour.style.background = group.colour;
    const count = node('span', 'segue-legend-count', app.t('map.count', { n: group.count }));
    chip.append(colour, node('span', 'segue-legend-name', group.name), count);
    chip.addEventListener('click', () => toggle(place));
    list.append(node('li'));
    list.lastChild.append(chip);
  }
  return list;
}

// One of several ways to see the same, as radio buttons that look like one control. `options`: value → text.
export function choice(name, label, options, chosen, choose) {
  const set = node('fieldset', 'segue-switcher');
  set.append(node('legend', 'segue-unseen', label));
  for (const [value, text] of Object.entries(options)) {
    const option = node('label', 'segue-switcher-option');
    const input = node('input');
    Object.assign(input, { type: 'radio', name, value, checked: value === chosen });
    input.addEventListener('change', () => choose(value));
    option.append(input, node('span', '', text));
    set.append(option);
  }
  return set;
}

export class Side {
  // `nearest(place)` gives places, `tracks` knows tracks by their ids, `group(place)` names what the dot belongs to.
  constructor(app, holder, { map, tracks, nearest, group, told }) {
    Object.assign(this, { app, holder, map, tracks, nearest, group, told });
    this.hint();
  }

  hint() {
    this.holder.replaceChildren(node('p', 'segue-muted segue-map-hint', this.app.t('map.hint')));
  }

  // The chosen track, what can be done with it, and what is near. Answers with the track, or null when it is gone.
  async show(place) {
    this.place = place;
    const ids = [place, ...this.nearest(place)].map((other) => this.map.ids[other]);
    const [track, ...others] = await this.tracks.of(ids).catch(() => []);
    if (this.place !== place) return null;
    if (track?.id !== ids[0]) return this.hint() ?? null;
    const title = node('h2', 'segue-side-title', this.app.t('map.near'));
    this.holder.replaceChildren(this.#card(track, place), title, this.#list(others));
    return track;
  }

  found(tracks) {
    this.place = null;
    const title = node('h2', 'segue-side-title', this.app.t(tracks.length ? 'map.found' : 'map.found_none', { n: tracks.length }));
    title.setAttribute('role', 'status');
    this.holder.replaceChildren(title, this.#list(tracks));
  }

  journey(tracks) {
    this.place = null;
    const { t } = this.app;
    const told = t('map.journey', { from: tracks[0].title, to: tracks.at(-1).title });
    const row = node('div', 'segue-acts');
    row.append(
      button(t('map.journey_play'), () => this.app.play(tracks, { from: told }), { kind: 'strong', icon: 'play' }),
      button(t('map.journey_end'), () => this.app.go('#/map')),
    );
    this.holder.replaceChildren(node('h2', 'segue-side-title', told), row, this.#list(tracks, { numbered: true }));
  }

  #card(track, place) {
    const card = node('div', 'segue-chosen');
    const texts = node('div', 'segue-texts');
    texts.append(node('div', 'segue-title', track.title), node('div', 'segue-artist', byline(track)));
    if (track.album) texts.append(node('div', 'segue-artist', track.album));
    const about = [this.group(place), this.app.t('count.plays', { n: this.map.plays[place] })];
    texts.append(node('div', 'segue-muted', about.filter(Boolean).join(' · ')));
    const row = node('div', 'segue-acts');
    row.append(...this.#actions(track, place));
    card.append(cover(this.app, track, 72), texts, row);
    return card;
  }

  #actions(track, place) {
    const { t } = this.app;
    const play = button(t('map.play'), () => this.told.play(place), { kind: 'strong', icon: 'play' });
    if (this.from && this.from.id !== track.id) {
      const go = () => this.app.go(`#/map?journey=${this.from.id},${track.id}`);
      return [play, button(t('map.journey_here', { title: this.from.title }), go)];
    }
    const begin = () => {
      this.from = track;
      this.app.toast(t('map.journey_to', { title: track.title }));
      this.show(place);
    };
    const radio = button(t('map.radio'), () => this.app.queue.radio(track.title, [track]));
    return [play, radio, button(t('map.journey_from'), begin)];
  }

  // Tracks as buttons, each choosing its dot.
  #list(tracks, { numbered = false } = {}) {
    const list = node(numbered ? 'ol' : 'ul', 'segue-near');
    for (const [step, track] of tracks.entries()) {
      const row = node('button', 'segue-near-track');
      row.type = 'button';
      if (numbered) row.append(node('span', 'segue-step', step + 1));
      row.append(cover(this.app, track, 40), titled(track.title, byline(track)));
      row.addEventListener('click', () => this.told.choose(track));
      list.append(node('li'));
      list.lastChild.append(row);
    }
    return list;
  }
}
