// How a state looks: mood and icon. The word beside it comes from the messages.

import type { Mood, VerdictView } from "../host/types";
import type { IconName } from "./icons";

export const verdictLook: Record<VerdictView, { mood: Mood; icon: IconName }> = {
  pass: { mood: "good", icon: "ok" },
  fail: { mood: "stop", icon: "stop" },
  inconclusive: { mood: "attention", icon: "warn" },
  not_applicable: { mood: "plain", icon: "dash" },
  expected: { mood: "information", icon: "info" },
  pending: { mood: "plain", icon: "wait" },
};
