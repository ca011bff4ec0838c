// The words for short facts beside stages and checks. Every kind is named: a new one does not compile until it has words.

import { day, dayAndTime, shortDay, span } from "../format/dates";
import { bytes, withCurrency } from "../format/money";
import type { NoteView } from "../host/types";
import { zone } from "../state/app.svelte";
import { known, t } from "../words";

export function period(from: string | null, to: string | null): string {
  if (!from || !to) return "";
  if (from === to) return day(from);
  const years = from.slice(0, 4) !== to.slice(0, 4);
  return t("day.period", { from: shortDay(from, years), to: shortDay(to, years) });
}

/** "owner" → "the owner"; a person's own name stays. */
export const who = (name: string): string => known("who", name, name);

export function note(fact: NoteView, now?: string): string {
  switch (fact.kind) {
    case "approved_by":
      return t("note.approved_by", { who: who(fact.who) });
    case "copies":
      return t("note.copies", { count: fact.count, size: bytes(fact.bytes) });
    case "entries_equal":
      return t("note.entries_equal", { count: fact.count });
    case "rolled_back_too":
      return t("note.rolled_back_too", { time: span(fact.seconds) });
    case "same_company":
      return fact.new_permissions === 0 ? t("note.same_company") : t("note.same_company_new", { count: fact.new_permissions });
    case "unexplained":
      return t("note.unexplained", { count: fact.count });
    case "payments": {
      const when = period(fact.from_day, fact.to_day);
      return when ? t("note.payments_of", { count: fact.count, when }) : t("note.payments", { count: fact.count });
    }
    case "entries":
      return t("note.entries", { count: fact.count });
    case "of_total":
      return t("note.of_total", { done: fact.done, total: fact.total });
    case "doubled":
      return t("note.doubled", { count: fact.count });
    case "missing":
      return t("note.missing", { count: fact.count });
    case "difference":
      return t("note.difference", { amount: withCurrency(fact.amount) });
    case "expected":
      return t("note.expected", { count: fact.count });
    case "at":
      return dayAndTime(fact.at, zone(), now);
    case "days":
      return t("note.day_of", { day: fact.day, of: fact.of });
    case "days_long":
      return t("note.days", { count: fact.count });
    case "words":
      return fact.text;
  }
}
