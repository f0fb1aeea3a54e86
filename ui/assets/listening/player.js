// Sound: two audio elements, one that is heard and one that already holds what comes next.
// In: tracks and what the listener does. Out: sound, and signals: `current`, `playing`, `time`, `waiting`, and what became
// of a listening: `began`, `left` (before its end), `ended`, `broken`.

import { gain } from './loudness.js';

const LEAD_MS = 40; // how long before the end the next one is started, until it was measured
const MOST_LEAD_MS = 150;
const WATCH_S = 1.5; // so long before the end it is watched closely
const RESTART_S = 3; // "previous" later than this into a track starts it again
const SETTLE_MS = 600; // one that has just begun has the connection for itself

export class Player {
  current = null;
  begun = false; // whether this listening has been heard at all
  #lead = LEAD_MS;
  #volume = 1;
  #muted = false;
  #even = true;

  constructor({ address, say, holder }) {
    Object.assign(this, { address, say });
    this.audio = this.#element(holder);
    this.ahead = this.#element(holder);
    this.#name();
  }

  get playing() {
    return Boolean(this.current) && !this.audio.paused;
  }

  // In seconds.
  get position() {
    return this.resumeAt ?? this.audio.currentTime;
  }

  get duration() {
    return Number.isFinite(this.audio.duration) ? this.audio.duration : (this.current?.duration_ms ?? 0) / 1000;
  }

  get volume() {
    return this.#volume;
  }

  set volume(share) {
    this.#volume = Math.min(1, Math.max(0, share));
    this.#muted = false;
    this.#level();
  }

  get muted() {
    return this.#muted;
  }

  set muted(muted) {
    this.#muted = muted;
    this.#level();
  }

  set even(even) {
    this.#even = even;
    this.#level();
  }

  // Leave what is heard and go on with `track`. `kind` is what leaving means: 'skipped', 'progress' or null (it has ended);
  // `begun` when this is the same listening as before, after a reload or while the service was away.
  load(track, { at = 0, play = true, begun = false, kind = 'skipped' } = {}) {
    this.#leave(kind);
    const [before, audio] = [this.audio, this.ahead];
    [this.audio, this.ahead] = [audio, before];
    this.#name();
    if (!holds(audio, track) || audio.error) this.#fill(audio, track);
    if (kind) before.pause(); // what has ended may sound its last milliseconds
    this.current = track;
    this.begun = begun;
    this.resumeAt = at || null;
    if (!at && audio.currentTime) audio.currentTime = 0;
    if (at && audio.readyState) this.#resume();
    this.#level();
    this.say('current', track);
    this.say('time');
    if (play) this.play();
    else this.say('playing', false);
  }

  play() {
    if (!this.current) return;
    if (this.audio.error) this.#fill(this.audio, this.current, this.position);
    const asked = performance.now();
    this.audio.addEventListener('playing', () => this.#measured(performance.now() - asked), { once: true });
    this.audio.play().catch((error) => {
      if (error.name === 'NotAllowedError') this.say('blocked');
      if (error.name !== 'AbortError') this.say('playing', false);
    });
  }

  pause() {
    this.audio.pause();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  seek(seconds) {
    if (!this.current || !this.duration) return;
    clearTimeout(this.watching); // its end is further away now
    const to = Math.min(Math.max(seconds, 0), this.duration - 0.25);
    if (this.audio.readyState) this.audio.currentTime = to;
    else this.resumeAt = to;
    this.say('time');
    this.say('sought', to);
  }

  // Whether it was far enough into the track to begin it again.
  restart() {
    if (this.position <= RESTART_S) return false;
    this.seek(0);
    return true;
  }

  // Have `track` ready; null: nothing comes next.
  prepare(track) {
    clearTimeout(this.preparing);
    this.preparing = setTimeout(() => this.#prepare(track), this.playing && this.audio.currentTime < 1 ? SETTLE_MS : 0);
  }

  // The same track again from the place where it broke off, once somebody answers.
  again() {
    if (this.current) this.load(this.current, { at: this.position, begun: this.begun, kind: null });
  }

  // --- inside -----------------------------------------------------------------------------------------------------

  #element(holder) {
    const audio = document.createElement('audio');
    audio.preload = 'auto';
    const heard = (name, tell) => audio.addEventListener(name, () => audio === this.audio && this.current && tell());
    heard('playing', () => this.#began());
    heard('play', () => this.#changed());
    heard('pause', () => this.#changed());
    heard('loadedmetadata', () => this.#resume());
    heard('timeupdate', () => this.#time());
    heard('waiting', () => this.#wait());
    heard('ended', () => this.#ended());
    heard('error', () => this.#broken());
    holder.append(audio);
    return audio;
  }

  // Tests and curious listeners find the one that is heard.
  #name() {
    this.audio.id = 'segue-audio';
    this.ahead.id = 'segue-audio-ahead';
  }

  #fill(audio, track, at = 0) {
    audio.dataset.track = track.id;
    audio.src = this.address(track.id);
    if (at) this.resumeAt = at;
  }

  #empty(audio) {
    audio.pause();
    delete audio.dataset.track;
    audio.removeAttribute('src');
    audio.load();
  }

  #prepare(track) {
    if (!track) return this.#empty(this.ahead);
    if (holds(this.ahead, track) && !this.ahead.error) return;
    this.#fill(this.ahead, track);
  }

  #resume() {
    if (this.resumeAt) this.audio.currentTime = this.resumeAt;
    this.resumeAt = null;
    this.say('time');
  }

  #leave(kind) {
    clearTimeout(this.watching);
    if (!this.current || !this.begun || !kind) return;
    this.say('left', { ...this.#place(), kind });
    this.begun = false;
  }

  #place() {
    return { track: this.current, position: this.position, duration: this.duration };
  }

  #began() {
    this.say('waiting', false);
    this.#changed();
    if (this.begun) return;
    this.begun = true;
    this.say('began', this.#place());
  }

  #changed() {
    clearTimeout(this.watching);
    this.say('playing', this.playing);
  }

  #wait() {
    clearTimeout(this.watching);
    this.say('waiting', true);
  }

  #time() {
    clearTimeout(this.watching);
    this.say('time');
    const left = this.duration - this.audio.currentTime;
    if (!this.playing || left > WATCH_S || !Number.isFinite(this.audio.duration)) return;
    this.watching = setTimeout(() => this.#ended(), Math.max(0, left * 1000 - this.#lead));
  }

  // A moment before the end, so that what follows sounds when this one falls silent; `ended` itself comes too late.
  #ended() {
    clearTimeout(this.watching);
    if (!this.begun) return;
    this.begun = false;
    const place = this.#place();
    this.say('ended', { ...place, position: place.duration });
  }

  #broken() {
    clearTimeout(this.watching);
    this.say('playing', false);
    this.say('broken', { ...this.#place(), code: this.audio.error?.code });
  }

  #measured(ms) {
    if (holds(this.audio, this.current) && ms < MOST_LEAD_MS) this.#lead += (ms - this.#lead) / 4;
  }

  #level() {
    const share = this.#volume ** 2; // as ears hear it
    this.audio.volume = Math.min(1, share * (this.#even && this.current ? gain(this.current) : 1));
    for (const audio of [this.audio, this.ahead]) audio.muted = this.#muted;
    this.say('volume');
  }
}

function holds(audio, track) {
  return audio.dataset.track === track.id;
}
