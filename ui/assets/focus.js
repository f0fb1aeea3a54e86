// Where the keyboard goes on when what has the focus leaves the page: a row is removed, a view is drawn anew.
// In: the element that holds the page. Out: the focus is on what has its name now, else on a neighbour, else on the whole part.

const MAIN = '.segue-main';
const PARTS = `${MAIN}, .segue-aside, dialog`;

export function keepFocus(holder) {
  let had = null; // what has the focus, or had it when it left; null once nobody waits for it
  let pointing = false; // who points misses no focus, and has the player's keys without it
  let resting = false;

  function seek() {
    if (!had || had.element.isConnected) return;
    const heir = !pointing && heirOf(had);
    if (pointing) had = null;
    else if (heir) heir.focus({ preventScroll: true });
    else if (document.activeElement === document.body) rest();
  }

  // On that part of the page as a whole, until what is sought has been drawn or somebody does something.
  function rest() {
    resting = true;
    for (const part of [had.part, holder.querySelector(MAIN)]) {
      if (document.activeElement === document.body) part?.focus({ preventScroll: true });
    }
    resting = false;
  }

  document.addEventListener('focusin', ({ target }) => {
    if (!resting) had = noted(target);
  });
  document.addEventListener('keydown', () => {
    pointing = false;
    if (!had?.element.isConnected) had = null;
  }, { capture: true });
  document.addEventListener('pointerdown', ({ target, defaultPrevented }) => {
    pointing = true;
    if (!defaultPrevented && !had?.element.contains(target)) had = null;
  });
  new MutationObserver(seek).observe(holder, { childList: true, subtree: true });
}

function noted(element) {
  const part = element.closest(PARTS);
  return { element, part, view: viewOf(part), alike: part ? alike(part, element) : [] };
}

// Another view has nothing of the one before.
function viewOf(part) {
  return part?.matches(MAIN) ? location.hash.split('?')[0] : '';
}

function alike(part, { localName, className }) {
  return [...part.querySelectorAll(localName)].filter((one) => one.className === className);
}

// What has its name; else the first of those after it, else before it, that is there or drawn anew; else what is in its place.
function heirOf({ element, part, view, alike: before }) {
  if (!part || viewOf(part) !== view) return null;
  const here = new Map(alike(part, element).filter(reachable).map((one) => [nameOf(one), one]));
  const at = before.indexOf(element);
  const sought = [...before.slice(at), ...before.slice(0, at).reverse()];
  return sought.map((one) => here.get(nameOf(one))).find(Boolean) ?? [...here.values()].at(Math.min(at, here.size - 1));
}

function reachable(element) {
  return element.checkVisibility({ visibilityProperty: true }) && !element.disabled && !element.closest('[inert]');
}

function nameOf(element) {
  return element.getAttribute('aria-label') ?? (element.labels?.[0] ?? element).textContent;
}
