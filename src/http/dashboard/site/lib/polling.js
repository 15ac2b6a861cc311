// Repeats a query: at intervals, and sooner after a change, but never twice at once.
//
// idle -- interval over, or soon() --> asking -- answered --> idle
//      soon() while asking: one more query, `atMostEvery` after the answer
//      hidden page: no query; checked again an interval later

/**
 * Queries at once, and repeatedly from then on.
 * @param {(signal: AbortSignal) => Promise<void>} ask must not reject; the signal aborts when the answer is no longer needed
 * @param {{ interval: number, atMostEvery: number, isHidden: () => boolean }} options milliseconds
 * @returns {{ now: () => void, soon: () => void, stop: () => void }}
 */
export function startPolling(ask, { interval, atMostEvery, isHidden }) {
  const ended = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let last = 0;
  let isAsking = false;
  let again = false;
  const now = async () => {
    if (isAsking) {
      again = true;
      return;
    }
    isAsking = true;
    again = false;
    clearTimeout(timer);
    last = Date.now();
    await ask(ended.signal);
    if (ended.signal.aborted) return;
    isAsking = false;
    timer = setTimeout(whenSeen, again ? atMostEvery : interval);
  };
  const whenSeen = () => {
    if (isHidden()) timer = setTimeout(whenSeen, interval);
    else now();
  };
  const soon = () => {
    if (isAsking) {
      again = true;
      return;
    }
    clearTimeout(timer);
    timer = setTimeout(whenSeen, Math.max(0, last + atMostEvery - Date.now()));
  };
  const stop = () => {
    ended.abort();
    clearTimeout(timer);
  };
  now();
  return { now, soon, stop };
}
