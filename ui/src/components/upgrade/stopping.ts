// What stopping or rolling back would do, in numbers.

import { withCurrency } from "../../format/money";
import type { StopHereView } from "../../host/types";
import { t } from "../../words";

export function stopping(stop: StopHereView): string {
  if (!stop.books_touched) return t("stop.nothing");
  return [t("stop.removed", { count: stop.entries_removed }), stop.entries_put_back > 0 ? t("stop.put_back", { count: stop.entries_put_back }) : t("stop.else")].join(" ");
}

/** For the question before a rollback: every number on its own line. */
export function rollbackLines(stop: StopHereView, company: string): string[] {
  if (!stop.books_touched) return [t("rollback.nothing", { company })];
  return [
    stop.amount ? t("rollback.remove_amount", { count: stop.entries_removed, amount: withCurrency(stop.amount), company }) : t("rollback.remove", { count: stop.entries_removed, company }),
    t("rollback.put_back", { count: stop.entries_put_back }),
    t("rollback.equal"),
  ];
}
