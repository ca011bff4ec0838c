// What the palette offers: rows of the command table that make sense without a further choice, in its order.

import { type CommandName, commandRows } from "../host";
import { companyId, frame } from "../state/app.svelte";
import { announce } from "../state/live.svelte";
import { go } from "../state/route.svelte";
import { known, t } from "../words";
import type { IconName } from "./icons";

export interface PaletteItem {
  id: string;
  words: string;
  icon: IconName;
  run: () => void;
}

/** Commands with a place or an action of their own; the others need something selected and live on their screen. */
const doing: Partial<Record<CommandName, { icon: IconName; run: () => void; company?: boolean }>> = {
  company_select: { icon: "companies", run: () => go("companies") },
  today_view: { icon: "today", run: () => go("today"), company: true },
  accounts_view: { icon: "accounts", run: () => go("accounts"), company: true },
  calendar_view: { icon: "wait", run: () => go("calendar"), company: true },
  upgrade_view: { icon: "upgrade", run: () => go("upgrade"), company: true },
  backups_view: { icon: "backups", run: () => go("backups"), company: true },
  backup_now: { icon: "backups", run: () => void start("backup_now", () => go("backups")), company: true },
  restore_start: { icon: "restore", run: () => go("backups"), company: true },
  reconcile_view: { icon: "reconcile", run: () => go("reconcile"), company: true },
  sync_now: { icon: "refresh", run: () => void start("sync_now", () => go("today")), company: true },
  log_view: { icon: "log", run: () => go("log") },
  practice_view: { icon: "practice", run: () => go("practice") },
  company_add: { icon: "companies", run: () => go("company-add") },
  settings_view: { icon: "settings", run: () => go("settings") },
};

async function start(command: "backup_now" | "sync_now", then: () => void): Promise<void> {
  const answer = await frame.act(command, { company: companyId() });
  if (answer) announce(t(`work.${answer.work}`));
  then();
}

export function paletteItems(): PaletteItem[] {
  const hasCompany = companyId() !== "";
  return commandRows.flatMap((row) => {
    const one = doing[row.name];
    if (!one || (one.company && !hasCompany)) return [];
    return [{ id: row.name, words: known("command", row.name, row.words), icon: one.icon, run: one.run }];
  });
}

