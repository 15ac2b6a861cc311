/** `GET /errors/TYPE`: explains a kind of problem and what to do about it, from `docs/errors.md`. */
import { readFileSync } from "node:fs";
import type { Api } from "./openapi.ts";
import { Problem, PROBLEMS } from "./problem.ts";

const PAGE = new URL("../../docs/errors.md", import.meta.url);

/** The sections of the page by heading, which is the problem's type. */
export function readErrorSections(): ReadonlyMap<string, string> {
  const sections = readFileSync(PAGE, "utf8").split(/^(?=## )/m).slice(1);
  return new Map(sections.map((section) => {
    const [heading] = section.split("\n", 1);
    return [heading!.slice("## ".length).trim(), section];
  }));
}

/** Adds `GET /errors/TYPE`. Plain text, so that it reads the same in a terminal and in a browser. */
export function addErrorPages(app: Api): void {
  let sections: ReadonlyMap<string, string> | null = null;
  app.get("/errors/:type", (context) => {
    const type = context.req.param("type");
    const section = (sections ??= readErrorSections()).get(type);
    if (section === undefined) {
      throw new Problem(
        "not-found",
        `there is no problem ${type}; the types are ${Object.keys(PROBLEMS).join(", ")}`,
      );
    }
    return context.text(section, 200, { "content-type": "text/markdown; charset=utf-8" });
  });
}
