// How loud each track is played, so that none is louder than the others.
// In: its loudness in LUFS and its true peak in dBTP. Out: a factor for the volume, never so high that it clips.

const REFERENCE_LUFS = -18; // ReplayGain 2.0's
const MOST_DB = 12;

export function gain({ loudness_lufs: loudness, true_peak_dbtp: peak }) {
  if (loudness === null || loudness === undefined) return 1;
  const wanted = Math.min(REFERENCE_LUFS - loudness, MOST_DB);
  const room = Math.max(0, -(peak ?? 0)); // what there is until it clips
  return 10 ** (Math.min(wanted, room) / 20);
}
