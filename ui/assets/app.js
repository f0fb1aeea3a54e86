// The composition root: makes `app`, which views get, and puts the parts of the page together.
// In: the element that holds the page, and the port of the HTTP API. Out: a page that plays.

import { Bar } from './bar.js';
import { Dialogs } from './dialogs.js';
import { emptyState, failure } from './draw.js';
import { Keys } from './keys.js';
import { announce } from './listening/mediasession.js';
import { Memory, Resting } from './listening/memory.js';
import { Opinions } from './listening/opinions.js';
import { Player } from './listening/player.js';
import { Plays } from './listening/plays.js';
import { Queue } from './listening/queue.js';
import { Recovery } from './listening/recovery.js';
import { oneAtATime } from './listening/tabs.js';
import { Router, VIEWS } from './router.js';
import { Away, Service, SignIn } from './service.js';
import { signInForm } from './session.js';
import { Settings } from './settings.js';
import { Shell } from './shell.js';
import { Signals } from './signals.js';
import { UpNextPanel } from './upnext/panel.js';
import { load } from './words.js';

const WEIGHT = { disliked: 4, liked: 3, skipped: 2, finished: 1 };
const AHEAD_MS = 3000; // then the views are fetched that have not been opened yet: they are there when the service is not

export async function start(root, { httpPort }) {
  const holder = root.querySelector('#segue');
  const signals = new Signals();
  const app = { t: await load(), on: (...given) => signals.on(...given), say: (...given) => signals.say(...given) };
  app.service = new Service(httpPort, (error, path) => app.say('answered', { error, path }), app.t('session.silent'));
  app.settings = new Settings(app);
  app.shell = new Shell(holder, app);
  dialogs(app, new Dialogs(holder, app.t));
  app.recovery = new Recovery(app, () => open(app));
  open(app);
}

function dialogs(app, made) {
  for (const name of ['toast', 'menu', 'dialog', 'confirm', 'ask']) app[name] = (...given) => made[name](...given);
}

// Who listens decides everything else.
async function open(app) {
  try {
    const session = await app.service.get('session');
    if (app.session && app.session.user !== session.user) return location.reload(); // somebody else has signed in meanwhile
    app.service.token = session.token;
    app.shell.lock(false); // the same listener may have signed in again, in another tab
    if (!app.session) assemble(app, session);
    app.opinions.learn().catch(() => {}); // what this browser knows is good enough
    app.plays.outbox.flush();
  } catch (error) {
    if (error instanceof SignIn) signInForm(app);
    else app.recovery.lost(error instanceof Away ? '' : error.message);
  }
}

function assemble(app, session) {
  app.session = session;
  app.player = new Player({ address: (id) => app.service.audio(id), say: app.say, holder: app.shell.root });
  app.settings.apply();
  app.plays = new Plays(app, { acknowledged: (events) => acknowledged(app, events), refused: () => signInForm(app) });
  app.opinions = new Opinions(app);
  app.queue = new Queue(app, new Resting(session.user));
  app.play = (tracks, options) => app.queue.playList(tracks, options);
  app.title = (text) => app.shell.title(text);
  app.bar = new Bar(app.shell.bar, app);
  app.upnext = new UpNextPanel(app.shell.aside, app);
  app.keys = new Keys(app);
  announce(app);
  oneAtATime(app);
  watch(app);
  app.router = new Router(app.shell.main, { draw: (...given) => view(app, ...given), shown: (route) => app.shell.shown(route) });
  app.go = (href, options) => app.router.go(href, options);
  const memory = new Memory(app);
  memory.restore();
  app.say('session', session);
  app.router.start();
  app.queue.refresh();
  setTimeout(() => VIEWS.forEach((name) => import(`./views/${name}.js`).catch(() => {})), AHEAD_MS);
}

function watch(app) {
  app.on('opinions', (id) => {
    const { queue, player } = app;
    if (!id || app.opinions.of(id) !== 'disliked') return;
    const track = player.current?.id === id ? player.current : queue.items.find((item) => item.track.id === id)?.track;
    if (track) queue.leaveDisliked(track);
  });
  app.on('blocked', () => app.toast(app.t('bar.blocked')));
}

// The service has taken these; its next answer has them in it.
function acknowledged(app, events) {
  const telling = events.filter((event) => event.kind in WEIGHT);
  const [heaviest] = telling.sort((a, b) => WEIGHT[b.kind] - WEIGHT[a.kind]);
  if (!heaviest && !events.some((event) => event.kind === 'started')) return;
  const title = app.queue.titleOf(heaviest?.track);
  app.queue.refresh(title ? { kind: heaviest.kind, title } : null);
}

// A view is imported when it is first opened.
async function view(app, holder, route) {
  if (!route) return void emptyState(app, holder, 'states.missing');
  try {
    const { render } = await import(`./views/${route.view}.js`);
    return await render(holder, route.params, app);
  } catch (error) {
    if (error instanceof SignIn) return void signInForm(app);
    console.error(error);
    failure(app, holder, error, () => app.router.go(location.hash || '#/'));
  }
}
