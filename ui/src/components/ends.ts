// What a row of the calendar says, in the reader's language. Texts of the catalogue are shown as they stand there.

import { day, dayAndTime, dayOf, monthOf } from "../format/dates";
import type { EndsAct, EndsView } from "../host/types";
import { address } from "../state/route.svelte";
import { t } from "../words";
import type { IconName } from "./icons";

/** What ends, in one line. */
export function title(row: EndsView): string {
  const what = row.what;
  const whose = row.for_version ? ` ${t("ends.for_version", { version: row.for_version })}` : "";
  switch (what.kind) {
    case "sign_in_renews":
    case "sign_in_fixed":
    case "sign_in_over":
    case "cap":
      return t(`ends.${what.kind}`, row) + whose;
    case "key":
      return t("ends.key", { ...what, provider: row.provider }) + whose;
    case "permission":
      return t("ends.permission", { ...what, provider: row.provider }) + whose;
    case "api_version":
      return t("ends.api_version", { ...what, provider: row.provider });
    case "connector":
      return what.title;
    case "announced":
      return t("ends.announced", row);
  }
}

/** What happens then. */
export function happens(row: EndsView): string {
  const what = row.what;
  switch (what.kind) {
    case "sign_in_over":
      return [what.reason, t("ends.stops")].filter(Boolean).join(" ");
    case "sign_in_renews":
    case "sign_in_fixed":
    case "key":
      return t("ends.stops");
    case "cap":
      return `${t("ends.cap_text", { count: what.days })} ${t("ends.stops")}`;
    case "permission":
      return `${what.why} ${t("ends.permission_text")}`;
    case "api_version":
      return t("ends.api_version_text", what);
    case "connector":
    case "announced":
      return what.text;
  }
}

/** What to do, in a sentence. */
export function toDo(row: EndsView): string {
  switch (row.act.kind) {
    case "reconnect":
      return t(row.what.kind === "key" ? "ends.do.key" : "ends.do.reconnect", { provider: row.provider, called: row.what.kind === "key" ? row.what.called : "" });
    case "plan_upgrade":
    case "go_on":
      return t(`ends.do.${row.act.kind}`, row.act);
    case "renews_itself":
    case "read":
      return t(`ends.do.${row.act.kind}`);
    case "nothing":
      return t(row.when.kind === "unknown" ? "ends.do.unknown" : "ends.do.nothing");
  }
}

/** "in 5 days" as a state: what a chip says. */
export function state(row: EndsView): string {
  if (row.standing === "ended") return t("ends.state.ended");
  if (row.act.kind === "renews_itself") return t("ends.state.renews");
  if (row.standing === "undated") return t(row.when.kind === "no_known_end" ? "ends.state.no_known_end" : "ends.state.unknown");
  return row.days_left === null || row.days_left <= 0 ? t("need.today") : t("need.days_left", { count: row.days_left });
}

export const icon = (row: EndsView): IconName | undefined => (row.standing === "soon" && row.mood === "attention" ? "wait" : row.act.kind === "renews_itself" && row.mood === "good" ? "refresh" : undefined);

/** The day, with the time of day where one is known. */
export function when(row: EndsView, now: string): string {
  switch (row.when.kind) {
    case "at":
      return dayAndTime(row.when.at, row.zone, now);
    case "day":
      return row.day ? day(row.day, dayOf(now, row.zone)) : "";
    case "month":
      return row.day ? t("ends.in_month", { month: monthOf(row.day) }) : "";
    case "over":
    case "no_known_end":
    case "unknown":
      return "";
  }
}

/** How sure the day is; empty where the provider itself says it. */
export function sureness(row: EndsView): string {
  if (row.sure.kind === "said") return "";
  if (row.sure.kind === "worked_out") return t("ends.sure.worked_out");
  return row.sure.why ? t("ends.sure.unverified_why", { why: row.sure.why }) : t("ends.sure.unverified");
}

/** Where it can be done, and what the button says; null where there is nothing to press. */
export function button(row: EndsView): { words: string; to: string } | null {
  const act: EndsAct = row.act;
  switch (act.kind) {
    case "reconnect":
      return { words: t("need.reconnect.button", row), to: address("accounts", row.connection, { reconnect: "1" }) };
    case "plan_upgrade":
      return { words: t("need.upgrade_ready.button"), to: address("upgrade", null, { connection: row.connection, to: act.to }) };
    case "go_on":
      return { words: t("need.upgrade.button"), to: address("upgrade") };
    case "renews_itself":
    case "read":
    case "nothing":
      return null;
  }
}
