// Signing in, where accounts exist.
// In: a name, and a password or a token. Out: cookies that the page's server sets, and the page begins anew.

import { button, icon, node } from './draw.js';

export function signInForm(app) {
  const { signin } = app.shell;
  if (!signin.hidden) return;
  const { t } = app;
  const form = node('form', 'segue-signin');
  form.id = 'segue-signin';
  const error = node('p', 'segue-error');
  error.setAttribute('role', 'alert');
  error.id = 'segue-signin-error';
  form.append(icon('brand'), node('h1', '', t('session.title')), node('p', '', t('session.text')), node('code', 'segue-code', t('session.code')));
  form.append(field(t('session.name'), 'name', 'text', 'username'), field(t('session.secret'), 'secret', 'password', 'current-password'));
  form.append(error, submit(t('session.submit')));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    signIn(app, form, error);
  });
  signin.replaceChildren(form);
  app.shell.lock(true);
  form.elements.name.focus();
}

function field(label, name, type, autocomplete) {
  const holder = node('label', 'segue-field', label);
  const input = node('input');
  Object.assign(input, { name, type, autocomplete, required: true });
  holder.append(input);
  return holder;
}

function submit(text) {
  const made = button(text, null, { kind: 'strong' });
  made.type = 'submit';
  return made;
}

async function signIn(app, form, error) {
  try {
    await app.service.post('session', Object.fromEntries(new FormData(form)));
    location.reload();
  } catch (fault) {
    error.textContent = fault.message;
  }
}

export async function signOut(app) {
  app.player.pause();
  await app.service.remove('session').catch(() => {});
  location.reload();
}
