// What jsdom lacks, and a fresh made-up host before each test.

import "@testing-library/jest-dom/vitest";
import { cleanup } from "@testing-library/svelte";
import { afterEach, beforeEach } from "vitest";
import { fake } from "../src/host/fake";
import { frame } from "../src/state/app.svelte";

Element.prototype.scrollIntoView = () => {};
Element.prototype.getAnimations ??= () => [];
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};
globalThis.PointerEvent ??= class extends MouseEvent {} as typeof PointerEvent;
Element.prototype.hasPointerCapture ??= () => false;
Element.prototype.releasePointerCapture ??= () => {};

beforeEach(() => {
  fake.reset();
  location.hash = "";
  frame.data = null;
  frame.problem = null;
  frame.actionProblem = null;
});
afterEach(() => cleanup());
