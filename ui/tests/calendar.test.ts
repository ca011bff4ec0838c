// What ends, and when: the list, its groups, its export, what Today says of it, and what is told outside the window.

import { screen, waitFor, within } from "@testing-library/svelte";
import { beforeEach, describe, expect, it } from "vitest";
import { asked, fake } from "../src/host/fake";
import * as basics from "../src/host/fixtures/basics";
import * as calendar from "../src/host/fixtures/calendar";
import type { EndsView } from "../src/host/types";
import { tellEnds } from "../src/state/notices";
import { expectAccessible, open } from "./page";

const sent = (command: string) => asked.filter((one) => one.command === command).map((one) => one.args);
const sections = () => screen.getAllByRole("heading", { level: 2 }).map((one) => one.textContent);

describe("the list", () => {
  it("groups by month, past ones first and those without a day last", async () => {
    await open("calendar");
    await screen.findByText("Square stops answering the old connector");
    expect(sections()).toEqual(["Has ended", "November 2026", "December 2026", "January 2027", "September 2027", "Without a known day"]);
  });

  it("says the state of each row in words, and how sure it is", async () => {
    await open("calendar");
    await screen.findByText("Square stops answering the old connector");
    for (const words of ["Ended", "5 days left", "38 days left", "Renews itself", "Not known", "No known end", "Not confirmed with the provider.", /Not confirmed: The names of the older/, /In September 2027, day not known/]) {
      expect(screen.getAllByText(words), String(words)).not.toHaveLength(0);
    }
    expect(screen.getByText("Source: https://developer.xero.com/faq/granular-scopes")).toBeVisible();
  });

  it("leads to what there is to do", async () => {
    await open("calendar");
    const links = (await screen.findAllByRole("link", { name: /Reconnect|Plan the upgrade/ })).map((one) => one.getAttribute("href"));
    expect(links).toContain("#/accounts/square?reconnect=1");
    expect(links).toContain("#/upgrade?connection=square&to=2");
  });

  it("is reached from Accounts with the keyboard, and from the palette", async () => {
    const user = await open("accounts");
    const link = await screen.findByRole("link", { name: "What ends, and when" });
    link.focus();
    expect(link).toHaveFocus();
    await user.keyboard("{Enter}");
    location.hash = link.getAttribute("href") ?? "";
    expect(await screen.findByRole("heading", { level: 1, name: "What ends, and when" })).toBeVisible();
    expect(screen.getByRole("link", { name: "Accounts", current: "page" })).toBeVisible();
    location.hash = "#/today";
    await screen.findByText(/Good morning/);
    await user.keyboard("{Control>}k{/Control}");
    await waitFor(() => expect(screen.getByRole("combobox")).toHaveFocus());
    await user.keyboard("what ends{Enter}");
    expect(await screen.findByRole("heading", { level: 1, name: "What ends, and when" })).toBeVisible();
  });

  it("shows all companies, names each, and goes to another one by switching to it", async () => {
    const user = await open("calendar/all");
    expect(await screen.findByText("Main Street Café")).toBeVisible();
    expect(sent("calendar_view")).toEqual([{ company: null }]);
    await expectAccessible();
    const row = screen.getByText("Main Street Café").closest("li") as HTMLElement;
    await user.click(within(row).getByRole("link", { name: "Plan the upgrade" }));
    await waitFor(() => expect(sent("company_select")).toEqual([{ company: "main-street" }]));
    await waitFor(() => expect(location.hash).toBe("#/upgrade?connection=cafe&to=2"));
  });

  it("keeps the rows of the others when one company cannot be looked at", async () => {
    fake.answer("calendar_view", { ...calendar.all, problems: [basics.problem] });
    await open("calendar/all");
    expect((await screen.findByRole("alert")).textContent).toContain(basics.problem.what);
    expect(screen.getByText("Main Street Café")).toBeVisible();
  });
});

describe("the calendar file", () => {
  it("is written where the person says, with what is not in it", async () => {
    const user = await open("calendar");
    await user.click(await screen.findByRole("button", { name: "Write a calendar file" }));
    expect(await screen.findByText("4 events")).toBeVisible();
    expect(sent("calendar_export")).toEqual([{ company: basics.company, path: "/home/ann/changeover.ics" }]);
    expect(screen.getAllByText(/One row without a day is not in it\./)).not.toHaveLength(0);
    await expectAccessible();
  });

  it("is not written when the person chooses no place", async () => {
    fake.answer("calendar_save_as", { path: null });
    const user = await open("calendar");
    await user.click(await screen.findByRole("button", { name: "Write a calendar file" }));
    await waitFor(() => expect(sent("calendar_save_as")).toHaveLength(1));
    expect(sent("calendar_export")).toEqual([]);
  });

  it("is not said to be written when no row has a day", async () => {
    fake.answer("calendar_export", { file: null, events: 0, without_day: 2 });
    const user = await open("calendar");
    await user.click(await screen.findByRole("button", { name: "Write a calendar file" }));
    expect(await screen.findByText("Not written")).toBeVisible();
    expect(screen.queryByText("Written")).toBeNull();
  });

  it("says why when it cannot be written", async () => {
    fake.fail("calendar_export", basics.problem);
    const user = await open("calendar");
    await user.click(await screen.findByRole("button", { name: "Write a calendar file" }));
    expect((await screen.findByRole("alert")).textContent).toContain(basics.problem.what);
  });
});

it("stands on Today when it is within its notice time", async () => {
  fake.answer("today_view", { ...basics.today, needs: [{ mood: "attention", deadline: "2026-12-31T05:00:00Z", days_left: 38, need: { kind: "ends", ends: calendar.connector } }] });
  await open("today");
  const row = (await screen.findByText("Square stops answering the old connector")).closest("li") as HTMLElement;
  expect(within(row).getByText("38 days left")).toBeVisible();
  expect(within(row).getByRole("link", { name: "Plan the upgrade" })).toHaveAttribute("href", "#/upgrade?connection=square&to=2");
  await expectAccessible();
});

describe("a notice", () => {
  const due = (ends: EndsView) => ({ ends, threshold: "two_weeks" as const, end: "2026-12-31T05:00:00Z" });
  beforeEach(() => fake.reset());

  it("is given by the system and then remembered, once for each", async () => {
    fake.answer("calendar_due", { due: [due(calendar.over), due(calendar.connector)] });
    await Promise.all([tellEnds(), tellEnds()]);
    expect(sent("notify")).toEqual([
      { title: "Harbour Street Bakery", text: "The sign-in at Square (market stall) must be given again: Ended" },
      { title: "Harbour Street Bakery", text: "Square stops answering the old connector: 38 days left" },
    ]);
    expect(sent("calendar_told")).toEqual([calendar.over, calendar.connector].map((ends) => ({ company: basics.company, row: ends.id, end: "2026-12-31T05:00:00Z", threshold: "two_weeks" })));
  });

  it("that could not be given is not remembered", async () => {
    fake.answer("calendar_due", { due: [due(calendar.connector)] });
    fake.fail("notify", basics.problem);
    await tellEnds();
    expect(sent("calendar_told")).toEqual([]);
  });

  it("is looked for when the window starts", async () => {
    fake.answer("calendar_due", { due: [due(calendar.connector)] });
    await open("today");
    await waitFor(() => expect(sent("calendar_told")).toHaveLength(1));
  });
});
