// What stands in a view until the service has answered, and when it does not.
// In: a question and what to make of its answer. Out: bones, then the view, or a failure from which one can ask again.

import { failure, node, skeleton } from '../draw.js';
import { SignIn } from '../service.js';

export async function loaded(app, holder, bones, ask, show) {
  const settled = skeleton(holder, bones);
  try {
    const answer = await ask();
    settled();
    if (holder.isConnected) await show(answer); // or one has gone elsewhere
  } catch (error) {
    if (error instanceof SignIn) return; // the whole page asks for it
    failure(app, holder, error, () => loaded(app, holder, bones, ask, show));
  }
}

// Bones below `list` until the first of `pages` are there. Returns what takes them away.
export function bonesBelow(list, pages, kind) {
  if (pages.items.length || pages.ended) return () => {};
  const place = node('div');
  list.after(place);
  skeleton(place, kind);
  return () => place.remove();
}

// Calls `act` now and then while somebody can see the page. Returns a function that ends it.
function whileSeen(ms, act) {
  const timer = setInterval(() => document.visibilityState === 'visible' && act(), ms);
  return () => clearInterval(timer);
}

const GLANCE_MS = 4000;

// While music is brought in, or was since `pages` were fetched, they are fetched again, and `changed` is called.
// Returns a function that ends it.
export function followLibrary(app, pages, changed) {
  let over = false;
  const glance = async () => {
    const health = await app.service.get('health').catch(() => null);
    if (!health) return;
    if (pages.long && scrollY > innerHeight) return; // whoever has come far is not sent back
    const before = pages.library;
    pages.library = health.tracks;
    if (before === undefined || before === health.tracks) return;
    if ((await pages.renew().catch(() => false)) && !over) changed();
  };
  glance();
  const end = whileSeen(GLANCE_MS, glance);
  return () => {
    over = true;
    end();
  };
}

// `list`, drawn in `place`, follows the library for as long as its view is shown. Returns what ends both.
export function following(app, pages, place, list) {
  const ended = followLibrary(app, pages, () => {
    if (place.contains(list.box)) list.reset();
    else app.go(location.hash, { replace: true });
  });
  return () => {
    ended();
    list.close();
  };
}
