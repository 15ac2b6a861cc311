// State that components share: data of the API that stays fresh, the live stream, the clock, sizes and the theme.

import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { apiHas, getJson } from "./api.js";
import { liveState, onChange, watchLive } from "./live.js";

/** Asked again this often even when no event came: other processes' events are not in this one's stream. */
const POLL_MS = 15_000;
/** And not more often than this, however much happens. */
const AT_MOST_EVERY_MS = 1_000;

/**
 * What the API answers at `path`, asked again when one of `topics` changes. The last answer stays while the next is awaited.
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
    const ended = new AbortController();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    let last = 0;
    let busy = false;
    let again = false;
    const ask = async () => {
      if (busy) {
        again = true;
        return;
      }
      busy = true;
      again = false;
      clearTimeout(timer);
      last = Date.now();
      setLoading(true);
      try {
        const data = await getJson(path, ended.signal);
        setAnswer({ path, data, error: null });
      } catch (error) {
        if (ended.signal.aborted) return;
        setAnswer((before) => ({
          path,
          data: before.path === path ? before.data : null,
          error: /** @type {Error} */ (error),
        }));
      }
      busy = false;
      setLoading(false);
      timer = setTimeout(askIfSeen, again ? atMostEvery : poll);
    };
    const askIfSeen = () => {
      if (document.hidden) timer = setTimeout(askIfSeen, poll);
      else ask();
    };
    const soon = () => {
      if (busy) {
        again = true;
        return;
      }
      clearTimeout(timer);
      timer = setTimeout(askIfSeen, Math.max(0, last + atMostEvery - Date.now()));
    };
    asked.current = ask;
    ask();
    const wanted = topicList.split(" ");
    const unlisten = onChange((change) => {
      if (change.topics.some((topic) => wanted.includes(topic))) soon();
    });
    const seen = () => {
      if (!document.hidden) soon();
    };
    document.addEventListener("visibilitychange", seen);
    return () => {
      ended.abort();
      clearTimeout(timer);
      unlisten();
      document.removeEventListener("visibilitychange", seen);
    };
  }, [path, topicList, poll, atMostEvery]);

  const reload = useCallback(() => asked.current(), []);
  return { data: answer.data, error: answer.error, loading, stale: answer.path !== path, reload };
}

/** Connection and activity of the live stream. */
export function useLive() {
  const [state, setState] = useState(liveState);
  useEffect(() => watchLive(() => setState(liveState())), []);
  return state;
}

/** Milliseconds since 1970, renewed every `every` milliseconds. @param {number} [every] */
export function useNow(every = 1000) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

/**
 * The width of an element, to draw into. 0 before it is known.
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

/** Counts up whenever the colours change, for what is drawn on a canvas. */
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

/** Whether the API has this call; false until that is known. @param {string} method @param {RegExp} path */
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
