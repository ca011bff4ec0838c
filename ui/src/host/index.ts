// The one way to the host. Screens ask through `state/view.svelte.ts`, never from here directly.

export { host, prepare } from "#host";
export type { Answer, Args, CommandName, Host } from "./contract";
export { asProblem } from "./contract";
export * from "./types";
