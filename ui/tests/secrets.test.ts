// Where secrets are kept: what is asked for, what reaches the engine, and that no passphrase stays on the page.

import { screen, waitFor } from "@testing-library/svelte";
import { describe, expect, it } from "vitest";
import { asked, fake } from "../src/host/fake";
import { problem } from "../src/host/fixtures/basics";
import * as rest from "../src/host/fixtures/rest";
import { expectAccessible, open } from "./page";

const sent = (command: string) => asked.filter((one) => one.command === command).map((one) => one.args);
const vault = { ...rest.secrets, place: "passphrase" as const, vault_exists: true };
const inputs = () => [...document.querySelectorAll<HTMLInputElement>("input[type=password]")].map((input) => input.value);

describe("a passphrase vault", () => {
  it("is set up with a passphrase that is long enough and entered twice the same", async () => {
    const user = await open("settings");
    await user.click(await screen.findByRole("radio", { name: "A passphrase vault" }));
    const button = screen.getByRole("button", { name: "Keep sign-ins there" });
    const [first, second] = [screen.getByLabelText("New passphrase"), screen.getByLabelText("The same once more")];
    await user.type(first, "short");
    await user.type(second, "short");
    expect(button).toBeDisabled();
    await user.clear(first);
    await user.type(first, "four words for ann");
    await user.clear(second);
    await user.type(second, "four words for amy");
    expect(button).toBeDisabled();
    expect(screen.getByText("The two are not the same.")).toBeVisible();
    await user.clear(second);
    await user.type(second, "four words for ann");
    await expectAccessible();
    await user.click(button);
    await waitFor(() => expect(sent("secrets_choose")).toEqual([{ place: "passphrase", passphrase: "four words for ann", leave_old_key: false }]));
    expect(inputs().every((value) => value === "")).toBe(true);
    expect(await screen.findByText("Sign-ins are sealed, their key is in the passphrase vault.")).toBeVisible();
  });

  it("is opened with its passphrase, and a wrong one is said", async () => {
    fake.answer("secrets_view", { ...vault, state: { state: "passphrase_locked" } });
    fake.fail("secrets_open", problem);
    const user = await open("settings");
    await user.type(await screen.findByLabelText("Passphrase"), "not this one at all");
    await user.click(screen.getByRole("button", { name: "Open the vault" }));
    expect(await screen.findAllByText(problem.what)).not.toHaveLength(0);
    expect(inputs()).toEqual([""]);
    await expectAccessible();
    fake.answer("secrets_open", { ...vault, state: { state: "passphrase" } });
    await user.type(screen.getByLabelText("Passphrase"), "four words for ann");
    await user.click(screen.getByRole("button", { name: "Open the vault" }));
    await waitFor(() => expect(screen.queryByRole("button", { name: "Open the vault" })).toBeNull());
    expect(sent("secrets_open")).toHaveLength(2);
  });

  it("gets another passphrase, the present one being needed", async () => {
    fake.answer("secrets_view", { ...vault, state: { state: "passphrase" } });
    const user = await open("settings");
    await user.click(await screen.findByText("Change the passphrase", { selector: "summary" }));
    await user.type(screen.getByLabelText("Present passphrase"), "four words for ann");
    await user.type(screen.getByLabelText("New passphrase"), "four other words");
    await user.type(screen.getByLabelText("The same once more"), "four other words");
    await user.click(screen.getByRole("button", { name: "Change the passphrase" }));
    await waitFor(() => expect(sent("secrets_change_passphrase")).toEqual([{ old: "four words for ann", new: "four other words" }]));
    expect(inputs().every((value) => value === "")).toBe(true);
  });
});

describe("leaving a place", () => {
  it("that cannot be opened is offered only after it was tried, and says what it costs", async () => {
    fake.answer("secrets_view", { ...vault, state: { state: "passphrase_damaged", why: "its file is damaged" } });
    fake.fail("secrets_choose", problem);
    const user = await open("settings");
    await user.click(await screen.findByRole("radio", { name: "Memory only" }));
    expect(screen.queryByRole("checkbox")).toBeNull();
    await user.click(screen.getByRole("button", { name: "Keep sign-ins there" }));
    await user.click(await screen.findByRole("checkbox", { name: /every account then needs a new sign-in/ }));
    await expectAccessible();
    fake.answer("secrets_choose", { ...rest.secrets, place: "session_only", state: { state: "session_only", why: "" }, left: problem });
    await user.click(screen.getByRole("button", { name: "Keep sign-ins there" }));
    await waitFor(() => expect(sent("secrets_choose").at(-1)).toEqual({ place: "session_only", passphrase: null, leave_old_key: true }));
    expect(await screen.findByText(/could not be erased yet/)).toBeVisible();
  });

  it("whose key could not be erased can be tried again", async () => {
    fake.answer("secrets_view", { ...rest.secrets, old_copy_remains: true });
    const user = await open("settings");
    await user.click(await screen.findByRole("button", { name: "Erase the old copy" }));
    await waitFor(() => expect(sent("secrets_choose")).toEqual([{ place: "keychain", passphrase: null, leave_old_key: false }]));
  });
});

describe("giving up an access", () => {
  it("says whether the provider ended it, and where a person can", async () => {
    const user = await open("accounts/square");
    await user.click(await screen.findByRole("button", { name: "Disconnect" }));
    await user.click(await screen.findByRole("button", { name: "Disconnect Square" }));
    expect(await screen.findByText(/Square was not told/)).toBeVisible();
    expect(screen.getByText("https://app.squareup.com/dashboard/apps/my-applications")).toBeVisible();
    await expectAccessible();
    await user.click(screen.getByRole("button", { name: "Close" }));
    expect(screen.queryByText(/Square was not told/)).toBeNull();
  });
});
