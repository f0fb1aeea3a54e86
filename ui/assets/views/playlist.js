// One playlist: played, renamed, put in another order, taken apart, deleted.
// In: its id. Out: a page on which every change is kept at once, and can be taken back.

import { iconButton, emptyState, node } from '../draw.js';
import { address, CONFLICT, deleted } from '../library/keeping.js';
import { loaded } from '../library/loading.js';
import { masthead, mosaic, moreButton, playActions } from '../library/masthead.js';
import { fixed } from '../library/pages.js';
import { Reorder } from '../library/reorder.js';
import { manyMenu } from '../library/trackmenu.js';
import { TrackTable } from '../library/tracktable.js';
import { length } from '../words.js';

export async function render(holder, { id }, app) {
  let view = null;
  await loaded(app, holder, 'page', () => app.service.get(address(id)), (playlist) => {
    view = new PlaylistView(holder, playlist, app);
  });
  return () => view?.leave();
}

class PlaylistView {
  constructor(holder, playlist, app) {
    Object.assign(this, { holder, playlist, app });
    this.saving = Promise.resolve();
    this.told = node('p', 'segue-unseen');
    this.told.setAttribute('role', 'status');
    this.#draw();
  }

  // Afterwards a change, or one that is taken back, is kept but no longer shown.
  leave() {
    this.left = true;
    this.close();
  }

  close() {
    this.reorder?.close();
    this.table?.close();
  }

  #draw() {
    this.close();
    this.reorder = this.table = null;
    if (this.left) return;
    this.head = this.#head();
    this.holder.replaceChildren(this.head, this.told);
    const { items, name } = this.playlist;
    if (items.length) return this.#tracks(items, name);
    const place = node('div');
    this.holder.append(place);
    emptyState(this.app, place, 'playlist.none', { label: this.app.t('playlist.find'), run: () => this.app.go('#/tracks'), icon: 'search' });
  }

  #head() {
    const { app } = this;
    const { name, items } = this.playlist;
    const tracks = async () => this.playlist.items;
    const more = moreButton(app, name, () => manyMenu(app, name, tracks, this.#items()));
    const ms = items.reduce((sum, track) => sum + track.duration_ms, 0);
    return masthead(app, {
      picture: mosaic(app, items, name),
      kind: app.t('playlist.kind'),
      title: name,
      facts: [app.t('count.tracks', { n: items.length }), items.length ? length(app.t, ms) : ''],
      actions: [...(items.length ? playActions(app, name, tracks) : []), iconButton('edit', app.t('playlist.rename'), () => this.#rename()), more],
    });
  }

  #items() {
    const { app } = this;
    return [
      { label: app.t('playlist.rename'), icon: 'edit', run: () => this.#rename() },
      { label: app.t('playlist.delete'), icon: 'trash', danger: true, run: () => this.#delete() },
    ];
  }

  #tracks(items, name) {
    const { app } = this;
    this.table = new TrackTable(app, this.holder, fixed(items), {
      label: name,
      from: name,
      columns: ['extra', 'title', 'artist', 'album', 'length'],
      extra: (track) => [this.#grip(track)],
      menu: (track, place) => [{ label: app.t('playlist.take_out'), icon: 'trash', run: () => this.#takeOut(place) }],
      pressed: (event, place) => this.#pressed(event, place),
    });
    this.reorder = new Reorder(this.table, (from, to) => this.#move(from, to));
  }

  #grip(track) {
    const grip = iconButton('grip', this.app.t('playlist.grip', { title: track.title }));
    grip.classList.add('segue-grip');
    grip.tabIndex = -1;
    return grip;
  }

  #pressed(event, place) {
    if (event.key === 'Delete') {
      event.preventDefault();
      this.#takeOut(place);
      return true;
    }
    return this.reorder.pressed(event, place);
  }

  // --- changes ------------------------------------------------------------------------------------------------------

  #move(from, to) {
    const items = [...this.playlist.items];
    const [track] = items.splice(from, 1);
    items.splice(to, 0, track);
    this.#change(items);
    this.told.textContent = this.app.t('playlist.moved', { title: track.title, n: to + 1 });
  }

  #takeOut(place) {
    const before = this.playlist.items;
    const track = before[place];
    this.#change(before.filter((_, other) => other !== place));
    const back = () => {
      const now = [...this.playlist.items];
      now.splice(Math.min(place, now.length), 0, track);
      this.#change(now);
    };
    this.app.toast(this.app.t('playlist.taken_out', { title: track.title }), { label: this.app.t('does.undo'), action: back });
    this.table?.focus(Math.min(place, this.playlist.items.length - 1));
  }

  // Shown at once, then kept; changes are sent one after the other, each on the revision of the one before.
  #change(items) {
    const emptied = !items.length || !this.playlist.items.length;
    this.playlist = { ...this.playlist, items };
    if (emptied) this.#draw();
    else this.#again();
    return this.#save();
  }

  #again() {
    if (this.left) return;
    this.table.pages.items = this.playlist.items;
    this.table.reset();
    const head = this.#head();
    this.head.replaceWith(head);
    this.head = head;
  }

  #save() {
    this.saving = this.saving.then(() => this.#send()).catch((error) => this.#refused(error));
    return this.saving;
  }

  async #send() {
    const { id, name, items, revision } = this.playlist;
    const kept = await this.app.service.put(address(id), { name, tracks: items.map((track) => track.id), revision });
    this.playlist.revision = kept.revision;
  }

  // Somebody changed it elsewhere: theirs is shown, and mine is one press away.
  async #refused(error) {
    if (error.status !== CONFLICT) return this.app.toast(error.message);
    const mine = this.playlist;
    const theirs = await this.app.service.get(address(mine.id));
    this.playlist = theirs;
    this.#draw();
    const keep = () => {
      this.playlist = { ...mine, revision: this.playlist.revision };
      this.#draw();
      this.#save();
    };
    this.app.toast(this.app.t('playlist.conflict'), { label: this.app.t('playlist.keep_mine'), action: keep, ms: 15000 });
  }

  async #rename() {
    const { app } = this;
    const name = await app.ask({
      title: app.t('playlist.rename'),
      label: app.t('playlists.name'),
      value: this.playlist.name,
      ok: app.t('does.save'),
    });
    if (!name || name === this.playlist.name) return;
    this.playlist = { ...this.playlist, name };
    this.#draw();
    await this.#save();
  }

  async #delete() {
    try {
      await deleted(this.app, this.playlist, ({ id }) => this.app.go(`#/playlists/${encodeURIComponent(id)}`));
      this.app.go('#/playlists', { replace: true });
    } catch (error) {
      this.app.toast(error.message);
    }
  }
}
