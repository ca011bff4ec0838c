// What a person does, with the keyboard or the mouse, and what reaches the engine because of it.

import { screen, waitFor, within } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { asked, fake } from "../src/host/fake";
import * as basics from "../src/host/fixtures/basics";
import * as rest from "../src/host/fixtures/rest";
import * as upgrade from "../src/host/fixtures/upgrade";
import { expectAccessible, open } from "./page";

const sent = (command: string) => asked.filter((one) => one.command === command).map((one) => one.args);

describe("the palette", () => {
  it("opens with the keyboard, finds by words, and goes there", async () => {
    const user = await open("today");
    await user.keyboard("{Control>}k{/Control}");
    const box = await screen.findByRole("combobox");
    await waitFor(() => expect(box).toHaveFocus());
    await expectAccessible();
    await user.keyboard("recon");
    expect(screen.getAllByRole("option")).toHaveLength(1);
    await user.keyboard("{Enter}");
    expect(await screen.findByRole("heading", { level: 1, name: "Reconcile" })).toBeVisible();
    await waitFor(() => expect(screen.queryByRole("combobox")).toBeNull());
  });

  it("closes with Escape and changes nothing", async () => {
    const user = await open("today");
    await user.keyboard("{Control>}k{/Control}");
    await screen.findByRole("combobox");
    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("combobox")).toBeNull());
    expect(location.hash).toBe("#/today");
  });
});

describe("an upgrade", () => {
  it("is approved for exactly the shown state", async () => {
    const user = await open("upgrade");
    await user.click(await screen.findByRole("button", { name: "Approve as the owner" }));
    expect(sent("upgrade_approve")).toEqual([{ company: basics.company, upgrade: "up-1", who: "owner", digest: "d" }]);
    expect(await screen.findByText("Posting the first half")).toBeVisible();
  });

  it("is rolled back only after saying in numbers what that does", async () => {
    const user = await open("upgrade");
    await user.click(await screen.findByRole("button", { name: "Roll back…" }));
    const dialog = await screen.findByRole("dialog");
    expect(within(dialog).getByText("Remove 12 entries, 1,204.10 USD, from Harbour Street Bakery")).toBeVisible();
    expect(sent("upgrade_rollback")).toEqual([]);
    await expectAccessible();
    await user.click(within(dialog).getByRole("button", { name: "Roll back" }));
    await waitFor(() => expect(sent("upgrade_rollback")).toHaveLength(1));
  });

  it("is finished only after typing the company's name, because there is no way back", async () => {
    fake.answer("upgrade_view", { kind: "run", run: { ...upgrade.watching, may: { ...upgrade.watching.may, finish: true, next_day: false } } });
    const user = await open("upgrade");
    await user.click(await screen.findByRole("button", { name: "Finish the upgrade" }));
    const dialog = await screen.findByRole("dialog");
    const finish = within(dialog).getByRole("button", { name: "Finish the upgrade" });
    expect(finish).toBeDisabled();
    await user.type(within(dialog).getByRole("textbox"), "Harbour Street Bakery");
    await user.click(finish);
    await waitFor(() => expect(sent("upgrade_finish")).toHaveLength(1));
  });

  it("does not start while a check fails", async () => {
    fake.answer("upgrade_view", { kind: "plan", plan: upgrade.plan });
    await open("upgrade");
    expect(await screen.findByRole("button", { name: "Start the upgrade" })).toBeDisabled();
    expect(screen.getByText("Mend first")).toBeVisible();
  });

  it("plans for the connection and version in the address", async () => {
    fake.answer("upgrade_view", upgrade.upgradeNone);
    await open("upgrade?connection=square&to=2");
    expect(sent("upgrade_plan")).toEqual([{ company: basics.company, connection: "square", to: "2" }]);
  });

  it("offers only what the engine allows", async () => {
    fake.answer("upgrade_view", { kind: "run", run: { ...upgrade.run, may: { approve: false, pause: false, resume: false, stop: false, roll_back: false, reconnect: false, next_day: false, finish: false } } });
    await open("upgrade");
    for (const name of ["Pause", "Go on", "Stop here…", "Roll back…", "Approve as the owner", "Let a day pass", "Finish the upgrade"]) expect(screen.queryByRole("button", { name })).toBeNull();
  });
});

describe("an upgrade that was rolled back", () => {
  it("shows what was put back until it is closed", async () => {
    fake.answer("upgrade_view", { kind: "run", run: upgrade.rolledBack });
    fake.answer("upgrade_dismiss", () => {
      fake.answer("upgrade_view", upgrade.upgradeNone);
      return upgrade.upgradeNone;
    });
    const user = await open("upgrade");
    expect(await screen.findByRole("heading", { name: "Rolled back: the books equal those from before" })).toBeVisible();
    expect(screen.getByText(/96 entries of the new connector were taken out\. 48 earlier entries were put back as they were\./)).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Close" }));
    expect(sent("upgrade_dismiss")).toEqual([{ company: basics.company, upgrade: upgrade.rolledBack.id }]);
    expect(await screen.findByRole("heading", { name: "Upgrades" })).toBeVisible();
  });

  it("keeps nobody from planning again", async () => {
    fake.answer("upgrade_view", { kind: "run", run: upgrade.rolledBack });
    await open("upgrade?connection=square&to=2");
    expect(await screen.findByRole("button", { name: "Start the upgrade" })).toBeInTheDocument();
    expect(sent("upgrade_plan")).toHaveLength(1);
  });
});

describe("a reconnect", () => {
  it("says what will be asked before the browser opens, then opens it", async () => {
    fake.answer("reconnect_start", (args) => {
      const step = args.open_browser ? "browser" : "why";
      fake.answer("reconnect_view", () => basics.reconnect(step));
      return basics.reconnect(step);
    });
    const user = await open("accounts");
    await user.click((await screen.findAllByRole("button", { name: "Reconnect" }))[0] as HTMLElement);
    expect(sent("reconnect_start")).toEqual([{ company: basics.company, connection: "square", open_browser: false }]);
    await user.click(await screen.findByRole("button", { name: "Open Square in the browser" }));
    expect(sent("reconnect_start").at(-1)).toEqual({ company: basics.company, connection: "square", open_browser: true });
    expect(await screen.findByRole("heading", { name: "Say yes in your browser" })).toBeVisible();
  });

  it("takes a key, sends it once, and does not keep it on the page", async () => {
    fake.answer("reconnect_view", basics.keyed("why"));
    const user = await open("accounts/square?reconnect=1");
    const button = await screen.findByRole("button", { name: "Check and keep" });
    expect(button).toBeDisabled();
    const field = screen.getByLabelText("restricted key");
    expect(field).toHaveAttribute("type", "password");
    await user.type(field, "rk_live_1");
    await user.click(button);
    expect(sent("account_key")).toEqual([{ company: basics.company, connection: "square", client_id: null, secret: "rk_live_1" }]);
    expect(await screen.findByRole("heading", { name: "Connected" })).toBeVisible();
    expect(document.body.innerHTML).not.toContain("rk_live_1");
  });

  it("sets up an application of one's own before the browser opens", async () => {
    fake.answer("reconnect_view", basics.ownApp);
    const user = await open("accounts/square?reconnect=1");
    expect(screen.queryByRole("button", { name: "Open Square in the browser" })).toBeNull();
    await user.type(await screen.findByLabelText("Application id"), "my-app");
    await user.type(screen.getByLabelText("Secret"), "s3cret");
    await user.type(screen.getByLabelText("The redirect address that you registered"), "https://bakery.example/back");
    await user.click(screen.getByRole("button", { name: "Keep and go on" }));
    expect(sent("account_application")).toEqual([{ company: basics.company, connection: "square", client_id: "my-app", secret: "s3cret", own_page: "https://bakery.example/back" }]);
    expect(await screen.findByRole("button", { name: "Open Square in the browser" })).toBeVisible();
  });

  it("adds an account for its access alone, with the kind of world it has", async () => {
    const user = await open("accounts");
    await user.selectOptions(await screen.findByLabelText("Provider"), "stripe");
    await user.click(screen.getByRole("radio", { name: "Provider's sandbox" }));
    await user.click(screen.getByRole("button", { name: "Add" }));
    expect(sent("account_add")).toEqual([{ company: basics.company, provider: "stripe", environment: "sandbox" }]);
  });

  it("takes the address back by hand", async () => {
    fake.answer("reconnect_view", () => basics.reconnect("browser"));
    const user = await open("accounts/square?reconnect=1");
    await user.click(await screen.findByRole("button", { name: "Paste the address back" }));
    await user.type(screen.getByLabelText("The whole address from the browser, after you said yes"), " http://127.0.0.1:1/callback?code=x ");
    await user.click(screen.getByRole("button", { name: "Use this address" }));
    expect(sent("reconnect_paste")).toEqual([{ company: basics.company, connection: "square", address: "http://127.0.0.1:1/callback?code=x" }]);
  });

  it("says why a pasted address is refused, keeps it, and goes on waiting", async () => {
    fake.answer("reconnect_view", () => basics.reconnect("browser"));
    fake.answer("reconnect_paste", () => {
      fake.answer("reconnect_view", () => basics.pasteRefused);
      return basics.pasteRefused;
    });
    const user = await open("accounts/square?reconnect=1");
    await user.click(await screen.findByRole("button", { name: "Paste the address back" }));
    const field = screen.getByLabelText("The whole address from the browser, after you said yes");
    await user.type(field, "https://example.com/");
    await user.click(screen.getByRole("button", { name: "Use this address" }));
    expect(await screen.findByRole("alert")).toHaveTextContent("The pasted text is not the address that is needed.");
    expect(field).toHaveValue("https://example.com/");
    expect(screen.getByRole("heading", { name: "Say yes in your browser" })).toBeVisible();
  });

  it("says that the browser did not open, and shows the address to open by hand", async () => {
    fake.answer("reconnect_view", () => ({ ...basics.reconnect("browser"), browser_opened: false, browser_problem: { ...basics.problem, what: "The browser could not be opened." } }));
    await open("accounts/square?reconnect=1");
    expect(await screen.findByRole("alert")).toHaveTextContent("The browser could not be opened.");
    expect(screen.getByLabelText("The page's address")).toHaveValue(basics.reconnect("browser").address);
  });

  it("speaks of the keyring while there is no page yet", async () => {
    fake.answer("reconnect_view", () => ({ ...basics.reconnect("browser"), browser_opened: false, address: null }));
    await open("accounts/square?reconnect=1");
    expect(await screen.findByText(/If your keyring asks for its password, answer that first/)).toBeVisible();
  });

  it("pulls nobody back who went to another screen while it was being cancelled", async () => {
    fake.answer("reconnect_view", () => basics.reconnect("browser"));
    let cancelled = () => {};
    fake.answer("reconnect_cancel", () => new Promise((resolve) => (cancelled = () => resolve(basics.accounts))));
    const user = await open("accounts/square?reconnect=1");
    await user.click(await screen.findByRole("button", { name: "Cancel" }));
    location.hash = "#/today";
    expect(await screen.findByRole("heading", { name: "How money reaches your books" })).toBeVisible();
    cancelled();
    await new Promise((resolve) => setTimeout(resolve));
    expect(location.hash).toBe("#/today");
  });

  it("shows both names when another company answers, and offers to stay", async () => {
    fake.answer("reconnect_view", basics.wrongCompany);
    const user = await open("accounts/square?reconnect=1");
    expect(await screen.findByText(/This connection belongs to "Harbour Street Bakery".*the sign-in was for "Pier Nine Fish Bar"/)).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Stay with the present access" }));
    await waitFor(() => expect(sent("reconnect_cancel")).toHaveLength(1));
  });

  it("offers to add the other company as a new one, with the same provider", async () => {
    fake.answer("reconnect_view", basics.wrongCompany);
    const user = await open("accounts/square?reconnect=1");
    await user.click(await screen.findByRole("button", { name: "Add it as a new company" }));
    await waitFor(() => expect(sent("reconnect_cancel")).toHaveLength(1));
    expect(location.hash).toBe("#/company-add?provider=square");
    expect(await screen.findByRole("heading", { level: 1, name: "Protect my books" })).toBeVisible();
  });
});

describe("the first three steps", () => {
  it("lead from nothing to books that are protected, and then are gone", async () => {
    fake.answer("backups_view", { ...rest.backupsEmpty, kit: { state: "missing" } });
    const user = await open("backups");
    const steps = await screen.findByRole("heading", { name: "Protect these books in three steps" });
    expect(steps).toBeVisible();
    await expectAccessible();
    await user.click(screen.getAllByRole("button", { name: "Back up now" }).at(-1) as HTMLElement);
    expect(sent("backup_now")).toEqual([{ company: basics.company }]);
    const taken = rest.backups.backups.slice(0, 1).map((one) => ({ ...one, restore_tested: "not_yet" as const }));
    fake.answer("backups_view", { ...rest.backups, backups: taken, kit: { state: "missing" } });
    fake.changed();
    await user.click(await screen.findByRole("button", { name: "Prove it by restoring" }));
    expect(sent("backup_verify")).toEqual([{ company: basics.company, backup: "b4" }]);
    fake.answer("backups_view", rest.backupsKitConfirmed);
    fake.changed();
    await waitFor(() => expect(screen.queryByRole("heading", { name: "Protect these books in three steps" })).toBeNull());
  });

  it("begin with the books alone, without an account", async () => {
    const user = await open("company-add");
    await user.click(await screen.findByRole("button", { name: "Choose a file" }));
    await user.click(await screen.findByRole("button", { name: "Only protect them for now" }));
    await waitFor(() => expect(sent("company_protect")).toHaveLength(1));
    expect(sent("company_protect")[0]).toMatchObject({ books: rest.books.path, zone: basics.zone });
    expect(sent("company_add")).toEqual([]);
    expect(await screen.findByRole("heading", { level: 1, name: "Backups" })).toBeVisible();
  });
});

describe("the recovery kit", () => {
  it("counts only once its last group was typed back, and does not stay on the page", async () => {
    fake.answer("backups_view", rest.backupsKitWritten);
    const user = await open("backups");
    expect(await screen.findByText("Does not count yet")).toBeVisible();
    await expectAccessible();
    const group = screen.getByLabelText(/^The last group of the recovery code/);
    await user.type(group, "7k2qf");
    fake.answer("backups_view", rest.backupsKitConfirmed);
    await user.click(screen.getByRole("button", { name: "Confirm" }));
    expect(sent("kit_confirm_group")).toEqual([{ company: basics.company, group: "7k2qf" }]);
    expect(await screen.findByText("Safe")).toBeVisible();
    expect(document.body.innerHTML).not.toContain("7k2qf");
  });

  it("is written where the person says, and read back from its file", async () => {
    fake.answer("backups_view", { ...rest.backups, kit: { state: "missing" } });
    const user = await open("backups");
    await user.click(await screen.findByRole("button", { name: "Write the recovery kit…" }));
    expect(sent("recovery_kit")).toEqual([{ company: basics.company, path: "/home/ann/changeover-recovery-kit.txt", lost: false }]);
    fake.answer("backups_view", rest.backupsKitWritten);
    fake.changed();
    await user.click(await screen.findByRole("button", { name: "Read the file back…" }));
    expect(sent("kit_confirm_file")).toEqual([{ company: basics.company, path: "/media/office/changeover-recovery-kit.txt" }]);
  });
});

describe("backups by themselves", () => {
  const company = basics.company;

  it("are taken at another time of day once that is confirmed", async () => {
    fake.answer("backup_schedule_set", () => ({ ...rest.backups, schedule: { ...rest.backups.schedule, at: "22:30" } }));
    const user = await open("backups");
    const time = await screen.findByLabelText("Time of day, by the business's clock");
    expect(screen.queryByRole("button", { name: "Use this time" })).toBeNull();
    await user.clear(time);
    await user.type(time, "22:30");
    expect(sent("backup_schedule_set")).toEqual([]);
    await user.click(screen.getByRole("button", { name: "Use this time" }));
    expect(sent("backup_schedule_set")).toEqual([{ company, daily: true, at: "22:30", on_change: false }]);
    await waitFor(() => expect(screen.queryByRole("button", { name: "Use this time" })).toBeNull());
  });

  it("are taken after changes and with the window closed where that is ticked", async () => {
    const user = await open("backups");
    await user.click(await screen.findByRole("checkbox", { name: "Also within the hour after the books changed" }));
    await user.click(screen.getByRole("checkbox", { name: "With Changeover closed, too" }));
    expect(sent("backup_schedule_set")).toEqual([{ company, daily: true, at: "18:00", on_change: true }]);
    expect(sent("backup_timer")).toEqual([{ company, on: true }]);
  });

  it("say when the last one could not be taken, and why", async () => {
    fake.answer("backups_view", rest.backupsMissed);
    await open("backups");
    expect(await screen.findByText("This computer's keychain is locked.")).toBeVisible();
    expect(screen.getByText(/^Not taken /)).toBeVisible();
    await expectAccessible();
  });
});

describe("a first start", () => {
  it("makes the practice company and shows it as soon as it is there", async () => {
    fake.answer("app_view", basics.firstRun);
    fake.answer("practice_view", rest.practiceEmpty);
    const user = await open("");
    fake.answer("practice_new", () => {
      fake.answer("practice_view", rest.practiceWorking);
      return basics.job("make_practice");
    });
    await user.click(await screen.findByRole("button", { name: "Make the practice company" }));
    expect(sent("practice_new")).toEqual([{ story: "all-goes-well", seed: "7" }]);
    expect(await screen.findByText("Making the practice company")).toBeVisible();
    fake.answer("practice_view", rest.practice);
    fake.answer("app_view", basics.app);
    fake.changed();
    expect(await screen.findByRole("heading", { level: 1, name: "Good morning. Two things need you." })).toBeVisible();
  });

  it("protects books: picked, matched with reasons, added, then connected", async () => {
    const user = await open("company-add");
    await user.click(await screen.findByRole("button", { name: "Choose a file" }));
    expect(await screen.findByText("Its name contains \"Square\".")).toBeVisible();
    const add = screen.getByRole("button", { name: "Add and connect" });
    expect(add).toBeDisabled();
    await user.selectOptions(screen.getByLabelText("Account for Funds held in disputes"), "a2");
    expect(add).toBeEnabled();
    expect(screen.getByLabelText("Fetch payments from")).toHaveValue("2026-01-01");
    await user.clear(screen.getByLabelText("Fetch payments from"));
    await user.type(screen.getByLabelText("Fetch payments from"), "2026-03-01");
    await user.type(screen.getByLabelText("Application id"), " sq0idp-own ");
    await expectAccessible();
    await user.click(add);
    await waitFor(() => expect(sent("company_add")).toHaveLength(1));
    expect(sent("company_add")[0]).toMatchObject({ books: rest.books.path, provider: "square", connector_version: "1", zone: basics.zone, client_id: "sq0idp-own", sync_from: "2026-03-01" });
    await waitFor(() => expect(location.hash).toContain("reconnect=1"));
  });

  it("shows every problem of a refused file and keeps the first step", async () => {
    fake.fail("books_inspect", { ...basics.problem, code: "E-BOOKS-NOT-GNUCASH", what: "This is no GnuCash book." });
    const user = await open("company-add");
    await user.click(await screen.findByRole("button", { name: "Choose a file" }));
    expect(await screen.findByText("This is no GnuCash book.")).toBeVisible();
    expect(screen.queryByRole("button", { name: "Add and connect" })).toBeNull();
    expect(screen.getByRole("button", { name: "Choose a file" })).toBeEnabled();
  });

  it("restores with nothing but the folder and the kit, a moment of choice", async () => {
    fake.answer("app_view", basics.firstRun);
    const user = await open("restore");
    await user.click(await screen.findByRole("button", { name: "Choose a folder" }));
    await user.click(screen.getByRole("button", { name: "Choose a file" }));
    await user.click(screen.getByRole("button", { name: "Show the backups" }));
    const kit = { company: null, place: "/media/office/changeover", recovery_key_file: "/media/office/changeover-recovery-kit.txt" };
    const looks = await screen.findAllByRole("button", { name: /^Look inside/ });
    expect(sent("restore_moments")[0]).toEqual(kit);
    expect(looks.at(-1)).toBeDisabled();
    await user.click(looks[1]!);
    await user.type(await screen.findByLabelText("An empty folder"), "/home/ann/restored");
    expect(sent("restore_preview")[0]).toEqual({ ...kit, backup: "b3" });
    await user.click(screen.getByRole("button", { name: "Restore" }));
    const dialog = await screen.findByRole("dialog");
    await user.click(within(dialog).getByRole("button", { name: "Restore" }));
    expect(await screen.findByText("24 of 24 accounts equal")).toBeVisible();
    expect(sent("restore_start")[0]).toMatchObject({ company: null, target: "/home/ann/restored", place: "/media/office/changeover", only: [] });
  });

  it("restores one file, and says that this proves nothing of the rest", async () => {
    const user = await open("restore/b3");
    await user.click(await screen.findByRole("radio", { name: "One file" }));
    expect(screen.getByText(/proves nothing about the rest/)).toBeVisible();
    await user.type(screen.getByLabelText("An empty folder"), "/home/ann/one");
    expect(screen.getByRole("button", { name: "Restore" })).toBeDisabled();
    await user.selectOptions(screen.getByLabelText("Which file"), "log.jsonl");
    await user.click(screen.getByRole("button", { name: "Restore" }));
    await user.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "Restore" }));
    expect(sent("restore_start")[0]).toMatchObject({ company: "harbour-street", backup: "b3", target: "/home/ann/one", only: ["log.jsonl"], settings: false });
  });

  it("restores in place after a yes, and takes it back", async () => {
    const user = await open("restore/b3");
    await user.click(await screen.findByRole("radio", { name: "In place of the present book" }));
    await user.click(screen.getByRole("checkbox"));
    await user.click(screen.getByRole("button", { name: "Restore" }));
    const dialog = await screen.findByRole("dialog", { name: "Put this book in place of the present one?" });
    expect(within(dialog).getByText("Back up your present books first.")).toBeVisible();
    await user.click(within(dialog).getByRole("button", { name: "Restore" }));
    expect(sent("restore_start")[0]).toMatchObject({ target: null, only: [], settings: true });
    expect(await screen.findByText(/13 payments that were posted since/)).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Take it back" }));
    await user.click(within(await screen.findByRole("dialog", { name: "Take the restore back" })).getByRole("button", { name: "Take it back" }));
    expect(sent("restore_undo")).toHaveLength(1);
  });

  it("does not offer to replace a book that GnuCash has open", async () => {
    fake.answer("restore_preview", rest.restoreBlocked);
    const user = await open("restore/b3");
    await user.click(await screen.findByRole("radio", { name: "In place of the present book" }));
    expect(screen.getByText("GnuCash has the book open.")).toBeVisible();
    expect(screen.getByRole("button", { name: "Restore" })).toBeDisabled();
  });

  it("cancels a running restore", async () => {
    fake.answer("restore_preview", rest.restoring);
    const user = await open("restore/b3");
    await user.click((await screen.findAllByRole("button", { name: "Cancel" })).at(-1)!);
    expect(sent("job_cancel")).toHaveLength(1);
  });
});

describe("a held payment", () => {
  const row = async () => within((await screen.findAllByRole("listitem")).find((one) => one.textContent?.includes("typed by hand")) as HTMLElement);

  it("is linked to an entry that says why it fits, after saying that nothing is written", async () => {
    const user = await open("reconcile");
    await user.click((await row()).getByRole("button", { name: "It is already in the books" }));
    const dialog = within(await screen.findByRole("dialog"));
    expect(await dialog.findByText("Dated 2 days later.")).toBeVisible();
    expect(dialog.getByRole("button", { name: "Go on" })).toBeDisabled();
    await expectAccessible();
    await user.click(dialog.getByRole("radio", { name: /Square deposit/ }));
    await user.click(dialog.getByRole("button", { name: "Go on" }));
    expect(dialog.getByText("Nothing is written to your books.")).toBeVisible();
    expect(dialog.getByText("The 19 payments inside this payout count as being in that entry, too.")).toBeVisible();
    expect(sent("hold_resolve")).toEqual([]);
    await expectAccessible();
    await user.click(dialog.getByRole("button", { name: "It is already in the books" }));
    await waitFor(() => expect(sent("hold_resolve")).toEqual([{ company: basics.company, hold: "h1", answer: "link", entry: "e1", reason: null, lines: [] }]));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  });

  it("is posted as proposed only after the entry was shown", async () => {
    const user = await open("reconcile");
    await user.click((await row()).getByRole("button", { name: "Post it" }));
    const dialog = within(await screen.findByRole("dialog"));
    await user.click(await dialog.findByRole("button", { name: "Go on" }));
    expect(dialog.getByText("One entry is written to your books:")).toBeVisible();
    expect(dialog.getByRole("row", { name: /Assets:Bank:Checking/ })).toHaveTextContent("450.00");
    await user.click(dialog.getByRole("button", { name: "Post it" }));
    await waitFor(() => expect(sent("hold_resolve")).toEqual([{ company: basics.company, hold: "h1", answer: "post", entry: null, reason: null, lines: [] }]));
  });

  it("gets its accounts from the person where no rule knows them, and only when the lines balance", async () => {
    const user = await open("reconcile");
    await user.click((await screen.findAllByRole("button", { name: "Post it" }))[1] as HTMLElement);
    const dialog = within(await screen.findByRole("dialog"));
    const on = await dialog.findByRole("button", { name: "Go on" });
    expect(on).toBeDisabled();
    await user.selectOptions(dialog.getByLabelText("Account of line 2"), "Income:Sales");
    const second = dialog.getByLabelText("Amount of line 2 in USD");
    await user.clear(second);
    await user.type(second, "-18,00");
    expect(dialog.getByText(/The lines differ by 0\.50/)).toBeVisible();
    expect(on).toBeDisabled();
    await user.clear(second);
    await user.type(second, "-18.50");
    expect(dialog.getByText("The lines balance.")).toBeVisible();
    await expectAccessible();
    await user.click(on);
    await user.click(dialog.getByRole("button", { name: "Post it" }));
    const lines = [{ account: "a2", minor: "1850" }, { account: "a3", minor: "-1850" }];
    await waitFor(() => expect(sent("hold_resolve")).toEqual([{ company: basics.company, hold: "h2", answer: "post", entry: null, reason: null, lines }]));
  });

  it("is left out only with a reason, with the keyboard alone", async () => {
    const user = await open("reconcile");
    (await row()).getByRole("button", { name: "Leave it out" }).focus();
    await user.keyboard("{Enter}");
    const dialog = within(await screen.findByRole("dialog"));
    const why = await dialog.findByLabelText("Why does it not belong into these books?");
    expect(dialog.getByRole("button", { name: "Go on" })).toBeDisabled();
    why.focus();
    await user.keyboard("A test of the terminal");
    await user.tab();
    await user.tab();
    expect(dialog.getByRole("button", { name: "Go on" })).toHaveFocus();
    await user.keyboard("{Enter}");
    expect(dialog.getByText("The log keeps your reason: A test of the terminal")).toBeVisible();
    await user.click(dialog.getByRole("button", { name: "Leave it out" }));
    await waitFor(() => expect(sent("hold_resolve")).toHaveLength(1));
    expect(sent("hold_resolve")[0]).toMatchObject({ answer: "exclude", reason: "A test of the terminal" });
  });

  it("says why an answer is not possible, and what an answer ran into", async () => {
    fake.answer("hold_view", rest.holdClosed);
    const user = await open("reconcile");
    await user.click((await row()).getByRole("button", { name: "Post it" }));
    expect(await screen.findByText(/lies in a period that is closed in the books/)).toBeVisible();
    expect(within(screen.getByRole("dialog")).queryByRole("button", { name: "Go on" })).toBeNull();
    await user.keyboard("{Escape}");
    fake.fail("hold_resolve", basics.problem);
    await user.click((await row()).getByRole("button", { name: "Leave it out" }));
    const dialog = within(await screen.findByRole("dialog"));
    await user.type(await dialog.findByRole("textbox"), "A test");
    await user.click(dialog.getByRole("button", { name: "Go on" }));
    await user.click(dialog.getByRole("button", { name: "Leave it out" }));
    expect(await dialog.findByRole("alert")).toHaveTextContent(basics.problem.what);
    expect(dialog.getByText("The log keeps your reason: A test")).toBeVisible();
  });

  it("shows a skeleton while it is looked at, and its own problem", async () => {
    fake.hang("hold_view");
    const user = await open("reconcile");
    await user.click((await row()).getByRole("button", { name: "Post it" }));
    expect(await within(await screen.findByRole("dialog")).findByRole("status")).toBeInTheDocument();
    await user.keyboard("{Escape}");
    fake.fail("hold_view", basics.problem);
    await user.click((await row()).getByRole("button", { name: "Post it" }));
    expect(await within(await screen.findByRole("dialog")).findByRole("alert")).toHaveTextContent(basics.problem.what);
  });

  it("is marked as seen after saying that it stays held", async () => {
    const user = await open("reconcile");
    await user.click((await row()).getByRole("button", { name: "I have seen it" }));
    const dialog = within(await screen.findByRole("dialog"));
    expect(dialog.getByText(/It stays held and is not posted/)).toBeVisible();
    await user.click(dialog.getByRole("button", { name: "I have seen it" }));
    await waitFor(() => expect(sent("hold_resolve")).toEqual([{ company: basics.company, hold: "h1", answer: "seen", entry: null, reason: null, lines: [] }]));
    expect(await screen.findByText("Nothing held")).toBeVisible();
  });

  it("that was answered says by whom, and can be held again", async () => {
    const user = await open("reconcile");
    expect(await screen.findByText(/A test of the new card terminal/)).toBeVisible();
    await user.click(screen.getByRole("button", { name: /Take it back: Payments/ }));
    const dialog = within(await screen.findByRole("dialog"));
    await user.click(dialog.getByRole("button", { name: "Take it back" }));
    await waitFor(() => expect(sent("hold_resolve")).toEqual([{ company: basics.company, hold: "h0", answer: "undo", entry: null, reason: null, lines: [] }]));
  });
});

describe("changes while one watches", () => {
  it("are fetched whole and said aloud", async () => {
    await open("upgrade");
    fake.answer("upgrade_view", { kind: "run", run: upgrade.halted });
    fake.changed();
    expect(await screen.findByText("The new connector leaves out 14 refunds.")).toBeVisible();
    expect(document.querySelector("[aria-live=polite]")?.textContent).toContain("A check has halted it.");
  });

  it("never bring an older answer over a newer one", async () => {
    const user = await open("today");
    let late: (value: typeof basics.today) => void = () => {};
    fake.answer("today_view", () => new Promise((resolve) => (late = resolve)));
    fake.changed();
    fake.answer("today_view", basics.todayQuiet);
    fake.changed();
    expect(await screen.findByRole("heading", { level: 1, name: "Good morning. Nothing needs you." })).toBeVisible();
    late(basics.today);
    await user.tab();
    expect(screen.getByRole("heading", { level: 1 })).toHaveTextContent("Nothing needs you.");
  });

  it("keep the screen beside the problem when an action fails", async () => {
    fake.fail("backup_now", { ...basics.problem, code: "E-DISK-FULL", what: "The disk of the backups is full." });
    const user = await open("backups");
    await user.click(await screen.findByRole("button", { name: "Back up now" }));
    expect(await screen.findByRole("heading", { name: "The disk of the backups is full." })).toBeVisible();
    expect(screen.getByText("Time line")).toBeVisible();
  });
});

describe("long work that ends", () => {
  it("is told by the system while the window is not in front", async () => {
    fake.answer("app_view", { ...basics.app, jobs: [basics.job("backup")] });
    await open("today", () => document.querySelector("footer"));
    fake.answer("app_view", basics.app);
    fake.answer("job_view", { ...basics.job("backup"), state: "done" });
    const focused = document.hasFocus;
    document.hasFocus = () => false;
    fake.changed();
    await waitFor(() => expect(sent("notify")).toEqual([{ title: "Backing up", text: "Done." }]));
    document.hasFocus = focused;
  });
});

describe("the keyboard", () => {
  it("reaches every place of the navigation in order", async () => {
    const user = await open("today");
    const reached: string[] = [];
    for (let at = 0; at < 12; at += 1) {
      await user.tab();
      reached.push(document.activeElement?.textContent?.trim() ?? "");
    }
    const order = ["Accounts", "Upgrades", "Backups", "Reconcile", "Log", "Practice", "Settings"];
    expect(reached.filter((one) => order.includes(one))).toEqual(order);
  });
});
