// A screen's data: asked for whole, thrown away whole. Knows the four states and never shows an old answer
// after a newer one.

import { onDestroy } from "svelte";
import { type Answer, type Args, type CommandName, type ProblemView, asProblem, host } from "../host";
import { t } from "../words";
import { announce } from "./live.svelte";

/** After this long without an answer a skeleton is shown. */
const SKELETON_AFTER_MS = 300;
/** How often running work is looked at, should its "changed" get lost. */
const LOOK_AGAIN_MS = 900;

const unknown = () => ({ what: t("problem.bridge.what"), next: t("problem.bridge.next") });

export class View<T> {
  data = $state.raw<T | null>(null);
  problem = $state.raw<ProblemView | null>(null);
  slow = $state(false);
  /** Set while an action of this screen is under way: its name. */
  acting = $state<string | null>(null);
  /** What an action ran into; stands above the screen's data until the next action. */
  actionProblem = $state.raw<ProblemView | null>(null);

  #ask: () => Promise<T>;
  #summary: ((data: T) => string) | undefined;
  #round = 0;
  #stopped = false;

  constructor(ask: () => Promise<T>, summary?: (data: T) => string) {
    this.#ask = ask;
    this.#summary = summary;
  }

  get empty(): boolean {
    return this.data === null && this.problem === null;
  }

  async load(): Promise<void> {
    const round = ++this.#round;
    const timer = setTimeout(() => (this.slow = this.empty), SKELETON_AFTER_MS);
    try {
      const fresh = await this.#ask();
      if (round !== this.#round || this.#stopped) return;
      this.#take(fresh);
    } catch (thrown) {
      if (round !== this.#round || this.#stopped) return;
      this.problem = asProblem(thrown, unknown());
    } finally {
      clearTimeout(timer);
      if (round === this.#round) this.slow = false;
    }
  }

  #take(fresh: T): void {
    const before = this.data === null ? null : this.#summary?.(this.data);
    this.data = fresh;
    this.problem = null;
    const after = this.#summary?.(fresh);
    if (before !== null && after && before !== after) announce(after);
  }

  /** Carries out a command. `keep` turns its answer into this view's data, when it is one. */
  async act<C extends CommandName>(command: C, args: Args<C>, keep?: (answer: Answer<C>) => T | null): Promise<Answer<C> | null> {
    if (this.acting) return null;
    this.acting = command;
    this.actionProblem = null;
    try {
      const answer = await host.ask(command, args);
      const fresh = keep?.(answer) ?? null;
      if (fresh !== null) {
        this.#round += 1;
        this.#take(fresh);
      } else {
        await this.load();
      }
      return answer;
    } catch (thrown) {
      this.actionProblem = asProblem(thrown, unknown());
      announce(this.actionProblem.what);
      return null;
    } finally {
      this.acting = null;
    }
  }

  stop(): void {
    this.#stopped = true;
  }
}

/** A view that lives as long as its component, loads itself, and follows what changes. */
export function view<T>(ask: () => Promise<T>, options: { summary?: (data: T) => string; working?: (data: T) => boolean } = {}): View<T> {
  const made = new View(ask, options.summary);
  void made.load();
  const unfollow = host.onChanged(() => void made.load());
  const timer = setInterval(() => {
    if (made.data !== null && options.working?.(made.data) && !made.acting) void made.load();
  }, LOOK_AGAIN_MS);
  onDestroy(() => {
    made.stop();
    unfollow();
    clearInterval(timer);
  });
  return made;
}
