// Asks a question again and again: at intervals, and sooner when something changed, but never twice at once.
//
// idle -- interval over, or soon() --> asking -- answered --> idle
//      soon() while asking: asked once more, `atMostEvery` after the answer
//      hidden page: nothing is asked; it is looked at again an interval later

/**
 * Asks at once, and from then on.
 * @param {(signal: AbortSignal) => Promise<void>} ask must not reject; the signal says that nobody waits for the answer any more
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
