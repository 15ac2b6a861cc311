/**
 * The fenced code blocks of the user documentation, and the commands in them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A fenced block. */
export interface Block {
  /** The page, relative to the project: `docs/api.md`. */
  readonly page: string;
  /** Line of the opening fence. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

/** A command from a block of shell commands. */
export interface DocumentedCommand {
  readonly page: string;
  readonly line: number;
  /** Joined to one line, without its comment. */
  readonly text: string;
}

/** README.md, docs/*.md, docs/how-to/*.md and docs/runbook/*.md. */
export function pagesOf(root: string): string[] {
  const pagesIn = (folder: string) =>
    readdirSync(join(root, folder)).filter((name) => name.endsWith(".md")).sort()
      .map((name) => `${folder}/${name}`);
  return [
    "README.md",
    ...["docs", "docs/how-to", "docs/runbook"].flatMap(pagesIn),
  ];
}

/** The blocks of a page, in order. */
export function blocksOf(root: string, page: string): Block[] {
  const blocks: Block[] = [];
  let open: { line: number; language: string; text: string[] } | null = null;
  for (const [at, line] of readFileSync(join(root, page), "utf8").split("\n").entries()) {
    const fence = /^ *```(.*)$/.exec(line);
    if (open === null && fence !== null) {
      open = { line: at + 1, language: fence[1]!.trim(), text: [] };
    } else if (open !== null && fence !== null) {
      blocks.push({ page, ...open, text: open.text.join("\n") });
      open = null;
    } else open?.text.push(line);
  }
  return blocks;
}

/** The commands of a block of shell commands: comments are removed, lines that end in a backslash are joined. */
export function commandsOf({ page, line, text }: Block): DocumentedCommand[] {
  const commands: DocumentedCommand[] = [];
  let begun = "";
  let at = line + 1;
  for (const [index, raw] of text.split("\n").entries()) {
    if (begun === "") at = line + 1 + index;
    const code = withoutComment(raw).trim();
    begun = begun === "" ? code : `${begun} ${code}`;
    if (begun.endsWith("\\")) begun = begun.slice(0, -1).trimEnd();
    else if (begun !== "") {
      commands.push({ page, line: at, text: begun });
      begun = "";
    }
  }
  return commands;
}

/** A `#` at the beginning of a word, outside of quotes, starts a comment. */
function withoutComment(line: string): string {
  let quote: string | null = null;
  for (let at = 0; at < line.length; at++) {
    const character = line[at]!;
    if (quote !== null) {
      if (character === quote) quote = null;
    } else if (character === "'" || character === '"') quote = character;
    else if (character === "#" && (at === 0 || /\s/.test(line[at - 1]!))) return line.slice(0, at);
  }
  return line;
}
