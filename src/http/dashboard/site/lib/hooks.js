// State that components share: data of the API that is kept fresh, the live stream, the clock, sizes and the theme.

import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { apiHas, getJson } from "./api.js";
import { liveState, onChange, watchLive } from "./live.js";
import { startPolling } from "./polling.js";

/** How often to query without any event: events of other processes are not in this process's stream. */
const POLL_MS = 15_000;
/** The shortest time between two queries, however many events arrive. */
const AT_MOST_EVERY_MS = 1_000;

/**
 * The API's answer at `path`, queried again when one of `topics` changes. The previous answer stays until the next one arrives.
 * @template Data
 * @param {string | null} path null: nothing
 * @param {{ topics?: readonly string[], poll?: number, atMostEvery?: number }} [options] milliseconds
 * @returns {import("../types.ts").Loaded<Data>}
 */
export function useData(
  path,
  { topics = [], poll = POLL_MS, atMostEvery = AT_MOST_EVERY_MS } = {},
) {
  const [answer, setAnswer] = useState(
    /** @type {{ path: string | null, data: Data | null, error: Error | null }} */ ({
      path: null,
      data: null,
      error: null,
    }),
  );
  const [loading, setLoading] = useState(path !== null);
  const asked = useRef(/** @type {() => void} */ (() => {}));
  const topicList = topics.join(" ");

  useEffect(() => {
    if (path === null) return;
    const ask = async (/** @type {AbortSignal} */ signal) => {
      setLoading(true);
      try {
        const data = /** @type {Data} */ (await getJson(path, signal));
        setAnswer({ path, data, error: null });
      } catch (error) {
        if (signal.aborted) return;
        setAnswer((before) => ({
          path,
          data: before.path === path ? before.data : null,
          error: /** @type {Error} */ (error),
        }));
      }
      setLoading(false);
    };
    const isHidden = () => document.hidden;
    const polling = startPolling(ask, { interval: poll, atMostEvery, isHidden });
    asked.current = polling.now;
    const wanted = topicList.split(" ");
    const unlisten = onChange(({ topics }) => {
      if (topics.some((topic) => wanted.includes(topic))) polling.soon();
    });
    const seen = () => {
      if (!document.hidden) polling.soon();
    };
    document.addEventListener("visibilitychange", seen);
    return () => {
      polling.stop();
      unlisten();
      document.removeEventListener("visibilitychange", seen);
    };
  }, [path, topicList, poll, atMostEvery]);

  const reload = useCallback(() => asked.current(), []);
  return { data: answer.data, error: answer.error, loading, stale: answer.path !== path, reload };
}

/** State and activity of the live stream. */
export function useLive() {
  const [state, setState] = useState(liveState);
  // In the same task as the first rendering: what comes between that and an effect would not be shown until the next event.
  useLayoutEffect(() => watchLive(() => setState(liveState())), []);
  return state;
}

/** Milliseconds since 1970, updated every `every` milliseconds. @param {number} [every] */
export function useNow(every = 1000) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

/**
 * The width of an element to draw into; 0 until it is known.
 * @returns {[import("preact").RefObject<HTMLDivElement>, number]}
 */
export function useWidth() {
  const ref = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    setWidth(Math.floor(element.clientWidth));
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setWidth(Math.floor(entry.contentRect.width));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [/** @type {import("preact").RefObject<HTMLDivElement>} */ (ref), width];
}

/** A counter that increases when the colours change, for drawings on a canvas. */
export function useThemeTick() {
  const [tick, setTick] = useState(0);
  useEffect(() => {
    const change = () => setTick((before) => before + 1);
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", change);
    const observer = new MutationObserver(change);
    observer.observe(document.documentElement, {
      attributes: true,
      attributeFilter: ["data-theme"],
    });
    return () => {
      system.removeEventListener("change", change);
      observer.disconnect();
    };
  }, []);
  return tick;
}

/** Sets the title of the page. @param {string} title */
export function useTitle(title) {
  useEffect(() => {
    document.title = `${title} · GMN Data Store ingestion`;
  }, [title]);
}

/** Whether the API has a call; false until that is known. @param {string} method @param {RegExp} path */
export function useApiHas(method, path) {
  const [has, setHas] = useState(false);
  useEffect(() => {
    let isCurrent = true;
    apiHas(method, path).then((found) => {
      if (isCurrent) setHas(found);
    });
    return () => {
      isCurrent = false;
    };
  }, [method, path.source]);
  return has;
}
