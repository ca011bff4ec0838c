// Every screen in its four states: says what to do when empty, shows a skeleton when slow, its data when well, and
// a problem in four parts. Each without an axe finding.

import { screen, waitFor } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { fake } from "../src/host/fake";
import * as basics from "../src/host/fixtures/basics";
import * as calendar from "../src/host/fixtures/calendar";
import * as rest from "../src/host/fixtures/rest";
import * as upgrade from "../src/host/fixtures/upgrade";
import type { CommandName } from "../src/host";
import { expectAccessible, open } from "./page";

interface Case {
  address: string;
  command: CommandName;
  /** Words that the screen shows when all is well. */
  normal: string | RegExp;
  /** Makes it empty, and the words that then say what to do. */
  empty?: [() => void, string | RegExp];
}

const cases: Record<string, Case> = {
  today: { address: "today", command: "today_view", normal: "Good morning. Two things need you.", empty: [() => fake.answer("today_view", basics.todayEmpty), "No payments reach these books yet"] },
  accounts: { address: "accounts", command: "accounts_view", normal: "Sign-ins", empty: [() => fake.answer("accounts_view", basics.accountsEmpty), "No sign-in yet"] },
  calendar: { address: "calendar", command: "calendar_view", normal: "Square stops answering the old connector", empty: [() => fake.answer("calendar_view", calendar.none), "Nothing ends yet"] },
  upgrade: { address: "upgrade", command: "upgrade_view", normal: "Square connector 1 → 2", empty: [() => fake.answer("upgrade_view", upgrade.upgradeEmpty), "No connector yet"] },
  differences: { address: "differences/up-1", command: "differences_view", normal: "Refund of 24.50 USD, Order 0981", empty: [() => fake.answer("differences_view", upgrade.differencesEmpty), "Nothing to compare yet"] },
  backups: { address: "backups", command: "backups_view", normal: "Time line", empty: [() => fake.answer("backups_view", rest.backupsEmpty), "No backup yet"] },
  restore: { address: "restore/b3", command: "restore_preview", normal: "Restore Harbour Street Bakery" },
  reconcile: { address: "reconcile", command: "reconcile_view", normal: "Agrees to the cent", empty: [() => fake.answer("reconcile_view", rest.reconcileEmpty), "Nothing to compare yet"] },
  log: { address: "log", command: "log_view", normal: "Posted 12 entries of connector 2.", empty: [() => fake.answer("log_view", rest.logEmpty), "No records"] },
  practice: { address: "practice", command: "practice_view", normal: "Practice companies", empty: [() => fake.answer("practice_view", rest.practiceEmpty), "Choose a story"] },
  settings: { address: "settings", command: "settings_view", normal: "Connector packages" },
};

describe.each(Object.entries(cases))("%s", (_, one) => {
  it("shows its data, without an accessibility finding", async () => {
    await open(one.address);
    expect(await screen.findAllByText(one.normal)).not.toHaveLength(0);
    await expectAccessible();
  });

  it("says first what was touched when there is a problem, and tries again", async () => {
    fake.fail(one.command, basics.problem);
    const user = await open(one.address, () => document.querySelector("[role=alert]"));
    const alert = screen.getByRole("alert");
    const words = alert.textContent ?? "";
    expect(words.indexOf("Nothing was changed.")).toBeLessThan(words.indexOf(basics.problem.what));
    for (const part of [basics.problem.code, basics.problem.what, basics.problem.why[0] ?? "", basics.problem.next]) expect(words).toContain(part);
    await expectAccessible();
    fake.reset();
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findAllByText(one.normal)).not.toHaveLength(0);
  });

  it("shows a skeleton only when the answer takes its time", async () => {
    fake.hang(one.command);
    await open(one.address, () => document.querySelector("nav a"));
    expect(document.querySelector(".skeleton")).toBeNull();
    await waitFor(() => expect(document.querySelector(".skeleton")).not.toBeNull());
    await expectAccessible();
  });
});

const withEmpty = Object.entries(cases).flatMap(([name, one]) => (one.empty ? [[name, one.address, ...one.empty] as const] : []));
it.each(withEmpty)("%s says what to do first when it is empty", async (_, address, make, words) => {
  make();
  await open(address);
  expect(await screen.findByText(words)).toBeVisible();
  await expectAccessible();
});

describe("other states without an accessibility finding", () => {
  const scenes: [string, string, () => void, string | RegExp][] = [
    ["first start", "start", () => (fake.answer("app_view", basics.firstRun), fake.answer("practice_view", rest.practiceEmpty)), "Welcome to Changeover"],
    ["a practice company being made", "start", () => (fake.answer("app_view", basics.firstRun), fake.answer("practice_view", rest.practiceWorking)), "Making the practice company"],
    ["the plan", "upgrade", () => fake.answer("upgrade_view", { kind: "plan", plan: upgrade.plan }), "What changes in your books"],
    ["connectors in use", "upgrade", () => fake.answer("upgrade_view", upgrade.upgradeNone), "Connectors in use"],
    ["a halted upgrade", "upgrade", () => fake.answer("upgrade_view", { kind: "run", run: upgrade.halted }), "The new connector leaves out 14 refunds."],
    ["a running upgrade", "upgrade", () => fake.answer("upgrade_view", { kind: "run", run: upgrade.running }), "Upgrading"],
    ["the watch", "upgrade", () => fake.answer("upgrade_view", { kind: "run", run: upgrade.watching }), "The watch, day by day"],
    ["a sign-in in full", "accounts/square", () => {}, "It may"],
    ["what a reconnect asks", "accounts/square?reconnect=1", () => {}, "What will be asked"],
    ["the browser step", "accounts/square?reconnect=1", () => fake.answer("reconnect_view", () => basics.reconnect("browser")), "Say yes in your browser"],
    ["the wrong company", "accounts/square?reconnect=1", () => fake.answer("reconnect_view", basics.wrongCompany), /the sign-in was for "Pier Nine Fish Bar"/],
    ["a key to be entered", "accounts/square?reconnect=1", () => fake.answer("reconnect_view", basics.keyed("why")), "How to put a new one in its place"],
    ["an application to be set up", "accounts/square?reconnect=1", () => fake.answer("reconnect_view", basics.ownApp), "How to make it at Square"],
    ["a restored backup", "restore/b3", () => fake.answer("restore_preview", rest.restored), "24 of 24 accounts equal"],
    ["a broken log", "log", () => fake.answer("log_view", rest.logBroken), "Broken"],
    ["a checked log and how far it is signed", "log", () => fake.answer("log_view", rest.logGood), /Signed up to record 212/],
    ["books not compared since something changed", "today", () => fake.answer("today_view", basics.todayComparing), /Something changed since .*, when they agreed/],
    ["books compared for the first time", "today", () => fake.answer("today_view", basics.todayComparingFirst), "Being compared"],
    ["all companies", "companies", () => {}, "Every company whose books Changeover looks after."],
    ["a part that is lost", "restore/b3", () => fake.answer("restore_preview", rest.restoredDamaged), "1 file is damaged and lost"],
    ["a restore under way", "restore/b3", () => fake.answer("restore_preview", rest.restoring), "Restore Harbour Street Bakery"],
    ["a present book that cannot be read", "restore/b3", () => fake.answer("restore_preview", rest.restoreUnread), "Today could not be compared"],
    ["the differences", "restore/b3", () => undefined, "Flowers for the counter"],
    ["the moments to restore", "restore", () => undefined, "Backups, newest first"],
    ["no moment to restore", "restore", () => fake.answer("restore_moments", rest.momentsEmpty), "No backup here yet"],
    ["a restore that can be taken back", "restore", () => fake.answer("restore_moments", rest.momentsUndo), "Take the restore back"],
    ["restoring on a fresh computer", "restore", () => fake.answer("app_view", basics.firstRun), "Restore on this computer"],
  ];
  it.each(scenes)("%s", async (_, address, make, words) => {
    make();
    await open(address);
    expect(await screen.findAllByText(words)).not.toHaveLength(0);
    await expectAccessible();
  });
});
