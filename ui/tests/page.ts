// Opens the whole window's page at an address and waits for its title.

import { render, waitFor } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { expect } from "vitest";
import App from "../src/App.svelte";

export async function open(address: string, ready: () => Element | null = () => document.querySelector("h1")) {
  location.hash = `#/${address}`;
  const user = userEvent.setup();
  render(App);
  await waitFor(() => expect(ready()).not.toBeNull());
  return user;
}

/** Colour needs a real browser (scripts/screens.mjs); everything else is checked here. */
export async function expectAccessible(): Promise<void> {
  const result = await axe.run(document.body, { rules: { "color-contrast": { enabled: false }, region: { enabled: false } } });
  expect(result.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`)).toEqual([]);
}
