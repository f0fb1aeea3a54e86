// What stands above the page for a while: toasts, menus, dialogs.
// In: words and what to do. Out: nothing is left when they close, and the focus is where it was.

import { button, icon, iconButton, link, node } from './draw.js';
import { keepFocus } from './focus.js';

const TOAST_MS = 6000;
const AGAIN_MS = 250;

export class Dialogs {
  #menu = null;
  #left = { anchor: null, at: 0 }; // a press on the button of an open menu closes it before it is a click

  constructor(holder, t) {
    Object.assign(this, { holder, t });
    this.toasts = node('div', 'segue-toasts');
    this.toasts.setAttribute('role', 'status');
    this.toasts.setAttribute('aria-live', 'polite');
    holder.append(this.toasts);
    holder.addEventListener('close', () => holder.append(this.toasts), true);
    addEventListener('popstate', () => this.#leave());
    keepFocus(holder); // where it was may not be there any more
  }

  // Another view comes: what was opened over the one before goes with it.
  #leave() {
    this.#menu?.close();
    for (const dialog of this.holder.querySelectorAll('dialog[open]')) dialog.close();
  }

  // `action` runs when the button named `label` is pressed. Returns a function that takes the toast away.
  toast(text, { action, label, ms = TOAST_MS } = {}) {
    const shown = node('div', 'segue-toast');
    let before = null;
    const away = () => {
      if (shown.contains(document.activeElement)) before?.focus({ preventScroll: true });
      shown.remove();
    };
    shown.append(node('span', '', text));
    if (action) {
      const act = () => {
        away();
        action();
      };
      shown.append(button(label, act, { kind: 'quiet' }));
    }
    const above = [...this.holder.querySelectorAll('dialog[open]')].at(-1) ?? this.holder; // what is modal covers all else
    if (this.toasts.parentElement !== above) above.append(this.toasts);
    this.toasts.append(shown);
    while (this.toasts.children.length > 3) this.toasts.firstChild.remove();
    let timer = setTimeout(away, ms);
    const wait = () => clearTimeout(timer);
    const goOn = () => {
      wait();
      timer = setTimeout(away, ms);
    };
    shown.addEventListener('focusin', ({ relatedTarget }) => (before = relatedTarget));
    for (const name of ['pointerenter', 'focusin']) shown.addEventListener(name, wait);
    for (const name of ['pointerleave', 'focusout']) shown.addEventListener(name, goOn);
    return away;
  }

  // items: { label, icon, run } or { label, icon, href }; `danger` and `checked` say more; null is a line between.
  menu(anchor, items) {
    const again = this.#left.anchor === anchor && Date.now() - this.#left.at < AGAIN_MS;
    this.#menu?.close();
    if (!again) this.#menu = new Menu(this.holder, anchor, items, (chosen) => this.#closed(chosen ? null : anchor));
  }

  #closed(anchor) {
    this.#menu = null;
    this.#left = { anchor, at: Date.now() };
  }

  // actions: { label, run, kind }; `run` may answer false to keep the dialog open. Returns { element, close }.
  dialog({ title, content = [], actions = [], className = '', closed } = {}) {
    const element = node('dialog', `segue-dialog ${className}`.trim());
    const close = () => element.close();
    const heading = node('h2', 'segue-dialog-title', title);
    const head = node('header', 'segue-dialog-head');
    heading.id = `segue-dialog-${Math.random().toString(36).slice(2)}`;
    element.setAttribute('aria-labelledby', heading.id);
    head.append(heading, iconButton('close', this.t('dialog.close'), close));
    const body = node('div', 'segue-dialog-body');
    body.append(...[content].flat());
    element.append(head, body);
    if (actions.length) element.append(this.#actions(actions, close));
    this.#open(element, closed);
    return { element, close };
  }

  #actions(actions, close) {
    const row = node('footer', 'segue-dialog-actions');
    for (const { label, run, kind = '' } of actions) {
      row.append(button(label, async () => (await run?.()) !== false && close(), { kind }));
    }
    return row;
  }

  #open(element, closed) {
    const before = document.activeElement;
    element.addEventListener('click', (event) => event.target === element && element.close());
    element.addEventListener('close', () => {
      element.remove();
      before?.focus?.({ preventScroll: true });
      closed?.();
    });
    this.holder.append(element);
    element.showModal();
  }

  // Whether one really wants to.
  confirm({ title, text, ok, danger = false }) {
    return new Promise((answer) => {
      let sure = false;
      const yes = { label: ok, kind: danger ? 'danger' : 'strong', run: () => void (sure = true) };
      const no = { label: this.t('dialog.cancel') };
      this.dialog({ title, content: node('p', '', text), actions: [no, yes], closed: () => answer(sure) });
    });
  }

  // A text; null when one would rather not.
  ask({ title, label, value = '', ok }) {
    return new Promise((answer) => {
      let given = null;
      const form = node('form', 'segue-form');
      const field = node('label', 'segue-field', label);
      const input = node('input');
      Object.assign(input, { value, required: true, maxLength: 200, autocomplete: 'off' });
      field.append(input);
      form.append(field);
      const take = () => {
        if (!form.reportValidity()) return false;
        given = input.value.trim();
      };
      form.addEventListener('submit', (event) => {
        event.preventDefault();
        if (take() !== false) opened.close();
      });
      const actions = [{ label: this.t('dialog.cancel') }, { label: ok, kind: 'strong', run: take }];
      const opened = this.dialog({ title, content: form, actions, closed: () => answer(given || null) });
      input.focus();
      input.select();
    });
  }
}

class Menu {
  constructor(holder, anchor, items, closed) {
    Object.assign(this, { anchor, closed, ends: new AbortController(), chosen: false });
    const above = anchor.closest('dialog') ?? holder; // a modal dialog lets nothing outside it be reached
    this.element = node('div', 'segue-menu');
    this.element.setAttribute('role', 'menu');
    this.element.popover = 'auto';
    this.element.append(...items.map((item) => (item ? this.#item(item) : this.#line())));
    this.element.addEventListener('toggle', (event) => event.newState === 'closed' && this.#gone());
    this.element.addEventListener('keydown', (event) => this.#pressed(event));
    above.append(this.element);
    const width = innerWidth;
    addEventListener('resize', () => (innerWidth === width ? this.#place() : this.close()), { signal: this.ends.signal });
    this.element.showPopover();
    this.#place();
    anchor.setAttribute('aria-expanded', 'true');
    this.#stops()[0]?.focus();
  }

  close() {
    if (this.element.isConnected) this.element.hidePopover();
  }

  #gone() {
    this.ends.abort();
    this.#giveBack();
    this.element.remove();
    this.anchor.setAttribute('aria-expanded', 'false');
    this.closed(this.chosen);
  }

  // The focus, unless it is somewhere else already.
  #giveBack() {
    const { activeElement, body } = document;
    if (activeElement === body || this.element.contains(activeElement)) this.anchor.focus({ preventScroll: true });
  }

  #item({ label, icon: picture, run, href, danger, checked }) {
    const item = href ? link(href, 'segue-menu-item') : node('button', 'segue-menu-item');
    if (!href) item.type = 'button';
    item.setAttribute('role', checked === undefined ? 'menuitem' : 'menuitemcheckbox');
    if (checked !== undefined) item.setAttribute('aria-checked', String(checked));
    item.tabIndex = -1;
    item.classList.toggle('segue-danger', Boolean(danger));
    item.append(picture ? icon(picture) : node('span', 'segue-svg'), node('span', '', label));
    if (checked) item.append(icon('check'));
    item.addEventListener('click', () => {
      this.chosen = true;
      this.close();
      this.#giveBack(); // first: `run` may take the anchor away
      run?.();
    });
    return item;
  }

  #line() {
    const line = node('div', 'segue-menu-line');
    line.setAttribute('role', 'separator');
    return line;
  }

  #stops() {
    return [...this.element.querySelectorAll('.segue-menu-item')];
  }

  #pressed(event) {
    const stops = this.#stops();
    const at = stops.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: stops.length - 1 }[event.key];
    const letter = event.key.length === 1 && event.key !== ' ' && event.key.toLowerCase();
    const turned = [...stops.slice(at + 1), ...stops.slice(0, at + 1)];
    const named = letter && turned.find((stop) => stop.textContent.trim().toLowerCase().startsWith(letter));
    if (event.key === 'Tab') this.close();
    if (to === undefined && !named) return;
    event.preventDefault();
    event.stopPropagation();
    (named || stops[(to + stops.length) % stops.length]).focus();
  }

  // Below its button where there is room, above it otherwise; on phones style puts it at the bottom.
  #place() {
    const [at, own] = [this.anchor.getBoundingClientRect(), this.element.getBoundingClientRect()];
    const left = Math.max(8, Math.min(at.right - own.width, innerWidth - own.width - 8));
    const below = at.bottom + 4 + own.height < innerHeight - 8;
    const top = below ? at.bottom + 4 : Math.max(8, at.top - own.height - 4);
    this.element.style.setProperty('--left', `${left}px`);
    this.element.style.setProperty('--top', `${top}px`);
  }
}
