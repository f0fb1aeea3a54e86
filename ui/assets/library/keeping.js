// Changes to playlists, which may be changed on another device at the same moment.
// In: a playlist's id and what to do with its tracks. Out: the playlist as the service has it now.

const TRIES = 4;

export const CONFLICT = 409;

// `edit(ids)` gives the new list of ids, or null for no change; on a conflict it is asked again with the newer list.
async function edited(app, id, edit, tries = TRIES) {
  const now = await app.service.get(address(id));
  const tracks = edit(now.items.map((track) => track.id));
  if (!tracks) return now;
  try {
    return await app.service.put(address(id), { name: now.name, tracks, revision: now.revision });
  } catch (error) {
    if (error.status !== CONFLICT || tries <= 1) throw error;
    return edited(app, id, edit, tries - 1);
  }
}

// Those that are not in it yet go to its end. Returns how many that were.
export async function added(app, id, tracks) {
  let came = 0;
  await edited(app, id, (before) => {
    const fresh = tracks.map((track) => track.id).filter((track) => !before.includes(track));
    came = fresh.length;
    return came ? [...before, ...new Set(fresh)] : null;
  });
  return came;
}

export function made(app, name, tracks) {
  return app.service.post('me/playlists', { name, tracks: tracks.map((track) => track.id) });
}

// Deleted at once, and made again when one thinks better of it.
export async function deleted(app, playlist, restored) {
  await app.service.remove(address(playlist.id));
  const undo = () =>
    made(app, playlist.name, playlist.items).then(restored, (error) => app.toast(error.message));
  app.toast(app.t('playlist.deleted', { name: playlist.name }), { label: app.t('does.undo'), action: undo });
}

export function address(id) {
  return `me/playlists/${encodeURIComponent(id)}`;
}
