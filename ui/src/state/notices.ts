// Telling in good time what ends. The engine decides what is due and remembers what was told; here it is only said: by
// the system while the window is not in front, and aloud in the page otherwise.

import { state, title } from "../components/ends";
import { host } from "../host";
import { announce } from "./live.svelte";

/** A day's change of threshold is noticed within this time, also where nothing else changes. */
export const LOOK_AGAIN_MS = 3_600_000;

let telling = false;

export async function tellEnds(): Promise<void> {
  if (telling) return;
  telling = true;
  try {
    const { due } = await host.ask("calendar_due", {});
    for (const { ends, threshold, end } of due) {
      const text = `${title(ends)}: ${state(ends)}`;
      const shown = await host.ask("notify", { title: ends.company_name, text });
      if (!shown.done) announce(text);
      // Only what was said is remembered; what could not be is said at the next look.
      await host.ask("calendar_told", { company: ends.company, row: ends.id, end, threshold });
    }
  } catch {
    // Today and the calendar show the same rows; the next look tries again.
  } finally {
    telling = false;
  }
}
