// Taking something out of what is learned from.
// In: an artist, a genre, an album, a track or events. Out: me/unlearn, after asking; then the next answer already follows.

const SETTLED_MS = 400; // the word travels through Kafka, in order with the plays

export async function unlearn(app, what, name, again, from) {
  const { t } = app;
  const sure = await app.confirm({ title: t('taste.sure', { name }), text: t('taste.sure_text'), ok: t('taste.sure_ok') });
  if (!sure) return;
  from?.setAttribute('disabled', '');
  try {
    const { events } = await app.service.post('me/unlearn', what);
    app.toast(t('taste.unlearned', { n: events, name }));
    await new Promise((done) => setTimeout(done, SETTLED_MS));
    app.queue.refresh();
    await again();
  } catch (error) {
    from?.removeAttribute('disabled');
    app.toast(error.message);
  }
}
