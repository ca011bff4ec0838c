// What jsdom lacks, and a fresh made-up host before each test.

import "@testing-library/jest-dom/vitest";
import { afterEach, beforeEach } from "vitest";

// Tests of the build run in Node itself and need none of this.
if (typeof document !== "undefined") {
  const { cleanup } = await import("@testing-library/svelte");
  const { fake } = await import("../src/host/fake");
  const { frame } = await import("../src/state/app.svelte");

  Element.prototype.scrollIntoView = () => {};
  Element.prototype.getAnimations ??= () => [];
  globalThis.ResizeObserver ??= class {
    observe() {}
    unobserve() {}
    disconnect() {}
  };
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
}
