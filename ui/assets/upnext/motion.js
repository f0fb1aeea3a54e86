// What came, what left, what moved, so that a changed list can be followed by eye.
// In: a list before and after. Out: short animations; none for those who want none.

const MOVE_MS = 260;
const STILL = matchMedia('(prefers-reduced-motion: reduce)');
const EASE = 'cubic-bezier(.2, .7, .2, 1)';

// Call it before the list changes, and what it returns afterwards.
export function settled(list) {
  const before = places(list);
  if (STILL.matches || !before.size || document.hidden || !list.offsetParent) return () => {};
  const frame = list.getBoundingClientRect();
  return () => {
    for (const row of list.children) {
      const was = before.get(row);
      if (was) slide(row, was.top - row.getBoundingClientRect().top);
      else if (row.dataset.key) arrive(row);
      before.delete(row);
    }
    for (const [row, was] of before) if (row.dataset.key) leave(list, row, was, frame);
  };
}

function places(list) {
  return new Map([...list.children].filter((row) => !row.classList.contains('segue-leaving')).map((row) => [row, row.getBoundingClientRect()]));
}

function slide(row, by) {
  if (by) row.animate([{ transform: `translateY(${by}px)` }, { transform: 'none' }], { duration: MOVE_MS, easing: EASE });
}

function arrive(row) {
  row.animate([{ transform: 'translateX(24px)', opacity: 0 }, { transform: 'none', opacity: 1 }], { duration: MOVE_MS * 1.4, easing: EASE });
}

// It goes where it was, above what has taken its place.
function leave(list, row, was, frame) {
  const ghost = row.cloneNode(true);
  ghost.classList.add('segue-leaving');
  ghost.inert = true;
  ghost.removeAttribute('data-key');
  ghost.removeAttribute('data-id');
  ghost.style.top = `${was.top - frame.top}px`;
  ghost.style.width = `${was.width}px`;
  list.append(ghost);
  const gone = ghost.animate([{ opacity: 1 }, { opacity: 0, transform: 'translateX(-24px)' }], { duration: MOVE_MS, easing: EASE });
  gone.onfinish = () => ghost.remove();
}
