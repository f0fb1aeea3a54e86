// What is kept about a listener, and where; private mode; taking it all along; an end to it.
// In: the session. Out: a part of "What Segue knows about you"; api/me/export as a file, api/me erased after a typed word.

import { button, link, node } from '../draw.js';

export function yourData(app, again) {
  const { t } = app;
  const section = node('section', 'segue-panel segue-keeping');
  section.append(node('h2', '', t('taste.keeping')), ...privately(app), ...kept(app), taken(app), ended(app, again));
  return section;
}

function privately(app) {
  const { t } = app;
  const label = node('label', 'segue-switch');
  const input = node('input');
  Object.assign(input, { type: 'checkbox', checked: app.private });
  input.setAttribute('role', 'switch');
  input.setAttribute('aria-describedby', 'segue-private-about');
  input.addEventListener('change', () => input.checked !== app.private && app.settings.togglePrivate());
  label.append(input, node('span', '', t('taste.private')));
  const about = node('p', 'segue-muted', t('taste.private_about'));
  about.id = 'segue-private-about';
  const off = app.on('private', () => {
    if (!input.isConnected) return off();
    input.checked = app.private;
  });
  return [label, about];
}

function kept({ t }) {
  const list = node('dl', 'segue-kept');
  for (const part of ['plays', 'playlists', 'model', 'log', 'browser', 'outside']) {
    list.append(node('dt', '', t(`taste.kept.${part}.what`)), node('dd', '', t(`taste.kept.${part}.where`)));
  }
  return [node('h3', '', t('taste.kept.title')), list];
}

function taken({ t }) {
  const part = node('div', 'segue-keeping-act');
  const download = link('api/me/export', 'segue-button', t('taste.export'));
  download.setAttribute('download', '');
  part.append(node('h3', '', t('taste.export_title')), node('p', 'segue-muted', t('taste.export_about')), download);
  return part;
}

function ended(app, again) {
  const { t } = app;
  const part = node('div', 'segue-keeping-act');
  const erase = button(t('taste.erase'), () => askToErase(app, again), { kind: 'danger' });
  part.append(node('h3', '', t('taste.erase_title')), node('p', 'segue-muted', t('taste.erase_about')), erase);
  return part;
}

// Only after the word has been typed: nothing brings back what goes here.
function askToErase(app, again) {
  const { t } = app;
  const word = t('taste.erase_word');
  const field = node('label', 'segue-field', t('taste.erase_type', { word }));
  const input = node('input');
  Object.assign(input, { autocomplete: 'off', spellcheck: false });
  field.append(input);
  const told = node('p', 'segue-error');
  told.setAttribute('role', 'alert');
  const run = async () => {
    const typed = input.value.trim().toLowerCase() === word.toLowerCase();
    told.textContent = typed ? '' : t('taste.erase_wrong', { word });
    if (typed) return erase(app, again, told);
    input.focus();
    return false;
  };
  const opened = app.dialog({
    title: t('taste.erase_sure'),
    content: [node('p', '', t('taste.erase_text')), field, told],
    actions: [{ label: t('dialog.cancel') }, { label: t('taste.erase_ok'), kind: 'danger', run }],
  });
  input.focus();
  input.addEventListener('keydown', async (event) => event.key === 'Enter' && (await run()) && opened.close());
}

async function erase(app, again, told) {
  try {
    await app.service.remove('me');
  } catch (error) {
    told.textContent = error.message;
    return false;
  }
  app.plays.outbox.withdraw(() => true); // what was not sent yet is erased, too
  app.toast(app.t('taste.erased'));
  await app.opinions.learn().catch(() => {});
  app.queue.forget();
  again();
  return true;
}
