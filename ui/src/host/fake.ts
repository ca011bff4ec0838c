// A made-up host: fixed answers for looking at screens (`vite build --mode fake`) and for component tests.
// It is chosen by an alias in vite.config.ts and is never part of a production build (tests/bundle.test.ts).

import type { Answer, Args, CommandName, Host } from "./contract";
import * as basics from "./fixtures/basics";
import * as calendar from "./fixtures/calendar";
import * as rest from "./fixtures/rest";
import * as upgrade from "./fixtures/upgrade";
import type { ProblemView } from "./types";

type Reply<C extends CommandName> = Answer<C> | ((args: Args<C>) => Answer<C> | Promise<Answer<C>>);
type Replies = { [C in CommandName]?: Reply<C> };

const usual = (): Replies => ({
  app_view: basics.app,
  company_select: basics.app,
  today_view: basics.today,
  accounts_view: basics.accounts,
  reconnect_view: basics.reconnect("why"),
  reconnect_start: (args) => basics.reconnect(args.open_browser ? "browser" : "why"),
  reconnect_cancel: basics.accounts,
  reconnect_paste: basics.reconnect("done"),
  disconnect: basics.accountsGivenUp,
  account_add: basics.accounts,
  account_remove: basics.accounts,
  account_application: basics.reconnect("why"),
  account_key: basics.keyed("done"),
  calendar_view: (args) => (args.company === null ? calendar.all : calendar.one),
  calendar_export: (args) => ({ file: args.path, events: 4, without_day: 1 }),
  calendar_due: { due: [] },
  calendar_told: { done: true },
  upgrade_view: { kind: "run", run: upgrade.run },
  upgrade_plan: { kind: "plan", plan: upgrade.plan },
  upgrade_start: { kind: "run", run: upgrade.running },
  upgrade_approve: { kind: "run", run: upgrade.running },
  upgrade_pause: { kind: "run", run: { ...upgrade.run, mode: { kind: "paused", why: "You paused it." } } },
  upgrade_resume: { kind: "run", run: upgrade.run },
  upgrade_stop: upgrade.upgradeNone,
  upgrade_rollback: upgrade.upgradeNone,
  upgrade_next_day: { kind: "run", run: upgrade.watching },
  upgrade_dismiss: upgrade.upgradeNone,
  upgrade_finish: upgrade.upgradeNone,
  differences_view: (args) => ({ ...upgrade.differences, filter: args.filter, page: args.page }),
  backups_view: rest.backups,
  backup_now: basics.job("backup"),
  kit_confirm_group: rest.backupsKitConfirmed,
  kit_confirm_file: rest.backupsKitConfirmed,
  backup_schedule_set: rest.backups,
  backup_timer: rest.backups,
  backup_verify: basics.job("verify_backup"),
  restore_moments: (args) => (args.company === null ? rest.momentsElsewhere : rest.moments),
  restore_preview: rest.restore,
  restore_start: (args) => (args.target === null ? rest.restoredInPlace : rest.restored),
  restore_undo: { ...rest.moments, job: basics.job("restore") },
  recovery_kit: { file: "/home/ann/changeover-recovery-kit.txt", fingerprint: "4F 91 0A C2" },
  reconcile_view: rest.reconcile,
  hold_view: (args) => (args.hold === "h2" ? rest.holdUnknown : rest.hold),
  hold_resolve: { ...rest.reconcile, held: [] },
  sync_now: basics.job("sync"),
  log_view: rest.log,
  log_verify: rest.logGood,
  practice_view: rest.practice,
  practice_new: basics.job("make_practice"),
  books_inspect: rest.books,
  company_protect: { company: "main-street", name: "Main Street Café", connection: null },
  company_add: { company: "main-street", name: "Main Street Café", connection: "square" },
  settings_view: rest.settings,
  secrets_view: rest.secrets,
  secrets_choose: { ...rest.secrets, place: "passphrase", state: { state: "passphrase" }, vault_exists: true },
  secrets_open: { ...rest.secrets, place: "passphrase", state: { state: "passphrase" }, vault_exists: true },
  secrets_change_passphrase: { ...rest.secrets, place: "passphrase", state: { state: "passphrase" }, vault_exists: true },
  job_view: basics.job("sync"),
  job_cancel: { ...basics.job("sync"), state: "cancelled" },
  books_pick: { path: "/home/ann/main-street-cafe.gnucash" },
  folder_pick: { path: "/media/office/changeover" },
  kit_pick: { path: "/media/office/changeover-recovery-kit.txt" },
  kit_save_as: { path: "/home/ann/changeover-recovery-kit.txt" },
  calendar_save_as: { path: "/home/ann/changeover.ics" },
  notify: { done: true },
  window_ready: { done: true },
});

let replies: Replies = usual();
let listeners: (() => void)[] = [];
/** Every command that was asked, with what was sent, for tests. */
export const asked: { command: CommandName; args: unknown }[] = [];

export const fake = {
  reset(): void {
    replies = usual();
    listeners = [];
    asked.length = 0;
  },
  answer<C extends CommandName>(command: C, reply: Reply<C>): void {
    replies = { ...replies, [command]: reply };
  },
  fail(command: CommandName, problem: ProblemView): void {
    replies = { ...replies, [command]: () => Promise.reject(problem) };
  },
  /** The command never answers: for skeletons. */
  hang(command: CommandName): void {
    replies = { ...replies, [command]: () => new Promise(() => {}) };
  },
  changed(): void {
    for (const listener of listeners) listener();
  },
};

export const host: Host = {
  async ask<C extends CommandName>(command: C, args: Args<C>): Promise<Answer<C>> {
    asked.push({ command, args });
    const reply: unknown = replies[command];
    return (typeof reply === "function" ? reply(args) : reply) as Answer<C>;
  },
  onChanged(then) {
    listeners.push(then);
    return () => {
      listeners = listeners.filter((one) => one !== then);
    };
  },
};

/** In the preview the address before `#` chooses what is shown: `?show=halted&theme=dark`. */
export function prepare(): void {
  const query = new URLSearchParams(location.search);
  const theme = query.get("theme");
  if (theme) document.documentElement.dataset["theme"] = theme;
  scenes[query.get("show") ?? ""]?.();
}

/** Scenes for looking at a state that a screen is not usually in. */
export const scenes: Record<string, () => void> = {
  first: () => {
    fake.answer("app_view", basics.firstRun);
    fake.answer("practice_view", rest.practiceEmpty);
  },
  making: () => {
    fake.answer("app_view", basics.firstRun);
    fake.answer("practice_view", rest.practiceWorking);
  },
  band: () =>
    fake.answer("app_view", { ...basics.app, practice_band: { story: "all-goes-well", now: basics.now }, keychain: { state: "session_only", why: "" }, jobs: [basics.job("sync")] }),
  quiet: () => fake.answer("today_view", basics.todayQuiet),
  comparing: () => fake.answer("today_view", basics.todayComparing),
  checked: () => fake.answer("log_view", rest.logGood),
  closed: () => fake.answer("hold_view", rest.holdClosed),
  nocandidate: () => fake.answer("hold_view", { ...rest.hold, candidates: [] }),
  empty: () => {
    fake.answer("today_view", basics.todayEmpty);
    fake.answer("accounts_view", basics.accountsEmpty);
    fake.answer("calendar_view", calendar.none);
    fake.answer("upgrade_view", upgrade.upgradeEmpty);
    fake.answer("backups_view", rest.backupsEmpty);
    fake.answer("restore_moments", rest.momentsEmpty);
    fake.answer("reconcile_view", rest.reconcileEmpty);
    fake.answer("log_view", rest.logEmpty);
    fake.answer("differences_view", upgrade.differencesEmpty);
  },
  browser: () => fake.answer("reconnect_view", () => basics.reconnect("browser")),
  keyed: () => fake.answer("reconnect_view", basics.keyed("why")),
  ownapp: () => fake.answer("reconnect_view", basics.ownApp),
  pasted: () => fake.answer("reconnect_view", basics.pasteRefused),
  wrong: () => fake.answer("reconnect_view", basics.wrongCompany),
  done: () => fake.answer("reconnect_view", basics.reconnect("done")),
  idle: () => fake.answer("upgrade_view", upgrade.upgradeNone),
  plan: () => fake.answer("upgrade_view", { kind: "plan", plan: upgrade.plan }),
  halted: () => fake.answer("upgrade_view", { kind: "run", run: upgrade.halted }),
  running: () => fake.answer("upgrade_view", { kind: "run", run: upgrade.running }),
  rolledback: () => fake.answer("upgrade_view", { kind: "run", run: upgrade.rolledBack }),
  watching: () => fake.answer("upgrade_view", { kind: "run", run: upgrade.watching }),
  working: () => fake.answer("backups_view", rest.backupsWorking),
  kit: () => fake.answer("backups_view", rest.backupsKitWritten),
  missed: () => fake.answer("backups_view", { ...rest.backupsMissed, kit: rest.backupsKitConfirmed.kit }),
  restored: () => fake.answer("restore_preview", rest.restored),
  inplace: () => fake.answer("restore_preview", rest.restoredInPlace),
  damaged: () => fake.answer("restore_preview", rest.restoredDamaged),
  restoring: () => fake.answer("restore_preview", rest.restoring),
  undo: () => fake.answer("restore_moments", rest.momentsUndo),
  broken: () => fake.answer("log_view", rest.logBroken),
  problem: () => {
    for (const command of ["today_view", "accounts_view", "upgrade_view", "backups_view", "reconcile_view", "log_view", "practice_view", "settings_view", "differences_view", "restore_preview", "restore_moments", "calendar_view"] as const) fake.fail(command, basics.problem);
  },
  skeleton: () => {
    for (const command of ["today_view", "accounts_view", "upgrade_view", "backups_view", "reconcile_view", "log_view", "calendar_view"] as const) fake.hang(command);
  },
};
