// The page: header, the view for the address, messages. `lib/live.js` triggers new queries to the API.
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "./lib/html.js";
import { useData, useLive, useNow } from "./lib/hooks.js";
import { startLive } from "./lib/live.js";
import { href, rememberView, useRoute } from "./lib/router.js";
import { count, utc } from "./lib/format.js";
import { DiskNotice } from "./parts/disk_notice.js";
import { LogNotice } from "./parts/log_notice.js";
import { State } from "./parts/state_mark.js";
import { Toasts } from "./parts/toasts.js";
import { TokenDialog } from "./parts/token_dialog.js";
import { DeadLettersView } from "./views/dead_letters.js";
import { MeteorsView } from "./views/meteors.js";
import { NowView } from "./views/now.js";
import { RunView } from "./views/run.js";
import { RunsView } from "./views/runs.js";
import { TrajectoryView } from "./views/trajectory.js";
import { Empty } from "./parts/basics.js";

/** @typedef {import("./types.ts").Route} Route */

const TABS = [
  { name: "now", text: "Now" },
  { name: "runs", text: "Runs" },
  { name: "dead-letters", text: "Dead letters" },
  { name: "meteors", text: "Meteors" },
];

/** @param {Route} route */
function viewOf({ parts, query }) {
  const [place = "now", id] = parts;
  switch (place) {
    case "now":
      return html`<${NowView} />`;
    case "runs":
      return id === undefined
        ? html`<${RunsView} query=${query} />`
        : html`<${RunView} key=${id} id=${id} query=${query} />`;
    case "dead-letters":
      return html`<${DeadLettersView} query=${query} />`;
    case "meteors":
      return id === undefined
        ? html`<${MeteorsView} query=${query} />`
        : html`<${TrajectoryView} key=${id} id=${id} />`;
    default:
      // deno-fmt-ignore
      return html`<div>
        <h1 tabindex="-1">There is no such page</h1>
        <${Empty} title=${`Nothing is at ${location.hash}.`}><a href="#/now">See the state of the service</a><//>
      </div>`;
  }
}

function App() {
  const route = useRoute();
  rememberView(route);
  const main = useRef(/** @type {HTMLElement | null} */ (null));
  const place = route.parts.join("/");
  const shown = useRef(place);
  useEffect(() => {
    // As on a page load: scrolls to the top and focuses the heading. (The first place is a page load.)
    if (shown.current === place) return;
    shown.current = place;
    scrollTo(0, 0);
    main.current?.querySelector("h1")?.focus({ preventScroll: true });
  }, [place]);
  const skip = (/** @type {Event} */ event) => {
    event.preventDefault();
    main.current?.querySelector("h1")?.focus();
  };
  // deno-fmt-ignore
  return html`<div>
    <a class="skip" href="#main" onClick=${skip}>Skip to content</a>
    <${Header} place=${route.parts[0] ?? "now"} />
    <main id="main" ref=${main}>${viewOf(route)}</main>
    <${Toasts} />
    <${TokenDialog} />
  </div>`;
}

/** @param {{ place: string }} props */
function Header({ place }) {
  const { connection } = useLive();
  const status = /** @type {import("./types.ts").Loaded<import("./types.ts").ServiceStatus>} */ (
    useData("/status", { topics: ["dead_letters", "status"] })
  );
  const deadLetters = status.data?.store?.dead_letters ?? 0;
  // deno-fmt-ignore
  return html`<header class="frame-header">
    <div class="frame-header-inner">
      <a class="brand" href="#/now">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="7" fill="#12233f" />
          <path d="M6 7 20.5 19.5" stroke="#9dc0ff" stroke-width="2.6" stroke-linecap="round" />
          <circle cx="22.3" cy="21.2" r="4" fill="#fff" />
        </svg>
        <span>GMN Data Store <span class="brand-more">ingestion</span></span>
      </a>
      <nav class="tabs" aria-label="Views">
        ${TABS.map(({ name, text }) =>
          html`<a key=${name} href=${href([name])} aria-current=${place === name ? "page" : undefined}>
            ${text}${name === "dead-letters" && deadLetters > 0 ? html`<${Waiting} deadLetters=${deadLetters} />` : null}
          </a>`
        )}
      </nav>
      <div class="frame-tools">
        <${Clock} />
        <a href="/docs">API</a>
        <span aria-live="polite"><${State} state=${connection} /></span>
        <${ThemeButton} />
      </div>
    </div>
    <${LogNotice} log=${status.data?.log ?? null} />
    <${DiskNotice} disks=${status.data?.disks ?? null} />
  </header>`;
}

/** @param {{ deadLetters: number }} props */
function Waiting({ deadLetters }) {
  return html`<span class="tab-count">${
    count(deadLetters)
  }<span class="hidden"> waiting</span></span>`;
}

function Clock() {
  const now = useNow(1000);
  return html`<time class="clock" datetime=${new Date(now).toISOString()}>${utc(now)}</time>`;
}

/** The colour themes: for each, the next one and its name. @type {Record<string, { next: string, name: string }>} */
const THEMES = {
  system: { next: "light", name: "Auto" },
  light: { next: "dark", name: "Light" },
  dark: { next: "system", name: "Dark" },
};

function ThemeButton() {
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? "system");
  const { next, name } = THEMES[theme] ?? THEMES.system;
  const change = () => {
    if (next === "system") {
      delete document.documentElement.dataset.theme;
      localStorage.removeItem("gmn-theme");
    } else {
      document.documentElement.dataset.theme = next;
      localStorage.setItem("gmn-theme", next);
    }
    setTheme(next);
  };
  const title = `Colours: ${name.toLowerCase()}; press for ${THEMES[next].name.toLowerCase()}`;
  return html`<button type="button" class="button small" onClick=${change} title=${title}>
    <span class="hidden">Colours:</span> ${name}
  </button>`;
}

startLive();
const root = document.getElementById("app");
if (root !== null) {
  root.replaceChildren();
  render(html`<${App} />`, root);
}
