// Long work of the service as it goes: bringing music in, training.
// In: `work` of the HTTP API, asked gently and only while somebody looks. Out: what is told to who follows it, and a small
// sign in the page's frame while something runs.

import { link, node } from '../draw.js';

const RUNNING_MS = 1000;
const RESTING_MS = 10_000;

// Calls `tell(items)` with each answer, more often while something runs; `failed(error)` when there is none. Returns its end.
export function follow(app, tell, { failed = () => {}, resting = RESTING_MS } = {}) {
  let timer = 0;
  let over = false;
  let asking = false;
  async function ask() {
    clearTimeout(timer);
    if (over || asking || document.visibilityState !== 'visible') return;
    asking = true;
    let wait = resting;
    try {
      const { items } = await app.service.get('work');
      if (items.some((item) => item.state === 'running')) wait = RUNNING_MS;
      if (!over) tell(items);
    } catch (error) {
      if (!over) failed(error);
    }
    asking = false;
    if (!over) timer = setTimeout(ask, wait);
  }
  document.addEventListener('visibilitychange', ask);
  ask();
  return () => {
    over = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', ask);
  };
}

// What part of it is done, 0 to 1; null while nobody knows.
export const share = ({ done, total }) => (total ? Math.min(1, done / total) : null);

// A link to the work under way, in `holder`, which is empty while nothing runs. Returns its end.
export function workSign(app, holder) {
  return follow(app, (items) => {
    const running = items.filter((item) => item.state === 'running')[0];
    if (!running) return holder.replaceChildren();
    const part = share(running);
    const told = app.t(`work.sign.${running.kind}`);
    const sign = holder.querySelector('a') ?? link('#/work', 'segue-work-sign');
    const ring = node('i', part === null ? 'segue-work-ring segue-unknown' : 'segue-work-ring');
    ring.style.setProperty('--part', part ?? 0.25);
    const percent = part === null ? '' : `${Math.round(part * 100)} %`;
    sign.replaceChildren(ring, node('span', 'segue-work-told', told), node('span', 'segue-work-part', percent));
    sign.setAttribute('aria-label', app.t('work.sign.label', { told, percent }));
    if (!sign.isConnected) holder.replaceChildren(sign);
  });
}
