// The real host: commands of the window, answered by the engine.

import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import type { Host } from "./contract";

export const host: Host = {
  ask: (command, args) => invoke(command, { args }),
  onChanged(then) {
    const stop = listen("changed", () => then());
    return () => void stop.then((unlisten) => unlisten());
  },
};

/** Nothing to prepare: the real host needs no set-up from the page. */
export function prepare(): void {}
