// Gradio's own plots inside our views: each is asked for, and moved to where a view wants it, only while that view is open.
// In: the name of a plot of ui/pictures.py and what it is asked. Out: the plot in the view's place, its data from Python.

const PREFIX = 'segue-chart-';

// Until `signal` says that nobody waits any more.
function drawn(name, signal) {
  const found = () => document.getElementById(PREFIX + name);
  if (found()) return Promise.resolve(found());
  return new Promise((resolve) => {
    const watching = new MutationObserver(() => {
      if (!found()) return;
      watching.disconnect();
      resolve(found());
    });
    watching.observe(document.body, { childList: true, subtree: true });
    signal.addEventListener('abort', () => watching.disconnect());
  });
}

// Puts the plot into `slot`; answers with { ask, leave }: `ask` draws it anew, `leave` gives it back before the view goes.
export function chart(slot, name, asked) {
  let home = null;
  const leaving = new AbortController();
  const ask = (anew) => dispatchEvent(new CustomEvent('segue-chart', { detail: { name, asked: JSON.stringify(anew) } }));
  drawn(name, leaving.signal).then((plot) => {
    if (leaving.signal.aborted) return;
    home = plot.parentElement;
    slot.append(plot);
  });
  ask(asked);
  return {
    ask,
    leave() {
      leaving.abort();
      home?.append(document.getElementById(PREFIX + name));
    },
  };
}
