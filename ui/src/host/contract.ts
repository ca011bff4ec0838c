// What the page needs of whoever hosts it. Only files in this folder may import the window's library.

import type { Commands, ProblemView } from "./types";

export type CommandName = keyof Commands;
export type Args<C extends CommandName> = Commands[C]["args"];
export type Answer<C extends CommandName> = Commands[C]["answer"];

export interface Host {
  /** Answers with the whole view, or throws a `ProblemView`. */
  ask<C extends CommandName>(command: C, args: Args<C>): Promise<Answer<C>>;
  /** Calls `then` whenever something that a view shows has changed. Returns how to stop. */
  onChanged(then: () => void): () => void;
}

/** What was thrown, as a problem a person can read. */
export function asProblem(thrown: unknown, words: { what: string; next: string }): ProblemView {
  if (typeof thrown === "object" && thrown !== null && "code" in thrown && "what" in thrown) return thrown as ProblemView;
  return {
    code: "E-WINDOW-BRIDGE",
    touched: "unknown",
    touched_sentence: "",
    what: words.what,
    why: [thrown instanceof Error ? thrown.message : String(thrown)],
    next: words.next,
    retry: { kind: "after_fix" },
    also: [],
  };
}
