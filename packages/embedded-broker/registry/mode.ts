/**
 * Modes of the registry or of one subject: what may be written.
 *
 * READWRITE: registering and deleting. READONLY: neither. IMPORT: registering with the id the client says, and the
 * version if it says one, to copy another registry; compatibility is not checked, since the history was right where it
 * comes from. (Redpanda has it like this since 25.3.)
 */
export const modes = ["READWRITE", "READONLY", "IMPORT"] as const;

export type Mode = typeof modes[number];

export const defaultMode: Mode = "READWRITE";

export function isMode(text: string): text is Mode {
  return (modes as readonly string[]).includes(text);
}
